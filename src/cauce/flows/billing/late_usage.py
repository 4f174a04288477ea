"""Use that was recorded or corrected after its period was billed: the difference waits for the next invoice.

The whole period is rated again by what is known now; what that is above or below what was billed becomes a pending
line of the old period. A price with a least or most amount is settled with the percentages that held then. No finalized
invoice changes. More is billed only beyond what was billed at all, so what was
credited or voided is not asked for again; less is given back in proportion to what was really asked and not credited
yet (V23).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Price
from cauce.billing.invoicing import credits
from cauce.billing.invoicing import service as invoicing
from cauce.billing.invoicing.service import PendingLine
from cauce.billing.invoicing.store import decimal_of
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Item, Subscription, schedule_of
from cauce.billing.subscriptions.running import counts_from
from cauce.billing.usage import service as usage
from cauce.billing.usage.rules import LATE_DAYS, LateDay
from cauce.flows.billing.bills import counted_quantity
from cauce.flows.billing.conventions import conventions
from cauce.kernel.calendar.periods import Period, SchedulePeriod
from cauce.kernel.ids import new_id
from cauce.pricing.invoice_lines import NO_COMMITMENT, Charge
from cauce.pricing.percentage import PercentagePrice
from cauce.pricing.policy import PricingPolicy
from cauce.pricing.subscription_charges import ONE, Sold, usage_charges
from cauce.reports import billing_run
from cauce.reports.billing_run import Weighing
from cauce.storage.audit import SYSTEM
from cauce.storage.database import Row, Tx
from cauce.storage.orgclock import org_now
from cauce.storage.outbox import NewEvent, emit

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class _Metered:
    """One metered price of a subscription in one period that is over."""

    subscription_id: str
    item_id: str
    price_id: str
    period: Period


@dataclass(slots=True)
class _Billed:
    """What was billed of it, what of that is not credited, and what of that was really asked; minor units.

    Percentages are off where a commitment counts after them: `share` is what they left of any amount.
    """

    quantity: Fraction = ZERO
    amount: int = 0
    kept: Fraction = ZERO
    asked: Fraction = ZERO
    share: Fraction = ONE

    def add(self, row: Row) -> None:
        """One more line."""
        left = 1 - Fraction(row["credited_net_minor"], row["net_minor"]) if row["net_minor"] else ONE
        amount = row["amount_minor"] - row["percent_off_minor"]
        self.quantity += Fraction(row["quantity"])
        self.amount += amount
        self.kept += amount * left
        if row["percent_kept"] is not None:
            self.share = Fraction(row["percent_kept"])
        if row["is_owed"]:
            self.asked += (row["amount_minor"] - row["discount_minor"]) * left

    def difference(self, charge: Charge | None, policy: PricingPolicy) -> int:
        """What is still to bill of what the whole period costs, or, negative, to give back; rounded as `policy` says."""
        rated_minor, commitment = (charge.amount_minor, charge.commitment) if charge is not None else (0, None)
        more = (commitment or NO_COMMITMENT).increment(policy.round_value(rated_minor * self.share), self.amount)
        whole_minor = self.amount + more
        if more > 0:
            return more
        if whole_minor < self.kept:
            return -policy.round_value((self.kept - whole_minor) * self.asked / self.kept)
        return 0


async def add_late_usage(tx: Tx, subscription_ids: Sequence[str]) -> None:
    """Turn what changed of billed periods into pending lines; for subscriptions that the caller has locked and bills."""
    marks = await usage.take_late(tx, subscription_ids)
    if not marks:
        return
    subscribed = await subscriptions.lock(tx, {mark.subscription_id for mark in marks})
    rows = await credits.billed_usage(tx, sorted(subscribed), min(mark.day for mark in marks))
    items = await subscriptions.items_of(tx, sorted(subscribed))
    prices = await catalog.read_prices(
        tx, {row["price_id"] for row in rows} | {item.price_id for of_one in items.values() for item in of_one}
    )
    billed: dict[_Metered, _Billed] = {}
    for row in rows:
        period = Period(row["period_start"], row["period_end"])
        metered = _Metered(row["subscription_id"], row["item_id"], row["price_id"], period)
        billed.setdefault(metered, _Billed()).add(row)
    changed = {
        metered
        for mark in marks
        for metered in _of_day(mark, subscribed[mark.subscription_id], items, billed, prices)
        if mark.recorded_on <= metered.period.end + timedelta(days=LATE_DAYS)
    }
    if changed:
        ordered = sorted(changed, key=lambda one: (one.subscription_id, one.period.start, one.item_id))
        await _add_lines(tx, subscribed, ordered, billed, prices)


def _of_day(
    mark: LateDay,
    one: Subscription,
    items: Mapping[str, Sequence[Item]],
    billed: Iterable[_Metered],
    prices: Mapping[str, Price],
) -> list[_Metered]:
    """What a changed day belongs to: periods that were billed by its meter, else the one of the schedule that is over."""
    since = counts_from(one)
    if since is None or mark.day >= since:
        return []
    found = [
        metered
        for metered in billed
        if metered.subscription_id == one.id
        and mark.day in metered.period
        and prices[metered.price_id].meter_key == mark.meter
    ]
    if found or mark.day < one.anchor_on:
        return found
    period = schedule_of(one).containing(mark.day).period
    sold = [item for item in items.get(one.id, ()) if prices[item.price_id].meter_key == mark.meter]
    return [_Metered(one.id, item.id, item.price_id, period) for item in sold if period.end <= since]


async def _add_lines(
    tx: Tx,
    subscribed: Mapping[str, Subscription],
    changed: Sequence[_Metered],
    billed: Mapping[_Metered, _Billed],
    prices: Mapping[str, Price],
) -> None:
    used = await _quantities(tx, subscribed, changed, prices)
    events = await _events(tx, changed, prices)
    policy = (await conventions(tx)).policy
    lines = []
    for metered in changed:
        price, one, before = (
            prices[metered.price_id],
            subscribed[metered.subscription_id],
            billed.get(metered, _Billed()),
        )
        single = events.get(metered, ())
        whole = _scheduled(one, metered.period, price)
        rated = usage_charges(_sold(metered, price, policy), used[metered], whole, single)
        amount = before.difference(rated[0] if rated else None, policy)
        is_single = isinstance(price.model, PercentagePrice)
        quantity = Fraction(len(single)) if is_single else used[metered]
        if amount and (is_single or quantity != before.quantity):
            lines.append(_line(one, metered, price, amount, decimal_of(quantity - before.quantity)))
    now = await org_now(tx)
    await invoicing.insert_pending(tx, lines, now)
    told = [
        NewEvent(
            "pending_line.added",
            line.id,
            now,
            {
                "subscription": line.subscription_id,
                "amount": line.amount_minor,
                "currency": line.currency,
                "state": line.state,
            },
            line.customer_id,
        )
        for line in lines
    ]
    await emit(tx, told, actor=SYSTEM.name)


async def _events(
    tx: Tx, changed: Sequence[_Metered], prices: Mapping[str, Price]
) -> dict[_Metered, Sequence[Fraction]]:
    """The events of those whose price rates each of them."""
    single = {
        one: (one.subscription_id, prices[one.price_id].meter_key or "", one.period.start, one.period.end)
        for one in changed
        if isinstance(prices[one.price_id].model, PercentagePrice)
    }
    values = await billing_run.event_values(tx, list(single.values()))
    return {one: values.get(key[:3], ()) for one, key in single.items()}


async def _quantities(
    tx: Tx, subscribed: Mapping[str, Subscription], changed: Sequence[_Metered], prices: Mapping[str, Price]
) -> dict[_Metered, Fraction]:
    kinds = await billing_run.aggregations(tx)
    meters = {metered: prices[metered.price_id].meter_key or "" for metered in changed}
    sums = await billing_run.used_between(
        tx, sorted({(one.subscription_id, one.period.start, one.period.end) for one in changed})
    )
    values = await billing_run.distinct_values(
        tx,
        [
            (one.subscription_id, meter, one.period.start, one.period.end)
            for one, meter in meters.items()
            if kinds[meter] == "unique"
        ],
    )
    levels = await billing_run.weighted(
        tx,
        [
            _weighing(subscribed[one.subscription_id], meter, one.period, prices[one.price_id])
            for one, meter in meters.items()
            if kinds[meter] == "weighted"
        ],
    )
    found = {}
    for one, meter in meters.items():
        key = (one.subscription_id, meter, one.period.start)
        if kinds[meter] in ("unique", "weighted"):
            found[one] = Fraction(values.get(key, 0)) + levels.get(key, ZERO)
        else:
            found[one] = counted_quantity(kinds[meter], sums.get((key[0], key[2]), {}).get(meter))
    return found


def _weighing(one: Subscription, meter: str, period: Period, price: Price) -> Weighing:
    full = _scheduled(one, period, price).full
    return Weighing(one.id, meter, period.start, period.end, full.start, full.end, one.timezone)


def _scheduled(one: Subscription, period: Period, price: Price) -> SchedulePeriod:
    """A billed period with the full period that it is part of; one of an earlier schedule counts as full."""
    if period.start >= one.anchor_on and price.interval == one.interval:
        found = schedule_of(one).containing(period.start)
        if period.end <= found.period.end:
            return SchedulePeriod(found.index, period, found.full)
    return SchedulePeriod(0, period, period)


def _sold(metered: _Metered, price: Price, policy: PricingPolicy) -> Sold:
    return Sold(
        metered.item_id,
        price.id,
        price.product_id,
        price.nickname or price.key,
        price.model,
        ONE,
        is_usage=True,
        in_advance=False,
        minimum_minor=price.minimum_minor,
        maximum_minor=price.maximum_minor,
        rules=price.rules,
        included_units=price.free_units,
        interval=price.interval,
        policy=policy,
    )


def _line(one: Subscription, metered: _Metered, price: Price, amount_minor: int, quantity: Decimal) -> PendingLine:
    return PendingLine(
        id=new_id("pl"),
        customer_id=one.customer_id,
        subscription_id=one.id,
        currency=one.currency,
        description=price.nickname or price.key,
        amount_minor=amount_minor,
        kind="usage",
        product_id=price.product_id,
        item_id=metered.item_id,
        price_id=price.id,
        quantity=quantity,
        tax_category=price.tax_category,
        tax_inclusive=price.tax_inclusive,
        period_start=metered.period.start,
        period_end=metered.period.end,
        net_of_percent=price.minimum_minor is not None or price.maximum_minor is not None,
    )
