"""The same request twice has one effect and one answer."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from cauce.flows import housekeeping
from cauce.flows.context import Runtime
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import IdempotencyMismatch, InvalidRequest, RequestInFlight
from cauce.storage import idempotency
from cauce.storage.database import Database
from cauce.storage.directory.orgs import Org
from cauce.storage.idempotency import AlreadyAnswered, Answer, Once, Request
from tests.support import toy

REQUEST = Request.of("key-1", "POST /v1/things", b'{"a": 1}')
ANSWER = Answer(201, b'{"id": "thing_1"}')


async def ask(database: Database, org: Org, request: Request = REQUEST, *, moved_money: bool = False) -> Answer | None:
    async with database.transaction(org.id) as tx:
        known = await idempotency.replay(tx, request)
        if known is None:
            await idempotency.remember(tx, request, ANSWER, moved_money=moved_money)
        return known


async def test_the_second_time_the_first_answer_is_given_word_for_word(database: Database, org: Org) -> None:
    assert await ask(database, org) is None
    assert await ask(database, org) == ANSWER
    assert await ask(database, org, Request.of("key-1", "POST /v1/things", b'{"a": 1}')) == ANSWER


async def test_another_body_or_operation_under_the_same_key_is_refused(database: Database, org: Org) -> None:
    await ask(database, org)
    for other in (
        Request.of("key-1", "POST /v1/things", b'{"a": 2}'),
        Request.of("key-1", "POST /v1/others", b'{"a": 1}'),
    ):
        with pytest.raises(IdempotencyMismatch):
            await ask(database, org, other)


async def test_while_a_request_is_in_flight_its_key_is_refused_and_others_are_not(database: Database, org: Org) -> None:
    other_org = await toy.make_org(database)
    async with database.transaction(org.id) as tx:
        assert await idempotency.replay(tx, REQUEST) is None
        with pytest.raises(RequestInFlight):
            await ask(database, org)
        assert await ask(database, org, Request.of("key-2", "POST /v1/things", b"")) is None
        assert await ask(database, other_org) is None
    assert await ask(database, org) is None


async def test_a_hundred_requests_with_one_key_have_one_effect(runtime: Runtime, org: Org) -> None:
    async def request() -> str:
        try:
            async with runtime.db.transaction(org.id) as tx:
                if await idempotency.replay(tx, REQUEST) is not None:
                    return "replayed"
                await toy.write_effects(tx, [(org.id, "made", toy.DAWN)])
                await idempotency.remember(tx, REQUEST, ANSWER, moved_money=True)
                return "made"
        except RequestInFlight:
            return "in flight"

    told = await asyncio.gather(*(request() for _ in range(100)))
    assert told.count("made") == 1
    assert await toy.effects(runtime.db, org.id) == ["made"]


async def test_an_effect_that_failed_leaves_no_memory(database: Database, org: Org) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction(org.id) as tx:
            await idempotency.replay(tx, REQUEST)
            await idempotency.remember(tx, REQUEST, ANSWER, moved_money=True)
            raise ZeroDivisionError
    assert await ask(database, org) is None


async def test_the_record_goes_with_the_first_commit_and_gets_its_answer_later(database: Database, org: Org) -> None:
    once = Once(REQUEST, moves_money=True)
    async with database.transaction(org.id) as tx:
        await once.begin(tx)
        await once.end(tx)
    with pytest.raises(RequestInFlight):  # the effect is there; its answer is being written
        await ask(database, org)
    async with database.transaction(org.id) as tx:
        await once.begin(tx)
        await idempotency.answer(tx, REQUEST, ANSWER)
    with pytest.raises(AlreadyAnswered) as told:
        async with database.transaction(org.id) as tx:
            await Once(REQUEST, moves_money=True).begin(tx)
    assert told.value.answer == ANSWER


async def test_old_records_are_forgotten_except_where_money_moved(runtime: Runtime, org: Org, dsn: str) -> None:
    await ask(runtime.db, org)
    await ask(runtime.db, org, Request.of("paid", "POST /v1/payments", b""), moved_money=True)
    soon, late = wall_now() + timedelta(days=29), wall_now() + timedelta(days=31)
    assert await housekeeping.tidy_up(runtime, soon) == 0
    assert await ask(runtime.db, org) == ANSWER
    assert await housekeeping.tidy_up(runtime, late) == 1
    assert await ask(runtime.db, org) is None
    assert await ask(runtime.db, org, Request.of("paid", "POST /v1/payments", b"")) == ANSWER


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x00b", "line\nbreak"])
async def test_a_key_that_cannot_be_kept_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequest):
        Request.of(key, "POST /v1/things", b"")
