"""What a whole batch must hold: duplicates in linear time, plans that stay right, one answer per item, nothing half done."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import asyncpg
import pytest

from cauce.ledger.posting import post, post_at_once
from cauce.ledger.rules import Code, Leg
from cauce.storage.database import Database
from tests.slices.ledger.books import (
    balance,
    capture,
    codes,
    count_rows,
    credit,
    fresh_key,
    hold,
    move,
    new_org,
    release,
    results,
    user,
)


@pytest.fixture
async def org(shared_database: Database) -> int:
    """An organization of the test's own."""
    return await new_org(shared_database)


async def test_duplicates_inside_one_batch_are_answered_with_the_one_that_was_posted(
    shared_database: Database, org: int
) -> None:
    wallet, key = credit("cus_1"), fresh_key()
    spend = move(wallet, user("x"), 10, key=key)
    answers = await results(
        shared_database, org, spend, spend, move(user("bank"), wallet, 10), spend, spend, replace(spend, recipe="other"), spend
    )  # fmt: skip
    assert [answer.code for answer in answers] == [
        Code.INSUFFICIENT, Code.INSUFFICIENT, Code.POSTED, Code.POSTED, Code.DUPLICATE, Code.CONFLICT, Code.DUPLICATE,
    ]  # fmt: skip
    assert answers[4].id == answers[6].id == answers[3].id
    assert await balance(shared_database, org, user("x")) == (-10, 0)


async def test_a_twin_of_an_item_whose_group_broke_is_posted_by_itself(shared_database: Database, org: int) -> None:
    twin = move(user("a"), user("b"), 3)
    answers = await codes(
        shared_database, org,
        replace(twin, link="g"), replace(twin, link="g"), move(credit("cus_1"), user("b"), 1, link="g"), twin, twin,
    )  # fmt: skip
    assert answers == [Code.LINKED_FAILED, Code.LINKED_FAILED, Code.INSUFFICIENT, Code.POSTED, Code.DUPLICATE]
    assert await balance(shared_database, org, user("a")) == (3, 0)


async def test_thousands_of_duplicates_in_one_batch_cost_what_as_many_journals_cost(
    shared_database: Database, org: int
) -> None:
    legs = (Leg(user("a"), 3), Leg(user("b"), -1), Leg(user("c"), -2))
    one = replace(move(user("a"), user("b"), 3), legs=legs)
    answers = await codes(shared_database, org, *([one] * 10_000))
    assert answers.count(Code.POSTED) == 1 and answers.count(Code.DUPLICATE) == 9_999
    assert await count_rows(shared_database, org, "entry") == 3


async def test_a_group_of_thousands_that_breaks_at_once_is_not_undone_over_and_over(
    shared_database: Database, org: int
) -> None:
    group = [
        move(credit("cus_1"), user("x"), 1, link="g"),
        *(move(user("a"), user("b"), 1, link="g") for _ in range(9_999)),
    ]
    began = time.monotonic()
    answers = await codes(shared_database, org, *group)
    assert answers[0] is Code.INSUFFICIENT and set(answers[1:]) == {Code.LINKED_FAILED}
    assert time.monotonic() - began < 60, "quadratic work would take minutes"
    assert await count_rows(shared_database, org, "journal") == 0


async def test_a_failing_item_never_fails_its_neighbours(shared_database: Database, org: int) -> None:
    wallet = credit("cus_1")
    items = [move(user("a"), user("b"), 1) if turn % 2 else move(wallet, user("b"), 1) for turn in range(50)]
    answers = await codes(shared_database, org, *items)
    assert answers == [Code.POSTED if turn % 2 else Code.INSUFFICIENT for turn in range(50)]
    assert await balance(shared_database, org, user("a")) == (25, 0)
    assert await count_rows(shared_database, org, "journal") == 25
    assert await count_rows(shared_database, org, "entry") == 50


async def test_a_rolled_back_transaction_leaves_nothing_and_its_accounts_are_not_remembered(
    shared_database: Database, org: int
) -> None:
    journal = move(user("gone"), user("b"), 5)
    with pytest.raises(ZeroDivisionError):
        async with shared_database.transaction(org) as tx:
            assert (await post(tx, [journal, hold(user("gone"), 3)]))[0].code is Code.POSTED
            raise ZeroDivisionError
    assert await count_rows(shared_database, org, "journal") == 0
    assert await count_rows(shared_database, org, "account") == 0
    assert await codes(shared_database, org, journal) == [Code.POSTED]


async def test_balance_after_runs_through_every_entry_of_an_account(shared_database: Database, org: int) -> None:
    wallet = credit("cus_1")
    for size in (1, 7, 40):
        await codes(
            shared_database, org,
            *(move(user("bank"), wallet, 5 + turn) if turn % 3 else move(wallet, user("bank"), 4) for turn in range(size)),
        )  # fmt: skip
    statement = """
        SELECT count(*) FROM (
          SELECT e.balance_after, sum(e.amount_minor) OVER (PARTITION BY e.account_id ORDER BY e.journal_id) AS running
            FROM ledger.entry e WHERE e.org_id = $1) x WHERE x.balance_after <> x.running"""
    async with shared_database.transaction(org) as tx:
        assert await tx.value(statement, org) == 0


async def test_hundred_clients_race_for_one_hold_and_one_wins(shared_database: Database, org: int) -> None:
    wallet, key = credit("cus_1"), fresh_key()
    await codes(shared_database, org, move(user("bank"), wallet, 100), hold(wallet, 100, key=key))
    attempts = [capture(key, wallet, move(wallet, user("x"), 100)) for _ in range(60)]
    attempts += [release(key, wallet, expired=turn % 2 == 0) for turn in range(40)]  # type: ignore[misc]
    answers = [answer for (answer,) in await asyncio.gather(*(codes(shared_database, org, item) for item in attempts))]
    assert answers.count(Code.POSTED) == 1
    assert set(answers) <= {Code.POSTED, Code.HOLD_NOT_OPEN, Code.DUPLICATE}
    captured = answers[:60].count(Code.POSTED)
    assert await balance(shared_database, org, wallet) == (-100 + 100 * captured, 0)


async def test_hundred_clients_race_to_place_one_hold_and_one_wins(shared_database: Database, org: int) -> None:
    wallet = credit("cus_1")
    await codes(shared_database, org, move(user("bank"), wallet, 100))
    answers = await asyncio.gather(*(codes(shared_database, org, hold(wallet, 60)) for _ in range(100)))
    assert [answer for (answer,) in answers].count(Code.POSTED) == 1
    assert await balance(shared_database, org, wallet) == (-100, 60)


@pytest.mark.parametrize("is_analyzed", [False, True])
async def test_plans_made_while_the_tables_were_empty_read_no_more_rows_when_they_are_full(
    dsn: str, is_analyzed: bool
) -> None:
    """Every look-up goes by its key: what a batch reads depends on the batch, never on the size of the books."""
    if is_analyzed:  # then the planner believes that they are empty, not that nobody knows
        owner = await asyncpg.connect(dsn)
        await owner.execute("VACUUM ANALYZE")
        await owner.close()
    database = await Database.connect(dsn, connections_max=1)
    org, wallet, kept = await new_org(database), credit("cus_1"), fresh_key()
    (first,) = await results(database, org, move(user("bank"), wallet, 1_000))
    await codes(database, org, hold(wallet, 1, key=kept), release(kept, wallet), move(wallet, user("bank"), 1_000))
    await codes(database, org, move(user("bank"), wallet, 1_000, reverses=first.id))
    for turn in range(6):
        items = [move(user(f"a{turn}.{n}"), user(f"b{n}"), 1, reference=f"r{n}") for n in range(500)]
        await codes(database, org, *items, *(hold(user(f"h{turn}.{n}"), 1) for n in range(100)))
    key = fresh_key()
    batch = [
        move(user("bank"), wallet, 1_000), move(user("a1.1"), user("b1"), 1, reverses=first.id), hold(wallet, 5, key=key),
        release(key, wallet), release(kept, wallet),
    ]  # fmt: skip
    async with database.transaction() as tx:  # what earlier batches read is counted elsewhere
        await tx.value("SELECT pg_stat_force_next_flush()")
    async with database.transaction(org) as tx:
        await post(tx, batch)
        read = await tx.rows(
            "SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) AS rows FROM pg_stat_xact_user_tables WHERE schemaname = 'ledger'"
        )
    await database.close()
    assert {row["relname"] for row in read} >= {"account", "journal", "hold", "pool"}
    assert all(row["rows"] <= 40 for row in read), [tuple(row) for row in read]


async def test_a_batch_in_one_trip_gives_the_same_answers(shared_database: Database, org: int) -> None:
    journal = move(user("a"), user("b"), 5)
    unknown, known, again = [
        await post_at_once(shared_database, org, [one]) for one in (move(user("a"), user("b"), 5), journal, journal)
    ]
    assert [answers[0].code for answers in (unknown, known, again)] == [Code.POSTED, Code.POSTED, Code.DUPLICATE]
    assert again[0].id == known[0].id
    assert await post_at_once(shared_database, org, []) == []
    assert await balance(shared_database, org, user("a")) == (10, 0)
