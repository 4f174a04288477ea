"""Monthly recurring revenue of subscriptions as their items stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Price, PriceKind
from cauce.flows.billing.bills import fraction_of
from cauce.kernel.calendar.periods import Interval
from cauce.kernel.money import half_up
from cauce.pricing.recurring_revenue import monthly_recurring
from cauce.pricing.subscription_charges import Sold, full_amount, in_phase
from cauce.reports.billing_run import ItemRow, Surroundings
from cauce.storage.database import Tx


async def revenue_of(tx: Tx, arounds: Mapping[str, Surroundings], on: Mapping[str, date | None]) -> dict[str, int]:
    """Subscription -> minor units per month, in its currency (V27), at the prices that hold `on` its day."""
    prices = await catalog.read_prices(tx, {item.price_id for around in arounds.values() for item in around.items})
    return {one: monthly_revenue(around.items, prices, on[one], around.anchor_day) for one, around in arounds.items()}


def monthly_revenue(
    items: Iterable[ItemRow], prices: Mapping[str, Price], on: date | None, anchor_day: int | None = None
) -> int:
    """Recurring revenue per month of a subscription's items; usage and one-time prices have none (V27).

    At the prices that hold `on` a day; None: at the regular ones.
    """
    return sum(monthly_recurring(amount, interval) for amount, interval in _recurring(items, prices, on, anchor_day))


def period_amount(items: Iterable[ItemRow], prices: Mapping[str, Price]) -> int:
    """The regular fees of a whole period, before discount and exclusive tax; usage and one-time prices have none."""
    return sum(amount for amount, _ in _recurring(items, prices))


def _recurring(
    items: Iterable[ItemRow], prices: Mapping[str, Price], on: date | None = None, anchor_day: int | None = None
) -> Iterator[tuple[int, Interval]]:
    for item in items:
        price = prices[item.price_id]
        if price.kind is PriceKind.RECURRING and price.interval is not None:
            sold = Sold(
                item.id,
                price.id,
                price.product_id,
                "",
                price.model,
                fraction_of(item.quantity),
                adjust_minor=item.adjust_minor,
                adjust_percent=fraction_of(item.adjust_percent),
                rules=price.rules,
                phases=price.phases,
                phases_from=item.phases_from,
                anchor_day=anchor_day,
            )
            yield half_up(full_amount(sold if on is None else in_phase(sold, on))), price.interval
