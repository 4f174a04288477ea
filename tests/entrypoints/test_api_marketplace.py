"""The marketplace half over real HTTP, at the card provider's simulator: sellers, rules, orders, refunds, payouts, breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cauce.kernel.ids import new_id
from cauce.marketplace.reconciliation import service as reconciliation
from cauce.marketplace.reconciliation.rules import BreakType, NewBreak
from cauce.storage.directory import keys
from cauce.storage.directory.orgs import Org
from tests.support.runtime import World, world

RULE = {
    "name": "commission",
    "currency": "eur",
    "base": "lines",
    "parts": [
        {"to": "fee", "kind": "percent", "value": "0.12"},
        {"to": "party:seller", "kind": "remainder"},
    ],
}
PLACED = "2026-01-15T08:00:00Z"


@pytest.fixture(scope="module")
async def product(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    home: Path = tmp_path_factory.mktemp("home")
    async with world(shared_dsn, home, sandbox=True) as one:
        yield one


class Person:
    """One key of an organization: who asks, and who approves, are two."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.client.get(f"/v1{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def send(self, path: str, body: Any = None, *, method: str = "POST") -> httpx2.Response:
        key = {"Idempotency-Key": new_id("key")}
        return await self.client.request(method, f"/v1{path}", json=body, headers=key)

    async def done(self, path: str, body: Any = None, *, method: str = "POST") -> Any:
        answer = await self.send(path, body, method=method)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def refused(self, path: str, body: Any = None) -> tuple[int, str]:
        answer = await self.send(path, body)
        return answer.status_code, answer.json()["code"]


@dataclass(frozen=True, slots=True)
class Market:
    """An organization with a channel, two sellers and an active rule."""

    org: Org
    channel: str
    rule: str
    maker: Person
    checker: Person
    currency: str = "eur"

    def order(self, number: str, *lines: tuple[str, int, int], paid: bool = True, **more: Any) -> dict[str, Any]:
        total = sum(price + freight for _, price, freight in lines)
        payments = [{"amount": total, "ref": f"pi_{number}", "paid_at": PLACED}] if paid else []
        return {
            "external_id": number,
            "channel": self.channel,
            "currency": self.currency,
            "lines": [{"seller": seller, "price": price, "freight": freight} for seller, price, freight in lines],
            "split_rule": self.rule,
            "placed_at": PLACED,
            "payments": payments,
            **more,
        }


async def person(product: World, org: Org, *scopes: str) -> Person:
    async with product.runtime.db.transaction() as tx:
        _, secret = await keys.create_key(tx, org.id, org.mode, "test", frozenset(scopes or {"admin"}))
    headers = {"Authorization": f"Bearer {secret}"}
    return Person(httpx2.AsyncClient(base_url=product.url, headers=headers, trust_env=False, timeout=30))


async def market(product: World, provider: str = "stripe", currency: str = "eur", country: str = "ES") -> Market:
    org = await product.sandbox_org()
    channel = await product.channel(org, provider)
    maker, checker = await person(product, org), await person(product, org)
    for name in ("ana", "bo"):
        seller = await maker.done("/merchants", {"name": name.capitalize(), "external_id": name})
        ref = await product.control(org).merchant(provider, name=name, country=country, currency=currency)
        account = {"channel": channel, "ref": ref, "agreement": f"agreement-{name}"}
        await maker.done(f"/merchants/{seller['id']}/accounts", account)
    rule = await maker.done("/split_rules", {"rule": {**RULE, "currency": currency}})
    assert (await maker.refused(f"/split_rules/{rule['id']}/versions/1/activate"))[1] == "rule_needs_second_person"
    await checker.done(f"/split_rules/{rule['id']}/versions/1/activate")
    return Market(org, channel, rule["id"], maker, checker, currency)


async def test_a_rule_is_previewed_to_the_cent(product: World) -> None:
    one = await market(product)
    found = await one.maker.done(f"/split_rules/{one.rule}/preview", {"amount": 1005, "lines": [1005]})
    assert [(part["to"], part["exact"], part["amount"]["amount"]) for part in found["parts"]] == [
        ("fee", "603/5", 121),
        ("party:seller", "4422/5", 884),
    ]
    bad = {**RULE, "parts": [{"to": "fee", "kind": "percent", "value": 0.12}]}
    assert (await one.maker.send("/split_rules", {"rule": bad})).status_code == 422


async def test_a_subsidy_is_stated_with_its_line_shown_with_the_order_and_refused_where_it_cannot_be(
    product: World,
) -> None:
    one = await market(product, "wechat", currency="cny", country="CN")
    rule = await one.maker.done("/split_rules", {"rule": {**RULE, "currency": "cny", "subsidy_max": 500}})
    await one.checker.done(f"/split_rules/{rule['id']}/versions/1/activate")
    body = {**one.order("s1", ("ana", 10_000, 0), paid=False), "split_rule": rule["id"]}
    body["lines"][0]["subsidy"] = 501
    assert await one.maker.refused("/orders", body) == (422, "subsidy_above_rule")
    body["lines"][0]["subsidy"] = 500
    path = f"/orders/{(await one.maker.done('/orders', body))['id']}"
    shown = await one.maker.get(path)
    assert shown["lines"][0]["subsidy"] == {"amount": 500, "currency": "cny"}
    assert (shown["collections"][0]["subsidy_planned"]["amount"], shown["subsidies"]) == (500, [])
    for verb in ("retry", "drop"):
        assert await one.maker.refused(f"{path}/subsidy/{verb}") == (409, "subsidy_not_open")
    cards = await market(product)
    rule = await cards.maker.done("/split_rules", {"rule": {**RULE, "subsidy_max": 500}})
    await cards.checker.done(f"/split_rules/{rule['id']}/versions/1/activate")
    body = {**cards.order("s1", ("ana", 10_000, 0), paid=False), "split_rule": rule["id"]}
    body["lines"][0]["subsidy"] = 500
    assert (await cards.maker.refused("/orders", body))[1] == "capability_missing"


async def test_what_a_rule_kept_is_divided_later_once_and_only_among_the_orders_own(product: World) -> None:
    one = await market(product)
    parts = [*RULE["parts"][:1], {"kind": "kept", "value": "0.20"}, *RULE["parts"][1:]]
    rule = await one.maker.done("/split_rules", {"rule": {**RULE, "name": "keeps", "parts": parts}})
    await one.checker.done(f"/split_rules/{rule['id']}/versions/1/activate")
    body = {**one.order("o1", ("ana", 10_000, 0)), "split_rule": rule["id"]}
    path = f"/orders/{(await one.maker.done('/orders', body))['id']}"
    before = await one.maker.get(path)
    ana = next(part["party"] for part in before["parts"] if part["merchant"])
    assert {party["party"] for party in before["parties"]} == {"fee", ana}
    bo = (await one.maker.done("/merchants", {"name": "Bo", "external_id": "bo"}))["id"]
    assert await one.maker.refused(f"{path}/kept_splits", {"parts": {bo: 5}}) == (409, "party_not_declared")
    assert await one.maker.refused(f"{path}/kept_splits", {"parts": {"party:seller": 2_001}}) == (409, "not_kept")
    assert (await one.maker.refused(f"{path}/kept_splits", {"parts": {"party:seller": 0}}))[0] == 422
    assert (await one.maker.refused(f"{path}/kept_splits", {"parts": {"party:seller": 1}, "amount": 5}))[0] == 422
    asked = {"parts": {"party:seller": 500}, "kept": 2_000, "reason": "accepted"}
    key = {"Idempotency-Key": new_id("key")}
    answers = [await one.maker.client.post(f"/v1{path}/kept_splits", json=asked, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json(), "the same request twice has its effect once"
    assert await one.maker.refused(f"{path}/kept_splits", asked) == (409, "kept_changed")
    found = await one.maker.get(path)
    kept = [part["amount"]["amount"] for part in found["parts"] if part["party"] == "kept"]
    assert (kept, [(row["role"], row["reason"]) for row in found["kept_parts"]]) == (
        [1_500],
        [("party:seller", "accepted")],
    )


async def test_a_merchant_is_one_by_his_number_and_shows_where_his_money_lies(product: World) -> None:
    one = await market(product)
    again = await one.maker.done("/merchants", {"name": "Ana", "external_id": "ana"})
    assert [account["state"] for account in again["accounts"]] == ["active"]
    assert len((await one.maker.get("/merchants"))["data"]) == 2
    await one.maker.done("/orders", one.order("o1", ("ana", 10_000, 500)))
    (balance,) = (await one.maker.get(f"/merchants/{again['id']}/balances"))["data"]
    assert balance["escrow"] == {"amount": 9_300, "currency": "eur"}
    assert (await one.maker.refused("/merchants", {"name": " "}))[0] == 422


async def test_an_order_shows_who_gets_what_of_it(product: World) -> None:
    one = await market(product)
    taken = await one.maker.done("/orders", one.order("o1", ("ana", 10_000, 500), ("bo", 2_000, 0)))
    assert (taken["object"], taken["status"]) == ("order_result", "created")
    order = await one.maker.get(f"/orders/{taken['id']}")
    assert (order["state"], order["total"]) == ("paid", {"amount": 12_500, "currency": "eur"})
    parts = {(part["party"] == "fee", part["merchant"]): part["amount"]["amount"] for part in order["parts"]}
    assert sum(parts.values()) == 12_500
    listed = (await one.maker.get("/orders", external_id="o1"))["data"]
    assert [found["id"] for found in listed] == [taken["id"]]
    delivered = await one.maker.done("/deliveries", {"deliveries": [{"order": taken["id"]}]})
    assert delivered["orders"] == [taken["id"]]
    assert (await one.maker.get(f"/orders/{taken['id']}"))["state"] == "releasing"
    assert (await one.maker.refused(f"/orders/{taken['id']}/release"))[1] == "order_not_releasable"


async def test_a_bulk_request_answers_for_each_order_and_repeats_without_harm(product: World) -> None:
    one = await market(product)
    good = [one.order(f"b{n}", ("ana", 1_000 + n, 0)) for n in range(20)]
    body = {
        "orders": [
            *good,
            one.order("stranger", ("nobody", 100, 0)),
            {**one.order("nowhere", ("ana", 100, 0)), "channel": "ch_none"},
            {**one.order("ruleless", ("ana", 100, 0)), "split_rule": "spr_none"},
            one.order("b0", ("ana", 700, 0)),
        ]
    }
    first = (await one.maker.done("/orders/bulk", body))["data"]
    assert [row["status"] for row in first[:20]] == ["created"] * 20
    codes = [row["error"]["code"] for row in first[20:]]
    assert codes == ["merchant_not_payable", "not_found", "unknown_split_rule", "order_malformed"]
    again = (await one.maker.done("/orders/bulk", {"orders": good}))["data"]
    assert [(row["status"], row["id"]) for row in again] == [("known", row["id"]) for row in first[:20]]
    other = (await one.maker.done("/orders/bulk", {"orders": [one.order("b0", ("ana", 700, 0))]}))["data"][0]
    assert other["error"]["code"] == "order_number_taken"


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"lines": [{"seller": "ana", "price": 10.5}]}, "lines"),
        ({"lines": []}, "lines"),
        ({"currency": "EUR"}, "currency"),
        ({"surprise": 1}, None),
        ({"placed_at": "2026-01-15T08:00:00"}, "placed_at"),
    ],
)
async def test_a_malformed_order_is_refused_with_its_place(product: World, wrong: dict[str, Any], param: str) -> None:
    one = await market(product)
    refused = await one.maker.send("/orders", {**one.order("o1", ("ana", 100, 0)), **wrong})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request"), refused.text
    assert (refused.json().get("param") or "").startswith(param or "")


async def test_an_order_needs_its_key_and_the_same_key_is_one_order(product: World) -> None:
    one = await market(product)
    body = one.order("o1", ("ana", 100, 0))
    bare = await one.maker.client.post("/v1/orders", json=body)
    assert bare.json()["code"] == "idempotency_key_required"
    headers = {"Idempotency-Key": "order-1"}
    first = await one.maker.client.post("/v1/orders", json=body, headers=headers)
    again = await one.maker.client.post("/v1/orders", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_refund_is_previewed_made_once_and_bounded(product: World) -> None:
    one = await market(product)
    taken = await one.maker.done("/orders", one.order("o1", ("ana", 10_000, 0)))
    path = f"/orders/{taken['id']}"
    asked = {"number": "r1", "amount": 2_500, "reason": "broken"}
    preview = await one.maker.done(f"{path}/refunds/preview", asked)
    assert preview["refunded"]["amount"] == 2_500
    assert (await one.maker.get(path))["refunds"] == []
    made = await one.maker.done(f"{path}/refunds", asked)
    again = await one.maker.done(f"{path}/refunds", asked)
    assert made["made"] == again["made"]
    assert (await one.maker.get(path))["refunded"]["amount"] == 2_500
    assert (await one.maker.refused(f"{path}/refunds", {"number": "r2", "amount": 7_501}))[1] == "refund_exceeds_paid"
    assert (await one.maker.done(f"{path}/cancel", {}))["state"] == "canceled"


async def test_a_refund_may_name_lines(product: World) -> None:
    one = await market(product)
    taken = await one.maker.done("/orders", one.order("o1", ("ana", 10_000, 0)))
    path = f"/orders/{taken['id']}/refunds"
    await one.maker.done(path, {"number": "r1", "lines": [{"line": 1, "amount": 400}]})
    shown = await one.maker.get(f"/orders/{taken['id']}")
    assert [(line["line"], line["amount"]["amount"]) for line in shown["refund_lines"]] == [(1, 400)]
    assert shown["disputes"] == []
    assert (await one.maker.get("/order_disputes"))["data"] == []
    twice = {"number": "r2", "lines": [{"line": 1}, {"line": 1}]}
    assert (await one.maker.refused(path, twice))[0] == 422
    over = {"number": "r2", "lines": [{"line": 1, "amount": 9_601}]}
    assert (await one.maker.refused(path, over))[1] == "refund_exceeds_line"
    assert (await one.maker.refused(path, {"number": "r2", "lines": [{"line": 7}]}))[1] == "unknown_order_line"


async def test_payouts_ask_for_what_is_there_and_schedules_are_kept(product: World) -> None:
    one = await market(product)
    weekly = {"name": "weekly", "schedule": {"interval": "weekly", "weekdays": [0]}, "is_default": True}
    schedule = await one.maker.done("/payout_schedules", weekly)
    assert [row["id"] for row in (await one.maker.get("/payout_schedules"))["data"]] == [schedule["id"]]
    seller = (await one.maker.get("/merchants"))["data"][0]["id"]
    mine = {"channel": one.channel, "currency": "eur", "payout_schedule": schedule["id"]}
    assert (await one.maker.done(f"/merchants/{seller}/payout_schedule", mine, method="PUT"))["merchant"] == seller
    asked = {"merchant": seller, "channel": one.channel, "amount": 100, "currency": "eur"}
    status, _ = await one.maker.refused("/payouts", asked)
    assert status in (409, 422)
    assert (await one.maker.refused("/payouts/po_none/approve"))[1] == "unknown_payout"
    assert (await one.maker.get("/payouts"))["data"] == (await one.maker.get("/settlements"))["data"] == []


async def test_a_break_that_touches_money_needs_two_persons(product: World) -> None:
    one = await market(product)
    context = product.context(one.org)
    async with context.transaction() as tx:
        found = NewBreak(BreakType.AMOUNT, "collection", "col_1", "eur", 100, 90)
        now = await context.now(tx)
        await reconciliation.keep_breaks(tx, "run_1", one.channel, [found], at=now, actor="test")
    (row,) = (await one.maker.get("/breaks", state="open"))["data"]
    assert row["amount"] == {"amount": -10, "currency": "eur"}
    path = f"/breaks/{row['id']}"
    said = {"outcome": "accept", "resolution": "rounding of theirs", "evidence": "ticket 7"}
    assert (await one.maker.refused(f"{path}/approve"))[1] == "no_resolution_proposed"
    assert (await one.maker.done(f"{path}/resolve", said))["proposed_resolution"]["trigger"] == "accept"
    assert (await one.maker.refused(f"{path}/approve"))[1] == "resolution_needs_two"
    assert (await one.checker.done(f"{path}/approve"))["state"] == "accepted"


async def test_channels_are_compared_by_what_they_can(product: World) -> None:
    one = await market(product)
    (found,) = (await one.maker.get("/channels/compare"))["data"]
    assert found["provider"] == "stripe"
    assert "splits" in found["can"]


async def test_a_stranger_and_a_reader_move_nothing(product: World) -> None:
    one = await market(product)
    taken = await one.maker.done("/orders", one.order("o1", ("ana", 100, 0)))
    seller = (await one.maker.get("/merchants"))["data"][0]["id"]
    stranger = await person(product, await product.sandbox_org())
    for path in (f"/orders/{taken['id']}", f"/merchants/{seller}", f"/merchants/{seller}/balances"):
        assert (await stranger.client.get(f"/v1{path}")).status_code == 404, path
    for path, body in (
        (f"/orders/{taken['id']}/release", None),
        (f"/orders/{taken['id']}/cancel", {}),
        (f"/orders/{taken['id']}/refunds", {"number": "x"}),
        (f"/orders/{taken['id']}/refunds/preview", {"number": "x"}),
        ("/deliveries", {"deliveries": [{"order": taken["id"]}]}),
        (f"/split_rules/{one.rule}/preview", {"amount": 1}),
    ):
        assert (await stranger.send(path, body)).status_code == 404, path
    reader = await person(product, one.org, "read")
    assert (await reader.refused(f"/orders/{taken['id']}/release"))[1] == "missing_scope"
    assert (await reader.refused("/orders", one.order("o2", ("ana", 1, 0))))[1] == "missing_scope"


async def test_a_scenario_is_a_rule_to_start_from(product: World) -> None:
    one = await market(product)
    listed = (await one.maker.get("/scenarios"))["data"]
    assert len(listed) == 9 and all(found["proves"] for found in listed)
    shown = await one.maker.get("/scenarios/parking")
    assert shown["orders"] and shown["rule"]["parts"]
    drafted = await one.maker.done("/scenarios/parking/apply", {"currency": "eur"})
    rules = {row["id"]: row["state"] for row in (await one.maker.get("/split_rules"))["data"]}
    assert rules[drafted["id"]] == "draft"
    assert (await one.maker.refused("/scenarios/nothing/apply", {"currency": "eur"}))[1] == "unknown_scenario"
