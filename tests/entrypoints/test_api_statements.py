"""Bank files, cases and confirmed matches over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cauce.kernel.ids import new_id
from cauce.storage.directory import keys
from tests.support.runtime import World, world

MAP = {
    "currency": "cny",
    "account_ref": "6222-1",
    "columns": {
        "booking_date": "day",
        "amount": "amount",
        "balance_after": "balance",
        "bank_ref": "ref",
        "text": "text",
    },
}
FILE = b"day,amount,balance,ref,text\n2026-01-16,-4.00,96.00,B1,fee of the bank\n2026-01-16,-0.60,95.40,B2,CI00000000000013\n"


@pytest.fixture
async def product(dsn: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world(dsn, tmp_path, sandbox=True) as one:
        yield one


class Caller:
    """One key, and the channel it works at."""

    def __init__(self, client: httpx2.AsyncClient, channel: str) -> None:
        self.client = client
        self.channel = channel

    async def ask(self, method: str, path: str, body: Any = None, content: bytes | None = None) -> httpx2.Response:
        more: dict[str, Any] = {"json": body} if content is None else {"content": content}
        return await self.client.request(method, f"/v1{path}", headers={"Idempotency-Key": new_id("key")}, **more)

    async def upload(self, data: bytes, file_format: str = "csv") -> httpx2.Response:
        return await self.ask("POST", f"/statements?channel={self.channel}&format={file_format}", content=data)


@pytest.fixture
async def caller(product: World) -> AsyncIterator[Caller]:
    org = await product.sandbox_org()
    channel = await product.channel(org, "wechat")
    async with product.runtime.db.transaction(org.id) as tx:
        _, secret = await keys.create_key(tx, org.id, org.mode, "test", frozenset({"admin"}))
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx2.AsyncClient(base_url=product.url, headers=headers, timeout=60) as client:
        yield Caller(client, channel)


async def test_a_file_becomes_lines_breaks_and_a_case_that_ends(caller: Caller) -> None:
    assert (await caller.upload(FILE)).json()["code"] == "bad_statement", "a CSV needs its map first"
    set_map = await caller.ask("PUT", f"/channels/{caller.channel}/statement_map", {"map": MAP})
    assert set_map.json()["version"] == 1, set_map.text
    taken = await caller.upload(FILE)
    assert (taken.status_code, taken.json()["new_lines"], taken.json()["day"]) == (201, 2, "2026-01-16"), taken.text
    assert (await caller.upload(FILE)).json()["new_lines"] == 0
    (statement,) = (await caller.client.get("/v1/statements")).json()["data"]
    assert (statement["lines"], statement["opening"], statement["closing"]) == (2, 10_000, 9_540)
    days = {"from_day": "2026-01-15", "until_day": "2026-01-17", "channel": caller.channel, "fetch": False}
    assert (await caller.ask("POST", "/reconciliation_runs", days)).json()["new_breaks"] == 2
    found = (await caller.client.get("/v1/breaks?state=open")).json()["data"]
    assert {(one["type"], one["amount"]["amount"]) for one in found} == {
        ("unknown_debit", 400),
        ("unknown_reference", 60),
    }
    case = await caller.ask(
        "POST",
        "/cases",
        {"breaks": [one["id"] for one in found], "cause": "the bank", "owner": "ana", "severity": "high"},
    )
    assert (case.status_code, case.json()["open_breaks"]) == (201, 2), case.text
    moved = await caller.ask("POST", f"/cases/{case.json()['id']}/assign", {"owner": "bia"})
    assert moved.json()["owner"] == "bia"
    debit = next(one for one in found if one["type"] == "unknown_debit")
    corrected = {"outcome": "correct", "resolution": "fee of the bank", "evidence": "mail 4", "template": "debit_borne"}
    path = f"/breaks/{debit['id']}/resolve"
    for wrong in ({"template": "fee_difference"}, {"outcome": "accept"}):
        refused = await caller.ask("POST", path, {**corrected, **wrong})
        assert (refused.status_code, refused.json()["code"]) == (422, "correction_does_not_fit")
    proposed = (await caller.ask("POST", path, corrected)).json()
    assert proposed["template"] == proposed["proposed_resolution"]["template"] == "debit_borne"
    for one in found:
        said = {"outcome": "explain", "resolution": "fee of the bank", "evidence": "mail 4"}
        assert (await caller.ask("POST", f"/breaks/{one['id']}/resolve", said)).status_code == 200
    assert (await caller.client.get("/v1/cases?state=open")).json()["data"] == []
    metrics = (await caller.client.get("/v1/reconciliation_metrics")).json()
    assert sum(one["resolved"] for one in metrics["breaks"]) == 2
    assert sum(one["open"] for one in metrics["breaks"]) == 0


async def test_a_file_that_does_not_follow_the_one_before_is_refused_and_kept_as_a_break(caller: Caller) -> None:
    await caller.ask("PUT", f"/channels/{caller.channel}/statement_map", {"map": MAP})
    await caller.upload(FILE)
    refused = await caller.upload(b"day,amount,balance,ref,text\n2026-01-17,1.00,96.50,B3,x\n")
    assert (refused.status_code, refused.json()["code"]) == (422, "statement_balance_gap")
    (kept,) = (await caller.client.get("/v1/breaks?state=open")).json()["data"]
    assert (kept["type"], kept["kind"]) == ("balance_gap", "statement")
    wrong = await caller.ask("POST", f"/breaks/{kept['id']}/confirm_match")
    assert wrong.json()["code"] == "no_match_proposed"


async def test_tolerances_are_for_fees_and_within_bounds(caller: Caller) -> None:
    path = f"/channels/{caller.channel}/reconciliation_terms"
    said = await caller.ask("PUT", path, {"fee_tolerances": {"collection": 2}, "timing_days": 2})
    assert said.json()["fee_tolerances"] == {"collection": 2}
    assert (await caller.ask("PUT", path, {"fee_tolerances": {"collection": -1}})).status_code == 422
    assert (await caller.ask("PUT", "/channels/ch_none/reconciliation_terms", {})).status_code == 404
