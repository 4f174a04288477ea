"""Events: written with their effect, numbered per object without gaps, handed on once and in order."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from cauce.flows import runner
from cauce.flows.context import Runtime
from cauce.storage import jobs, outbox
from cauce.storage.database import Database, Tx
from cauce.storage.directory.orgs import Org
from cauce.storage.outbox import NewEvent
from tests.support import toy
from tests.support.waiting import until_blocked


def event(object_id: str, note: str = "", *, kind: str = "customer.updated") -> NewEvent:
    return NewEvent(kind, object_id, toy.DAWN, {"note": note}, customer_id="cus_1", previous={"note": "old"})


async def emit(database: Database, org: Org, *events: NewEvent) -> None:
    async with database.transaction(org.id) as tx:
        await outbox.emit(tx, events, actor="test", cause="why")


async def follow_ups(tx: Tx) -> list[int]:
    return [row["payload"]["event_id"] for row in await jobs.page(tx, rows_max=1_000)]


async def test_events_of_an_object_are_numbered_in_order_without_gaps(database: Database, org: Org) -> None:
    await emit(database, org, event("a", "1"), event("b", "1"), event("a", "2"))
    with pytest.raises(ZeroDivisionError):
        async with database.transaction(org.id) as tx:
            await outbox.emit(tx, [event("a", "rolled back")], actor="test")
            raise ZeroDivisionError
    await emit(database, org, event("a", "3"))
    async with database.transaction(org.id) as tx:
        rows = await outbox.events_of(tx, "a")
    assert [(row["sequence"], row["data"]["note"]) for row in rows] == [(1, "1"), (2, "2"), (3, "3")]
    assert (rows[0]["actor"], rows[0]["cause"], rows[0]["previous"]) == ("test", "why", {"note": "old"})


async def test_two_writers_that_did_not_lock_the_object_cannot_both_take_a_number(database: Database, org: Org) -> None:
    async with database.transaction(org.id) as first:
        await outbox.emit(first, [event("a")], actor="one")
        second = asyncio.create_task(emit(database, org, event("a")))
        await until_blocked(database)
    with pytest.raises(asyncpg.UniqueViolationError):
        await second


async def test_an_event_that_is_not_in_the_catalogue_is_a_defect(database: Database, org: Org) -> None:
    with pytest.raises(AssertionError):
        await emit(database, org, event("a", kind="customer.beamed_up"))


async def test_the_relay_hands_each_event_on_once_in_order_and_marks_it(
    runtime: Runtime, scheduler: Database, org: Org
) -> None:
    other = await toy.make_org(runtime.db)
    await emit(runtime.db, org, *(event("a", str(n)) for n in range(7)))
    await emit(runtime.db, other, event("z"))
    async with scheduler.transaction() as tx:
        assert sorted(await outbox.find_orgs(tx)) == [org.id, other.id]
    assert await runner.relay_events(runtime, org.id) == 7
    assert await runner.relay_events(runtime, org.id) == 0
    async with scheduler.transaction() as tx:
        assert await outbox.find_orgs(tx) == [other.id]
    async with runtime.db.transaction(org.id) as tx:
        handed_on = await follow_ups(tx)
        rows = {row["id"]: row for row in await outbox.page(tx)}
        assert [rows[one]["data"]["note"] for one in handed_on] == [str(n) for n in range(7)]
        assert {row["key"] for row in await jobs.page(tx)} == {"toy.once:a"}
        first = await outbox.read_event(tx, handed_on[0])
    assert first is not None
    assert first.sequence == 1


async def test_relays_at_the_same_moment_keep_the_order_and_lose_nothing(
    runtime: Runtime, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CHUNK_EVENTS", 10)
    total = 0

    async def write() -> None:
        for n in range(30):
            await emit(runtime.db, org, event("a", str(n)))

    async def relay() -> None:
        nonlocal total
        while total < 30:
            count = await runner.relay_events(runtime, org.id)
            total += count

    await asyncio.wait_for(asyncio.gather(write(), relay(), relay(), relay()), timeout=30)
    async with runtime.db.transaction(org.id) as tx:
        handed_on = await follow_ups(tx)
    assert handed_on == sorted(handed_on)
    assert len(set(handed_on)) == 30


async def test_an_event_committed_late_is_not_passed_over(runtime: Runtime, org: Org) -> None:
    async with runtime.db.transaction(org.id) as late:
        await outbox.emit(late, [event("late")], actor="test")  # has the lower number
        await emit(runtime.db, org, event("early"))
        assert await runner.relay_events(runtime, org.id) == 1
    assert await runner.relay_events(runtime, org.id) == 1


async def test_an_event_cannot_be_changed_or_removed(database: Database, org: Org) -> None:
    await emit(database, org, event("a"))
    for statement in ("UPDATE storage.event SET data = '{}'", "DELETE FROM storage.event"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.transaction(org.id) as tx:
                await tx.run(statement)


async def test_pages_and_timelines_go_back_from_the_newest(database: Database, org: Org) -> None:
    await emit(database, org, *(event("a", str(n)) for n in range(5)), event("b", kind="customer.created"))
    async with database.transaction(org.id) as tx:
        newest = await outbox.page(tx, rows_max=2)
        older = await outbox.page(tx, before=newest[-1]["id"], rows_max=10)
        created = await outbox.page(tx, event_type="customer.created")
        timeline = await outbox.timeline(tx, "cus_1", rows_max=3)
    assert [row["type"] for row in newest] == ["customer.created", "customer.updated"]
    assert [row["data"]["note"] for row in older] == ["3", "2", "1", "0"]
    assert len(created) == 1
    assert len(timeline) == 3
