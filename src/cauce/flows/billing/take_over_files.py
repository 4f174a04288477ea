"""Files of a system that ran before: rows of a CSV, read by a map of its columns, as customers and subscriptions (A12).

A map says for each of our fields which column holds it, what a word of the old system means here, and what stands
where the file says nothing:

    columns: {reference: "Subscription ID", external_id: "Customer", plan: "Tariff", paid_until: "Paid to"}
    values: {plan: {"Gold 2019": pro}}
    defaults: {currency: eur}

A row that cannot be read is told with its line and refused alone.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import CustomerData
from cauce.flows.billing.take_over import OldSubscription, TakenOver, take_over
from cauce.flows.billing.upcoming import NothingUpcoming, upcoming_invoice
from cauce.flows.context import Context
from cauce.gateway.charging import SavedMethod
from cauce.kernel.errors import CauceError, InvalidRequest

_CUSTOMER = ("external_id", "email", "name", "locale", "timezone", "country", "tax_treatment")
_SUBSCRIPTION = (
    "reference", "plan", "currency", "state", "paid_until", "trial_end", "anchor_day", "quantities", "credit_minor", "price_minor",
    "channel", "customer_ref", "method_ref", "method_brand", "method_last4", "method_expires_on", "method_fingerprint",
)  # fmt: skip
_ENDED = ("canceled", "cancelled", "ended", "expired")
_Made = TypeVar("_Made")


class BadMap(InvalidRequest):
    """The map of columns cannot be understood, or names a column that the file has not."""

    code = "bad_import_map"


@dataclass(frozen=True, slots=True)
class Columns:
    """Our field -> column, our field -> old word -> our word, our field -> what stands where the file says nothing."""

    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A subscription whose next invoice is not what the old system billed last: minor units, None where one has none."""

    reference: str
    old_minor: int | None
    new_minor: int | None


class _DryRun(Exception):
    """Nothing of a dry run is kept."""


def columns_from(plain: object) -> Columns:
    """The map from its file's content; `BadMap` otherwise."""
    if not isinstance(plain, Mapping):
        raise BadMap("a map has columns, and may have values and defaults", param="map")
    known = {"columns", "values", "defaults"}
    fields = set(_CUSTOMER) | set(_SUBSCRIPTION)
    for part, content in plain.items():
        if part not in known or not isinstance(content, Mapping):
            raise BadMap(f"a map has no part {part!r}", param="map")
        for name in content:
            if name not in fields:
                raise BadMap(f"there is no field {name!r}; there are {', '.join(sorted(fields))}", param="map")
    return Columns(plain.get("columns", {}), plain.get("values", {}), plain.get("defaults", {}))


async def import_customers(
    context: Context, lines: Sequence[str], columns: Columns, *, dry_run: bool = False
) -> list[TakenOver]:
    """Customers of a file, made or brought up to date by external id; one line of report each (`reference`: that id)."""
    report = []
    for number, row in _rows(lines, columns):
        made = _tried(number, row.get("external_id", ""), lambda row=row: _customer(row))  # type: ignore[misc]
        if isinstance(made, TakenOver):
            report.append(made)
            continue
        try:
            async with context.transaction() as tx:
                now = await context.now(tx)
                one, _ = await customers.put(tx, made, now=now, actor=context.actor.name)
                report.append(TakenOver(made.external_id, None if dry_run else one.id))
                if dry_run:
                    raise _DryRun
        except _DryRun:
            continue
        except CauceError as refused:
            report.append(TakenOver(made.external_id, None, f"line {number}: {refused.message}"))
    return report


async def import_subscriptions(
    context: Context, lines: Sequence[str], columns: Columns, *, dry_run: bool = False
) -> list[TakenOver]:
    """Subscriptions of a file, taken over as `take_over` does; rows that ended there are told and left out."""
    report: list[TakenOver] = []
    for number, row in _rows(lines, columns):
        reference = row.get("reference", "")
        if row.get("state", "").lower() in _ENDED:
            report.append(TakenOver(reference, None, f"line {number}: it has ended there"))
            continue
        made = _tried(number, reference, lambda row=row: _subscription(row))  # type: ignore[misc]
        if isinstance(made, TakenOver):
            report.append(made)
            continue
        (taken,) = await take_over(context, [made], dry_run=dry_run)
        refused = f"line {number}: {taken.refused}" if taken.refused else ""
        report.append(TakenOver(taken.reference, taken.subscription_id, refused))
    return report


async def compare_next(context: Context, taken: Sequence[TakenOver], lines: Sequence[str]) -> list[Difference]:
    """The next invoice of each subscription against the old system's last (a CSV: reference, total_minor); what differs."""
    return await differences(
        context, taken, {row["reference"]: int(row["total_minor"]) for row in csv.DictReader(lines)}
    )


async def differences(context: Context, taken: Sequence[TakenOver], old: Mapping[str, int]) -> list[Difference]:
    """The next invoice of each subscription against what the old system billed last, by reference; what differs."""
    found = []
    for one in taken:
        if one.subscription_id is None:
            continue
        try:
            new = (await upcoming_invoice(context, one.subscription_id)).bill.priced.total_minor
        except NothingUpcoming:
            new = None
        if new != old.get(one.reference):
            found.append(Difference(one.reference, old.get(one.reference), new))
    return found


def _rows(lines: Sequence[str], columns: Columns) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(lines)
    present = set(reader.fieldnames or ())
    for name, column in columns.columns.items():
        if column not in present:
            raise BadMap(f"the file has no column {column!r} for {name}", param="map")
    for row in reader:
        known = dict(columns.defaults)
        for name, column in columns.columns.items():
            value = (row[column] or "").strip()
            if value:
                known[name] = columns.values.get(name, {}).get(value, value)
        yield reader.line_num, {name: str(value) for name, value in known.items()}


def _tried(number: int, reference: str, make: Callable[[], _Made]) -> _Made | TakenOver:
    try:
        return make()
    except (KeyError, ValueError) as exc:
        said = f"{exc.args[0]} is missing" if isinstance(exc, KeyError) else str(exc)
        return TakenOver(reference, None, f"line {number}: {said}")


def _customer(row: Mapping[str, str]) -> CustomerData:
    told: dict[str, Any] = {name: row[name] for name in _CUSTOMER[1:] if name in row}
    return CustomerData(row["external_id"], **told)


def _subscription(row: Mapping[str, str]) -> OldSubscription:
    trial_end = datetime.fromisoformat(row["trial_end"]) if row.get("trial_end") else None
    if trial_end is not None and trial_end.tzinfo is None:
        raise ValueError("trial_end is an instant with its offset from UTC")
    method: SavedMethod | None = None
    if row.get("method_ref"):
        expires = date.fromisoformat(row["method_expires_on"]) if row.get("method_expires_on") else None
        method = SavedMethod(
            row["method_ref"], "card", row.get("method_brand", ""), row.get("method_last4", ""), expires,
            row.get("method_fingerprint", ""),
        )  # fmt: skip
    if (method is not None or row.get("customer_ref")) and not row.get("channel"):
        raise KeyError("channel")
    return OldSubscription(
        reference=row["reference"],
        customer=_customer(row),
        plan=row["plan"],
        currency=row["currency"].lower(),
        paid_until=date.fromisoformat(row["paid_until"]) if row.get("paid_until") else None,
        trial_end=trial_end,
        anchor_day=int(row["anchor_day"]) if row.get("anchor_day") else None,
        quantities=_quantities(row.get("quantities", "")),
        credit_minor=int(row.get("credit_minor", "0")),
        price_minor=int(row["price_minor"]) if row.get("price_minor") else None,
        channel_id=row.get("channel", ""),
        customer_ref=row.get("customer_ref", ""),
        method=method,
    )


def _quantities(text: str) -> dict[str, str]:
    """`seats=3 storage=2.5`."""
    pairs: list[Any] = [part.partition("=") for part in text.split()]
    if any(not sign for _, sign, _ in pairs):
        raise ValueError("quantities are written `seats=3 storage=2.5`")
    return {key: value for key, _, value in pairs}
