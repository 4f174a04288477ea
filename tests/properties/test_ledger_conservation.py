"""Money is never made or lost: random programs on the real function, compared with a sequential model item by item.

Programs post, link, hold, capture, release, expire, reverse, repeat, and crash (the transaction is rolled back, or the
answer is lost and the batch sent again). After each program balances, reserves and holds must equal the model's, and
`verify` must find the books whole.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from cauce.ledger.posting import post
from cauce.ledger.rules import Account, Book, Code, Item, Journal
from cauce.ledger.verify import verify
from cauce.storage.database import Database, Tx
from tests.properties.ledger_model import Model
from tests.properties.ledger_programs import Program
from tests.slices.ledger.books import new_org
from tests.support.counts import PROGRAMS

SOAK_PROGRAMS = 2_000
BORDERS = (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))


class Crash(Exception):
    """Stands for whatever ends a transaction before its commit."""


async def run_program(database: Database, seed: int) -> None:
    """Run one program on an organization of its own."""
    org, model, program = await new_org(database), Model(), Program(seed)
    for batch in program.batches():
        if program.chance.random() < 0.15:
            with pytest.raises(Crash):
                async with database.transaction(org) as tx:
                    await post(tx, batch)
                    raise Crash
        if program.chance.random() < 0.05:
            await _close_month(database, org, model, program)
        await _post_and_compare(database, org, model, program, batch, seed)
        if program.chance.random() < 0.1:  # the answer was lost: the same batch again
            await _post_and_compare(database, org, model, program, batch, seed)
    async with database.transaction(org) as tx:
        await _compare_books(tx, model, seed)


async def _post_and_compare(
    database: Database, org: int, model: Model, program: Program, batch: list[Item], seed: int
) -> None:
    right = model.post(batch)
    async with database.transaction(org) as tx:
        answers = await post(tx, batch)
    given = [answer.code for answer in answers]
    assert all(code in wanted for code, wanted in zip(given, right, strict=True)), f"seed {seed}: {given} for {right}"
    for item, answer in zip(batch, answers, strict=True):
        journal = item if isinstance(item, Journal) else getattr(item, "journal", None)
        if journal is not None and answer.code is Code.POSTED:
            model.known_numbers.add(answer.id)
            program.numbers.append((journal, answer.id))


async def _close_month(database: Database, org: int, model: Model, program: Program) -> None:
    book, channel = program.chance.choice([(Book.PLATFORM, ""), (Book.CUSTODY, "chn_1")])
    border = program.chance.choice(BORDERS)
    statement = """
        INSERT INTO ledger.month (org_id, book, channel_id, starts_on, until_at, state, closed_at, closed_by)
        VALUES ($1, $2, $3, ($4::timestamptz AT TIME ZONE 'UTC' - interval '1 month')::date, $4, 'closed', now(), 'somebody')
        ON CONFLICT DO NOTHING"""
    async with database.transaction(org) as tx:
        await tx.run(statement, org, book.value, channel, border)
        await tx.value("SELECT ledger.move_border($1, $2, $3)", org, book.value, channel)
    known = model.open_from.get((book, channel))
    model.open_from[book, channel] = max(border, known) if known else border


async def _compare_books(tx: Tx, model: Model, seed: int) -> None:
    rows = await tx.rows(
        """SELECT p.book, p.channel_id, p.currency, a.code, a.balance_minor, a.held_minor
             FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id WHERE a.org_id = $1""",
        tx.org,
    )
    for row in rows:
        account = Account(Book(row["book"]), row["channel_id"], row["currency"], row["code"])
        wanted = (model.balances.get(account, 0), model.held.get(account, 0))
        assert (row["balance_minor"], row["held_minor"]) == wanted, f"seed {seed}: {account}"
    holds = await tx.rows("SELECT key, remaining_minor, state FROM ledger.hold WHERE org_id = $1", tx.org)
    assert {row["key"]: (row["remaining_minor"], row["state"]) for row in holds} == {
        key: (one.left, one.state) for key, one in model.holds.items()
    }, f"seed {seed}"
    journals = {row["key"] for row in await tx.rows("SELECT key FROM ledger.journal WHERE org_id = $1", tx.org)}
    assert journals == set(model.journals), f"seed {seed}"
    # The programs move fees as they please; everything else must be in order.
    assert [finding for finding in await verify(tx) if finding.check != "fee_mirror"] == [], f"seed {seed}"


async def _run_programs(database: Database, seeds: range) -> None:
    gate = asyncio.Semaphore(4)

    async def one(seed: int) -> None:
        async with gate:
            await run_program(database, seed)

    await asyncio.gather(*(one(seed) for seed in seeds))


async def test_random_programs_agree_with_the_sequential_model(shared_database: Database) -> None:
    await _run_programs(shared_database, range(PROGRAMS))


@pytest.mark.soak
async def test_thousands_of_random_programs_agree_with_the_sequential_model(shared_database: Database) -> None:
    await _run_programs(shared_database, range(PROGRAMS, PROGRAMS + SOAK_PROGRAMS))
