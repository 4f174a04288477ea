"""A digest of what was asked for an order, so that the same number with another body is noticed. Pure.

It is of what differs from the default, as JSON with sorted names and instants in UTC: a field that comes to be later
changes the digest of no order that does not use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from cauce.marketplace.orders.rules import NewLine, NewOrder, NewPayment, Payer

_SIZE_BYTES = 16

_FIRST_FIELDS: dict[type, tuple[str, ...]] = {
    NewOrder: (
        "external_id", "channel_id", "currency", "lines", "rule_id", "placed_at", "payments", "parties", "release_on",
        "release_days", "deliver_at", "cancel_at", "metadata",
    ),
    NewLine: ("seller_id", "price_minor", "freight_minor", "goods_kind", "description"),
    NewPayment: ("amount_minor", "method", "ref", "paid_at", "fee_minor", "payer", "from_balance_of"),
    Payer: ("ref", "return_url", "client_ip", "expires_at"),
}  # fmt: skip
"""The fields that orders had while their digest was of Python's own text of them."""


def body_hash(order: NewOrder) -> bytes:
    """The digest of an order as it is kept."""
    return blake2b(msgspec.json.encode(_said(order), order="sorted"), digest_size=_SIZE_BYTES).digest()


def is_same(order: NewOrder, kept: bytes) -> bool:
    """Whether `kept` is the digest of this order, as it is made now or as it was made at first."""
    if kept == body_hash(order):
        return True
    is_of_then = not any(line.subsidy_minor for line in order.lines)
    return is_of_then and kept == blake2b(_text(order).encode(), digest_size=_SIZE_BYTES).digest()


@lru_cache
def _named(kind: Any) -> tuple[tuple[str, object], ...]:
    """The fields of a dataclass with their defaults."""
    return tuple((one.name, one.default) for one in fields(kind))


def _said(value: object) -> Any:
    """A value as JSON can hold it; of a dataclass what is not as by default, nor empty."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, tuple):
        return [_said(one) for one in value]
    if isinstance(value, Mapping):
        return dict(value)
    if not is_dataclass(value):
        return value
    kind: Any = type(value)
    found = ((name, getattr(value, name), default) for name, default in _named(kind))
    return {name: _said(one) for name, one, default in found if one != default and one not in ((), {})}


def _text(value: object) -> str:
    """Python's text of an order with the fields that it had then."""
    if type(value) in _FIRST_FIELDS:
        kind = type(value)
        return (
            f"{kind.__qualname__}({', '.join(f'{name}={_text(getattr(value, name))}' for name in _FIRST_FIELDS[kind])})"
        )
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))}{',' if len(value) == 1 else ''})"
    return repr(value)
