"""What was used in the period that runs, what it costs so far, and what both come to if the rest is used like the part so far.

Rated and priced by the very functions that the run bills with, so the cost so far is what an invoice would say now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from cauce.billing.catalog.rules import PriceKind
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import local_day
from cauce.billing.subscriptions.running import ending_periods
from cauce.flows.billing.bills import discount_of, sold_of, used_quantity
from cauce.flows.billing.issue import load_tariff
from cauce.flows.context import Context
from cauce.kernel.calendar.periods import SchedulePeriod
from cauce.kernel.money import half_up
from cauce.pricing.invoice_lines import price_lines
from cauce.pricing.percentage import PercentagePrice
from cauce.pricing.rating import Overflow
from cauce.pricing.subscription_charges import Sold, usage_charges
from cauce.reports.billing_run import load_surroundings

_GROWING = ("count", "sum", "unique")
"""Ways of counting that grow with the days; a maximum or the latest value stays as it is, a level holds to the end."""


@dataclass(frozen=True, slots=True)
class MeterUse:
    """One metered price: quantities of its meter, amounts in minor units before tax, what is missing to a minimum included.

    `discount_minor`, `forecast_discount_minor`: what percentages take off; an amount off the whole invoice is not parted.
    A price of single events counts these; its forecast is what they cost so far times whole period over days so far.
    """

    meter: str
    price_id: str
    used: Fraction
    amount_minor: int
    discount_minor: int
    forecast: Fraction
    forecast_minor: int
    forecast_discount_minor: int


@dataclass(frozen=True, slots=True)
class CurrentUsage:
    """The use of a period, `period_end` excluded. A subscription without a running period has none."""

    subscription_id: str
    currency: str
    period_start: date | None
    period_end: date | None
    meters: tuple[MeterUse, ...] = ()


async def current_usage(context: Context, subscription_id: str) -> CurrentUsage:
    """The use of the period that runs, with its forecast; `NotFound` for no such subscription."""
    async with context.transaction() as tx:
        one = await subscriptions.read(tx, subscription_id)
        _, counted = ending_periods(one)
        if counted is None:
            return CurrentUsage(one.id, one.currency, None, None)
        around = (await load_surroundings(tx, [one.id]))[one.id]
        now = await context.now(tx)
        tariff = await load_tariff(tx, [one], [around], stop=now)
        ahead = await load_tariff(tx, [one], [around])
        today = local_day(one, now)
    percents = [each for each in map(discount_of, around.discounts) if each.percent is not None]
    found = []
    for item in around.items:
        price = tariff.prices[item.price_id]
        if price.kind is not PriceKind.USAGE or price.meter_key is None:
            continue
        used = used_quantity(one.id, price, around, tariff)
        grows = tariff.aggregations.get(price.meter_key, "sum") in _GROWING
        expected = used * _share_left(counted, today) if grows else used_quantity(one.id, price, around, ahead)
        sold = sold_of(item, price, around, tariff)
        events = tariff.events_of(one.id, price)
        charges = usage_charges(sold, used, counted, events)
        if isinstance(price.model, PercentagePrice):
            share = _share_left(counted, today)
            used, expected = Fraction(len(events)), Fraction(len(events)) * share
            ahead_charges = [replace(one, amount_minor=half_up(one.amount_minor * share)) for one in charges]
        else:
            ahead_charges = usage_charges(_within_tiers(sold), expected, counted)
        so_far, then = (price_lines(each, percents, tariff.policy) for each in (charges, ahead_charges))
        found.append(
            MeterUse(
                price.meter_key,
                price.id,
                used,
                so_far.subtotal_minor,
                so_far.discount_minor,
                expected,
                then.subtotal_minor,
                then.discount_minor,
            )
        )
    return CurrentUsage(one.id, one.currency, one.period_start, one.period_end, tuple(found))


def _share_left(counted: SchedulePeriod, today: date) -> Fraction:
    """The whole period over the days so far, today included; at least one."""
    period = counted.period
    return (
        Fraction(period.days, min(max((today - period.start).days + 1, 1), period.days)) if period.days else Fraction(1)
    )


def _within_tiers(sold: Sold) -> Sold:
    """A forecast that is above a bounded last tier costs what the tiers cover; nobody has used so much yet."""
    rating = replace(sold.rules.rating, overflow=Overflow.COVERED_ONLY)
    return replace(sold, rules=replace(sold.rules, rating=rating))
