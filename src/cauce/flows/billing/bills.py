"""Deciding a bill: which charges a subscription has for the period that begins and the one that ends. Pure.

The run, the first invoice, previews and upcoming invoices all compose with `compose`, so a preview shows the very
lines that the commit books. Nothing here reads or writes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from cauce.billing.catalog.rules import Price, PriceKind
from cauce.billing.subscriptions.rules import Item
from cauce.kernel.calendar.periods import Period, SchedulePeriod
from cauce.pricing.discounts import Discount, DiscountLine
from cauce.pricing.invoice_lines import Charge, Priced, price_lines
from cauce.pricing.policy import DEFAULT_POLICY, PricingPolicy
from cauce.pricing.proration import Basis, Instants
from cauce.pricing.schedule import Billing
from cauce.pricing.subscription_charges import Sold, full_amount, recurring_charges, usage_charges
from cauce.pricing.tax import NO_TAX, Tax, TaxTreatment
from cauce.reports.billing_run import ItemRow, Surroundings

Rates = Mapping[tuple[str, str], Fraction]


@dataclass(slots=True)
class Tariff:
    """What one organization bills by: prices, tax rates, meters; remembers the tax of each kind of line.

    `clocks`: when the days of a subscription begin, where parts of a period are counted by seconds.
    """

    prices: Mapping[str, Price]
    rates: Rates
    aggregations: Mapping[str, str]
    distinct: Mapping[tuple[str, str], int] = field(default_factory=dict)
    weighted: Mapping[tuple[str, str], Fraction] = field(default_factory=dict)
    events: Mapping[tuple[str, str], Sequence[Fraction]] = field(default_factory=dict)
    policy: PricingPolicy = DEFAULT_POLICY
    clocks: Mapping[str, Callable[[date], datetime]] = field(default_factory=dict)
    _taxes: dict[tuple[str, str, str, bool], Tax] = field(default_factory=dict)
    _bases: dict[tuple[str, Decimal, int, Decimal], tuple[int, Fraction]] = field(default_factory=dict)

    def base_charge(self, item: ItemRow, price: Price, around: Surroundings, period: Period) -> Charge:
        """The charge of a full period at a price without phases; equal items of many subscriptions are rated once."""
        key = (item.price_id, item.quantity, item.adjust_minor, item.adjust_percent)
        found = self._bases.get(key)
        if found is None:
            sold = sold_of(item, price, around, self)
            found = self._bases[key] = (self.policy.round_value(full_amount(sold)), sold.quantity)
        return Charge(
            "recurring",
            price.nickname or price.key,
            found[0],
            self.tax(around.country, around.tax_treatment, price.tax_category, price.tax_inclusive),
            item.id,
            price.id,
            price.product_id,
            found[1],
            period,
            True,
        )

    def basis_of(self, price: Price) -> Basis:
        """How a part of a period is counted at a price: as it says, or as the organization does."""
        return price.rules.basis or self.policy.basis

    def instants(
        self, subscription_id: str, since: datetime | None = None, until: datetime | None = None
    ) -> Instants | None:
        """The instants of a subscription's bills, for a part that begins at `since` or ends at `until`; None: by days."""
        clock = self.clocks.get(subscription_id)
        return Instants(clock, since, until) if clock is not None else None

    def events_of(self, subscription_id: str, price: Price) -> Sequence[Fraction]:
        """The values of the events that a percentage price rates one by one; none for others."""
        return self.events.get((subscription_id, price.meter_key or ""), ())

    def tax(self, country: str, treatment: str, category: str, inclusive: bool) -> Tax:
        """The tax of a line: the rate of the country, else the organization's general one."""
        key = (country, treatment, category, inclusive)
        found = self._taxes.get(key)
        if found is None:
            percent = self.rates.get((country, category)) or self.rates.get(("", category)) or Fraction(0)
            found = Tax(percent, inclusive, TaxTreatment(treatment)) if percent or treatment != "standard" else NO_TAX
            self._taxes[key] = found
        return found


@dataclass(frozen=True, slots=True)
class Bill:
    """What a subscription is charged, and the discounts and pending lines that it uses up.

    `charges`: as they were before discount, commitment and tax, for whoever prices them together with others.
    """

    priced: Priced
    discount_ids: tuple[str, ...] = ()
    pending_ids: tuple[str, ...] = ()
    begun: tuple[tuple[str, date], ...] = ()
    """Items whose phases begin with this bill, and on which day."""
    charges: tuple[Charge, ...] = ()


def compose(
    subscription_id: str,
    around: Surroundings,
    tariff: Tariff,
    *,
    advance: SchedulePeriod | None,
    arrears: SchedulePeriod | None,
    counted: SchedulePeriod | None = None,
    first: bool = False,
    with_pending: bool = True,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Bill:
    """The bill for the period `advance` that begins and the period `arrears` that ends; either may be absent.

    `counted`: the days whose use is billed, when they are others than those of `arrears`. `first`: one-time prices are
    charged with it. `since`, `until`: when `advance` begins and `arrears` ends within a day.
    """
    begins, ends = tariff.instants(subscription_id, since), tariff.instants(subscription_id, until=until)
    counted = counted or arrears
    charges: list[Charge] = []
    begun: list[tuple[str, date]] = []
    for item in around.items:
        price = tariff.prices[item.price_id]
        whole = advance is not None and advance.is_full and (begins is None or since is None)
        if advance is not None and whole and price.is_base_in_advance and not price.phases:
            charges.append(tariff.base_charge(item, price, around, advance.period))
            continue
        sold = sold_of(item, price, around, tariff)
        if price.kind is PriceKind.ONE_TIME:
            charges += [one_time_charge(sold)] if first else []
        elif price.kind is PriceKind.USAGE:
            if counted is not None:
                quantity = used_quantity(subscription_id, price, around, tariff)
                charges += usage_charges(sold, quantity, counted, tariff.events_of(subscription_id, price))
        else:
            billed = advance if price.billing is Billing.IN_ADVANCE else arrears
            sold = replace(sold, instants=begins if price.billing is Billing.IN_ADVANCE else ends)
            if price.phases and item.phases_from is None and (first_part := billed or advance):
                begun.append((item.id, first_part.period.start))
            charges += recurring_charges(sold, billed.period, billed.full) if billed is not None else []
    pending = around.pending if with_pending else ()
    charges += [pending_charge(line, around, tariff) for line in pending]
    return priced_bill(charges, around, tariff, tuple(line["id"] for line in pending), tuple(begun))


def priced_bill(
    charges: Sequence[Charge],
    around: Surroundings,
    tariff: Tariff,
    pending_ids: tuple[str, ...] = (),
    begun: tuple[tuple[str, date], ...] = (),
) -> Bill:
    """Charges with the subscription's discounts, commitments and tax."""
    priced = price_lines(charges, [discount_of(each) for each in around.discounts], tariff.policy)
    used = used_discounts(charges, around) if priced.discount_minor else ()
    return Bill(priced, used, pending_ids, begun, tuple(charges))


def used_discounts(charges: Sequence[Charge], around: Surroundings) -> tuple[str, ...]:
    """The discounts that take something off these charges; one whose products are not among them is kept for later."""
    lines = [
        DiscountLine(charge.amount_minor, group=charge.product_id or "", net_of_percent=charge.net_of_percent)
        for charge in charges
        if charge.amount_minor > 0
    ]
    return tuple(each["id"] for each in around.discounts if any(map(discount_of(each).covers, lines)))


def sold_of(item: ItemRow, price: Price, around: Surroundings, tariff: Tariff) -> Sold:
    """An item with its price and tax."""
    return Sold(
        item_id=item.id,
        price_id=price.id,
        product_id=price.product_id,
        description=price.nickname or price.key,
        model=price.model,
        quantity=fraction_of(item.quantity),
        is_usage=price.kind is PriceKind.USAGE,
        in_advance=price.billing is Billing.IN_ADVANCE,
        minimum_minor=price.minimum_minor,
        maximum_minor=price.maximum_minor,
        rules=price.rules,
        included_units=price.free_units,
        adjust_minor=item.adjust_minor,
        adjust_percent=fraction_of(item.adjust_percent),
        tax=tariff.tax(around.country, around.tax_treatment, price.tax_category, price.tax_inclusive),
        phases=price.phases,
        phases_from=item.phases_from,
        anchor_day=around.anchor_day,
        interval=price.interval,
        policy=tariff.policy if price.rules.basis is None else replace(tariff.policy, basis=price.rules.basis),
    )


def one_time_charge(sold: Sold) -> Charge:
    """A price that is charged once: never prorated, revenue at once."""
    return Charge(
        "one_time",
        sold.description,
        sold.policy.round_value(full_amount(sold)),
        sold.tax,
        sold.item_id,
        sold.price_id,
        sold.product_id,
        sold.quantity,
    )


def pending_charge(line: Mapping[str, object], around: Surroundings, tariff: Tariff) -> Charge:
    """A pending line as a charge; one with a period in the future is deferred."""
    start, end = line["period_start"], line["period_end"]
    period = Period(_day(start), _day(end)) if start and end else None
    tax = tariff.tax(around.country, around.tax_treatment, str(line["tax_category"]), bool(line["tax_inclusive"]))
    amount = line["amount_minor"]
    assert isinstance(amount, int)
    return Charge(
        str(line["kind"]),
        str(line["description"]),
        amount,
        tax,
        _text(line["item_id"]),
        _text(line["price_id"]),
        _text(line["product_id"]),
        Fraction(str(line["quantity"])),
        period,
        deferred=period is not None and line["kind"] == "proration",
        starts_at=datetime.fromisoformat(str(line["starts_at"])) if line.get("starts_at") else None,
        net_of_percent=bool(line["net_of_percent"]),
    )


def discount_of(row: Mapping[str, object]) -> Discount:
    """A stored discount as the pricing takes it: over all lines, or over those of its products."""
    percent = Fraction(str(row["percent"])) if row["percent"] is not None else None
    amount, products = row["amount_minor"], row["product_ids"]
    assert amount is None or isinstance(amount, int)
    assert isinstance(products, list)
    return Discount(percent, amount, groups=frozenset(map(str, products)) if products else None)


def used_quantity(subscription_id: str, price: Price, around: Surroundings, tariff: Tariff) -> Fraction:
    """How much of a meter was used in the period that ends, by the meter's way of counting."""
    assert price.meter_key is not None
    kind = tariff.aggregations.get(price.meter_key, "sum")
    if kind == "weighted":
        return tariff.weighted.get((subscription_id, price.meter_key), Fraction(0))
    if kind == "unique":
        return Fraction(tariff.distinct.get((subscription_id, price.meter_key), 0))
    return counted_quantity(kind, around.used.get(price.meter_key))


def counted_quantity(kind: str, counted: Sequence[Any] | None) -> Fraction:
    """The quantity of a meter that counts by daily sums: (events, total, highest, latest); never below zero."""
    if counted is None:
        return Fraction(0)
    events, total, highest, latest = counted
    return max(Fraction({"count": events, "sum": total, "max": highest, "latest": latest}[kind]), Fraction(0))


def row_of(item: Item) -> ItemRow:
    """An item that is planned, as those that are stored are read."""
    return ItemRow(item.id, item.price_id, item.quantity, item.adjust_minor, item.adjust_percent, item.phases_from)


_WHOLE = {Decimal(n): Fraction(n) for n in range(1_000)}


def fraction_of(value: Decimal) -> Fraction:
    """A decimal as a fraction; small whole numbers are remembered."""
    return _WHOLE.get(value) or Fraction(value)


def _day(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
