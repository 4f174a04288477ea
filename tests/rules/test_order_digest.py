"""The same number with another body is noticed; the same body is the same however it was digested, or said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import blake2b
from typing import Any

import pytest

from cauce.marketplace.orders.digest import body_hash, is_same
from cauce.marketplace.orders.rules import GoodsKind, NewLine, NewOrder, NewPayment, Payer, ReleaseOn

AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
PLAIN = NewOrder("o-1", "ch_1", "cny", (NewLine("mer_1", 10_000),), "rul_1", AT)
FULL = NewOrder(
    "o-1", "ch_1", "cny",
    (NewLine("mer_1", 10_000, 500, GoodsKind.SERVICE, "a lamp"), NewLine("mer_2", 700)),
    "rul_1", AT,
    (NewPayment(11_200, "card", payer=Payer("oX", "https://shop.example/", "203.0.113.9", AT + timedelta(hours=1))),),
    {"courier": "mer_3"}, ReleaseOn.DAYS, 7, AT, AT + timedelta(days=9), {"shop": "río"},
)  # fmt: skip


@pytest.mark.parametrize("order", [PLAIN, FULL], ids=["plain", "full"])
def test_an_order_that_was_kept_under_the_first_digest_is_still_the_same(order: NewOrder) -> None:
    said_then = repr(order).replace(", subsidy_minor=0", "")  # a field that came later
    first = blake2b(said_then.encode(), digest_size=16).digest()
    assert is_same(order, first) and is_same(order, body_hash(order))
    assert not is_same(replace(order, external_id="o-2"), first)
    assert not is_same(replace(order, lines=(replace(order.lines[0], subsidy_minor=1), *order.lines[1:])), first)


def test_what_is_left_out_and_what_is_said_as_by_default_are_the_same() -> None:
    said = replace(PLAIN, release_days=0, metadata={}, payments=(), parties={})
    assert body_hash(said) == body_hash(PLAIN)
    there = AT.astimezone(timezone(timedelta(hours=8)))
    assert body_hash(replace(PLAIN, placed_at=there)) == body_hash(PLAIN)
    turned = replace(FULL, metadata={"b": "2", "a": "1"})
    assert body_hash(turned) == body_hash(replace(FULL, metadata={"a": "1", "b": "2"}))


@pytest.mark.parametrize(
    "changes",
    [
        {"channel_id": "ch_2"}, {"currency": "eur"}, {"lines": FULL.lines[:1]}, {"lines": FULL.lines[::-1]}, {"rule_id": "rul_2"},
        {"placed_at": AT + timedelta(seconds=1)}, {"payments": ()}, {"parties": {"courier": "mer_4"}}, {"release_on": ReleaseOn.DELIVERY},
        {"release_days": 8}, {"deliver_at": None}, {"cancel_at": AT}, {"metadata": {}},
        {"payments": (replace(FULL.payments[0], from_balance_of="mer_9"),)},
        {"payments": (replace(FULL.payments[0], payer=None),)},
        {"lines": (replace(FULL.lines[0], price_minor=9_999, freight_minor=501), FULL.lines[1])},
    ],
)  # fmt: skip
def test_any_other_body_is_another_order(changes: dict[str, Any]) -> None:
    assert not is_same(replace(FULL, **changes), body_hash(FULL))
