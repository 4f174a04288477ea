"""What stands in a catalogue file beside products and plans: meters, tax rates and coupons; and how a difference is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.files import (
    BadCatalogue,
    FileCoupon,
    FileMeter,
    FileTaxRate,
    decimal_text,
    given,
)
from cauce.billing.catalog.models import rate_of
from cauce.billing.catalog.service import NewCoupon
from cauce.billing.usage import service as usage
from cauce.billing.usage.rules import Aggregation
from cauce.storage.database import Row, Tx


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of the difference; `what` names it.

    `action`: create, update, new_version, publish, unpublish, archive, or keep (missing, but made after the file).
    """

    action: str
    what: str


@dataclass(slots=True)
class Writing:
    """One file on its way into the database, or only compared with it."""

    tx: Tx
    now: datetime
    actor: str
    dry_run: bool
    differences: list[Difference] = field(default_factory=list)

    def tell(self, action: str, what: str) -> bool:
        """Note a difference; True when it is also to be made."""
        self.differences.append(Difference(action, what))
        return not self.dry_run

    def keep(self, what: str) -> None:
        """Note what stays although the file omits it."""
        self.differences.append(Difference("keep", what))


async def put_meters(writing: Writing, meters: Sequence[FileMeter]) -> None:
    """Make meters that are new; `BadCatalogue` for one that counts in another way here, for that never changes."""
    known = {row["key"]: row["aggregation"] for row in await usage.meters(writing.tx)}
    for meter in meters:
        if meter.key not in known:
            if writing.tell("create", f"meter {meter.key}"):
                await usage.create_meter(
                    writing.tx, meter.key, Aggregation(meter.aggregation), writing.now, name=meter.name
                )
        elif known[meter.key] != meter.aggregation:
            raise BadCatalogue(f"meter {meter.key} counts by {known[meter.key]} here for ever", param="meters")


async def put_tax_rates(writing: Writing, rates: Sequence[FileTaxRate]) -> None:
    """Set tax rates that differ, for invoices to come."""
    known = {_place(one): one for one in map(_tax_rate, await catalog.tax_rate_rows(writing.tx))}
    for rate in rates:
        percent = rate_of(rate.percent, "percent")
        before = known.get(_place(rate))
        if before is not None and rate_of(before.percent, "percent") == percent and before.name == rate.name:
            continue
        what = f"tax rate {rate.country or 'elsewhere'} {rate.category}"
        if writing.tell("create" if before is None else "update", what):
            await catalog.put_tax_rate(writing.tx, rate.country, rate.percent, category=rate.category, name=rate.name)


async def put_coupons(writing: Writing, coupons: Sequence[FileCoupon], new_products: Set[str]) -> None:
    """Make coupons that are new, and change of others what may change; what one takes off never does."""
    rows = {row["code"]: row for row in await catalog.list_coupons(writing.tx)}
    ids = {row["key"]: row["id"] for row in await catalog.list_products(writing.tx)}
    keys = {product_id: key for key, product_id in ids.items()}
    for coupon in coupons:
        unknown = set(coupon.products) - set(ids) - new_products
        if unknown:
            raise BadCatalogue(f"coupon {coupon.code}: no product {sorted(unknown)[0]}", param="coupons")
        row = rows.get(coupon.code)
        if row is None:
            if writing.tell("create", f"coupon {coupon.code}"):
                await _create_coupon(writing, coupon, [ids[key] for key in coupon.products])
        elif _taken_off(_coupon(row, keys)) != _taken_off(coupon):
            raise BadCatalogue(
                f"coupon {coupon.code} takes off something else here; give the new one another code", param="coupons"
            )
        elif (row["archived_at"] is not None or _coupon(row, keys) != _plain(coupon)) and writing.tell(
            "update", f"coupon {coupon.code}"
        ):
            await catalog.change_coupon(writing.tx, row, coupon.name, coupon.redemptions_max, coupon.expires_at)


async def export(tx: Tx, product_keys: Mapping[str, str]) -> dict[str, Any]:
    """Coupons, tax rates and meters as a file says them; what there is none of is left out, archived ones too."""
    coupons = [_coupon(row, product_keys) for row in await catalog.list_coupons(tx) if row["archived_at"] is None]
    rates = [_tax_rate(row) for row in await catalog.tax_rate_rows(tx)]
    meters = [
        FileMeter(row["key"], row["aggregation"], row["name"])
        for row in await usage.meters(tx)
        if row["archived_at"] is None
    ]
    said: dict[str, Sequence[object]] = {"coupons": coupons, "tax_rates": rates, "meters": meters}
    return {name: [given(one) for one in found] for name, found in said.items() if found}


async def _create_coupon(writing: Writing, coupon: FileCoupon, product_ids: Sequence[str]) -> None:
    new = NewCoupon(
        coupon.code,
        coupon.percent,
        coupon.amount_minor,
        coupon.currency,
        coupon.duration,
        coupon.duration_periods,
        tuple(product_ids),
        coupon.first_purchase,
        coupon.redemptions_max,
        coupon.expires_at,
        coupon.name,
    )
    await catalog.create_coupon(writing.tx, new, now=writing.now, actor=writing.actor)


def _coupon(row: Row, product_keys: Mapping[str, str]) -> FileCoupon:
    return FileCoupon(
        row["code"],
        row["name"],
        None if row["percent"] is None else decimal_text(row["percent"]),
        row["amount_minor"],
        row["currency"],
        row["duration"],
        row["duration_periods"],
        tuple(sorted(product_keys[product_id] for product_id in row["product_ids"])),
        row["first_purchase"],
        row["redemptions_max"],
        row["expires_at"],
    )


def _plain(coupon: FileCoupon) -> FileCoupon:
    percent = None if coupon.percent is None else decimal_text(_decimal(coupon.percent))
    return replace(coupon, percent=percent, products=tuple(sorted(coupon.products)))


def _decimal(percent: str) -> Decimal:
    rate_of(percent, "percent")
    return Decimal(percent)


def _taken_off(coupon: FileCoupon) -> FileCoupon:
    return replace(_plain(coupon), name="", redemptions_max=None, expires_at=None)


def _tax_rate(row: Row) -> FileTaxRate:
    return FileTaxRate(decimal_text(row["percent"]), row["country"], row["category"], row["name"])


def _place(rate: FileTaxRate) -> tuple[str, str]:
    return rate.country, rate.category
