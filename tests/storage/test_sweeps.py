"""Sweeps: found without locks, claimed in chunks, the poison row alone parked and let go again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest

from cauce.flows.registry import REGISTRY
from cauce.kernel.errors import NotFound, Unavailable
from cauce.kernel.events import CATALOGUE
from cauce.storage import sweeps
from cauce.storage.database import SCHEDULER_ROLE, Database, Row, Tx
from cauce.storage.directory.orgs import Mode, Org
from cauce.storage.due_rows import sweep_over
from cauce.storage.sweeps import Sweep
from tests.support import toy

SWEEP = toy.TOY_SWEEP
Process = Callable[[Tx, list[Row]], Awaitable[None]]


@pytest.fixture
async def database(dsn: str, database: Database) -> Database:
    """With the toy's tables."""
    await toy.prepare(dsn)
    return database


@pytest.fixture(scope="module")
async def shared_scheduler(shared_dsn: str) -> AsyncIterator[Database]:
    connected = await Database.connect(shared_dsn, role=SCHEDULER_ROLE, connections_max=2)
    yield connected
    await connected.close()


async def handle(tx: Tx, rows: list[Row]) -> None:
    await toy.write_effects(tx, [(row["org_id"], row["key"], row["due_at"]) for row in rows])
    await tx.run(toy.QUERIES.clear_due, [row["org_id"] for row in rows], [row["key"] for row in rows])


def poisoned(*keys: str) -> Process:
    async def process(tx: Tx, rows: list[Row]) -> None:
        await handle(tx, rows)
        bad = sorted({row["key"] for row in rows} & set(keys))
        if bad:
            raise ValueError(f"{bad[0]} is poison")

    return process


async def until_done(database: Database, sweep: Sweep, orgs: list[int], process: Process) -> int:
    total = 0
    while taken := await sweeps.run_chunk(database, sweep, orgs, process):
        total += taken
    return total


async def test_due_rows_of_many_organizations_are_processed_once(database: Database, scheduler: Database) -> None:
    orgs = [await toy.make_org(database) for _ in range(5)]
    for org in orgs:
        await toy.add_timers(database, org.id, [(f"t{n}", toy.at(hours=n - 10)) for n in range(20)])
    async with scheduler.transaction() as tx:
        found = await sweeps.find_orgs(tx, SWEEP)
    assert sorted(found) == sorted(org.id for org in orgs)
    assert await until_done(database, SWEEP, found, handle) == 5 * 11
    for org in orgs:
        assert sorted(await toy.effects(database, org.id)) == sorted(f"t{n}" for n in range(11))
    async with scheduler.transaction() as tx:
        assert await sweeps.find_orgs(tx, SWEEP) == []


async def test_a_live_organization_is_found_by_the_wall_clock_also_behind_anothers_backlog(
    database: Database, scheduler: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "FIND_ROWS_MAX", 10)
    heavy, light, idle = [await toy.make_org(database, Mode.LIVE) for _ in range(3)]
    past = toy.DAWN - timedelta(days=3650)
    await toy.add_timers(database, heavy.id, [(f"t{n}", past) for n in range(50)])
    await toy.add_timers(database, light.id, [("t", past + timedelta(days=1))])
    await toy.add_timers(database, idle.id, [("t", toy.DAWN + timedelta(days=36500))])
    async with scheduler.transaction() as tx:
        assert sorted(await sweeps.find_orgs(tx, SWEEP)) == sorted([heavy.id, light.id])


async def test_two_sweepers_share_the_rows_and_none_is_done_twice(database: Database, org: Org) -> None:
    await toy.add_timers(database, org.id, [(f"t{n}", toy.DAWN) for n in range(300)])
    small = toy.ranked(25, rows_max=20)
    counts = await asyncio.gather(*(until_done(database, small, [org.id], handle) for _ in range(4)))
    assert sum(counts) == 300
    assert len(await toy.effects(database, org.id)) == len(set(await toy.effects(database, org.id))) == 300


async def test_poison_rows_are_parked_with_their_error_and_their_neighbours_go_on(database: Database, org: Org) -> None:
    other = await toy.make_org(database)
    await toy.add_timers(database, org.id, [(f"t{n:02}", toy.at(minutes=n - 100)) for n in range(50)])
    await toy.add_timers(database, other.id, [("fine", toy.DAWN)])
    await until_done(database, SWEEP, [org.id, other.id], poisoned("t07", "t31"))
    done = await toy.effects(database, org.id)
    assert sorted(done) == sorted({f"t{n:02}" for n in range(50)} - {"t07", "t31"})
    assert await toy.effects(database, other.id) == ["fine"]
    async with database.transaction(org.id) as tx:
        parked = {row["row_key"]: row for row in await sweeps.parked(tx)}
        assert await sweeps.next_due(tx, SWEEP) is None
    assert {key: row["error"] for key, row in parked.items()} == {
        "t07": "ValueError: t07 is poison",
        "t31": "ValueError: t31 is poison",
    }
    assert parked["t07"]["due_at"] == toy.at(minutes=-93)


async def test_a_parked_row_is_let_go_at_its_own_time_and_counts_its_tries(database: Database, org: Org) -> None:
    await toy.add_timers(database, org.id, [("bad", toy.at(hours=-5))])
    for tries in (1, 2):
        assert await sweeps.run_chunk(database, SWEEP, [org.id], poisoned("bad")) == 1
        async with database.transaction(org.id) as tx:
            (row,) = await sweeps.parked(tx)
            assert (row["tries"], row["sweep"]) == (tries, SWEEP.name)
            await sweeps.unpark(tx, SWEEP, "bad")
            assert await sweeps.next_due(tx, SWEEP) == toy.at(hours=-5)
    assert await sweeps.run_chunk(database, SWEEP, [org.id], handle) == 1
    with pytest.raises(NotFound):
        async with database.transaction(org.id) as tx:
            await sweeps.unpark(tx, SWEEP, "bad")


async def test_a_row_that_stays_due_is_parked_instead_of_taken_for_ever(database: Database, org: Org) -> None:
    await toy.add_timers(database, org.id, [("stuck", toy.DAWN), ("moving", toy.at(hours=-3))])

    async def process(tx: Tx, rows: list[Row]) -> None:
        for row in rows:
            if row["key"] == "moving":  # catches up an hour at a time, and is due again in between
                await tx.run(SWEEP.set_due, row["org_id"], row["key"], row["due_at"] + timedelta(hours=1))

    assert await until_done(database, SWEEP, [org.id], process) == 2 + 3
    async with database.transaction(org.id) as tx:
        (row,) = await sweeps.parked(tx)
        assert row["row_key"] == "stuck"
        assert await sweeps.next_due(tx, SWEEP) == toy.at(hours=1)


async def test_a_failure_that_says_nothing_about_the_rows_parks_none(database: Database, org: Org) -> None:
    await toy.add_timers(database, org.id, [("t", toy.DAWN)])
    for failure in (asyncpg.DeadlockDetectedError("x"), asyncpg.DiskFullError("x"), OSError(), Unavailable()):

        async def process(_tx: Tx, _rows: list[Row], failure: Exception = failure) -> None:
            raise failure

        with pytest.raises(type(failure)):
            await sweeps.run_chunk(database, SWEEP, [org.id], process)
    async with database.transaction(org.id) as tx:
        assert await sweeps.parked(tx) == []
    assert await sweeps.run_chunk(database, SWEEP, [org.id], handle) == 1


async def test_a_sweep_whose_claim_is_wrong_is_an_error_and_not_an_empty_one(database: Database, org: Org) -> None:
    wrong = Sweep(
        "wrong", 25, SWEEP.find, "SELECT 1/0, $1::bigint[], $2::int, $3::text[]", SWEEP.set_due, SWEEP.next_due
    )
    with pytest.raises(asyncpg.DivisionByZeroError):
        await sweeps.run_chunk(database, wrong, [org.id], handle)


async def test_a_failure_at_the_commit_is_the_rows_failure_too(database: Database, org: Org, dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "CREATE FUNCTION toy.refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.name = 'bad' THEN RAISE EXCEPTION 'not at the end'; END IF; RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON toy.effect DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION toy.refuse()"
    )
    await connection.close()
    await toy.add_timers(database, org.id, [(key, toy.DAWN) for key in ("good", "bad", "well")])
    await until_done(database, SWEEP, [org.id], handle)
    assert sorted(await toy.effects(database, org.id)) == ["good", "well"]
    async with database.transaction(org.id) as tx:
        assert [row["row_key"] for row in await sweeps.parked(tx)] == ["bad"]


@pytest.mark.parametrize("sweep", [kind.sweep for kind in REGISTRY.sweeps], ids=lambda sweep: sweep.name)
async def test_every_sweep_of_the_product_keeps_the_contract(
    shared_database: Database, shared_scheduler: Database, sweep: Sweep
) -> None:
    org = await toy.make_org(shared_database)
    async with shared_scheduler.transaction() as tx:  # may it ask, with what it may see?
        assert await sweeps.find_orgs(tx, sweep) == []
    async with shared_database.transaction(org.id) as tx:
        assert await tx.rows(sweep.claim, [org.id], 10, None) == []
        assert await tx.rows(sweep.claim, [org.id], 10, ["none"]) == []
        assert await sweeps.next_due(tx, sweep) is None
        assert await tx.run(sweep.set_due, org.id, "none", None) == 0
        statement = await tx.connection.prepare(sweep.claim)
        assert {"org_id", "key", "due_at"} <= {column.name for column in statement.get_attributes()}
        assert not sweep.due_of or await tx.row(sweep.due_of, org.id, "none") is None


async def test_rows_named_by_several_columns_are_claimed_by_exactly_those(database: Database) -> None:
    org = await toy.make_org(database)
    await toy.add_timers(database, org.id, [(f"t{n}", toy.at(hours=-n)) for n in range(1, 5)])
    sweep = sweep_over("toy.timer", 25, "toy.timer", key=("id", "rank"), columns=("then_job",), may_wait="true")
    async with database.transaction(org.id) as tx:
        assert [row["key"] for row in await tx.rows(sweep.claim, [org.id], 3, None)] == ["t4/25", "t3/25", "t2/25"]
        named = await tx.rows(sweep.claim, [org.id], 10, ["t2/25", "t3/26", "t1/25"])
        assert [row["key"] for row in named] == ["t2/25", "t1/25"]
        assert await tx.run(sweep.set_due, org.id, "t4/26", None) == 0
        assert await tx.run(sweep.set_due, org.id, "t4/25", None) == 1
        assert await sweeps.next_due(tx, sweep) == toy.at(hours=-3)
        found = await tx.row(sweep.due_of, org.id, "t4/25")
        assert found is not None and found["due_at"] is None


async def test_a_sweep_is_over_a_table_of_its_own_slice() -> None:
    with pytest.raises(AssertionError, match="another slice's"):
        sweep_over("payments.retry", 25, "invoicing.invoice")


async def test_sweeps_have_names_of_their_own() -> None:
    names = [kind.sweep.name for kind in REGISTRY.sweeps]
    assert len(names) == len(set(names))


async def test_the_toys_event_is_in_the_catalogue() -> None:
    assert set(toy.EVENTS) <= set(CATALOGUE)
