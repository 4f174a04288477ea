"""Rows as resources: amounts as `{"amount", "currency"}`, references by noun, `expand[]`; one form for every noun.

A column `total_minor` becomes `total`, a column `customer_id` becomes `customer`: the id, or the object where the
request asks `expand[]=customer`. What is only for ourselves (due times of sweeps, versions) is left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
from fastapi import Path, Query

from cauce.entrypoints.api.shapes import Body, Currency, PositiveAmount
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.reports import resources as report
from cauce.storage.database import Row, Tx

EXPAND_MAX = 8
PLAIN_TEXT = r"^[^\x00]*$"
Id = Annotated[str, Path(min_length=1, max_length=255, pattern=PLAIN_TEXT)]
Expand = Annotated[list[str], Query(alias="expand[]", description="references to show as whole objects")]
Filter = Annotated[str, Query(max_length=255, pattern=PLAIN_TEXT)]
_HIDDEN = frozenset({"org_id", "version", "due_kind", "snapshot_hash", "anchor_time"})
_KEPT = frozenset({"external_id", "event_id"})


class CannotExpand(InvalidRequest):
    """This resource has no such reference to expand."""

    code = "cannot_expand"


class KeyTaken(Conflict):
    """Something of this kind has this key already."""

    code = "key_taken"


class MoneyBody(Body):
    """An amount above zero in minor units of its currency."""

    amount: PositiveAmount
    currency: Currency


def money(amount_minor: int | None, currency: str) -> dict[str, Any] | None:
    """An amount as the API writes it."""
    return None if amount_minor is None else {"amount": amount_minor, "currency": currency}


def resource(noun: str, row: Mapping[str, Any] | Row, **more: Any) -> dict[str, Any]:
    """A row as a resource of this noun, with what else is known of it."""
    shown: dict[str, Any] = {"object": noun}
    currency = row.get("currency")
    for name, value in row.items():
        if name in _HIDDEN:
            continue
        if name.endswith("_minor"):
            shown[name.removesuffix("_minor")] = money(value, currency) if currency else value
        elif name.endswith("_id") and name not in _KEPT:
            shown[name.removesuffix("_id")] = value or None
        else:
            shown[name] = value
    return shown | more


def resources(noun: str, rows: Iterable[Mapping[str, Any] | Row]) -> list[dict[str, Any]]:
    """Rows as resources."""
    return [resource(noun, row) for row in rows]


def whole_list(data: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A list that is always given whole."""
    return {"object": "list", "data": list(data), "has_more": False, "next_cursor": None}


_Read = Callable[[Tx, Sequence[str]], Awaitable[list[Any]]]
_EXPANDABLE: dict[str, _Read] = {
    "customer": report.customers,
    "subscription": report.subscriptions,
    "invoice": report.invoices,
    "merchant": report.merchants,
}


async def expand(tx: Tx, data: Sequence[dict[str, Any]], wanted: Sequence[str]) -> None:
    """Replace references by objects, one query per noun; `CannotExpand` for a reference that these do not have."""
    for noun in wanted[:EXPAND_MAX]:
        read = _EXPANDABLE.get(noun)
        if read is None or (data and not any(noun in one for one in data)):
            raise CannotExpand(f"{noun!r} cannot be expanded here", param="expand[]")
        ids = sorted({one[noun] for one in data if isinstance(one.get(noun), str)})
        found = {row["id"]: resource(noun, row) for row in await read(tx, ids)}
        for one in data:
            one[noun] = found.get(one.get(noun), one.get(noun))


@asynccontextmanager
async def unique(param: str) -> AsyncIterator[None]:
    """Turn the database's refusal of a second object with one key into `KeyTaken`."""
    try:
        yield
    except asyncpg.UniqueViolationError as exc:
        raise KeyTaken(param=param) from exc
