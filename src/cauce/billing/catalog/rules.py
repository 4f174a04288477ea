"""Plans and prices as values: what a plan promises, how a price is told in plain JSON, what may not be sold.

A price's `model` is one of `pricing.models`; its stored form carries every rate as a decimal string, so no float can
enter. `PlanPolicy` holds each decision that the state machine leaves to the plan, with its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any, Literal

from cauce.billing.catalog.pauses import PausePolicy
from cauce.billing.catalog.policy_parts import (
    DisputePolicy,
    DunningPolicy,
    GrantedCredit,
    InstancePolicy,
    UsageLimit,
)
from cauce.kernel.calendar.periods import Interval, Unit
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.pricing.changes import IntervalChange
from cauce.pricing.percentage import Rateable
from cauce.pricing.phases import PricePhase
from cauce.pricing.proration import Basis, CancellationDay
from cauce.pricing.schedule import Billing
from cauce.pricing.subscription_charges import DEFAULT_PRICE_RULES, PriceRules
from cauce.pricing.trials import TrialOnChange


class PlanNotSold(Conflict):
    """The plan is not offered."""

    code = "plan_not_sold"


class NoPriceInCurrency(InvalidRequest):
    """The plan has no price in this currency."""

    code = "no_price_in_currency"


class MixedIntervals(InvalidRequest):
    """The recurring prices of one subscription share one interval and one currency."""

    code = "mixed_intervals"


class BadPlan(InvalidRequest):
    """The plan cannot be sold as it stands."""

    code = "bad_plan"


class PriceKind(StrEnum):
    """What a price is for."""

    RECURRING = "recurring"
    USAGE = "usage"
    ONE_TIME = "one_time"


class TrialEnd(StrEnum):
    """What happens when a trial ends without a payment method (D4)."""

    PAUSE = "pause"
    CANCEL = "cancel"
    CREATE_INVOICE = "create_invoice"
    DOWNGRADE_TO_FREE = "downgrade_to_free"


class CancelCredit(StrEnum):
    """What becomes of the unused part of a period that was paid in advance."""

    NONE = "none"
    CREDIT = "credit"
    REFUND = "refund"


class ChangeCredit(StrEnum):
    """What becomes of what a change gives back."""

    CREDIT = "credit"  # it stays with the customer's credit
    REFUND = "refund"  # it goes back to the payments that paid it; what none paid stays credit


class AfterTerm(StrEnum):
    """What becomes of access when a contract is complete (T42)."""

    BY_KIND = "by_kind"  # kept where all was bought once, ended after a term of recurring fees
    KEEP = "keep"
    END = "end"


class ChangeTiming(StrEnum):
    """When a change takes effect."""

    NOW = "now"
    AT_RENEWAL = "at_renewal"


class ProrationBehavior(StrEnum):
    """How a change in the middle of a period is charged (F3)."""

    CHARGE_NOW = "charge_now"
    NEXT_INVOICE = "next_invoice"
    NONE = "none"
    FULL_RESET = "full_reset"
    CHARGE_NOW_CREDIT_AT_RENEWAL = "charge_now_credit_at_renewal"


class FailedPayment(StrEnum):
    """What becomes of a change whose payment fails (F6)."""

    PENDING_IF_INCOMPLETE = "pending_if_incomplete"  # nothing changes before it is paid
    ALLOW = "allow"  # it is made at once; the payment is a debt like any other


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """When one direction of change takes effect, and how it is charged."""

    timing: ChangeTiming
    proration: ProrationBehavior = ProrationBehavior.CHARGE_NOW


@dataclass(frozen=True, slots=True)
class ChangePolicy:
    """One rule per direction (F4), and what a payment that fails means for a change that costs money now (F6).

    A change to a longer or shorter interval goes by `interval_up` or `interval_down`; None: by upgrade and downgrade.
    `interval_change` says where its new period starts: now, or where the old anchor puts it (V10). `credit`: what becomes
    of what a change gives back at once. `trial_on_change`: whether a trial takes the new plan's days, and from when (S4).
    """

    upgrade: ChangeRule = ChangeRule(ChangeTiming.NOW)
    downgrade: ChangeRule = ChangeRule(ChangeTiming.AT_RENEWAL)
    quantity_up: ChangeRule = ChangeRule(ChangeTiming.NOW)
    quantity_down: ChangeRule = ChangeRule(ChangeTiming.AT_RENEWAL)
    failed_payment: FailedPayment = FailedPayment.PENDING_IF_INCOMPLETE
    interval_up: ChangeRule | None = None
    interval_down: ChangeRule | None = None
    interval_change: IntervalChange = IntervalChange.RESET
    credit: ChangeCredit = ChangeCredit.CREDIT
    trial_on_change: TrialOnChange = TrialOnChange.FROM_FIRST_START


@dataclass(frozen=True, slots=True)
class PlanPolicy:
    """Every decision that the state machine leaves to the plan."""

    trial_end: TrialEnd = TrialEnd.PAUSE
    free_plan: str = ""  # key of the plan that DOWNGRADE_TO_FREE leads to
    force_card: bool = False
    trial_card_reused: Literal["keep", "end"] = "keep"  # a card added in a trial has had one: it goes on, or ends now
    trial_unpaid: Literal["past_due", "incomplete"] = "past_due"  # when the first payment after the trial fails
    while_processing: Literal["optimistic", "wait"] = "optimistic"  # until it is known: active, or incomplete
    retention_days: int = 30
    notice_days: tuple[int, ...] = (3,)  # trial_will_end so many days before
    first_payment_hours: int = 23
    provision_before_payment: bool = False
    cancel_credit: CancelCredit = CancelCredit.NONE
    refund_choice: Literal["seller", "customer"] = (
        "seller"  # who chooses whether what is given back is kept or refunded
    )
    cancel_approval: bool = False
    # of an end now: the first free day, or the last billed one; and how parts of a period are counted (None: as the seller does)
    cancellation_day: CancellationDay = CancellationDay.FREE
    proration_basis: Basis | None = None
    pause_allowed: bool = True
    pause: PausePolicy = field(default_factory=PausePolicy)
    periods_max: int | None = None
    after_term: AfterTerm = AfterTerm.BY_KIND
    anchor_day: int | None = None
    alignment: Literal["anniversary", "calendar", "account"] = (
        "anniversary"  # own anchor, 1st or Monday, customer's other one
    )
    align_to_weekday: int | None = None  # of weeks: 1 Monday to 7 Sunday
    change: ChangePolicy = field(default_factory=ChangePolicy)
    dunning: DunningPolicy = field(default_factory=DunningPolicy)
    instance: InstancePolicy = field(default_factory=InstancePolicy)
    dispute: DisputePolicy = field(default_factory=DisputePolicy)
    limits: tuple[UsageLimit, ...] = ()
    granted_credit: GrantedCredit = field(default_factory=GrantedCredit)
    statement_descriptor: str = ""  # what stands on the customer's card statement beside the seller's name
    seats: str = ""  # key of the price whose quantity is the number of seats for the customer's people; "": no limit


@dataclass(frozen=True, slots=True)
class Price:
    """An immutable price, ready to be rated. `change`: what changes of it go by instead of the plan's policy."""

    id: str
    key: str
    plan_id: str
    product_id: str
    kind: PriceKind
    role: str
    currency: str
    billing: Billing
    interval: Interval | None
    model: Rateable
    minimum_minor: int | None
    free_units: Fraction
    meter_key: str | None
    tax_category: str
    tax_inclusive: bool
    nickname: str
    phases: tuple[PricePhase, ...] = ()
    maximum_minor: int | None = None
    rules: PriceRules = DEFAULT_PRICE_RULES
    change: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_base_in_advance(self) -> bool:
        """A recurring fee that is billed when its period begins."""
        return self.kind is PriceKind.RECURRING and self.billing is Billing.IN_ADVANCE


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of a plan."""

    id: str
    key: str
    version: int
    product_id: str
    name: str
    state: str
    trial_days: int
    features: dict[str, Any]
    options: list[dict[str, Any]]
    policy: PlanPolicy
    content: dict[str, Any]
    metadata: dict[str, Any]
    from_file: bool


@dataclass(frozen=True, slots=True)
class NewPhase:
    """An introductory price: `model` for `periods` intervals; `interval` "": that of its price."""

    model: Mapping[str, Any]
    periods: int = 1
    interval: str = ""
    interval_count: int = 1


@dataclass(frozen=True, slots=True)
class NewPrice:
    """A price to make. `model` is the plain form of `model_from`; `phases`, in their order, come before it."""

    key: str
    currency: str
    model: Mapping[str, Any]
    kind: PriceKind = PriceKind.RECURRING
    role: str = "base"
    billing: Billing = Billing.IN_ADVANCE
    interval: str = "month"
    interval_count: int = 1
    meter_key: str | None = None
    tax_category: str = "standard"
    tax_inclusive: bool = False
    nickname: str = ""
    phases: tuple[NewPhase, ...] = ()


@dataclass(frozen=True, slots=True)
class NewPlan:
    """A plan version to make with its prices; `content` and `metadata` are its maker's, kept beside it."""

    key: str
    product_id: str
    name: str
    prices: tuple[NewPrice, ...]
    trial_days: int = 0
    features: dict[str, Any] = field(default_factory=dict)
    options: tuple[dict[str, Any], ...] = ()
    policy: PlanPolicy = field(default_factory=PlanPolicy)
    content: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    from_file: bool = False


def shared_interval(intervals: list[Interval]) -> Interval:
    """The one interval of a subscription's recurring prices; `MixedIntervals` otherwise. One-time plans bill monthly."""
    distinct = set(intervals)
    if len(distinct) > 1:
        raise MixedIntervals(param="prices")
    return distinct.pop() if distinct else Interval(Unit.MONTH)
