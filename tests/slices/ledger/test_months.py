"""Months close one after the other behind a checklist, take nothing afterwards, and open again by two persons only."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from cauce.kernel.errors import IllegalTransition, InvalidRequest
from cauce.ledger import months
from cauce.ledger.months import Line, MonthName, MonthNotReady, TwoPersonsNeeded
from cauce.ledger.posting import post
from cauce.ledger.rules import Book, Code
from cauce.ledger.sealing import seal_all
from cauce.ledger.verify import verify
from cauce.storage.audit import Actor
from cauce.storage.database import Database
from cauce.storage.directory.orgs import Mode, create_org
from tests.slices.ledger.books import codes, custody, move, new_org, user
from tests.support.waiting import until_blocked

ANA, BEN = Actor("person:ana"), Actor("person:ben")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
GREEN = [Line("all", True)]


def month(number: int, book: Book = Book.PLATFORM, channel_id: str = "") -> MonthName:
    """A month of 2026."""
    return MonthName(book, channel_id, date(2026, number, 1))


def on(number: int, day: int) -> datetime:
    """A day of 2026 at noon."""
    return datetime(2026, number, day, 12, tzinfo=UTC)


async def close(database: Database, org: int, name: MonthName) -> None:
    """Close a month over a green checklist."""
    async with database.transaction(org) as tx:
        await months.begin_closing(tx, name, ANA)
        await months.close(tx, name, lines=GREEN, explained={}, actor=ANA, now=NOW)


@pytest.fixture
async def org(shared_database: Database) -> int:
    """An organization with one journal in each of January to April."""
    org_id = await new_org(shared_database)
    await codes(shared_database, org_id, *(move(user("a"), user("b"), 1, effective_at=on(n, 10)) for n in range(1, 5)))
    return org_id


async def test_a_closed_month_takes_nothing_and_the_next_one_does(shared_database: Database, org: int) -> None:
    await close(shared_database, org, month(1))
    answers = await codes(
        shared_database, org,
        move(user("a"), user("b"), 1, effective_at=on(1, 31)), move(user("a"), user("b"), 1, effective_at=on(2, 1)),
        move(user("a", "usd"), user("b", "usd"), 1, effective_at=on(1, 31)),
    )  # fmt: skip
    assert answers == [Code.CLOSED_PERIOD, Code.POSTED, Code.CLOSED_PERIOD]


async def test_a_month_ends_at_midnight_in_the_zone_of_the_organization(shared_database: Database) -> None:
    async with shared_database.transaction() as tx:
        org = (await create_org(tx, "Test", Mode.SANDBOX, timezone="Asia/Shanghai")).id
    await close(shared_database, org, month(1))
    border = datetime(2026, 1, 31, 16, tzinfo=UTC)
    answers = await codes(
        shared_database, org,
        move(user("a"), user("b"), 1, effective_at=border - timedelta(microseconds=1)),
        move(user("a"), user("b"), 1, effective_at=border),
    )  # fmt: skip
    assert answers == [Code.CLOSED_PERIOD, Code.POSTED]


async def test_each_book_has_months_of_its_own(shared_database: Database, org: int) -> None:
    await close(shared_database, org, month(1))
    collected = move(custody("psp_in_transit"), custody("escrow:1"), 5, evidence="ins", effective_at=on(1, 20))
    assert await codes(shared_database, org, collected) == [Code.POSTED]


@pytest.mark.parametrize("line", ["month_is_over", "earlier_months_closed", "nothing_in_transit_or_suspense", "sealed"])
async def test_each_unmet_line_blocks_the_close(shared_database: Database, org: int, line: str) -> None:
    name, now = month(2), NOW
    if line == "month_is_over":
        now = on(2, 20)
    if line == "earlier_months_closed":
        async with shared_database.transaction(org) as tx:
            await months.begin_closing(tx, month(1), ANA)
    else:
        await close(shared_database, org, month(1))
    if line == "nothing_in_transit_or_suspense":
        from cauce.ledger.rules import Account

        clearing = Account(Book.PLATFORM, "", "eur", "psp_clearing:chn_1")
        await codes(shared_database, org, move(clearing, user("b"), 7, effective_at=on(2, 3)))
    if line != "sealed":
        await seal_all(shared_database, org)
    async with shared_database.transaction(org) as tx:
        await months.begin_closing(tx, name, ANA)
        lines = await months.own_lines(tx, name, now)
        assert [one.name for one in lines if not one.is_green] == [line]
        with pytest.raises(MonthNotReady, match=line):
            await months.close(tx, name, lines=lines, explained={}, actor=ANA, now=NOW)
        if line == "nothing_in_transit_or_suspense":
            await months.close(tx, name, lines=lines, explained={line: "arrives tomorrow"}, actor=ANA, now=NOW)
            (_, closed) = await months.months(tx, Book.PLATFORM)
            assert closed["notes"][0]["explained"] == "arrives tomorrow" and closed["notes"][0]["by"] == "person:ana"
        else:
            with pytest.raises(MonthNotReady):
                await months.close(tx, name, lines=lines, explained={line: "never mind"}, actor=ANA, now=NOW)


async def test_a_month_is_closed_only_after_closing_was_begun(shared_database: Database, org: int) -> None:
    async with shared_database.transaction(org) as tx:
        with pytest.raises(IllegalTransition):
            await months.close(tx, month(1), lines=GREEN, explained={}, actor=ANA, now=NOW)
        await months.begin_closing(tx, month(1), ANA)
        await months.give_up_closing(tx, month(1))
        with pytest.raises(IllegalTransition):
            await months.close(tx, month(1), lines=GREEN, explained={}, actor=ANA, now=NOW)


async def test_reopening_takes_two_persons_and_a_reason_and_opens_later_months_too(
    shared_database: Database, org: int
) -> None:
    for number in (1, 2, 3):
        await close(shared_database, org, month(number))
    async with shared_database.transaction(org) as tx:
        for by, why in (("person:ana", "wrong"), ("", "wrong"), ("person:ben", " ")):
            with pytest.raises(TwoPersonsNeeded):
                await months.reopen(tx, month(2), actor=ANA, approved_by=by, reason=why, now=NOW)
        opened = await months.reopen(tx, month(2), actor=ANA, approved_by=BEN.name, reason="late invoice", now=NOW)
    assert opened == [month(2), month(3)]
    answers = await codes(
        shared_database, org, *(move(user("a"), user("b"), 1, effective_at=on(n, 10)) for n in (1, 2, 3))
    )
    assert answers == [Code.CLOSED_PERIOD, Code.POSTED, Code.POSTED]
    await close(shared_database, org, month(2))
    async with shared_database.transaction(org) as tx:
        assert await verify(tx) == []
        events = [
            row["type"] for row in await tx.rows("SELECT type FROM storage.event WHERE org_id = $1 ORDER BY id", org)
        ]
    assert events == ["month.closed"] * 3 + ["month.reopened"] * 2 + ["month.closed"]


async def test_the_database_itself_refuses_one_person_alone_and_a_silent_reopening(
    shared_database: Database, org: int
) -> None:
    await close(shared_database, org, month(1))
    for change in (
        "state = 'open', closed_at = NULL, closed_by = NULL",
        "state = 'open', closed_at = NULL, closed_by = NULL, reopened_at = now(), reopened_by = 'a', reopen_approved_by = 'a', reopen_reason = 'x'",
        "state = 'open', closed_at = NULL, closed_by = NULL, reopened_at = now(), reopened_by = 'a', reopen_approved_by = 'b', reopen_reason = ''",
        "until_at = until_at - interval '1 day'",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            async with shared_database.transaction(org) as tx:
                await tx.run(f"UPDATE ledger.month SET {change} WHERE org_id = $1", org)


async def test_posting_and_closing_race_and_nothing_slips_behind_the_close(shared_database: Database, org: int) -> None:
    answers: list[Code] = []

    async def writer() -> None:
        for _ in range(10_000):
            if Code.CLOSED_PERIOD in answers:
                return
            answers.extend(await codes(shared_database, org, move(user("a"), user("b"), 1, effective_at=on(1, 15))))

    async def closer() -> None:
        while not answers:
            await asyncio.sleep(0.01)
        await close(shared_database, org, month(1))

    await asyncio.gather(*(writer() for _ in range(6)), closer())
    assert set(answers) == {Code.POSTED, Code.CLOSED_PERIOD}
    async with shared_database.transaction(org) as tx:
        assert await verify(tx) == []


async def test_closing_waits_for_a_batch_that_is_under_way(shared_database: Database, org: int) -> None:
    async with shared_database.transaction(org) as tx:
        (posted,) = await post(tx, [move(user("a"), user("b"), 1, effective_at=on(1, 15))])
        closing = asyncio.create_task(close(shared_database, org, month(1)))
        await until_blocked(shared_database)
        assert posted.code is Code.POSTED and not closing.done()
    await closing
    async with shared_database.transaction(org) as tx:
        assert await verify(tx) == []


def test_a_month_is_named_by_its_first_day_and_its_book() -> None:
    for book, channel, day in ((Book.PLATFORM, "", 2), (Book.CUSTODY, "", 1), (Book.PLATFORM, "chn_1", 1)):
        with pytest.raises(InvalidRequest):
            MonthName(book, channel, date(2026, 1, day))
