"""Kept or refunded, through every door: the API, the console, and the portal where the plan leaves it to the customer (B5)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from cauce.billing.catalog.rules import CancelCredit, ChangePolicy, ChangeRule, ChangeTiming, PlanPolicy
from cauce.entrypoints.web.texts import catalogue
from cauce.entrypoints.web.visits import make_link
from tests.entrypoints.api_caller import caller_of
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import Visitor, let_in, signed_in
from tests.flows.billing.shop import flat, per_unit

EN = catalogue("en")
NOW = ChangeRule(ChangeTiming.NOW)
DOWN_NOW = ChangePolicy(downgrade=NOW, quantity_down=NOW)


async def _half_used(played: Stage, who: str, *, chooses: bool = True) -> tuple[str, str]:
    """(subscription, customer) of somebody who paid 60 and used half of it."""
    policy = PlanPolicy(
        change=DOWN_NOW, cancel_credit=CancelCredit.CREDIT, refund_choice="customer" if chooses else "seller"
    )
    await played.shop.plan(f"{who}-large", flat(3_000), per_unit("300"), policy=policy)
    await played.shop.plan(f"{who}-small", flat(1_000), per_unit("300"), policy=policy)
    await played.shop.card(who)
    done = await played.shop.sign_up(who, f"{who}-large", quantities={"seats": "10"})
    (period,) = [await played.shop.subscription(done.subscription_id)]
    assert period.period_start is not None and period.period_end is not None
    await played.advance(timedelta(days=(period.period_end - period.period_start).days // 2))
    return done.subscription_id, done.customer_id


def _refunded(played: Stage, before: int) -> list[int]:
    return [each.amount.amount_minor for each in played.shop.cards.refunded[before:]]


async def test_the_api_refunds_a_reduction_and_its_preview_says_the_very_sum(played: Stage) -> None:
    one, _ = await _half_used(played, "apio")
    me, before = await caller_of(played), len(played.shop.cards.refunded)
    body = {"quantities": {"seats": "0"}, "credit": "refund"}
    seen = await me.done("POST", f"/subscriptions/{one}/change/preview", body)
    done = await me.done(
        "POST",
        f"/subscriptions/{one}/change",
        {**body, "at": seen["effective_at"], "expect_total": seen["total"]["amount"]},
    )
    assert done["refunded"] == seen["refunded"] == done["credited"]
    await played.work()
    assert _refunded(played, before) == [done["refunded"]["amount"]]
    assert done["refunded"]["amount"] > 1_000
    refused = await me.send(
        "POST", f"/subscriptions/{one}/change", {"plan": "apio-small", "credit": "refund", "proration": "next_invoice"}
    )
    assert (refused.status_code, refused.json()["code"], refused.json()["param"]) == (422, "refund_not_now", "credit")
    unknown = await me.send("POST", f"/subscriptions/{one}/change", {"plan": "apio-small", "credit": "none"})
    assert unknown.status_code == 422
    ended = await me.done("POST", f"/subscriptions/{one}/cancel/preview", {"at": "now", "credit": "refund"})
    assert ended["refunded"]["amount"] == ended["credited"]["amount"] > 0
    paused = await me.done("POST", f"/subscriptions/{one}/pause", {"credit": "none"})
    assert (paused["credited"]["amount"], paused["refunded"]["amount"]) == (0, 0)


async def test_a_pause_at_the_end_gives_nothing_back(played: Stage) -> None:
    one, _ = await _half_used(played, "paz")
    me = await caller_of(played)
    refused = await me.send("POST", f"/subscriptions/{one}/pause", {"at": "period_end", "credit": "refund"})
    assert (refused.status_code, refused.json()["param"]) == (422, "credit")


async def test_an_operator_changes_a_subscription_for_the_sum_that_he_saw(played: Stage) -> None:
    one, _ = await _half_used(played, "opal")
    owner, before = await signed_in(played), len(played.shop.cards.refunded)
    page = await owner.see(f"/console/subscriptions/{one}")
    seen = await owner.press(page, "/change/preview", plan="opal-small", credit="refund", timing="", proration="")
    assert EN["changes.refunded"] in seen.text
    stale = await owner.press(seen.text, "/change", total="1")
    assert stale.status_code == 409
    done = await owner.press(seen.text, "/change")
    assert done.status_code == 200
    await played.work()
    (back,) = _refunded(played, before)
    assert f"{back / 100:.2f}" in seen.text
    assert (await played.shop.subscription(one)).mrr_minor == 4_000
    odd = await owner.press(page, "/change/preview", credit="gift")
    assert odd.status_code == 422


async def test_an_operator_says_what_an_end_now_gives_back(played: Stage) -> None:
    one, _ = await _half_used(played, "omar")
    owner, before = await signed_in(played), len(played.shop.cards.refunded)
    page = await owner.see(f"/console/subscriptions/{one}")
    forms = [form for form in re.findall(r"<form.*?</form>", page, re.S) if 'name="now"' in form]
    assert len(forms) == 1 and all(f'value="{one}"' in forms[0] for one in ("none", "credit", "refund"))
    token = re.search(r'name="form_token" value="([^"]+)"', forms[0])
    assert token is not None
    fields = {"form_token": token[1], "now": "yes", "credit": "refund"}
    answer = await owner.http.post(f"/console/subscriptions/{one}/cancel", data=fields, follow_redirects=True)
    assert EN["state.canceled"] in answer.text
    await played.work()
    assert len(_refunded(played, before)) == 1


async def _person(played: Stage, customer_id: str) -> tuple[Visitor, str]:
    return await let_in(played, await make_link(played.context, customer_id)), f"/portal/{played.org.public_id}"


@pytest.mark.parametrize("wanted", ["credit", "refund"])
async def test_a_customer_chooses_where_the_rest_of_a_change_goes(played: Stage, wanted: str) -> None:
    one, customer_id = await _half_used(played, f"cleo{wanted}")
    (person, home), before = await _person(played, customer_id), len(played.shop.cards.refunded)
    shown = await person.see(f"{home}/subscriptions/{one}/change?preview=yes&plan=cleo{wanted}-small&quantity_seats=10")
    assert EN["portal.keep_credit"] in shown
    assert (await person.press(shown, "/change", credit=wanted)).url.path == f"{home}/account"
    await played.work()
    assert len(_refunded(played, before)) == (1 if wanted == "refund" else 0)
    for total in _refunded(played, before):
        assert f"{total / 100:.2f}" in shown


@pytest.mark.parametrize("wanted", ["credit", "refund"])
async def test_a_customer_ends_now_and_chooses_where_the_rest_goes(played: Stage, wanted: str) -> None:
    one, customer_id = await _half_used(played, f"enzo{wanted}")
    (person, home), before = await _person(played, customer_id), len(played.shop.cards.refunded)
    assert f"/subscriptions/{one}/end" in await person.see(f"{home}/account")
    shown = await person.see(f"{home}/subscriptions/{one}/end")
    assert EN["portal.keep_credit"] in shown
    assert (await person.press(shown, "/end", credit="everything")).status_code == 422
    assert (await person.press(shown, "/end", credit=wanted)).url.path == f"{home}/account"
    await played.work()
    assert (await played.shop.subscription(one)).status == "canceled"
    assert len(_refunded(played, before)) == (1 if wanted == "refund" else 0)


async def test_where_the_seller_decides_a_customer_is_not_asked(played: Stage) -> None:
    one, customer_id = await _half_used(played, "fritz", chooses=False)
    person, home = await _person(played, customer_id)
    shown = await person.see(f"{home}/subscriptions/{one}/change?preview=yes&plan=fritz-small&quantity_seats=10")
    assert EN["portal.keep_credit"] not in shown and EN["portal.kept_then"] in shown
    forced = await person.press(shown, "/change", credit="refund")
    assert forced.status_code == 403
    assert f"/subscriptions/{one}/end" not in await person.see(f"{home}/account")
    assert (await person.http.get(f"{home}/subscriptions/{one}/end")).status_code == 403


@pytest.mark.parametrize(("field", "said"), [("credit", "refund"), ("credit", "credit"), ("void_open", True)])
async def test_an_end_at_the_end_of_the_period_gives_nothing_back_and_says_so(
    played: Stage, field: str, said: object
) -> None:
    one, _ = await _half_used(played, f"nina{field}{said}".lower().replace("_", ""))
    me = await caller_of(played)
    for path in ("cancel", "cancel/preview"):
        refused = await me.send("POST", f"/subscriptions/{one}/{path}", {"at": "period_end", field: said})
        problem = refused.json()
        assert (refused.status_code, problem["code"], problem["param"]) == (422, "nothing_to_give_back", field)
    stands = await played.shop.subscription(one)
    assert (stands.status, stands.cancel_at_period_end) == ("active", False)
    done = await me.done("POST", f"/subscriptions/{one}/cancel", {"credit": "none"})
    assert (done["cancel_at_period_end"], done["credited"]["amount"]) == (True, 0)


async def test_pages_refuse_what_an_end_at_the_end_of_the_period_does_not_give_back(played: Stage) -> None:
    one, customer_id = await _half_used(played, "nora")
    owner = await signed_in(played)
    page = await owner.see(f"/console/subscriptions/{one}")
    refused = await owner.press(page, f"/{one}/cancel", credit="refund")
    assert refused.status_code == 422
    (person, home) = await _person(played, customer_id)
    shown = await person.see(f"{home}/account")
    assert (await person.press(shown, f"/{one}/cancel", credit="refund")).status_code == 422
    assert (await played.shop.subscription(one)).cancel_at_period_end is False
