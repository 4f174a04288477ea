"""Corrections by template: posted with the statement's line as evidence, by two persons, for differences they are for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from cauce.flows.marketplace import breaks, reconcile
from cauce.gateway.reporting import LineKind, StatementLine
from cauce.kernel.money import Money
from cauce.ledger.rules import JournalRefused
from cauce.ledger.verify import verify
from cauce.marketplace.reconciliation import store
from cauce.marketplace.reconciliation.rules import ResolutionNeedsTwo, TemplateDoesNotFit
from cauce.reports.compliance import violations
from tests.flows.marketplace.bank import POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market

FIRST = BEGIN.date()


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(POOLED)}) as one:
        await one.take(one.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN + timedelta(hours=1)))
        await one.advance(timedelta(days=2))
        yield one


async def _found(shop: Market) -> dict[str, str]:
    await reconcile.fetch_statements(shop.context, "ch", [FIRST])
    await reconcile.reconcile(shop.context, "ch", FIRST, FIRST + timedelta(days=1))
    async with shop.context.transaction() as tx:
        return {row["type"]: row["id"] for row in await store.open_breaks(tx, "ch")}


async def _correct(shop: Market, break_id: str, template: str, approved_by: str = "person:b") -> None:
    async with shop.context.transaction() as tx:
        await breaks.resolve_break(
            shop.context, tx, break_id, "correct", "their fee", "mail 4", by="person:a", approved_by=approved_by,
            template=template,
        )  # fmt: skip


async def _proofs(shop: Market) -> list[str]:
    async with shop.context.transaction() as tx:
        assert await verify(tx) == []
        assert await violations(tx, await shop.context.now(tx)) == []
        rows = await tx.rows("SELECT evidence FROM ledger.journal WHERE key LIKE 'T03:correction:%' ORDER BY id")
    return [row["evidence"] for row in rows]


async def _amounts(shop: Market) -> dict[str, int]:
    return {name: int(amount) for name, _, amount in (line.rpartition(": ") for line in await shop.books())}


@pytest.mark.parametrize("more", [2, -3])
async def test_a_fee_that_differs_is_booked_as_it_was_taken(shop: Market, more: int) -> None:
    lines = shop.banks["ch"].lines
    (place,) = [n for n, line in enumerate(lines) if line.kind is LineKind.COLLECTION]
    lines[place] = replace(lines[place], fee_minor=lines[place].fee_minor + more)
    found = await _found(shop)
    assert list(found) == ["fee"]
    before = await _amounts(shop)
    for wrong in ("debit_borne", "write_off"):
        with pytest.raises(TemplateDoesNotFit):
            await _correct(shop, found["fee"], wrong)
    with pytest.raises(ResolutionNeedsTwo):
        await _correct(shop, found["fee"], "fee_difference", approved_by="person:a")
    assert await _amounts(shop) == before
    await _correct(shop, found["fee"], "fee_difference")
    after = await _amounts(shop)
    assert {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)} == {
        "custody fee": -more,
        "custody psp_in_transit": -more,
        "platform fee_due_from_custody": -more,
        "platform provider_cost": more,
    }
    (evidence,) = await _proofs(shop)
    assert evidence.startswith("line:")
    assert await _found(shop) == {}, "it is not found again"


async def test_a_debit_that_nobody_ordered_is_paid_out_of_the_platforms_fee_as_far_as_that_goes(shop: Market) -> None:
    fee = (await _amounts(shop))["custody fee"]

    async def bank() -> AsyncIterator[StatementLine]:
        for n, taken in enumerate((fee - 1, 2)):
            yield StatementLine(str(n), LineKind.OTHER, Money(-taken, "brl"), BEGIN, ref=f"b{n}")

    await reconcile.take_statement(shop.context, "ch", "bank", FIRST, bank())
    await _found(shop)
    async with shop.context.transaction() as tx:
        rows = {row["theirs_minor"]: row["id"] for row in await store.open_breaks(tx, "ch")}
    await _correct(shop, rows[fee - 1], "debit_borne")
    assert (await _amounts(shop))["custody fee"] == 1
    with pytest.raises(JournalRefused):
        await _correct(shop, rows[2], "debit_borne")
    async with shop.context.transaction() as tx:
        assert [row["id"] for row in await store.open_breaks(tx, "ch")] == [rows[2]]
    assert len(await _proofs(shop)) == 1
