"""Everything about one customer as one document (B4): complete, his alone, masked, of any size, noted."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cauce.billing.conversations import service as conversations
from cauce.billing.conversations.rules import Person
from cauce.billing.relations import knowing as relations
from cauce.flows.exporting import begin_export, write_export
from cauce.kernel.errors import NotFound
from cauce.reports.customer_export import SECTIONS
from cauce.storage import audit
from tests.flows.billing.shop import Shop, flat, shop

LEFT_OUT = {
    "customers.wallet": "holds no more than its grants, which name it",
    "customers.token": "words under which he is found, made of the row that is there",
    "payments.payer": "the provider's names of him; the provider exports what it holds itself",
    "payments.setup": "a method that is being typed in at the provider",
    "outreach.step": "what a campaign plans, not what was sent",
    "outreach.hold": "until when campaigns rest",
    "outreach.run": "which automations ran; what they did stands in messages and events",
    "relations.owner": "which of the staff looks after him: about the staff",
    "relations.task": "what waits for staff",
    "usage.event_rest": "a partition of usage.event",
}


@pytest.fixture
async def seller(dsn: str) -> AsyncIterator[Shop]:
    async with shop(dsn) as one:
        await one.plan("team", flat(2_900))
        yield one


async def export_of(one: Shop, customer_id: str) -> dict[str, Any]:
    pieces = [piece async for piece in write_export(await begin_export(one.context, customer_id))]
    found: dict[str, Any] = json.loads(b"".join(pieces))
    return found


async def test_an_export_holds_what_is_his_and_nothing_of_others_or_of_the_provider(seller: Shop) -> None:
    ids = {}
    for who in ("ana", "bruno"):
        await seller.card(who, fingerprint=f"finger_{who}")
        done = await seller.sign_up(who, "team", email=f"{who}@example.com")
        ids[who] = done.customer_id
        async with seller.context.transaction() as tx:
            now, person = await seller.context.now(tx), Person(done.customer_id, name=who)
            await conversations.hear(tx, person, f"secret of {who}", now, actor="test")
            await relations.note(tx, done.customer_id, "operator", f"note on {who}", now)
    await seller.advance(timedelta(days=31))
    found = await export_of(seller, ids["ana"])
    assert set(SECTIONS) < set(found)
    assert (found["customer"]["id"], found["customer"]["email"]) == (ids["ana"], "ana@example.com")
    assert [one["total_minor"] for one in found["invoices"]] == [2_900, 2_900]
    assert found["invoices"][0]["lines"][0]["total_minor"] == 2_900
    assert [one["amount_minor"] for one in found["payments"]] == [2_900, 2_900]
    assert [(one["brand"], one["last4"]) for one in found["payment_methods"]] == [("visa", "4242")]
    assert [one["body"] for one in found["conversation_messages"]] == ["secret of ana"]
    assert [one["body"] for one in found["notes"]] == ["note on ana"]
    assert {"customer.export"} <= {line["action"] for line in found["audit"]}
    assert [one["status"] for one in found["subscriptions"]] == ["active"]
    text = json.dumps(found)
    assert "bruno" not in text
    assert ids["bruno"] not in text
    assert "finger_ana" not in text
    assert "pm_ana" not in text


async def test_who_takes_an_export_stands_in_the_audit_and_nobody_is_not_found(seller: Shop) -> None:
    done = await seller.sign_up("ana", "team", collection="send_invoice", net_days=5)
    await export_of(seller, done.customer_id)
    async with seller.context.transaction() as tx:
        lines = await audit.page(tx, object_id=done.customer_id)
    assert [(line["actor"], line["action"]) for line in lines] == [("person:operator", "customer.export")]
    with pytest.raises(NotFound):
        await begin_export(seller.context, "cus_nobody")


async def test_pages_of_any_section_meet_without_a_gap_and_no_piece_is_large(seller: Shop) -> None:
    done = await seller.sign_up("ana", "team", collection="send_invoice", net_days=5)
    async with seller.context.transaction() as tx:
        await tx.run(
            "INSERT INTO usage.event (org_id, subscription_id, meter_key, day, source, event_id, customer_id, value, occurred_at, recorded_at)"
            " SELECT $1, $2, 'calls', DATE '2026-01-01' + n % 90, 'api', 'e' || n, $3, 1, now(), now() FROM generate_series(1, 5_200) n",
            tx.org, done.subscription_id, done.customer_id,
        )  # fmt: skip
        await tx.run(
            "INSERT INTO relations.note (org_id, id, customer_id, author, body, created_at)"
            " SELECT $1, 'note_' || lpad(n::text, 8, '0'), $2, 'ana', repeat('x', 100), now() FROM generate_series(1, 1_000) n",
            tx.org, done.customer_id,
        )  # fmt: skip
    begun = await begin_export(seller.context, done.customer_id)
    pieces = [piece async for piece in write_export(begun)]
    found = json.loads(b"".join(pieces))
    assert len({one["event_id"] for one in found["usage"]}) == len(found["usage"]) == 5_200
    assert len({one["id"] for one in found["notes"]}) == len(found["notes"]) == 1_000
    assert max(map(len, pieces)) < 250_000


async def test_every_table_about_a_customer_is_exported_or_excused(seller: Shop) -> None:
    async with seller.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT table_schema || '.' || table_name AS name FROM information_schema.columns WHERE column_name = 'customer_id'"
            " AND table_schema NOT IN ('information_schema', 'ledger') AND table_name !~ '_[0-9]{6}$|_[0-9]{4}_[0-9]{2}$'"
        )
    said = " ".join(SECTIONS.values())
    exported = set(re.findall(r"(?:FROM|JOIN) (\w+\.\w+)", said))
    assert {row["name"] for row in rows} - exported - set(LEFT_OUT) == set()
    assert set(LEFT_OUT) & exported == set()


async def test_the_command_writes_a_file_that_only_its_owner_reads_and_replaces_none(
    seller: Shop, dsn: str, tmp_path: Path
) -> None:
    done = await seller.sign_up("ana", "team", collection="send_invoice", net_days=5)
    environment = {**os.environ, "CAUCE_HOME": str(tmp_path / "home"), "CAUCE_DATABASE_URL": dsn}
    words = [sys.executable, "-m", "cauce.entrypoints.cli.main", "customers", "export", done.customer_id]
    out = tmp_path / "ana.json"
    codes = []
    for _ in range(2):
        run = await asyncio.to_thread(
            subprocess.run, [*words, "--out", str(out)], env=environment, capture_output=True, check=False
        )
        codes.append(run.returncode)
    assert codes == [0, 1], run.stderr
    assert json.loads(out.read_text())["customer"]["external_id"] == "ana"
    assert out.stat().st_mode & 0o077 == 0
