"""One change policy, said by the plan, a price, the portal and the call: whoever comes later prevails, direction by direction (F4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cauce.billing.catalog.change_policies import BadChangePolicy
from cauce.billing.catalog.rules import (
    BadPlan,
    ChangeCredit,
    ChangePolicy,
    ChangeRule,
    ChangeTiming,
    NewPrice,
    PlanPolicy,
    ProrationBehavior,
)
from cauce.flows.billing.changes import Change, change, preview_change
from cauce.flows.portal_settings import save_settings
from tests.flows.billing.shop import Shop, flat, per_unit

NOW, LATER = ChangeTiming.NOW, ChangeTiming.AT_RENEWAL
DIRECTIONS = ("upgrade", "downgrade", "quantity_up", "quantity_down", "interval_up", "interval_down")
WISHES = {
    "upgrade": Change("", plan="large"),
    "downgrade": Change("", plan="small"),
    "quantity_up": Change("", quantities={"seats": "9"}),
    "quantity_down": Change("", quantities={"seats": "1"}),
    "interval_up": Change("", plan="yearly"),
    "interval_down": Change("", plan="weekly"),
}


def every(timing: ChangeTiming, **more: Any) -> dict[str, Any]:
    """A layer that says this of each direction."""
    return {**{name: {"timing": timing.value} for name in DIRECTIONS}, **more}


async def subscribed(
    seller: Shop, *, plan: ChangeTiming, price: ChangeTiming | None, portal: ChangeTiming | None
) -> str:
    policy = ChangePolicy(**{name: ChangeRule(plan) for name in DIRECTIONS})  # type: ignore[arg-type]
    layer = {"change_policy": every(price)} if price is not None else {}
    base = NewPrice("base", "eur", {"type": "flat", "amount_minor": 2_000, **layer})
    seats = NewPrice("seats", "eur", {"type": "per_unit", "unit_amount": "100", **layer})
    await seller.plan("middle", base, seats, policy=PlanPolicy(change=policy))
    await seller.plan("large", flat(9_000), per_unit("100"))
    await seller.plan("small", flat(100), per_unit("100"))
    await seller.plan("yearly", flat(20_000, interval="year"))
    await seller.plan("weekly", flat(900, interval="week"))
    if portal is not None:
        await on_the_portal(seller, every(portal))
    await seller.card("ana")
    return (await seller.sign_up("ana", "middle", quantities={"seats": "3"})).subscription_id


async def on_the_portal(seller: Shop, layer: dict[str, Any]) -> None:
    async with seller.context.transaction() as tx:
        await save_settings(tx, seller.context, origins=(), redirects=(), change_policy=layer)


@pytest.mark.parametrize("direction", DIRECTIONS)
async def test_call_before_portal_before_price_before_plan(seller: Shop, direction: str) -> None:
    one = await subscribed(seller, plan=NOW, price=LATER, portal=NOW)
    wish = replace(WISHES[direction], subscription_id=one)

    async def timing(**said: Any) -> ChangeTiming:
        return (await preview_change(seller.context, replace(wish, **said))).timing

    assert await timing() is LATER, "the price over the plan"
    assert await timing(by_portal=True) is NOW, "the portal over the price, for what is done on it"
    assert await timing(by_portal=True, policy=every(LATER)) is LATER, "the call over the portal"
    assert await timing(policy=every(NOW)) is NOW, "the call over the price"
    assert await timing(by_portal=True, policy=every(NOW), timing=LATER) is LATER, "what is said outright over all"


@pytest.mark.parametrize("direction", DIRECTIONS)
async def test_each_layer_alone_is_over_the_plan(seller: Shop, direction: str) -> None:
    one = await subscribed(seller, plan=LATER, price=None, portal=None)
    wish = replace(WISHES[direction], subscription_id=one)
    assert (await preview_change(seller.context, wish)).timing is LATER
    assert (await preview_change(seller.context, replace(wish, by_portal=True))).timing is LATER
    only = {direction: {"timing": "now", "proration": "none"}}
    await on_the_portal(seller, only)
    seen = await preview_change(seller.context, replace(wish, by_portal=True))
    assert (seen.timing, seen.proration) == (NOW, ProrationBehavior.NONE)
    for other in set(DIRECTIONS) - {direction}:
        elsewhere = replace(WISHES[other], subscription_id=one, policy=only)
        assert (await preview_change(seller.context, elsewhere)).timing is LATER, other


async def test_the_other_fields_of_a_policy_go_the_same_way(seller: Shop) -> None:
    one = await subscribed(seller, plan=NOW, price=None, portal=None)
    await on_the_portal(seller, {"credit": "refund", "failed_payment": "allow", "interval_change": "keep_anchor"})
    less = Change(one, plan="small")
    assert (await preview_change(seller.context, less)).refunded_minor == 0
    assert (await preview_change(seller.context, replace(less, by_portal=True))).refunded_minor == 1_900
    kept = replace(less, by_portal=True, credit=ChangeCredit.CREDIT)
    assert (await preview_change(seller.context, kept)).refunded_minor == 0
    more = Change(one, plan="large")
    assert (await preview_change(seller.context, more)).awaits_payment
    assert not (await preview_change(seller.context, replace(more, by_portal=True))).awaits_payment
    await seller.advance_to(datetime(2026, 2, 1, 9, tzinfo=UTC))
    yearly = Change(one, plan="yearly")
    anew = (await preview_change(seller.context, yearly)).lines[-1].charge.period
    old = (await preview_change(seller.context, replace(yearly, by_portal=True))).lines[-1].charge.period
    assert anew is not None and old is not None
    assert (anew.end.isoformat(), old.end.isoformat()) == ("2027-02-01", "2027-01-15")


async def test_a_change_that_waits_goes_by_what_was_said_when_it_was_asked_for(seller: Shop) -> None:
    one = await subscribed(seller, plan=LATER, price=None, portal=None)
    await change(seller.context, Change(one, plan="yearly", policy={"interval_change": "keep_anchor"}))
    await seller.advance_to(datetime(2026, 2, 15, 9, tzinfo=UTC))
    assert str((await seller.subscription(one)).period_end) == "2027-01-15"
    await seller.prove()


@pytest.mark.parametrize(
    "layer",
    [
        {"upgrade": {"timing": "soon"}},
        {"upgrade": {}},
        {"sidegrade": {"timing": "now"}},
        {"upgrade": {"timing": "now", "when": 3}},
        {"credit": "none"},
    ],
)
async def test_a_policy_that_there_is_not_is_refused_everywhere(seller: Shop, layer: dict[str, Any]) -> None:
    one = await subscribed(seller, plan=NOW, price=None, portal=None)
    with pytest.raises(BadChangePolicy):
        await preview_change(seller.context, Change(one, plan="large", policy=layer))
    with pytest.raises(BadChangePolicy):
        await on_the_portal(seller, layer)
    with pytest.raises(BadPlan):
        await seller.plan("odd", NewPrice("base", "eur", {"type": "flat", "amount_minor": 1, "change_policy": layer}))
    assert msgspec.to_builtins(ChangePolicy())["upgrade"]["timing"] == "now"
