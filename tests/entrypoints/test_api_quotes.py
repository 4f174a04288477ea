"""Quotes over real HTTP: offered, shown, listed, answered once; and the customer's page, which needs neither account nor script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.entrypoints.test_api_billing import Caller, caller, shop
from tests.support.runtime import World, world


@pytest.fixture(scope="module")
async def product(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    home: Path = tmp_path_factory.mktemp("home")
    async with world(shared_dsn, home, sandbox=True) as one:
        yield one


async def offered(me: Caller, who: str = "u1", **more: Any) -> dict[str, Any]:
    body = {"customer": {"external_id": who, "name": "Ana"}, "plan": "max", "currency": "eur", **more}
    return await me.done("POST", "/quotes", body)


async def answered(one: dict[str, Any], **fields: str) -> httpx2.Response:
    """What the customer's page says after a button of it."""
    address, _, token = one["url"].partition("?token=")
    async with httpx2.AsyncClient(trust_env=False, follow_redirects=True, timeout=30) as person:
        return await person.post(address, data={"token": token, **fields})


async def seen(one: dict[str, Any]) -> str:
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as person:
        answer = await person.get(one["url"])
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_quote_is_offered_shown_listed_and_approved_once(product: World) -> None:
    me = await shop(product)
    await me.done("POST", "/coupons", {"code": "TEN", "percent": "10"})
    one = await offered(me, coupon="TEN", valid_days=10)
    assert (one["state"], one["subscription_status"], one["trial_days"]) == ("open", "draft", 0)
    assert (one["total"]["amount"], one["discount"]["amount"], len(one["lines"])) == (8_100, 900, 1)
    assert (await me.get("/invoices"))["data"] == [], "nothing is billed before"
    await offered(me, "u2")
    listed = await me.get("/quotes", customer="u1")
    assert [row["id"] for row in listed["data"]] == [one["id"]]
    first = await me.get("/quotes", limit=1)
    second = await me.get("/quotes", limit=1, cursor=first["next_cursor"])
    assert [row["customer"] for row in (*first["data"], *second["data"])] != [one["customer"]] * 2
    done = await me.done("POST", f"/quotes/{one['id']}/approve")
    assert (done["state"], done["subscription_status"]) == ("approved", "incomplete")
    invoice = await me.get(f"/invoices/{done['invoice']}")
    assert invoice["total"] == one["total"], "what was offered is what is billed"
    for again in ("approve", "reject"):
        refused = await me.send("POST", f"/quotes/{one['id']}/{again}", {} if again == "reject" else None)
        assert (refused.status_code, refused.json()["code"]) == (409, "illegal_transition")
    assert [row["state"] for row in (await me.get("/quotes", state="approved"))["data"]] == ["approved"]
    told = [row["type"] for row in (await me.get(f"/objects/{one['id']}/events"))["data"]]
    assert told == ["quote.sent", "quote.approved", "subscription.created"]


async def test_the_customer_accepts_on_a_page_and_is_led_to_the_payment(product: World) -> None:
    me = await shop(product)
    one = await offered(me)
    page = await seen(one)
    assert "€90.00" in page and "Accept this offer" in page
    paying = await answered(one, answer="accept")
    assert paying.status_code == 200 and "/pay?token=" in str(paying.url), "without signing in"
    assert (await me.get(f"/subscriptions/{one['id']}"))["status"] == "incomplete"
    assert "You have accepted this offer" in await seen(one)
    again = await answered(one, answer="accept")
    assert again.status_code == 409


async def test_an_offered_trial_begins_when_it_is_accepted(product: World) -> None:
    me = await shop(product)
    one = await offered(me, plan="pro", trial_days=30)
    assert (one["trial_days"], one["total"]["amount"]) == (30, 3_100)
    assert "after 30 days of trial" in await seen(one)
    assert (await answered(one, answer="accept")).status_code == 200
    assert (await me.get(f"/subscriptions/{one['id']}"))["status"] == "trialing"
    once_more = await offered(me, plan="pro", trial_days=30)
    refused = await me.send("POST", f"/quotes/{once_more['id']}/approve")
    assert (refused.status_code, (await me.get(f"/quotes/{once_more['id']}"))["state"]) == (409, "open")
    by_favour = await offered(me, plan="pro", trial_days=30, second_trial_reason="asked nicely")
    assert (await me.done("POST", f"/quotes/{by_favour['id']}/approve"))["subscription_status"] == "trialing"


async def test_the_customer_declines_and_says_why(product: World) -> None:
    me = await shop(product)
    one = await offered(me)
    assert "no longer open" in (await answered(one, answer="decline", reason="Too dear")).text
    shown = await me.get(f"/quotes/{one['id']}")
    assert (shown["state"], shown["reason"], shown["lapses_at"]) == ("rejected", "Too dear", None)
    assert (await answered(one, answer="perhaps")).status_code == 422


async def test_a_plan_that_changed_or_ended_meanwhile_changes_nothing_of_an_offer(product: World) -> None:
    me = await shop(product)
    one = await offered(me)
    dearer = [{"key": "base", "currency": "eur", "model": {"type": "flat", "amount_minor": 12_000}}]
    await me.done("POST", "/plans", {"key": "max", "product": "studio", "name": "Max", "prices": dearer})
    await me.done("POST", "/plans/max/archive")
    assert (await me.get(f"/quotes/{one['id']}"))["total"]["amount"] == 9_000
    done = await me.done("POST", f"/quotes/{one['id']}/approve")
    assert (await me.get(f"/invoices/{done['invoice']}"))["total"]["amount"] == 9_000


async def test_what_cannot_be_offered_is_refused_and_a_link_opens_one_quote_alone(product: World) -> None:
    me = await shop(product)
    for wrong in (
        {"valid_days": 0},
        {"valid_days": 400},
        {"currency": "usd"},
        {"coupon": "NONE"},
        {"quantities": {"x": "1"}},
    ):
        body = {"customer": {"external_id": "u9"}, "plan": "max", "currency": "eur", **wrong}
        assert (await me.send("POST", "/quotes", body)).status_code in (404, 422)
    assert (await me.get("/quotes"))["data"] == []
    assert (await me.send("GET", "/quotes?state=lost")).status_code == 422
    one, other = await offered(me), await offered(me, "u2")
    forged = {"url": one["url"][:-4] + "AAAA"}
    assert (await answered(forged, answer="accept")).status_code in (401, 403, 422)
    fresh = await me.done("POST", f"/quotes/{other['id']}/link")
    assert fresh["url"] != one["url"] and "Accept" in await seen(fresh)
    body = {"customer": {"external_id": "u3"}, "plan": "max", "currency": "eur"}
    sub = await me.done("POST", "/subscriptions", body)
    for path in ("", "/approve", "/reject", "/link"):
        sent = await me.send("POST" if path else "GET", f"/quotes/{sub['id']}{path}", {} if path == "/reject" else None)
        assert sent.status_code == 404, "a subscription that was no quote"
    reader = await caller(product, me.org, "read")
    assert (await reader.send("POST", f"/quotes/{other['id']}/approve")).status_code == 403
