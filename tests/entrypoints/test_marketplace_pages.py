"""The marketplace by hand: split rules with every cent explained, credits given their owner, movements, payout schedules."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from cauce.entrypoints.web.texts import catalogue
from cauce.flows.marketplace import reconcile
from cauce.gateway.capabilities import Can
from cauce.gateway.outcome import Declined, Refusal
from cauce.gateway.reporting import LineKind, StatementLine
from cauce.kernel.money import Money
from cauce.marketplace.settlement import funding, suspense
from cauce.marketplace.settlement import store as settlement
from cauce.marketplace.splits import store as splits
from cauce.marketplace.splits.scenarios import scenarios
from cauce.reports import orders as report
from cauce.storage.directory.people import Role
from tests.entrypoints.stage import BEGIN, Stage
from tests.entrypoints.visitor import Visitor, signed_in
from tests.flows.marketplace.bank import OWNED, POOLED
from tests.flows.marketplace.market import COMMISSION

EN = catalogue("en")
SECOND = "second@example.com"

RULE: dict[str, Any] = {
    "name": "thirds <b>",
    "currency": "brl",
    "parts": [
        {"to": "fee", "kind": "percent", "value": "0.333333"},
        {"to": "party:courier", "kind": "fixed", "value": 250},
        {"to": "party:seller", "kind": "remainder"},
    ],
}


@pytest.fixture
async def funded(played: Stage) -> AsyncIterator[Stage]:
    """The scheme's holder can move the platform's own money too, and has a credit that nobody knows the owner of."""
    bank = played.market.banks["ch_scheme"]
    bank.capabilities = replace(POOLED, can=POOLED.can | {Can.FUNDS})
    yield played
    bank.capabilities = POOLED


async def _versions(one: Stage) -> list[Any]:
    async with one.context.transaction() as tx:
        return [row for row in await splits.list_rules(tx) if row["name"] != "commission"]


async def test_a_rule_is_explained_drafted_and_activated_by_a_second_person(played: Stage) -> None:
    owner, second = await signed_in(played), await signed_in(played, SECOND, Role.FINANCE)
    page = await owner.see("/console/split_rules/new")
    typed = {"document": json.dumps(RULE), "amount": "10,01", "parties": "courier"}
    seen = await owner.press(page, "/console/split_rules/try", do="explain", **typed)
    assert seen.status_code == 200
    assert "thirds &lt;b&gt;" in seen.text
    for cents in ("R$3.34", "R$2.50", "R$4.17", "R$10.01"):  # a third rounded, the courier, the rest, all of it
        assert cents in seen.text, cents
    assert "333666333/100000" in seen.text or "333.666" in seen.text or "333666" in seen.text
    assert await _versions(played) == [], "explaining keeps nothing"
    drafted = await owner.press(seen.text, "/console/split_rules/try", do="draft")
    (draft,) = await _versions(played)
    assert (draft["state"], draft["created_by"]) == ("draft", "person:ana@example.com")
    path = f"/console/split_rules/{draft['id']}"
    assert "/versions/1/activate" not in drafted.text, "who drafted it does not activate it"
    token = re.findall(r'form_token" value="(\w+)"', drafted.text)[0]
    forced = await owner.http.post(f"{path}/versions/1/activate", data={"form_token": token})
    assert forced.status_code == 403
    active = await second.press(await second.see(path), f"{path}/versions/1/activate")
    assert EN["state.active"] in active.text
    edit = await owner.see(f"{path}/edit")
    changed = json.dumps({**RULE, "name": "halves"})
    await owner.press(edit, "/console/split_rules/try", do="draft", document=changed, amount="10", parties="courier")
    assert [(row["version"], row["state"]) for row in await _versions(played)] == [(2, "draft"), (1, "active")]
    shown = await owner.see(f"{path}?version=1&amount=10.01&parties=courier&simulate=yes")
    assert "R$4.17" in shown
    assert EN["split_rules.simulated"] in shown
    assert "halves" in await owner.see("/console/split_rules")


async def test_a_refused_subsidy_is_asked_for_again_from_the_orders_page(played: Stage) -> None:
    market, bank = played.market, played.market.banks["ch_wallet"]
    bank.capabilities = replace(OWNED, can=OWNED.can | {Can.SUBSIDISES_ORDERS})
    try:
        rule = await market.rule({**COMMISSION, "name": "subsidised", "subsidy_max": 500})
        bank.decline["subsidise_order"] = Declined("NOT_ENOUGH", Refusal.INSUFFICIENT_FUNDS, "the account is empty")
        order = market.order("S-1", "ch_wallet", [(next(iter(market.sellers)), 9_000, 0)], rule_id=rule)
        (line,) = order.lines
        (taken,) = await market.take(replace(order, lines=(replace(line, subsidy_minor=500),)))
        owner = await signed_in(played)
        path = f"/console/orders/{taken.order_id}"
        page = await owner.see(path)
        assert EN["waterfall.subsidy"] in page and "the account is empty" in page and f"{path}/subsidy/drop" in page
        await owner.press(page, f"{path}/subsidy/retry")
        await market.work()
        page = await owner.see(path)
        assert EN["funding.order_subsidy"] in page and f"{path}/subsidy/retry" not in page
        assert await market.differences() == []
    finally:
        bank.capabilities = OWNED


async def test_lines_are_refunded_from_the_orders_page(played: Stage) -> None:
    market = played.market
    first, second = list(market.sellers)[:2]
    (taken,) = await market.take(market.order("L-1", "ch_wallet", [(first, 9_000, 0), (second, 4_000, 0)]))
    owner, path = await signed_in(played), f"/console/orders/{taken.order_id}"
    page = await owner.see(path)
    for wrong in ("nine", "9", "2, 2", "2=0", "2=40.01"):
        answer = await owner.press(page, f"{path}/refund", lines=wrong, reason="broken")
        assert answer.status_code in (409, 422), wrong
    await owner.press(page, f"{path}/refund", lines="1=10.50, 2", reason="broken")
    await market.work()
    async with market.context.transaction() as tx:
        rows = await report.refund_lines(tx, taken.order_id)
    assert {row["line"]: row["amount_minor"] for row in rows} == {1: 1_050, 2: 4_000}
    assert {row["state"] for row in rows} == {"succeeded"}
    assert await market.differences() == []


async def test_a_mistake_in_a_rule_comes_back_with_the_document(played: Stage) -> None:
    owner = await signed_in(played)
    page, before = await owner.see("/console/split_rules/new?scenario=takeaway"), await _versions(played)
    assert "courier" in page
    good = json.dumps(RULE)
    for typed in (
        {"document": "{"},
        {"document": "[]"},
        {"document": json.dumps({**RULE, "parts": []})},
        {"document": good.replace('"0.333333"', "0.333333")},
        {"document": json.dumps({**RULE, "currency": "xyz"})},
        {"document": good, "amount": "0"},
        {"document": good, "lines": "4 5"},
        {"document": good, "parties": "nobody"},
    ):
        answer = await owner.press(page, "/console/split_rules/try", **{"do": "draft", "amount": "10", **typed})
        assert answer.status_code == 422, typed
        assert 'role="alert"' in answer.text
    assert await _versions(played) == before
    assert (await owner.http.get("/console/split_rules/spr_none")).status_code == 404
    assert (await owner.http.get("/console/split_rules/new?scenario=none")).status_code == 404
    offered, listed = scenarios(), await owner.see("/console/split_rules")
    for scenario in offered:
        assert f'<option value="{scenario}"' in listed
        assert "parts" in await owner.see(f"/console/split_rules/new?scenario={scenario}")


async def _stray(one: Stage) -> str:
    bank = one.market.banks["ch_scheme"]
    bank.available["suspense"] = bank.available.get("suspense", 0) + 500
    line = StatementLine("s-stray", LineKind.OTHER, Money(500, "brl"), BEGIN, ref="bank-77")

    async def lines() -> AsyncIterator[StatementLine]:
        yield line

    await reconcile.take_statement(one.context, "ch_scheme", "bank", BEGIN.date(), lines())
    await reconcile.reconcile(one.context, "ch_scheme", BEGIN.date(), BEGIN.date())
    async with one.context.transaction() as tx:
        (item,) = [row for row in await suspense.page(tx) if row["ref"] == "bank-77"]
    return str(item["id"])


async def _approved(person: Visitor, page: str) -> None:
    (path,) = re.findall(r'action="(/console/fundings/\w+/approve)"', page)
    assert (await person.press(page, path)).status_code == 200


async def test_a_credit_gets_its_owner_by_two_persons(funded: Stage) -> None:
    item = await _stray(funded)
    owner, second = await signed_in(funded), await signed_in(funded, SECOND, Role.FINANCE)
    page = await owner.see("/console/suspense")
    assert "bank-77" in page
    merchant, path = funded.market.sellers["ana"], f"/console/suspense/{item}/give"
    for bad in ({"merchant": merchant, "amount": "6"}, {"merchant": "mer_none"}, {"merchant": merchant, "amount": "x"}):
        assert (await owner.press(page, path, **bad)).status_code in (404, 409, 422), bad
    asked = await owner.press(page, path, merchant=merchant, amount="3,00")
    assert EN["funding.assign_suspense"] in asked.text
    assert "/approve" not in asked.text, "who asked does not approve"
    assert EN["suspense.waits"] in await owner.see("/console/suspense")
    await _approved(second, await second.see("/console/fundings?kind=assign_suspense"))
    await funded.work()
    async with funded.context.transaction() as tx:
        left = [row["amount_minor"] - row["assigned_minor"] for row in await suspense.page(tx) if row["id"] == item]
    assert left == [200]
    page = await owner.see("/console/suspense")
    assert "R$2.00" in page
    await owner.press(page, path, merchant="")
    await _approved(second, await second.see("/console/fundings"))
    await funded.work()
    assert "bank-77" not in await owner.see("/console/suspense")
    assert "bank-77" in await owner.see("/console/suspense?view=all")


async def test_a_subsidy_waits_for_a_second_person_and_what_a_channel_cannot_do_is_refused(funded: Stage) -> None:
    owner, second = await signed_in(funded), await signed_in(funded, SECOND, Role.FINANCE)
    page = await owner.see("/console/fundings")
    typed = {"kind": "subsidy", "channel": "ch_scheme", "amount": "12.34", "currency": "brl"}
    for bad in (
        {"amount": "0"}, {"currency": "xyz"}, {"kind": "assign_suspense"}, {"kind": "gift"}, {"channel": "ch_wallet"}, {"kind": "top_up"},
    ):  # fmt: skip
        assert (await owner.press(page, "/console/fundings", **{**typed, **bad})).status_code in (409, 422), bad
    asked = await owner.press(page, "/console/fundings", **typed)
    assert "R$12.34" in asked.text
    await _approved(second, await second.see("/console/fundings?kind=subsidy"))
    await funded.work()
    async with funded.context.transaction() as tx:
        (row,) = await funding.page(tx, kind="subsidy")
    assert (row["state"], row["approved_by"]) == ("paid", f"person:{SECOND}")
    support = await signed_in(funded, "support@example.com", Role.SUPPORT)
    token = re.findall(r'form_token" value="(\w+)"', await support.see("/console/fundings"))[0]
    for path in ("/console/fundings", "/console/payout_schedules", "/console/split_rules/try"):
        assert (await support.http.post(path, data={**typed, "form_token": token})).status_code == 403


async def test_a_schedule_is_made_and_given_to_one_merchant(played: Stage) -> None:
    owner = await signed_in(played)
    page = await owner.see("/console/payout_schedules")
    typed = {
        "name": "Twice a month", "interval": "monthly", "month_days": "1, 15", "delay_days": "3", "business_days": "yes",
        "cutoff": "18:30", "timezone": "America/Sao_Paulo", "currency": "brl", "minimum_amount": "10", "approval_over": "5000,50",
    }  # fmt: skip
    for bad in (
        {"name": ""}, {"month_days": ""}, {"month_days": "32"}, {"interval": "hourly"}, {"timezone": "Mars/Base"}, {"cutoff": "late"},
        {"currency": ""}, {"minimum_amount": "-1"}, {"delay_days": "-1"}, {"interval": "weekly", "weekdays": "7"},
    ):  # fmt: skip
        answer = await owner.press(page, "/console/payout_schedules", **{**typed, **bad})
        assert answer.status_code == 422, bad
    made = await owner.press(page, "/console/payout_schedules", **typed)
    assert "Twice a month" in made.text
    async with played.context.transaction() as tx:
        (row,) = [one for one in await settlement.schedules(tx) if one["name"] == "Twice a month"]
    assert row["content"] == {
        "interval": "monthly", "month_days": [1, 15], "delay_days": 3, "business_days": True, "cutoff": "18:30",
        "timezone": "America/Sao_Paulo", "minimum_amount": 1_000, "approval_over": 500_050,
    }  # fmt: skip
    merchant = played.market.sellers["bia"]
    give = {"merchant": merchant, "channel": "ch_scheme", "currency": "brl", "schedule": row["id"]}
    assert (
        await owner.press(made.text, "/console/payout_schedules/give", **{**give, "schedule": "pos_none"})
    ).status_code == 404
    assert (
        await owner.press(made.text, "/console/payout_schedules/give", **{**give, "merchant": "mer_none"})
    ).status_code == 404
    await owner.press(made.text, "/console/payout_schedules/give", **give)
    async with played.context.transaction() as tx:
        standing = await tx.value(
            "SELECT schedule_id FROM settlement.standing WHERE org_id = $1 AND merchant_id = $2 AND channel_id = 'ch_scheme'", tx.org, merchant
        )  # fmt: skip
    assert standing == row["id"]
