"""What a plan must be before it is sold. Pure."""

from __future__ import annotations

import re

from cauce.billing.catalog.change_policies import checked_layer
from cauce.billing.catalog.models import check_model
from cauce.billing.catalog.rules import BadPlan, NewPlan, NewPrice, PlanPolicy, PriceKind, shared_interval
from cauce.kernel.calendar.periods import interval_of
from cauce.kernel.currencies import exponent_of
from cauce.pricing.schedule import Billing

PHASE_PERIODS_MAX = 366
GRANTED_MAX_MINOR = 10**12
GRANT_DAYS_MAX = 3_660
_DESCRIPTOR = re.compile(r"""[^<>\\'"*\x00-\x1f\x7f-\U0010ffff]{0,22}""")


def check_plan(plan: NewPlan) -> None:
    """Refuse what could never be billed: no price, unknown currency, an interval per price that cannot meet."""
    if not plan.prices:
        raise BadPlan("a plan has at least one price", param="prices")
    if plan.trial_days < 0:
        raise BadPlan("trial_days is zero or more", param="trial_days")
    _check_alignment(plan.policy)
    _check_limits(plan)
    _check_granted(plan)
    seen: set[tuple[str, str]] = set()
    for price in plan.prices:
        exponent_of(price.currency)
        if (price.key, price.currency) in seen:
            raise BadPlan(f"price {price.key} in {price.currency} is listed twice", param="prices")
        seen.add((price.key, price.currency))
        if price.kind is not PriceKind.ONE_TIME:
            interval_of(price.interval, price.interval_count)
        if (price.kind is PriceKind.USAGE) != (price.meter_key is not None):
            raise BadPlan("a usage price, and no other, names a meter", param="meter_key")
        if price.kind is PriceKind.USAGE and price.billing is not Billing.IN_ARREARS:
            raise BadPlan("usage is billed in arrears", param="billing")
        check_model(price.model, is_usage=price.kind is PriceKind.USAGE)
        if "change_policy" in price.model:
            checked_layer(price.model["change_policy"])
        if price.phases:
            _check_phases(price)
    for currency in {price.currency for price in plan.prices}:
        shared_interval(
            [
                interval_of(price.interval, price.interval_count)
                for price in plan.prices
                if price.currency == currency and price.role == "base" and price.kind is not PriceKind.ONE_TIME
            ]
        )


def _check_alignment(policy: PlanPolicy) -> None:
    if policy.anchor_day is not None and not 1 <= policy.anchor_day <= 31:
        raise BadPlan("anchor_day is a day of the month, 1 to 31", param="policy.anchor_day")
    if policy.align_to_weekday is not None and not 1 <= policy.align_to_weekday <= 7:
        raise BadPlan("align_to_weekday is 1 (Monday) to 7 (Sunday)", param="policy.align_to_weekday")
    if policy.alignment != "anniversary" and (policy.anchor_day, policy.align_to_weekday) != (None, None):
        raise BadPlan("a plan that aligns its subscriptions names no day of its own", param="policy.alignment")


def _check_phases(price: NewPrice) -> None:
    if price.kind is not PriceKind.RECURRING:
        raise BadPlan("only a recurring price has phases", param="phases")
    for phase in price.phases:
        if not 1 <= phase.periods <= PHASE_PERIODS_MAX:
            raise BadPlan(f"a phase has 1 to {PHASE_PERIODS_MAX} periods", param="phases.periods")
        check_model(phase.model, is_usage=False, is_phase=True)
        if phase.interval:
            interval_of(phase.interval, phase.interval_count)


def _check_granted(plan: NewPlan) -> None:
    credit, place = plan.policy.granted_credit, "policy.granted_credit"
    sold_in = {price.currency for price in plan.prices}
    for currency, amount in credit.amounts.items():
        if currency not in sold_in:
            raise BadPlan(f"no price of the plan is in {currency!r}", param=f"{place}.amounts")
        if type(amount) is not int or not 1 <= amount <= GRANTED_MAX_MINOR:
            raise BadPlan(f"granted credit is 1 to {GRANTED_MAX_MINOR} minor units", param=f"{place}.amounts")
    days = credit.expires_days
    if not (1 <= days <= GRANT_DAYS_MAX if credit.expires == "days" else days == 0):
        raise BadPlan(
            f"expires_days is 1 to {GRANT_DAYS_MAX}, and only with expires: days", param=f"{place}.expires_days"
        )


def _check_limits(plan: NewPlan) -> None:
    if not _DESCRIPTOR.fullmatch(plan.policy.statement_descriptor):
        raise BadPlan(
            "a statement descriptor has at most 22 characters of plain ASCII without < > \\ ' \" *",
            param="policy.statement_descriptor",
        )
    if plan.policy.seats and plan.policy.seats not in {price.key for price in plan.prices}:
        raise BadPlan(f"no price of the plan has the key {plan.policy.seats!r}", param="policy.seats")
    limited = [limit.feature for limit in plan.policy.limits]
    if len(set(limited)) != len(limited):
        raise BadPlan("a feature has one limit", param="policy.limits")
    for limit in plan.policy.limits:
        quota = plan.features.get(limit.feature)
        if type(quota) is not int or quota < 0:
            raise BadPlan(
                f"the limited feature {limit.feature!r} is a whole number of the plan's features", param="policy.limits"
            )
        if not limit.meter or any(not 0 < percent < 100 for percent in limit.warn_percent):
            raise BadPlan("a limit names a meter and warns between 1 and 99 percent", param="policy.limits")
