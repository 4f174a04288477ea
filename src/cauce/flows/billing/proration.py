"""The lines of a change in the middle of a period: credit for what is unused of the removed, charge for the added.

The credit of an item is the unused part of every line that was billed for it in advance, earlier credits included, so
it can never exceed what was really billed (V23). Each side is rounded once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from cauce.billing.catalog.rules import Price, PriceKind, ProrationBehavior
from cauce.billing.invoicing import credits
from cauce.billing.invoicing import service as invoicing
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Item, Subscription, local_day, period_of
from cauce.billing.subscriptions.running import counts_from, ending_periods, restart, running_period
from cauce.flows.billing.bills import Tariff, compose, discount_of, row_of, sold_of, used_discounts
from cauce.flows.billing.changing import Planned
from cauce.flows.billing.issue import load_tariff
from cauce.flows.billing.part_discounts import for_part, single_use
from cauce.kernel.calendar.months import add_days
from cauce.kernel.calendar.periods import Period, SchedulePeriod
from cauce.kernel.ids import new_id
from cauce.pricing.discounts import Discount, DiscountLine, kept_of
from cauce.pricing.invoice_lines import Charge, Priced, price_lines
from cauce.pricing.proration import Basis, Instants, unused_fraction
from cauce.pricing.schedule import Billing
from cauce.pricing.subscription_charges import recurring_charges
from cauce.pricing.tax import Tax, TaxTreatment
from cauce.reports.billing_run import Surroundings, load_surroundings, used_between
from cauce.storage.database import Row, Tx

_NOTHING = Priced((), 0, 0, 0, 0)
_TAXED_FROM = 50
"""Net times percent of tax from which a line's tax is not rounded to nothing."""


@dataclass(frozen=True, slots=True)
class Prorated:
    """What is invoiced now, and what waits for the next invoice. `begins_at`: when a new period begins that counts seconds."""

    priced: Priced = _NOTHING
    later: tuple[Charge, ...] = ()
    categories: Mapping[str, str] = field(default_factory=dict)
    begins_at: datetime | None = None
    discount_ids: tuple[str, ...] = ()

    async def keep_later(self, tx: Tx, one: Subscription, at: datetime, *, state: str = "waiting") -> list[str]:
        """Write the pending lines; their ids. `state` "proposed": they stand on no invoice before they are approved."""
        lines = [
            invoicing.PendingLine(
                id=new_id("pl"),
                customer_id=one.customer_id,
                subscription_id=one.id,
                currency=one.currency,
                description=charge.description,
                amount_minor=charge.amount_minor,
                kind="proration",
                product_id=charge.product_id,
                item_id=charge.item_id,
                price_id=charge.price_id,
                quantity=Decimal(1),
                tax_category=self.categories.get(charge.price_id or "", "standard"),
                tax_inclusive=charge.tax.inclusive,
                period_start=charge.period.start if charge.period else None,
                period_end=charge.period.end if charge.period else None,
                state=state,
                starts_at=charge.starts_at,
            )
            for charge in self.later
            if charge.amount_minor
        ]
        await invoicing.insert_pending(tx, lines, at)
        return [line.id for line in lines]


async def prorate(
    tx: Tx, one: Subscription, planned: Planned, behavior: ProrationBehavior, at: datetime, *, resets: bool
) -> Prorated:
    """The lines of a change at `at`; with `resets` a new period begins there and the old one's usage is billed."""
    day = local_day(one, at)
    around = (await load_surroundings(tx, [one.id]))[one.id]
    since = counts_from(one)
    if resets and since is not None:  # the day of the change belongs to the new period, its use too
        used = await used_between(tx, [(one.id, since, day)])
        around = replace(around, used=used.get((one.id, since), {}))
    tariff = await load_tariff(tx, [one], [around], planned.prices, until={one.id: day} if resets else None)
    left = planned.removed if not resets else (*planned.removed, *planned.kept)
    came = planned.added if not resets else (*planned.kept, *planned.added)
    credits_of = await _credits(tx, one, left, at, planned.prices, around, tariff)
    if resets:
        charges = _new_period(one, planned, came, at, around, tariff)
        begins_at, worked = exactly(planned, tariff, at), used_discounts(charges, around)
        return Prorated(_priced([*credits_of, *charges], around, tariff), begins_at=begins_at, discount_ids=worked)
    running = period_of(one, one.period_index).period
    around = for_part(around, Period(min(day, running.end), running.end), running)
    charges = _rest_of_period(one, came, at, planned.prices, around, tariff)
    categories = {price.id: price.tax_category for price in planned.prices.values()}
    worked = single_use(around, used_discounts(charges, around))
    match behavior:
        case ProrationBehavior.NONE:
            return Prorated()
        case ProrationBehavior.NEXT_INVOICE:
            return Prorated(_NOTHING, (*credits_of, *charges), categories)
        case ProrationBehavior.CHARGE_NOW_CREDIT_AT_RENEWAL:
            return Prorated(_priced(charges, around, tariff), tuple(credits_of), categories, discount_ids=worked)
        case _:
            return Prorated(_priced([*credits_of, *charges], around, tariff), discount_ids=worked)


def _priced(charges: Sequence[Charge], around: Surroundings, tariff: Tariff) -> Priced:
    kept = [charge for charge in charges if charge.amount_minor or charge.commitment]
    return price_lines(kept, [discount_of(each) for each in around.discounts], tariff.policy)


async def unused_of_items(
    tx: Tx, one: Subscription, at: datetime, around: Surroundings, tariff: Tariff
) -> list[Charge]:
    """What was billed in advance for the days from `at` on of all that is subscribed, as charges below zero."""
    items = (await subscriptions.items_of(tx, [one.id]))[one.id]
    return await _credits(tx, one, items, at, tariff.prices, around, tariff)


async def _credits(
    tx: Tx,
    one: Subscription,
    removed: Sequence[Item],
    at: datetime,
    prices: Mapping[str, Price],
    around: Surroundings,
    tariff: Tariff,
) -> list[Charge]:
    billed: dict[str, list[Mapping[str, Any]]] = {}
    ids, day = [item.id for item in removed], local_day(one, at)
    reaching = add_days(day, -1)  # by seconds something of the last day is left
    discounts = [discount_of(each) for each in around.discounts]
    waiting = [_discounted(row, discounts) for row in await credits.waiting_of_items(tx, ids, reaching)]
    for row in (*map(dict, await credits.billed_of_items(tx, ids, reaching)), *waiting):
        billed.setdefault(row["item_id"], []).append(row)
    charges = []
    for item in removed:
        rows = billed.get(item.id, [])
        price = prices[item.price_id]
        basis = tariff.basis_of(price)
        instants = tariff.instants(one.id) if basis is Basis.SECOND else None
        today = tariff.tax(around.country, around.tax_treatment, price.tax_category, price.tax_inclusive)
        parts = [(row, _unused(row, day, basis, instants, at)) for row in rows]
        for tax, amount, until in _by_tax(parts, today, tariff.policy.round_value):
            charges.append(
                Charge(
                    "proration",
                    f"Unused: {price.nickname or price.key}",
                    -amount,
                    tax,
                    item.id,
                    price.id,
                    price.product_id,
                    Fraction(item.quantity),
                    Period(min(day, add_days(until, -1)), until),
                    deferred=True,
                    starts_at=at if instants is not None else None,
                )
            )
    return charges


def _by_tax(
    parts: Sequence[tuple[Mapping[str, Any], Fraction]], today: Tax, round_value: Callable[[Fraction], int]
) -> list[tuple[Tax, int, date]]:
    """What is unused, by the tax that it was billed with: it goes back as it came. Each sum is rounded once; with its last day."""
    sums: dict[Tax, Fraction] = {}
    for row, left in parts:
        tax = _billed_tax(row, today)
        sums[tax] = sums.get(tax, Fraction(0)) + left
    if any(left < 0 for left in sums.values()):  # what was given back earlier is of another rate: all of it in one
        sums = {today: sum(sums.values(), Fraction(0))}
    until = max((row["period_end"] for row, _ in parts), default=date.min)
    return [(tax, amount, until) for tax, left in sums.items() if (amount := round_value(left)) > 0]


def _billed_tax(row: Mapping[str, Any], today: Tax) -> Tax:
    """The tax of a billed line; of one that waits, today's. A line of some size without tax had none by law."""
    if row.get("tax_percent") is None:
        return today
    percent = Fraction(row["tax_percent"])
    if row["tax_minor"] or abs(row["net_minor"]) * percent < _TAXED_FROM:
        return Tax(percent, row["tax_inclusive"])
    treatment = TaxTreatment.EXEMPT if today.treatment is TaxTreatment.STANDARD else today.treatment
    return Tax(percent, row["tax_inclusive"], treatment)


def _discounted(row: Row, discounts: Sequence[Discount]) -> Mapping[str, Any]:
    """A waiting charge as it will be billed: less the percentages that its invoice takes off."""
    percents = [one for one in discounts if one.percent is not None]
    if row["amount_minor"] <= 0 or not percents:
        return dict(row)
    seen = DiscountLine(row["amount_minor"], group=row["product_id"] or "", net_of_percent=row["net_of_percent"])
    return {**row, "discount_minor": row["amount_minor"] * (1 - kept_of(seen, percents, 0))}


def _unused(row: Mapping[str, Any], day: date, basis: Basis, instants: Instants | None, at: datetime) -> Fraction:
    """The unused part of what a line billed, as the price states it, less what was credited of it."""
    stated = Fraction(row["amount_minor"] - row["discount_minor"])
    if row["net_minor"]:
        stated *= 1 - Fraction(row["credited_net_minor"], row["net_minor"])
    line = Period(row["period_start"], row["period_end"])
    if instants is not None:
        return stated * instants.unused(line, row["starts_at"], at)
    return stated * unused_fraction(line, day, basis)


def _rest_of_period(
    one: Subscription,
    added: Sequence[Item],
    at: datetime,
    prices: Mapping[str, Price],
    around: Surroundings,
    tariff: Tariff,
) -> list[Charge]:
    running, day = period_of(one, one.period_index), local_day(one, at)
    charges: list[Charge] = []
    for item in added:
        price = prices[item.price_id]
        if price.kind is not PriceKind.RECURRING or price.billing is not Billing.IN_ADVANCE:
            continue
        by_seconds = tariff.basis_of(price) is Basis.SECOND
        last = add_days(running.period.end, -1) if by_seconds else running.period.end
        rest = Period(min(day, last), running.period.end)
        sold = replace(sold_of(row_of(item), price, around, tariff), instants=tariff.instants(one.id, since=at))
        charges += recurring_charges(sold, rest, running.full, kind="proration")
    return charges


def _new_period(
    one: Subscription, planned: Planned, items: Sequence[Item], at: datetime, around: Surroundings, tariff: Tariff
) -> list[Charge]:
    day = local_day(one, at)
    begun = restart(one, planned.interval, day, keeps_anchor=planned.keeps_anchor, at=exactly(planned, tariff, at))
    ends, counted = (_until(one_side, day) for one_side in ending_periods(one))
    used = compose(
        one.id, around, tariff, advance=None, arrears=ends, counted=counted, with_pending=False, until=at
    )  # fmt: skip
    now = replace(around, items=tuple(row_of(item) for item in items))
    since = at if planned.keeps_anchor else None
    new = compose(one.id, now, tariff, advance=running_period(begun), arrears=None, with_pending=False, since=since)
    return [*used.charges, *new.charges]


def exactly(planned: Planned, tariff: Tariff, at: datetime) -> datetime | None:
    """The instant at which a new period begins, where its days are counted by seconds; None: its cycle keeps its time of day."""
    items = (*planned.kept, *planned.added)
    by_seconds = any(tariff.basis_of(planned.prices[item.price_id]) is Basis.SECOND for item in items)
    return at if by_seconds and not planned.keeps_anchor else None


def _until(old: SchedulePeriod | None, day: date) -> SchedulePeriod | None:
    if old is None or day <= old.period.start:
        return None
    return SchedulePeriod(old.index, Period(old.period.start, day), old.full)
