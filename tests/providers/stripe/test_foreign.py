"""Stripe Billing's objects in our words: what can be had here, what cannot, and amounts of every currency (pure)."""

from __future__ import annotations

from typing import Any

import pytest

from cauce.gateway.importing import ForeignStatus
from cauce.providers.stripe import foreign

PRICE: dict[str, Any] = {
    "id": "price_1", "product": "prod_1", "currency": "eur", "unit_amount": 2900, "recurring": {"interval": "month"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "amount"),
    [
        ({}, "2900"),
        ({"unit_amount_decimal": "12.5"}, "12.5"),
        ({"unit_amount_decimal": "0.000000000001"}, "0.000000000001"),
        ({"currency": "jpy", "unit_amount": 500}, "500"),
        ({"currency": "bhd", "unit_amount": 1230}, "1230"),
        ({"currency": "ugx", "unit_amount": 50_000}, "500"),
        ({"currency": "mga", "unit_amount": 7}, "700"),
        ({"unit_amount": None}, ""),
    ],
)
def test_an_amount_is_ours_to_the_last_digit(change: dict[str, Any], amount: str) -> None:
    assert foreign.price({**PRICE, **change}).unit_amount == amount


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"recurring": None}, "once"),
        ({"recurring": {"interval": "month", "usage_type": "metered"}}, "metered"),
        ({"billing_scheme": "tiered", "unit_amount": None}, "tiers"),
        ({"transform_quantity": {"divide_by": 10, "round": "up"}}, "packages"),
    ],
)
def test_a_price_that_one_amount_does_not_tell_is_named(change: dict[str, Any], said: str) -> None:
    peculiar = foreign.price({**PRICE, **change}).peculiar
    assert said in peculiar and bool(peculiar) is bool(said)


def test_a_subscription_with_an_unknown_status_or_mixed_periods_is_not_taken() -> None:
    line = {"price": PRICE, "quantity": 2, "current_period_end": 1_772_000_000}
    one = {
        "id": "sub_1",
        "customer": {"id": "cus_1"},
        "status": "dreaming",
        "currency": "eur",
        "items": {"data": [line]},
    }
    found = foreign.subscription(one)
    assert (found.status, found.peculiar, found.items[0].quantity) == (ForeignStatus.PAUSED, "", 2)
    other = {**line, "current_period_end": 1_773_000_000}
    assert "different periods" in foreign.subscription({**one, "items": {"data": [line, other]}}).peculiar
    assert "too many" in foreign.subscription({**one, "items": {"data": [line], "has_more": True}}).peculiar
    assert foreign.customer({"id": "cus_1", "balance": -500, "currency": "eur"}).balance == foreign.money_of(500, "eur")
