"""Reconciliation runs close once their differences are resolved, by themselves or by a person; a month asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from cauce.flows import closing
from cauce.flows.marketplace import breaks, reconcile
from cauce.kernel.money import Money
from cauce.ledger.months import MonthName
from cauce.ledger.rules import Book
from cauce.marketplace.reconciliation.rules import CriticalBreaksOpen
from cauce.storage.database import Row
from tests.flows.marketplace.bank import POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market

FIRST = BEGIN.date()
MONTH = MonthName(Book.CUSTODY, "ch", date(2026, 1, 1))


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(POOLED)}) as one:
        await one.take(one.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN))
        await one.advance(timedelta(days=2))
        yield one


async def _reconcile(shop: Market) -> list[str]:
    """A run over the first days; the states of all runs, the oldest first."""
    await reconcile.fetch_statements(shop.context, "ch", [FIRST, FIRST + timedelta(days=1)])
    await reconcile.reconcile(shop.context, "ch", FIRST, FIRST + timedelta(days=2))
    return await _states(shop)


async def _rows(shop: Market, query: str) -> list[Row]:
    async with shop.context.transaction() as tx:
        return await tx.rows(query, tx.org)


async def _states(shop: Market) -> list[str]:
    rows = await _rows(shop, "SELECT state FROM reconciliation.run WHERE org_id = $1 ORDER BY id")
    return [row["state"] for row in rows]


async def _open(shop: Market) -> list[str]:
    query = "SELECT id FROM reconciliation.break WHERE org_id = $1 AND state IN ('open', 'assigned') ORDER BY id"
    return [row["id"] for row in await _rows(shop, query)]


async def _month_waits(shop: Market) -> str:
    lines = await closing.checklist(shop.runtime.db, shop.org_id, MONTH)
    return next(line.detail for line in lines if line.name == "reconciliation_closed")


async def _explain(shop: Market, break_id: str) -> None:
    async with shop.context.transaction() as tx:
        await breaks.resolve_break(shop.context, tx, break_id, "explain", "looked", "ticket 7", by="person:maker")


async def test_a_run_without_differences_is_closed_at_once(shop: Market) -> None:
    assert await _reconcile(shop) == ["closed"]
    assert await _month_waits(shop) == ""
    told = await _rows(shop, "SELECT type FROM storage.event WHERE org_id = $1 AND type = 'reconciliation.closed'")
    assert len(told) == 1


async def test_a_run_closes_when_the_last_of_its_differences_is_resolved(shop: Market) -> None:
    bank = shop.banks["ch"]
    for place, line in enumerate(bank.lines[:2]):
        bank.lines[place] = replace(line, amount=Money(line.amount.amount_minor + 7, "brl"))
    assert await _reconcile(shop) == ["breaks_open"]
    assert "1 reconciliation run" in await _month_waits(shop)
    first, *others = await _open(shop)
    await _explain(shop, first)
    assert await _states(shop) == ["breaks_open"]
    for one in others:
        await _explain(shop, one)
    assert await _states(shop) == ["closed"]
    assert await _month_waits(shop) == ""


async def test_a_person_closes_a_run_unless_something_critical_is_open(shop: Market) -> None:
    bank = shop.banks["ch"]
    whole = list(bank.lines)
    bank.lines[0] = replace(whole[0], amount=Money(whole[0].amount.amount_minor + 7, "brl"))
    assert await _reconcile(shop) == ["breaks_open"]
    (run,) = await _rows(shop, "SELECT id FROM reconciliation.run WHERE org_id = $1")
    async with shop.context.transaction() as tx:
        await tx.run("UPDATE reconciliation.break SET severity = 'critical' WHERE org_id = $1", tx.org)
    with pytest.raises(CriticalBreaksOpen):
        await breaks.close_run(shop.context, run["id"])
    async with shop.context.transaction() as tx:
        await tx.run("UPDATE reconciliation.break SET severity = 'high' WHERE org_id = $1", tx.org)
    await breaks.close_run(shop.context, run["id"])
    assert await _states(shop) == ["closed"]
    assert len(await _open(shop)) == 1, "the difference stays open"


async def test_a_run_closes_when_the_other_side_arrives(shop: Market) -> None:
    bank = shop.banks["ch"]
    whole = list(bank.lines)
    bank.lines[0] = replace(whole[0], amount=Money(whole[0].amount.amount_minor + 7, "brl"))
    assert await _reconcile(shop) == ["breaks_open"]
    bank.lines[:] = whole
    assert await _reconcile(shop) == ["closed", "closed"]
