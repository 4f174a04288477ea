"""`/v1/ledger` over real HTTP: journals by hand, one and many, and what the books say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from cauce.entrypoints.api.access import Authenticator
from cauce.entrypoints.api.coalescer import Coalescer
from cauce.entrypoints.api.ledger_routes import LedgerDoors, routes
from cauce.providers.kit.serving import serving
from cauce.storage.database import Database
from cauce.storage.directory.keys import create_key
from cauce.storage.directory.orgs import Mode
from tests.slices.ledger.books import codes, credit, custody, hold, move, new_org, user


@dataclass
class Api:
    """A client with a key of one organization."""

    client: httpx2.AsyncClient
    org: int
    database: Database

    async def post(self, path: str, body: object, **headers: str) -> httpx2.Response:
        """POST a JSON body."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(f"/v1/ledger/{path}", content=content, headers=headers)

    async def get(self, path: str, **query: Any) -> httpx2.Response:
        """GET with a query."""
        return await self.client.get(f"/v1/ledger/{path}", params=query)


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    """The routes, served on a free port."""
    org = await new_org(database)
    async with database.transaction() as tx:
        _, secret = await create_key(tx, org, Mode.SANDBOX, "test", frozenset({"read", "ledger:write"}))
    coalescer = Coalescer.over(database)
    app = Starlette(routes=routes(LedgerDoors(database, coalescer, Authenticator(database))))
    async with (
        serving(app) as url,
        httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {secret}"}, timeout=60) as client,
    ):
        yield Api(client, org, database)
    await coalescer.close()


def journal(amount: object = 700, **more: object) -> dict[str, object]:
    """A body."""
    legs = [{"account": "user:cash", "amount": amount, "currency": "eur"}]
    legs += [{"account": "user:sales", "amount": -amount if isinstance(amount, int) else amount, "currency": "eur"}]
    return {"legs": legs, "effective_at": "2026-03-01T10:00:00Z", **more}


async def test_a_journal_is_posted_once_per_key(api: Api) -> None:
    first = await api.post("journals", journal(key="k1", reference="rent"))
    assert first.status_code == 201 and first.json()["status"] == "posted", first.text
    again = await api.post("journals", journal(key="k1", reference="rent"))
    assert again.status_code == 200 and again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    other = await api.post("journals", journal(key="k1", reference="loan"))
    assert other.status_code == 409 and other.headers["content-type"] == "application/problem+json"
    assert other.json()["code"] == "ledger_key_conflict"
    by_header = await api.post("journals", journal(), **{"Idempotency-Key": "k2"})
    assert by_header.status_code == 201 and by_header.json()["key"] == "k2"
    shown = (await api.get(f"journals/{first.json()['id']}")).json()
    assert [leg["amount"] for leg in shown["legs"]] == [700, -700] and shown["recipe"] == "user"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (journal(7.0, key="k"), "invalid_request"),
        (b'{"key": "k", "legs": [{"account": "user:a", "amount": 1e3, "currency": "eur"}, {"account": "user:b", "amount": -1000, "currency": "eur"}]}', "invalid_request"),
        (journal("700", key="k"), "invalid_request"),
        (journal(True, key="k"), "invalid_request"),
        (journal(10**18 + 1, key="k"), "invalid_request"),
        (journal(), "invalid_request"),
        (journal(key="k", note="x"), "invalid_request"),
        (journal(key=""), "malformed_journal"),
        (journal(0, key="k"), "ledger_bad_legs"),
        (journal(key="k", effective_at="2026-03-01T10:00:00"), "malformed_journal"),
        (journal(key="k", effective_at="yesterday"), "invalid_request"),
        ({"key": "k", "legs": [{"account": "user:a", "amount": 1, "currency": "eur"}]}, "invalid_request"),
        ({"key": "k", "legs": [{"account": "user:a", "amount": 1, "currency": "eur"}, {"account": "user:b", "amount": -2, "currency": "eur"}]}, "malformed_journal"),
        ({"key": "k", "legs": [{"account": "user:a", "amount": 1, "currency": "eur"}, {"account": "user:b", "amount": -1, "currency": "usd"}]}, "malformed_journal"),
        ({"key": "k", "legs": [{"account": "revenue", "amount": 1, "currency": "eur"}, {"account": "user:b", "amount": -1, "currency": "eur"}]}, "account_not_by_hand"),
        ({"key": "k", "legs": [{"account": "user:", "amount": 1, "currency": "eur"}, {"account": "user:b", "amount": -1, "currency": "eur"}]}, "unknown_account_code"),
        ({"key": "k", "legs": [{"account": "user:a", "amount": 1, "currency": "xxz"}, {"account": "user:b", "amount": -1, "currency": "xxz"}]}, None),
        (b"not json", "invalid_request"),
        (b'{"key": "\xff"}', "invalid_request"),
    ],
)  # fmt: skip
async def test_what_cannot_be_posted_is_a_clear_problem_and_writes_nothing(
    api: Api, body: object, code: str | None
) -> None:
    answer = await api.post("journals", body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert code is None or answer.json()["code"] == code, answer.text
    assert (await api.get("trial_balance")).json()["data"] in (
        [],
        [{"book": "platform", "channel": None, "currency": "eur", "debit": 0, "credit": 0, "difference": 0}],
    )


async def test_many_journals_are_answered_one_by_one(api: Api) -> None:
    await api.post("journals", journal(key="one"))
    bodies = [journal(5, key=f"n{n}") for n in range(100)]
    bodies += [
        journal(key="one"),
        journal(1, key="one"),
        journal(0, key="bad", link="g"),
        journal(3, key="with", link="g"),
    ]
    answer = await api.post("journals/bulk", {"journals": bodies})
    assert answer.status_code == 200, answer.text
    statuses = [line["status"] for line in answer.json()["data"]]
    assert statuses == ["posted"] * 100 + ["duplicate", "conflict", "bad_legs", "linked_failed"]
    assert [line["key"] for line in answer.json()["data"][100:]] == ["one", "one", "bad", "with"]
    assert answer.json()["data"][-1]["id"] is None


async def test_a_body_that_is_too_large_or_holds_too_many_is_refused(api: Api) -> None:
    many = await api.post("journals/bulk", {"journals": [journal(1, key=str(n)) for n in range(1_001)]})
    assert many.status_code == 422
    huge = await api.post("journals/bulk", b"[" + b" " * (5 * 1024 * 1024))
    assert (huge.status_code, huge.json()["code"]) == (413, "body_too_large")
    wrong = await api.post("journals/bulk", {"journals": [journal(1, key="a"), journal(2, key="")]})
    assert (wrong.status_code, wrong.json()["position"]) == (422, 1)


async def test_a_missing_or_poor_key_is_refused(api: Api) -> None:
    nobody = await api.client.post("/v1/ledger/journals", content=b"{}", headers={"Authorization": ""})
    assert (nobody.status_code, nobody.json()["code"]) == (401, "unauthenticated")
    async with api.database.transaction() as tx:
        _, secret = await create_key(tx, api.org, Mode.SANDBOX, "reader", frozenset({"read"}))
    reader = {"Authorization": f"Bearer {secret}"}
    refused = await api.client.post("/v1/ledger/journals", content=b"{}", headers=reader)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert (await api.client.get("/v1/ledger/accounts", headers=reader)).status_code == 200


async def test_another_organization_sees_none_of_it(api: Api) -> None:
    posted = (await api.post("journals", journal(key="k"))).json()
    account = (await api.get("accounts")).json()["data"][0]["id"]
    other = await new_org(api.database)
    async with api.database.transaction() as tx:
        _, secret = await create_key(tx, other, Mode.SANDBOX, "stranger", frozenset({"read", "ledger:write"}))
    stranger = {"Authorization": f"Bearer {secret}"}
    for path in (f"journals/{posted['id']}", f"accounts/{account}", f"accounts/{account}/entries"):
        assert (await api.client.get(f"/v1/ledger/{path}", headers=stranger)).status_code == 404
    for path in ("accounts", "holds", "trial_balance"):
        assert (await api.client.get(f"/v1/ledger/{path}", headers=stranger)).json()["data"] == []
    assert (await api.client.get(f"/v1/ledger/holds?account={account}", headers=stranger)).json()["data"] == []


async def test_accounts_entries_and_the_past_are_paged_and_filtered(api: Api) -> None:
    for n in range(5):
        await api.post("journals", journal(n + 1, key=f"k{n}", effective_at=f"2026-03-0{n + 1}T00:00:00Z"))
    await codes(api.database, api.org, move(custody("psp_in_transit"), custody("escrow:1"), 9, evidence="ins"))
    accounts = (await api.get("accounts", code_prefix="user:")).json()["data"]
    assert {one["code"]: one["balance"] for one in accounts} == {"user:cash": 15, "user:sales": -15}
    first = (await api.get("accounts", limit=3)).json()
    rest = (await api.get("accounts", limit=3, cursor=first["next_cursor"])).json()
    assert first["has_more"] and not rest["has_more"] and len(first["data"]) + len(rest["data"]) == 4
    assert [one["code"] for one in (await api.get("accounts", book="custody", owner="1")).json()["data"]] == [
        "escrow:1"
    ]
    cash = next(one["id"] for one in accounts if one["code"] == "user:cash")
    lines, cursor = [], ""
    while True:
        page = (await api.get(f"accounts/{cash}/entries", limit=2, cursor=cursor)).json()
        lines += page["data"]
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
    assert [line["balance_after"] for line in lines] == [1, 3, 6, 10, 15]
    then = (
        await api.get(f"accounts/{cash}", effective_at="2026-03-03T00:00:00Z", recorded_at="2020-01-01T00:00:00Z")
    ).json()
    assert (then["balance"], then["balance_effective"], then["balance_recorded"]) == (15, 6, 0)
    assert (await api.get("trial_balance", effective_at="2026-03-01T00:00:00Z")).json()["data"][0]["debit"] == 1
    for path, query in (
        ("accounts", {"limit": "0"}),
        ("accounts", {"cursor": "!"}),
        ("accounts", {"book": "x"}),
        ("trial_balance", {"effective_at": "x"}),
    ):
        assert (await api.get(path, **query)).status_code == 422
    for path in ("accounts/acc_999999", "accounts/jrn_1", "accounts/acc_x/entries", "journals/jrn_0"):
        assert (await api.get(path)).status_code == 404


async def test_holds_are_shown(api: Api) -> None:
    await codes(api.database, api.org, move(user("bank"), credit("c"), 10), hold(credit("c"), 4, key="h"))
    (shown,) = (await api.get("holds", state="open")).json()["data"]
    assert (shown["key"], shown["amount"], shown["remaining"], shown["code"]) == ("h", 4, 4, "customer:c:credit")
    assert (await api.get("holds", state="captured")).json()["data"] == []


async def test_many_clients_at_once_each_get_their_own_answer(api: Api) -> None:
    answers = await asyncio.gather(*(api.post("journals", journal(n + 1, key=f"c{n}")) for n in range(120)))
    assert all(answer.status_code == 201 for answer in answers)
    assert [answer.json()["legs"][0]["amount"] for answer in answers] == [n + 1 for n in range(120)]
    (total,) = (await api.get("trial_balance")).json()["data"]
    assert (total["debit"], total["difference"]) == (sum(range(1, 121)), 0)
