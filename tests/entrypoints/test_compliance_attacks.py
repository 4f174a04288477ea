"""K1–K22 attacked over the API, at one business: every attempt is refused with its code, and no account has moved after it.

What SQL and flows may not do is in `tests/flows/marketplace/test_rules_of_compliance.py`. `NO_DOOR` names the rules that
no request can try to break, and why.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cauce.app.sandbox import connect_sandbox_channel
from cauce.flows.marketplace import compliance
from cauce.marketplace.compliance.rules import QUESTIONS, Answer
from cauce.reports.compliance import RULES
from cauce.storage import sealing
from cauce.storage.audit import Actor
from cauce.storage.directory.orgs import Mode, create_org
from tests.entrypoints.test_api_marketplace import PLACED, RULE, Market, Person, market, person
from tests.support.runtime import World, world

NO_DOOR = {
    "K20": "no channel is instructed by files yet",
}


EXPLICIT = {**RULE, "name": "explicit", "refund": {"policy": "explicit"}}


@dataclass(frozen=True, slots=True)
class Shop:
    """The business: two paid orders that are not divided yet, one of a rule that leaves refunds to the caller."""

    product: World
    at: Market
    sellers: dict[str, str]
    order_id: str
    explicit_id: str


@pytest.fixture(scope="module")
async def shop(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    home: Path = tmp_path_factory.mktemp("home")
    async with world(shared_dsn, home, sandbox=True) as product:
        at = await market(product)
        found = (await at.maker.get("/merchants"))["data"]
        sellers = {one["external_id"]: one["id"] for one in found}
        stranger = await at.maker.done("/merchants", {"name": "Stranger", "external_id": "stranger"})
        taken = await at.maker.done("/orders", at.order("base", ("ana", 10_000, 500), ("bo", 2_000, 0)))
        manual = {"name": "by hand", "schedule": {"interval": "manual"}, "is_default": True}
        await at.maker.done("/payout_schedules", manual)
        rule = await at.maker.done("/split_rules", {"rule": EXPLICIT})
        await at.checker.done(f"/split_rules/{rule['id']}/versions/1/activate")
        other = await at.maker.done("/orders", {**at.order("explicit", ("ana", 10_000, 0)), "split_rule": rule["id"]})
        yield Shop(product, at, {**sellers, "stranger": stranger["id"]}, taken["id"], other["id"])


@pytest.fixture(autouse=True)
async def nothing_moves(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """The books before an attack are the books after it, and the rules hold."""
    if "shop" not in request.fixturenames:
        yield
        return
    shop: Shop = request.getfixturevalue("shop")
    before = await _books(shop.at.maker)
    yield
    assert await _books(shop.at.maker) == before
    gate = await shop.at.maker.get("/compliance")
    assert {rule["id"]: rule["broken"] for rule in gate["rules"] if rule["broken"]} == {}


async def _books(one: Person) -> list[tuple[str, int, int]]:
    found = (await one.get("/ledger/accounts", limit=100))["data"]
    return sorted((row["code"], row["balance"], row["held"]) for row in found)


def _journal(*legs: tuple[str, int], currency: str = "eur") -> dict[str, Any]:
    return {
        "effective_at": PLACED,
        "legs": [{"account": code, "amount": amount, "currency": currency} for code, amount in legs],
    }


@dataclass(frozen=True, slots=True)
class Attack:
    """One request that would break a rule if it were obeyed, and the code of its refusal."""

    rule: str
    path: str
    body: Callable[[Shop], Any]
    code: str


def _order(*lines: tuple[str, int, int], **more: Any) -> Callable[[Shop], Any]:
    return lambda shop: shop.at.order("attack", *(lines or (("ana", 100, 0),)), **more)


def _line(**more: Any) -> Callable[[Shop], Any]:
    return lambda shop: {**shop.at.order("attack", ("ana", 100, 0)), "lines": [{"seller": "ana", "price": 100, **more}]}


def _funding(kind: str, **more: Any) -> Callable[[Shop], Any]:
    return lambda shop: {
        "kind": kind, "channel": shop.at.channel, "amount": 100, "currency": "eur", "merchant": shop.sellers["ana"], **more,
    }  # fmt: skip


def _bank(holder: str) -> Callable[[Shop], Any]:
    return lambda shop: {
        "merchant": shop.sellers["ana"], "channel": shop.at.channel, "currency": "eur", "holder_name": holder,
        "country": "ES", "token": "btok_x",
    }  # fmt: skip


def _payout(who: str, amount: int) -> Callable[[Shop], Any]:
    return lambda shop: {
        "merchant": shop.sellers[who], "channel": shop.at.channel, "amount": amount, "currency": "eur",
    }  # fmt: skip


def _as_is(body: Any) -> Callable[[Shop], Any]:
    return lambda _shop: body


SUSPENSE_TO_MEMBER = _journal(("suspense", 1), ("member:m:withdrawable", -1))
ATTACKS = (
    Attack("K1", "/orders", _order(destination="platform"), "invalid_request"),
    Attack("K1", "/orders", _order(payments=[{"amount": 100, "destination": "platform"}]), "invalid_request"),
    Attack("K2", "/ledger/journals", _as_is(_journal(("psp_in_transit", 1), ("member:m:withdrawable", -1))), "account_not_by_hand"),
    Attack("K3", "/payout_instruments", _bank("The Platform Ltd"), "holder_differs"),
    Attack("K4", "/ledger/journals", _as_is(_journal(("user:a", 2), ("user:b", -1))), "malformed_journal"),
    Attack("K5", "/payouts", _payout("ana", 10_000), "journal_refused"),
    Attack("K6", "/orders/{order}/refunds", _as_is({"number": "x", "amount": 100, "parties": {"fee": 100}}), "refund_parties_by_rule"),
    Attack("K6", "/orders/{explicit}/refunds", _as_is({"number": "x", "amount": 1_201, "parties": {"fee": 1_201}}), "refund_exceeds_part"),
    Attack("K7", "/orders", _order(("stranger", 100, 0)), "merchant_not_payable"),
    Attack("K7", "/orders", _order(parties={"agent": "stranger"}), "merchant_not_payable"),
    Attack("K8", "/ledger/journals", _as_is(_journal(("fee", 1), ("own_bank", -1))), "account_not_by_hand"),
    Attack("K9", "/ledger/journals", _as_is(_journal(("user:a", 1), ("fee", -1))), "account_not_by_hand"),
    Attack("K10", "/payouts", _payout("stranger", 1), "merchant_not_payable"),
    Attack("K11", "/fundings", _funding("top_up"), "capability_missing"),
    Attack("K11", "/ledger/journals", _as_is(_journal(("customer:c:credit", 1), ("member:m:withdrawable", -1))), "account_not_by_hand"),
    Attack("K11", "/ledger/journals", _as_is(_journal(("user:coins", 1), ("user:other", -1), currency="points")), "unknown_currency"),
    Attack("K12", "/orders/{order}/refunds", _as_is({"number": "x", "amount": 12_501}), "refund_exceeds_paid"),
    Attack("K12", "/orders/{order}/refunds", _as_is({"number": "x", "amount": 1, "to": "another card"}), "invalid_request"),
    Attack("K13", "/fundings", _funding("transfer"), "invalid_request"),
    Attack("K13", "/fundings", _funding("recover_advance", parent="adv_none"), "capability_missing"),
    Attack("K14", "/orders", _order(payments=[{"amount": 100, "ref": "pi_future", "paid_at": "2099-01-01T00:00:00Z"}]), "order_malformed"),
    Attack("K14", "/instructions/col_none/try_again", _as_is({}), "not_found"),
    Attack("K15", "/ledger/journals", _as_is(SUSPENSE_TO_MEMBER), "account_not_by_hand"),
    Attack("K15", "/fundings", _funding("assign_suspense", parent="sus_none"), "capability_missing"),
    Attack("K17", "/orders", lambda shop: shop.at.order("base", ("ana", 100, 0)), "order_number_taken"),
    Attack("K21", "/orders", _line(sold_by="platform"), "invalid_request"),
    Attack("K21", "/orders", _line(seller=""), "invalid_request"),
    Attack("K21", "/orders", _line(goods_kind="token"), "invalid_request"),
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=[f"{one.rule}-{n}" for n, one in enumerate(ATTACKS)])
async def test_a_request_that_would_break_a_rule_is_refused(shop: Shop, attack: Attack) -> None:
    status, code = await shop.at.maker.refused(
        attack.path.format(order=shop.order_id, explicit=shop.explicit_id), attack.body(shop)
    )
    assert 400 <= status < 500 and code == attack.code, code


async def test_k8_the_platform_takes_no_more_than_two_persons_agreed_on(shop: Shop) -> None:
    rate = {"channel": shop.at.channel, "rate_bps": 500, "contract": "C-1"}
    drafted = await shop.at.maker.done("/fee_rates", rate)
    assert drafted["approved_by"] == ""
    path = f"/fee_rates/{drafted['id']}/approve"
    assert (await shop.at.maker.refused(path))[1] == "rate_needs_second_person"
    one = await market(shop.product)  # of its own: a rate stands for good
    drafted = await one.maker.done("/fee_rates", {**rate, "channel": one.channel})
    approved = await one.checker.done(f"/fee_rates/{drafted['id']}/approve")
    again = await one.checker.done(f"/fee_rates/{drafted['id']}/approve")
    assert approved["approved_at"] and approved["approved_at"] == again["approved_at"]
    assert (await one.maker.refused("/orders", one.order("o1", ("ana", 10_000, 0))))[1] == "fee_above_contract"
    assert [row["id"] for row in (await one.maker.get("/fee_rates"))["data"]] == [drafted["id"]]


async def test_k16_k22_a_live_organization_sells_for_others_only_behind_the_gate(shop: Shop) -> None:
    product = shop.product
    async with product.runtime.db.transaction() as tx:
        org = await create_org(tx, "Live", Mode.LIVE)
    channel = await connect_sandbox_channel(product.runtime, product.app.client, org, "stripe", product.sandbox_url)
    async with product.runtime.db.transaction(org.id) as tx:
        await sealing.put(tx, product.runtime.sealer, channel, "api_key", f"sk_live_{org.public_id}")
    owner, second = await person(product, org), await person(product, org)
    seller = await owner.done("/merchants", {"name": "Ana", "external_id": "ana"})
    await owner.done(f"/merchants/{seller['id']}/accounts", {"channel": channel, "ref": "acct_1", "agreement": "A-1"})
    rule = await owner.done("/split_rules", {"rule": RULE})
    await second.done(f"/split_rules/{rule['id']}/versions/1/activate")
    order = {**shop.at.order("live", ("ana", 100, 0)), "channel": channel, "split_rule": rule["id"]}
    assert (await owner.refused("/orders", order))[1] == "gate_closed"
    assert (await owner.send("/compliance/self_check", {"answers": {}})).status_code == 405, "a key signs nothing"
    answers = {one.number: Answer("no" if one.stops == "yes" else "the holder", "C-7") for one in QUESTIONS}
    await compliance.sign(product.runtime.context(org.id, actor=Actor("person:owner")), answers)
    assert (await owner.refused("/orders", order))[1] == "licence_not_in_force"
    licence = {
        "channel": channel, "holder": "Cards", "provider_class": "card_scheme_psp", "kind": "payment", "number": "L-1",
        "authority": "A", "clearing_route": "cards", "valid_from": "2001-01-01", "valid_until": "2002-01-01",
    }  # fmt: skip
    await owner.done("/compliance/licences", licence)
    assert (await owner.refused("/orders", order))[1] == "licence_not_in_force", "that one has ended"


async def test_k17_one_key_is_one_request(shop: Shop) -> None:
    headers = {"Idempotency-Key": "one-key"}
    body = {"number": "k17", "amount": 1}
    path = f"/v1/orders/{shop.order_id}/refunds"
    preview = await shop.at.maker.client.post(f"{path}/preview", json=body)
    assert preview.status_code == 200
    first = await shop.at.maker.client.post("/v1/merchants", json={"name": "Carla"}, headers=headers)
    other = await shop.at.maker.client.post(path, json=body, headers=headers)
    assert (first.status_code, other.json()["code"]) == (201, "idempotency_mismatch")


async def test_k18_what_needs_two_is_refused_to_one(shop: Shop) -> None:
    rule = await shop.at.maker.done("/split_rules", {"rule": {**RULE, "name": "other"}})
    path = f"/split_rules/{rule['id']}/versions/1/activate"
    assert (await shop.at.maker.refused(path))[1] == "rule_needs_second_person"
    careful = {"name": "careful", "schedule": {"interval": "manual", "approval_over": 1}}
    schedule = await shop.at.maker.done("/payout_schedules", careful)
    assert schedule["id"].startswith("pos_")


async def test_k19_a_journal_is_not_changed_nor_removed(shop: Shop) -> None:
    accounts = (await shop.at.maker.get("/ledger/accounts", limit=100))["data"]
    entries = await shop.at.maker.get(f"/ledger/accounts/{accounts[0]['id']}/entries")
    journal = entries["data"][0]["journal"]
    for method in ("PUT", "PATCH", "DELETE"):
        for path in (f"/ledger/journals/{journal}", f"/ledger/accounts/{accounts[0]['id']}"):
            assert (await shop.at.maker.send(path, {}, method=method)).status_code == 405, (method, path)


def test_every_rule_is_attacked_over_the_api_or_has_no_door() -> None:
    by_name = {name.split("_")[i].upper() for name in globals() if name.startswith("test_k") for i in (1, 2)}
    attacked = {one.rule for one in ATTACKS} | {name for name in by_name if name[1:].isdigit()}
    assert {rule.id for rule in RULES} == attacked | set(NO_DOOR)
