"""The billing half over real HTTP: catalogue, customers, subscriptions, invoices, usage, entitlements."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cauce.storage.directory import keys
from cauce.storage.directory.orgs import Org
from tests.entrypoints.api_caller import Caller
from tests.support.runtime import World, world

EUR = {"currency": "eur"}


@pytest.fixture(scope="module")
async def product(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    home: Path = tmp_path_factory.mktemp("home")
    async with world(shared_dsn, home, sandbox=True) as one:
        yield one


async def caller(product: World, org: Org | None = None, scope: str = "admin") -> Caller:
    org = org or await product.sandbox_org()
    async with product.runtime.db.transaction() as tx:
        _, secret = await keys.create_key(tx, org.id, org.mode, "test", frozenset({scope}))
    client = httpx2.AsyncClient(
        base_url=product.url, headers={"Authorization": f"Bearer {secret}"}, trust_env=False, timeout=30
    )
    return Caller(client, org)


async def shop(product: World) -> Caller:
    """A seller of a plan with a base fee, seats, metered calls and two features."""
    me = await caller(product)
    await me.done("POST", "/products", {"key": "studio", "name": "Studio"})
    await me.done("PUT", "/meters", {"key": "calls", "aggregation": "sum"})
    prices = [
        {"key": "base", "currency": "eur", "model": {"type": "flat", "amount_minor": 3000}},
        {"key": "seats", "currency": "eur", "model": {"type": "per_unit", "unit_amount": "100"}},
        {
            "key": "calls",
            "currency": "eur",
            "kind": "usage",
            "billing": "in_arrears",
            "meter_key": "calls",
            "model": {"type": "per_unit", "unit_amount": "0.5"},
        },
    ]
    await me.done(
        "POST",
        "/plans",
        {
            "key": "pro",
            "product": "studio",
            "name": "Pro",
            "prices": prices,
            "trial_days": 14,
            "features": {"export": True, "projects": 5},
        },
    )
    big = [{"key": "base", "currency": "eur", "model": {"type": "flat", "amount_minor": 9000}}]
    await me.done("POST", "/plans", {"key": "max", "product": "studio", "name": "Max", "prices": big})
    return me


async def subscribed(me: Caller, external_id: str = "u1", **more: Any) -> dict[str, Any]:
    body = {"customer": {"external_id": external_id, "name": "Ana"}, "plan": "pro", "currency": "eur", **more}
    return await me.done("POST", "/subscriptions", body)


async def test_a_price_with_an_introduction_is_made_shown_and_billed(product: World) -> None:
    me = await shop(product)
    low = {"periods": 2, "model": {"type": "flat", "amount_minor": 1000}}
    base = {"key": "base", "currency": "eur", "model": {"type": "flat", "amount_minor": 9000}, "phases": [low]}
    plan = {"key": "easy", "product": "studio", "name": "Easy", "prices": [base]}
    made = await me.done("POST", "/plans", plan)
    assert made["prices"][0]["phases"] == [low | {"interval": "", "interval_count": 1}]
    one = await subscribed(me, plan="easy")
    (invoice,) = (await me.get(f"/invoices?subscription={one['id']}"))["data"]
    assert invoice["total"] == {"amount": 1000, "currency": "eur"}
    wrong = {**base, "phases": [{**low, "periods": 0}]}
    assert (await me.send("POST", "/plans", {**plan, "prices": [wrong]})).status_code == 422
    once = {**base, "kind": "one_time"}
    assert (await me.send("POST", "/plans", {**plan, "prices": [once]})).json()["code"] == "bad_plan"


async def test_the_catalogue_is_made_shown_versioned_and_archived(product: World) -> None:
    me = await shop(product)
    plan = await me.get("/plans/pro")
    assert (plan["object"], plan["version"], plan["state"], len(plan["prices"])) == ("plan", 1, "published", 3)
    again = {"key": "pro", "product": "studio", "name": "Pro 2", "prices": [plan_price(plan["prices"][0])]}
    assert (await me.done("POST", "/plans", again))["version"] == 2
    taken = await me.send("POST", "/products", {"key": "studio", "name": "Twice"})
    assert (taken.status_code, taken.json()["code"]) == (409, "key_taken")
    assert (await me.done("POST", "/plans/pro/archive"))["state"] == "archived"
    refused = await me.send("POST", "/subscriptions", {"customer": {"external_id": "u"}, "plan": "pro", **EUR})
    assert (refused.status_code, refused.json()["code"]) == (409, "plan_not_sold")
    off = {"code": "HALF", "percent": "50", "products": ["studio"]}
    assert (await me.done("POST", "/coupons", off))["percent"] == "50"
    assert [one["code"] for one in (await me.get("/coupons"))["data"]] == ["HALF"]


async def test_products_have_categories_and_metadata_and_plans_metadata_without_a_new_version(product: World) -> None:
    me = await shop(product)
    made = await me.done("POST", "/products", {"key": "lens", "name": "Lens", "category": "optics"})
    assert (made["category"], made["metadata"], made["archived_at"]) == ("optics", {}, None)
    assert [one["key"] for one in (await me.get("/products", category="optics"))["data"]] == ["lens"]
    changed = await me.done("POST", "/products/lens", {"metadata": {"shelf": "3"}, "category": ""})
    assert (changed["name"], changed["category"], changed["metadata"]) == ("Lens", "", {"shelf": "3"})
    assert (await me.done("POST", f"/products/{made['id']}", {"archived": True}))["archived_at"] is not None
    assert (await me.done("POST", "/products/lens", {"archived": False}))["archived_at"] is None
    plan = await me.done("POST", "/plans/pro", {"metadata": {"tier": "2"}})
    assert (plan["version"], plan["metadata"]) == (1, {"tier": "2"})
    assert [one["key"] for one in (await me.get("/plans", product="studio"))["data"]] == ["max", "pro"]
    assert (await me.get("/plans", product="lens"))["data"] == []
    for path, body in (
        ("/products/lens", {"metadata": {"shelf": 3}}),
        ("/products/lens", {"colour": "red"}),
        ("/plans/pro", {"name": "Pro"}),
    ):
        assert (await me.send("POST", path, body)).status_code == 422
    odd = {"key": "odd", "product": "studio", "name": "Odd", "prices": [plan_price(plan["prices"][0])]}
    refused = await me.send("POST", "/plans", {**odd, "policy": {"trail_end": "cancel"}})
    assert (refused.status_code, refused.json()["param"]) == (422, "policy.trail_end")


async def test_who_sells_in_law_stands_on_invoices_to_come_and_not_on_issued_ones(product: World) -> None:
    me = await shop(product)
    before = await subscribed(me, "u1", trial_days=0)
    changed = await me.done("POST", "/organization", {"legal_name": "Árbol S.L.", "tax_id": "ESB1", "country": "ES"})
    assert (changed["legal_name"], changed["legal_address"], changed["country"]) == ("Árbol S.L.", "", "ES")
    await me.done("POST", "/organization", {"legal_address": "Calle Mayor 1"})
    after = await subscribed(me, "u2", trial_days=0)
    async with product.runtime.db.transaction(me.org.id) as tx:
        said = [
            await tx.value(
                "SELECT snapshot FROM invoicing.invoice WHERE org_id = $1 AND subscription_id = $2", tx.org, one["id"]
            )
            for one in (before, after)
        ]
    assert (said[0]["seller"], said[0]["seller_tax_id"]) == (me.org.name, "")
    wanted = {
        "seller": "Árbol S.L.",
        "seller_address": "Calle Mayor 1",
        "seller_tax_id": "ESB1",
        "seller_country": "ES",
    }
    assert wanted.items() <= said[1].items()
    assert (await me.send("POST", "/organization", {"country": "Spain"})).status_code == 422
    reader = await caller(product, me.org, "read")
    assert (await reader.send("POST", "/organization", {"tax_id": "X"})).status_code == 403


async def test_conventions_of_pricing_are_shown_and_set_whole(product: World) -> None:
    me = await shop(product)
    usual = await me.get("/billing_conventions")
    assert (usual["rounding"], usual["tax_rounding"], usual["proration_basis"]) == ("half_up", "per_line", "day")
    changed = await me.done("PUT", "/billing_conventions", {"tax_rounding": "once_per_invoice"})
    assert changed == {**usual, "tax_rounding": "once_per_invoice"} == await me.get("/billing_conventions")
    for wrong in ({"rounding": "up"}, {"proration_basis": "none"}, {"basis": "day"}):
        assert (await me.send("PUT", "/billing_conventions", wrong)).status_code == 422
    reader = await caller(product, me.org, "read")
    assert (await reader.send("PUT", "/billing_conventions", {})).status_code == 403


def plan_price(price: dict[str, Any]) -> dict[str, Any]:
    return {name: price[name] for name in ("key", "currency", "model")}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/products", {"key": "a b", "name": "x"}),
        ("/products", {"key": "a", "name": "x\x00"}),
        ("/coupons", {"code": "c", "percent": 12.5}),
        ("/coupons", {"code": "c", "amount_off": {"amount": 1.5, "currency": "eur"}}),
        ("/plans", {"key": "p", "product": "studio", "name": "P", "prices": []}),
    ],
)
async def test_what_could_not_be_sold_is_refused_with_a_problem(product: World, path: str, body: Any) -> None:
    me = await shop(product)
    refused = await me.send("POST", path, body)
    assert refused.status_code == 422, refused.text
    assert refused.headers["content-type"] == "application/problem+json"


async def test_a_new_price_is_previewed_scheduled_and_listed(product: World) -> None:
    me = await shop(product)
    sub = await subscribed(me, trial_days=0, collection="send_invoice")
    dearer = {"key": "base", "currency": "eur", "model": {"type": "flat", "amount_minor": 3500}}
    await me.done("POST", "/plans", {"key": "pro", "product": "studio", "name": "Pro", "prices": [dearer]})
    asked = {"effective_on": "2026-03-01"}
    early = await me.send("POST", "/plans/pro/migrations", {"effective_on": "2026-01-20"})
    assert (early.status_code, early.json()["param"]) == (422, "effective_on")
    preview = await me.done("POST", "/plans/pro/migrations", {**asked, "dry_run": True})
    (one,) = preview["subscriptions"]
    assert (preview["scheduled"], one["subscription"], one["effective_on"]) == (1, sub["id"], "2026-03-15")
    assert (one["old_amount"]["amount"], one["new_amount"]["amount"]) == (3_100, 3_500)
    assert (await me.get("/plans/pro/migrations"))["data"] == []
    await me.done("POST", "/plans/pro/migrations", asked)
    (listed,) = (await me.get("/plans/pro/migrations"))["data"]
    assert (listed["subscription"], listed["state"], listed["new_amount"]["amount"]) == (sub["id"], "scheduled", 3_500)


async def test_a_customer_is_one_by_external_id_and_one_call_shows_all_of_him(product: World) -> None:
    me = await shop(product)
    first = await me.done("PUT", "/customers/u1", {"name": "Ana", "email": "ana@example.com"})
    again = await me.done("PUT", "/customers/u1", {"country": "ES"})
    assert (again["id"], again["name"], again["country"]) == (first["id"], "Ana", "ES")
    assert (await me.done("PUT", f"/customers/{first['id']}", {"name": "Ana S."}))["external_id"] == "u1"
    assert (await me.send("PUT", "/customers/cus_none", {})).status_code == 404
    await subscribed(me)
    shown = await me.get("/customers/u1")
    assert shown["id"] == first["id"] == (await me.get(f"/customers/{first['id']}"))["id"]
    assert [one["status"] for one in shown["subscriptions"]] == ["trialing"]
    assert [one["level"] for one in shown["entitlements"]] == ["full"]
    assert shown["payment_methods"] == shown["credit"] == []
    found = await me.get("/customers", search="ana@ex")
    assert [one["external_id"] for one in found["data"]] == ["u1"]
    missing = await me.client.get("/v1/customers/nobody")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_customers_are_listed_in_pages(product: World) -> None:
    me = await caller(product)
    for number in range(5):
        await me.done("PUT", f"/customers/c{number}", {})
    seen: list[str] = []
    cursor = ""
    while True:
        page = await me.get("/customers", limit=2, cursor=cursor)
        seen += [one["external_id"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
    assert seen == ["c4", "c3", "c2", "c1", "c0"]


async def test_a_call_that_moves_money_needs_its_key_and_repeats_its_answer(product: World) -> None:
    me = await shop(product)
    body = {"customer": {"external_id": "u1"}, "plan": "pro", **EUR}
    bare = await me.client.post("/v1/subscriptions", json=body)
    assert (bare.status_code, bare.json()["code"]) == (422, "idempotency_key_required")
    headers = {"Idempotency-Key": "sub-1"}
    first = await me.client.post("/v1/subscriptions", json=body, headers=headers)
    again = await me.client.post("/v1/subscriptions", json=body, headers=headers)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert len((await me.get("/subscriptions"))["data"]) == 1


async def test_a_subscription_is_changed_as_its_preview_said(product: World) -> None:
    me = await shop(product)
    sub = await subscribed(me, trial_days=0, quantities={"seats": "2"}, collection="send_invoice", net_days=14)
    assert (sub["status"], sub["mrr"]) == ("active", {"amount": 3200, "currency": "eur"})
    path = f"/subscriptions/{sub['id']}"
    wish = {"quantities": {"seats": "5"}}
    preview = await me.done("POST", f"{path}/change/preview", wish)
    assert preview["total"] == {"amount": 300, "currency": "eur"}
    assert preview["invoice"] is None
    held_to = {**wish, "at": preview["effective_at"], "expect_total": preview["total"]["amount"]}
    done = await me.done("POST", f"{path}/change", held_to)
    assert (done["total"], done["lines"]) == (preview["total"], preview["lines"])
    invoices = (await me.get("/invoices", subscription=sub["id"], **{"expand[]": "customer"}))["data"]
    assert [one["total"]["amount"] for one in invoices] == [300, 3200]
    assert invoices[0]["customer"]["external_id"] == "u1"
    stale = await me.send("POST", f"{path}/change", {"plan": "max", "timing": "now", "expect_total": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "preview_outdated")


async def test_a_change_that_waits_is_shown_until_it_is_withdrawn(product: World) -> None:
    me = await shop(product)
    sub = await subscribed(me, trial_days=0, quantities={"seats": "3"}, collection="send_invoice", net_days=14)
    path = f"/subscriptions/{sub['id']}"
    assert sub["scheduled_change"] is None
    done = await me.done("POST", f"{path}/change", {"plan": "max", "timing": "at_renewal"})
    waits = (await me.get(path))["scheduled_change"]
    assert (waits["id"], waits["state"], waits["at_period_end"]) == (done["id"], "scheduled", True)
    assert (waits["plan"], waits["due_on"]) == ("max", sub["period_end"])
    kept = await me.done("DELETE", f"{path}/change")
    assert kept["scheduled_change"] is None


async def test_a_subscription_ends_comes_back_rests_and_goes_on(product: World) -> None:
    me = await shop(product)
    sub = await subscribed(me, trial_days=0, collection="send_invoice")
    path = f"/subscriptions/{sub['id']}"
    assert (await me.done("POST", f"{path}/cancel", {"reason": "too dear"}))["cancel_at_period_end"] is True
    assert (await me.done("POST", f"{path}/undo_cancel"))["cancel_at_period_end"] is False
    assert (await me.done("POST", f"{path}/pause", {}))["status"] == "paused"
    assert (await me.done("POST", f"{path}/resume"))["status"] == "active"
    illegal = await me.send("POST", f"{path}/resume")
    assert (illegal.status_code, illegal.json()["code"]) == (409, "illegal_transition")
    assert (await me.done("POST", f"{path}/cancel", {"at": "now", "void_open": True}))["status"] == "canceled"
    assert (await me.done("POST", f"{path}/reactivate"))["term"] == 2
    steps = [one["trigger"] for one in (await me.get(f"{path}/history"))["data"]]
    assert steps[:2] == ["reactivate", "cancel"]


async def test_a_least_amount_counts_what_a_coupon_leaves_of_the_use(product: World) -> None:
    me = await caller(product)
    await me.done("POST", "/products", {"key": "studio", "name": "Studio"})
    await me.done("PUT", "/meters", {"key": "calls", "aggregation": "sum"})
    model = {"type": "per_unit", "unit_amount": "10", "minimum_minor": 1000}
    price = {
        "key": "calls",
        "currency": "eur",
        "kind": "usage",
        "billing": "in_arrears",
        "meter_key": "calls",
        "model": model,
    }
    await me.done("POST", "/plans", {"key": "pro", "product": "studio", "name": "Pro", "prices": [price]})
    await me.done("POST", "/coupons", {"code": "FIFTH", "percent": "20", "duration": "forever"})
    sub = await subscribed(me, coupon="FIFTH", collection="send_invoice")
    event = {"source": "app", "event_id": "e1", "meter": "calls", "customer": "u1", "value": "50"}
    await me.done("POST", "/usage/events", {"events": [{**event, "occurred_at": sub["started_at"]}]})
    (used,) = (await me.get(f"/subscriptions/{sub['id']}/usage"))["meters"]
    assert [used[name]["amount"] for name in ("amount", "discount")] == [1_100, 100]
    foreseen = await me.get(f"/subscriptions/{sub['id']}/upcoming_invoice")
    lines = [(one["kind"], one["amount"]["amount"], one["discount"]["amount"]) for one in foreseen["lines"]]
    assert lines == [("usage", 500, 100), ("minimum", 600, 0)]
    assert foreseen["total"]["amount"] == 1_000
    await me.done("POST", f"/subscriptions/{sub['id']}/cancel", {"at": "now"})
    invoices = (await me.get("/invoices", subscription=sub["id"]))["data"]
    assert invoices[0]["total"]["amount"] == 400  # one of thirty-one days: at least 32


async def test_credit_that_a_plan_grants_is_listed_and_pays_use(product: World) -> None:
    me = await caller(product)
    await me.done("POST", "/products", {"key": "studio", "name": "Studio"})
    await me.done("PUT", "/meters", {"key": "calls", "aggregation": "sum"})
    usage = {"key": "calls", "currency": "eur", "kind": "usage", "billing": "in_arrears", "meter_key": "calls"}
    prices = [
        {"key": "base", "currency": "eur", "model": {"type": "flat", "amount_minor": 5000}},
        {**usage, "model": {"type": "per_unit", "unit_amount": "10"}},
    ]
    plan = {"key": "pro", "product": "studio", "name": "Pro", "prices": prices}
    wrong = await me.send("POST", "/plans", {**plan, "policy": {"granted_credit": {"amounts": {"usd": 1000}}}})
    assert (wrong.status_code, wrong.json()["param"]) == (422, "policy.granted_credit.amounts")
    made = await me.done("POST", "/plans", {**plan, "policy": {"granted_credit": {"amounts": {"eur": 1000}}}})
    assert made["policy"]["granted_credit"] == {"amounts": {"eur": 1000}, "expires": "period_end", "expires_days": 0}
    sub = await subscribed(me, collection="send_invoice")
    (grant,) = (await me.get("/customers/u1/credit_grants"))["data"]
    assert (grant["object"], grant["amount"]["amount"], grant["left"]["amount"]) == ("credit_grant", 1_000, 1_000)
    assert (grant["state"], grant["plan"], grant["subscription"]) == ("open", "pro", sub["id"])
    event = {"source": "app", "event_id": "e1", "meter": "calls", "customer": "u1", "value": "50"}
    await me.done("POST", "/usage/events", {"events": [{**event, "occurred_at": sub["started_at"]}]})
    foreseen = await me.get(f"/subscriptions/{sub['id']}/upcoming_invoice")
    assert (foreseen["credit_used"]["amount"], foreseen["amount_due"]["amount"]) == (500, 5_000)
    await me.done("POST", f"/subscriptions/{sub['id']}/cancel", {"at": "now"})
    (grant,) = (await me.get("/customers/u1/credit_grants"))["data"]
    assert [grant[name]["amount"] for name in ("used", "left", "lapsed")] == [500, 0, 500]
    assert grant["state"] == "taken_back"


async def test_a_credit_note_is_voided_once_and_only_while_its_effect_stands(product: World) -> None:
    me = await shop(product)
    sub = await subscribed(me, trial_days=0, collection="send_invoice", net_days=30)
    (invoice,) = (await me.get("/invoices", subscription=sub["id"]))["data"]
    path = f"/invoices/{invoice['id']}"
    note = await me.done("POST", f"{path}/credit_notes", {"reason": "wrong", "total": 500})
    assert (await me.get(path))["amount_due"]["amount"] == 2_600
    assert (await me.send("POST", f"/credit_notes/{note['id']}/void", {})).status_code == 422
    voided = await me.done("POST", f"/credit_notes/{note['id']}/void", {"reason": "mistake"})
    assert (voided["number"], voided["void_reason"], voided["voided_at"] is not None) == (
        note["number"],
        "mistake",
        True,
    )
    assert (await me.get(path))["amount_due"]["amount"] == 3_100
    again = await me.send("POST", f"/credit_notes/{note['id']}/void", {"reason": "mistake"})
    assert (again.status_code, again.json()["code"]) == (409, "credit_note_stands")
    assert (await me.send("POST", "/credit_notes/cn_none/void", {"reason": "x"})).status_code == 404


async def test_a_trial_is_moved_and_its_invoice_foreseen(product: World) -> None:
    me = await shop(product)
    sub = await subscribed(me)
    path = f"/subscriptions/{sub['id']}"
    assert (await me.get(f"{path}/upcoming_invoice"))["total"] == {"amount": 3100, "currency": "eur"}
    moved = await me.done("POST", f"{path}/trial", {"trial_end": "2026-03-01T09:00:00Z"})
    assert moved["trial_end"].startswith("2026-03-01")
    charge = await me.done("POST", f"{path}/charges", {"amount": 500, "description": "Set-up"})
    assert charge["state"] == "waiting"
    again = await me.send("POST", "/subscriptions", {"customer": "u1", "plan": "pro", **EUR})
    assert (again.status_code, again.json()["code"]) == (409, "trial_used")


async def test_a_trial_is_begun_until_an_exact_instant(product: World) -> None:
    me = await shop(product)
    sub = await subscribed(me, trial_end="2026-02-01T12:00:00+02:00")
    assert (sub["status"], sub["trial_end"]) == ("trialing", "2026-02-01T10:00:00Z")
    body = {"customer": {"external_id": "u2"}, "plan": "pro", **EUR}
    for wrong, code in (
        ({"trial_end": "2020-01-01T00:00:00Z"}, "bad_trial_end"),
        ({"trial_end": "2036-02-01T00:00:00Z"}, "bad_trial_end"),
        ({"trial_end": "2026-02-01T12:00:00"}, "invalid_request"),
        ({"trial_end": "2026-02-01T12:00:00Z", "trial_days": 3}, "invalid_request"),
    ):
        for path in ("/subscriptions", "/quotes"):
            refused = await me.send("POST", path, body | wrong)
            assert (refused.status_code, refused.json()["code"]) == (422, code), wrong
            assert refused.json()["param"] == "trial_end"
    offered = await me.done("POST", "/quotes", body | {"trial_end": "2026-02-01T10:00:00Z"})
    assert offered["trial_end"] == "2026-02-01T10:00:00Z"


async def test_an_invoice_is_paid_credited_and_voided(product: World) -> None:
    me = await shop(product)
    await subscribed(me, "u1", trial_days=0, collection="send_invoice")
    await subscribed(me, "u2", trial_days=0, collection="send_invoice")
    second, first = (await me.get("/invoices", status="open"))["data"]
    path = f"/invoices/{first['id']}"
    assert [line["total"]["amount"] for line in (await me.get(path))["lines"]] == [3000, 100]
    part = await me.done("POST", f"{path}/pay", {"amount": 1000, "source": "bank_transfer", "reference": "T1"})
    assert (part["status"], part["amount_due"]["amount"]) == ("open", 2100)
    assert (await me.done("POST", f"{path}/pay", {"amount": 2100}))["status"] == "paid"
    asked = {"reason": "good will", "total": 600}
    preview = await me.done("POST", f"{path}/credit_notes/preview", asked)
    note = await me.done("POST", f"{path}/credit_notes", asked)
    assert (preview["id"], preview["number"]) == (None, None)
    assert preview["total"] == note["total"] == {"amount": 600, "currency": "eur"}
    assert note["number"].endswith("1")
    assert (await me.get("/customers/u1"))["credit"][0]["balance"]["amount"] == 600
    assert (await me.done("POST", f"/invoices/{second['id']}/void"))["status"] == "void"
    paid = await me.send("POST", f"{path}/void")
    assert paid.status_code == 409
    assert {one["amount"]["amount"] for one in (await me.get("/payments", customer="u1"))["data"]} == {1000, 2100}


async def test_figures_are_given_as_json_and_csv(product: World) -> None:
    me = await shop(product)
    await subscribed(me, "u1", trial_days=0, collection="send_invoice")
    (one,) = (await me.get("/analytics/summary"))["data"]
    assert (one["invoiced"], one["outstanding"], one["paying"]) == (
        {"amount": 3100, "currency": "eur"},
        {"amount": 3100, "currency": "eur"},
        1,
    )
    for figure in (
        "daily", "movements", "states", "ageing", "deferred_revenue", "books", "customers", "plans", "sales",
        "time_to_first_payment", "time_to_ready_instance", "cohorts", "lifetime_values", "campaign_effects",
    ):  # fmt: skip
        assert (await me.get(f"/analytics/{figure}"))["object"] == "list", figure
    answer = await me.client.get("/v1/analytics/ageing", params={"format": "csv"})
    assert answer.text.splitlines() == ["currency,days_up_to,amount_minor,invoices", "eur,0,3100,1"]
    run = await me.get("/billing_run")
    assert (run["due"], run["parked"], run["done"], run["seconds_left"]) == (0, 0, 1, 0)
    refused = await me.client.get("/v1/analytics/daily", params={"since": "2026-02-02", "until": "2026-02-01"})
    assert refused.status_code == 422


async def test_an_invoice_is_downloaded_as_the_same_bytes_each_time(product: World) -> None:
    me = await shop(product)
    await subscribed(me, "u1", trial_days=0, collection="send_invoice")
    (one,) = (await me.get("/invoices"))["data"]
    path = f"/v1/invoices/{one['id']}/pdf"
    first = await me.client.get(path)
    assert (first.status_code, first.headers["content-type"]) == (200, "application/pdf")
    assert f'"{one["number"]}.pdf"' in first.headers["content-disposition"]
    await me.done("PUT", "/customers/u1", {"name": "Renamed"})
    await me.done("POST", f"/invoices/{one['id']}/pay", {"amount": 3_100})
    assert (await me.client.get(path)).content == first.content, "what changes later is not on it"
    spanish = await me.client.get(path, params={"locale": "es", "paper": "letter"})
    assert spanish.content != first.content
    refused = await me.client.get(path, params={"paper": "a5"})
    assert (refused.status_code, refused.json()["param"]) == (422, "paper")


async def test_a_credit_note_is_shown_and_downloaded_as_the_same_bytes_each_time(product: World) -> None:
    me = await shop(product)
    await subscribed(me, trial_days=0, collection="send_invoice")
    (one,) = (await me.get("/invoices"))["data"]
    note = await me.done("POST", f"/invoices/{one['id']}/credit_notes", {"reason": "goodwill", "total": 100})
    shown = await me.get(f"/credit_notes/{note['id']}")
    assert (shown["number"], shown["total"]["amount"], shown["reason"]) == (note["number"], 100, "goodwill")
    path = f"/v1/credit_notes/{note['id']}/pdf"
    first, again, chinese = [await me.client.get(path, params={"locale": each}) for each in ("", "", "zh")]
    assert (first.status_code, first.headers["content-type"]) == (200, "application/pdf")
    assert f'"{note["number"]}.pdf"' in first.headers["content-disposition"]
    assert first.content == again.content != chinese.content and first.content.startswith(b"%PDF-")
    wrong = await me.client.get(path, params={"paper": "a5"})
    assert (wrong.status_code, wrong.json()["param"]) == (422, "paper")
    other = await shop(product)
    assert (await other.client.get(path)).status_code == 404


async def test_a_payment_method_is_begun_at_the_channel_and_asked_for(product: World) -> None:
    me = await shop(product)
    channel = await product.channel(me.org, "stripe")
    await me.done("PUT", "/customers/u1", {"email": "ana@example.com"})
    asked = {"channel": channel, "return_url": "https://example.com/back"}
    begun = await me.done("POST", "/customers/u1/payment_methods/setups", asked)
    shown = await me.get(f"/customers/u1/payment_methods/setups/{begun['id']}")
    assert (begun["state"], shown["id"], shown["customer"]) == ("open", begun["id"], begun["customer"])
    nowhere = await me.send("POST", "/customers/u1/payment_methods/setups", {**asked, "channel": "ch_none"})
    assert nowhere.status_code == 404
    await me.done("PUT", "/customers/u2", {})
    foreign = await me.client.get(f"/v1/customers/u2/payment_methods/setups/{begun['id']}")
    assert foreign.status_code == 404


async def test_an_event_takes_the_place_of_another_once(product: World) -> None:
    me = await shop(product)
    sub = await subscribed(me, trial_days=0, collection="send_invoice")
    event = {"event_id": "e1", "meter": "calls", "customer": "u1", "value": 40, "occurred_at": "2026-01-15T08:00:00Z"}
    await me.done("POST", "/usage/events", {"events": [event]})
    right = {**event, "event_id": "e2", "value": 10, "corrects": "e1"}
    for recorded in (1, 0):
        assert (await me.done("POST", "/usage/events", {"events": [right]}))["recorded"] == recorded
    for wrong, status, code in (
        ({**event, "event_id": "e3", "corrects": "e1"}, 409, "usage_event_corrected"),
        ({**event, "event_id": "e3", "corrects": "nobody"}, 404, "unknown_usage_event"),
        ({**event, "event_id": "e3", "value": None}, 422, "bad_usage_event"),
    ):
        refused = await me.send("POST", "/usage/events", {"events": [wrong]})
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    used = (await me.get(f"/subscriptions/{sub['id']}/usage"))["meters"][0]
    assert used["used"] == "10"
    await me.done("POST", "/usage/events", {"events": [{**event, "event_id": "e4", "value": None, "corrects": "e2"}]})
    assert (await me.get(f"/subscriptions/{sub['id']}/usage"))["meters"][0]["used"] == "0"


async def test_usage_counts_once_and_is_billed(product: World) -> None:
    me = await shop(product)
    sub = await subscribed(me, trial_days=0, collection="send_invoice")
    event = {"event_id": "e1", "meter": "calls", "customer": "u1", "value": 40, "occurred_at": "2026-01-15T08:00:00Z"}
    batch = {"events": [event, {**event, "event_id": "e2", "value": "2.5"}, event]}
    assert await me.done("POST", "/usage/events", batch) == {"object": "usage_batch", "recorded": 2, "known": 1}
    assert (await me.done("POST", "/usage/events", batch))["recorded"] == 0
    assert (await me.get(f"/subscriptions/{sub['id']}/upcoming_invoice"))["total"]["amount"] == 3100 + 21
    for wrong in ({**event, "value": 1.5}, {**event, "meter": "none"}, {**event, "more": 1}, {"event_id": "e"}):
        refused = await me.send("POST", "/usage/events", {"events": [wrong]})
        assert refused.status_code == 422, refused.text
    many = {"events": [{**event, "event_id": f"m{n}"} for n in range(501)]}
    assert (await me.send("POST", "/usage/events", many)).status_code == 422


async def test_a_key_for_one_hot_route_opens_that_route_alone(product: World) -> None:
    me = await shop(product)
    await subscribed(me)
    meters, gate = await caller(product, me.org, "usage:write"), await caller(product, me.org, "entitlements:read")
    event = {"event_id": "e1", "meter": "calls", "customer": "u1", "value": 1, "occurred_at": "2026-01-15T08:00:00Z"}
    asked = {"customer": "u1", "feature": "export"}
    assert (await meters.done("POST", "/usage/events", {"events": [event]}))["recorded"] == 1
    assert (await gate.get("/entitlements/check", **asked))["allowed"] is True
    refused = (
        await gate.send("POST", "/usage/events", {"events": [event]}),
        await meters.client.get("/v1/entitlements/check", params=asked),
        await meters.client.get("/v1/customers"),
        await gate.client.get("/v1/customers"),
    )
    assert [(one.status_code, one.json()["code"]) for one in refused] == [(403, "missing_scope")] * 4


async def test_an_entitlement_follows_the_bill_and_what_is_granted_by_hand(product: World) -> None:
    me = await shop(product)
    sub = await subscribed(me)
    asked = {"customer": "u1", "feature": "export"}
    first = await me.client.get("/v1/entitlements/check", params=asked)
    assert (first.json()["allowed"], first.json()["value"], first.json()["level"]) == (True, True, "full")
    same = await me.client.get("/v1/entitlements/check", params=asked, headers={"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert (await me.get("/entitlements/check", customer="u1", feature="projects"))["value"] == 5
    assert (await me.get("/entitlements/check", customer="u1", feature="none"))["allowed"] is False
    seen = await me.done("POST", f"/subscriptions/{sub['id']}/cancel/preview", {"at": "now"})
    assert (seen["status"], seen["invoice"], seen["lines"]) == (sub["status"], None, [])
    await me.done("POST", f"/subscriptions/{sub['id']}/cancel", {"at": "now"})
    changed = await me.client.get(
        "/v1/entitlements/check", params=asked, headers={"If-None-Match": first.headers["etag"]}
    )
    assert (changed.status_code, changed.json()["allowed"]) == (200, False)
    grant = await me.done("POST", "/customers/u1/grants", {"reason": "kindness", "feature": "export", "value": True})
    assert (await me.get("/entitlements/check", **asked))["allowed"] is True
    assert (await me.done("DELETE", f"/customers/u1/grants/{grant['id']}"))["ended"] is True
    assert (await me.get("/entitlements/check", **asked))["allowed"] is False
    nobody = await me.client.get("/v1/entitlements/check", params={"customer": "nobody"})
    assert (nobody.status_code, nobody.json()["code"]) == (404, "not_found")


async def test_a_stranger_is_told_of_nothing(product: World) -> None:
    me, stranger = await shop(product), await caller(product)
    sub = await subscribed(me, trial_days=0, collection="send_invoice")
    (invoice,) = (await me.get("/invoices"))["data"]
    for path in (
        f"/subscriptions/{sub['id']}",
        f"/subscriptions/{sub['id']}/history",
        f"/subscriptions/{sub['id']}/upcoming_invoice",
        f"/invoices/{invoice['id']}",
        f"/customers/{sub['customer']}",
        f"/entitlements/check?customer={sub['customer']}",
        "/plans/pro",
    ):
        assert (await stranger.client.get(f"/v1{path}")).status_code == 404, path
    for path, body in (
        (f"/subscriptions/{sub['id']}/cancel", {}),
        (f"/subscriptions/{sub['id']}/change", {"plan": "max"}),
        (f"/invoices/{invoice['id']}/pay", {"amount": 1}),
        (f"/invoices/{invoice['id']}/credit_notes/preview", {"reason": "x"}),
    ):
        assert (await stranger.send("POST", path, body)).status_code == 404, path


async def test_book_rates_are_put_down_once_and_listed_by_day(product: World) -> None:
    one = await caller(product)
    body = {
        "base": "usd",
        "rates": [
            {"currency": "eur", "valid_on": f"2026-01-{day}", "rate": "1.09", "source": "central bank"}
            for day in (14, 15)
        ],
    }
    assert (await one.done("POST", "/ledger/book_rates", body))["count"] == 2
    assert (await one.done("POST", "/ledger/book_rates", body))["count"] == 2, "the same again is nothing"
    first = await one.get("/ledger/book_rates", limit=1)
    assert [(row["valid_on"], row["rate"], row["source"]) for row in first["data"]] == [
        ("2026-01-15", "1.09", "central bank")
    ]
    second = await one.get("/ledger/book_rates", limit=1, cursor=first["next_cursor"])
    assert [row["valid_on"] for row in second["data"]] == ["2026-01-14"] and not second["has_more"]
    body["rates"][0]["rate"] = "1.10"  # type: ignore[index]
    refused = await one.send("POST", "/ledger/book_rates", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "rate_is_set")
    for rate in ("1,1", "-1", "1e3", 1.1):
        body["rates"][0]["rate"] = rate  # type: ignore[index]
        assert (await one.send("POST", "/ledger/book_rates", body)).status_code == 422


async def test_a_plan_is_hidden_from_pages_and_shown_again(product: World) -> None:
    me = await shop(product)
    home = f"/portal/{me.org.public_id}"
    assert "Pro" in (await me.client.get(home)).text
    for _ in range(2):
        assert (await me.done("POST", "/plans/pro/unpublish"))["state"] == "unpublished"
    assert "Pro" not in (await me.client.get(home)).text
    await subscribed(me)  # by its key it is sold on
    assert (await me.done("POST", "/plans/pro/publish"))["state"] == "published"
    assert "Pro" in (await me.client.get(home)).text
    await me.done("POST", "/plans/pro/archive")
    assert (await me.send("POST", "/plans/pro/publish")).json()["code"] == "plan_not_sold"
    told = [row["type"] for row in (await me.get("/events", limit=100))["data"] if row["type"].startswith("plan.")]
    assert (told.count("plan.unpublished"), told.count("plan.published")) == (1, 1)
