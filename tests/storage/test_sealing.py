"""Sealed values: unreadable at rest, bound to their place, brought under a new master key."""

from __future__ import annotations

import secrets
from datetime import timedelta

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauce.flows import housekeeping
from cauce.flows.context import Runtime
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import SetupError
from cauce.storage import sealing
from cauce.storage.database import Database
from cauce.storage.directory.orgs import Org
from cauce.storage.sealing import CannotUnseal, Sealer, key_id
from tests.support import toy


def fresh() -> bytes:
    return secrets.token_bytes(32)


@given(st.binary(max_size=2_000), st.text(max_size=40))
def test_what_was_sealed_opens_only_in_its_place_and_unchanged(plain: bytes, place: str) -> None:
    sealer = Sealer.of(b"m" * 32)
    box = sealer.seal(plain, place)
    assert sealer.open(box, sealer.current, place) == plain
    assert sealer.seal(plain, place) != box
    with pytest.raises(CannotUnseal):
        sealer.open(box, sealer.current, place + "x")
    with pytest.raises(CannotUnseal):
        sealer.open(box[:-1] + bytes([box[-1] ^ 1]), sealer.current, place)
    with pytest.raises(CannotUnseal):
        sealer.open(bytes([box[0] ^ 1]) + box[1:], sealer.current, place)


def test_a_sealer_tells_no_key_and_takes_only_whole_ones() -> None:
    master = fresh()
    assert master.hex() not in repr(Sealer.of(master))
    for wrong in ((), (b"short",), (master, master[:-1])):
        with pytest.raises(SetupError):
            Sealer.of(*wrong)


async def test_values_are_kept_replaced_read_by_name_and_dropped(database: Database, org: Org, dsn: str) -> None:
    sealer = Sealer.of(fresh())
    async with database.transaction(org.id) as tx:
        await sealing.put(tx, sealer, "ch_1", "secret", "first")
        await sealing.put(tx, sealer, "ch_1", "secret", "second")
        await sealing.put(tx, sealer, "ch_1", "other", "é€漢")
        assert await sealing.get(tx, sealer, "ch_1") == {"secret": "second", "other": "é€漢"}
        assert await sealing.get(tx, sealer, "ch_1", ["other", "absent"]) == {"other": "é€漢"}
    owner = await asyncpg.connect(dsn)
    boxes = [row["box"] for row in await owner.fetch("SELECT box FROM storage.sealed")]
    await owner.close()
    assert all(b"second" not in box for box in boxes)
    async with database.transaction(org.id) as tx:
        await sealing.drop(tx, "ch_1")
        assert await sealing.get(tx, sealer, "ch_1") == {}


async def test_a_box_moved_to_another_organization_does_not_open(database: Database, org: Org, dsn: str) -> None:
    sealer, other = Sealer.of(fresh()), await toy.make_org(database)
    async with database.transaction(org.id) as tx:
        await sealing.put(tx, sealer, "ch_1", "secret", "mine")
    owner = await asyncpg.connect(dsn)
    await owner.execute("UPDATE storage.sealed SET org_id = $1", other.id)
    await owner.close()
    with pytest.raises(CannotUnseal, match="ch_1/secret"):
        async with database.transaction(other.id) as tx:
            await sealing.get(tx, sealer, "ch_1")


async def test_expired_values_are_not_given_and_are_removed(runtime: Runtime, org: Org) -> None:
    sealer = runtime.sealer
    async with runtime.db.transaction(org.id) as tx:
        await sealing.put(tx, sealer, "ch_1", "token", "old", expires_at=wall_now() - timedelta(seconds=1))
        await sealing.put(tx, sealer, "ch_1", "fresh", "new", expires_at=wall_now() + timedelta(hours=1))
        assert await sealing.get(tx, sealer, "ch_1") == {"fresh": "new"}
    assert await housekeeping.tidy_up(runtime, wall_now()) == 1
    async with runtime.db.transaction(org.id) as tx:
        assert await sealing.keys_in_use(tx) == {sealer.current: 1}


async def test_a_new_master_key_opens_everything_after_the_rotation_and_the_old_one_nothing(
    database: Database, org: Org
) -> None:
    old, new = fresh(), fresh()
    async with database.transaction(org.id) as tx:
        for n in range(7):
            await sealing.put(tx, Sealer.of(old), f"ch_{n}", "secret", f"value {n}")
    both = Sealer.of(new, old)
    async with database.transaction(org.id) as tx:
        await sealing.put(tx, both, "ch_new", "secret", "value new")
        assert await sealing.keys_in_use(tx) == {key_id(old): 7, key_id(new): 1}
        assert await sealing.rewrap_some(tx, both) == 7
        assert await sealing.rewrap_some(tx, both) == 0
        assert await sealing.get(tx, Sealer.of(new), "ch_3") == {"secret": "value 3"}
        with pytest.raises(CannotUnseal, match="not configured"):
            await sealing.get(tx, Sealer.of(old), "ch_3")


async def test_a_running_process_learns_the_new_key_when_it_first_meets_it(database: Database, org: Org) -> None:
    old, new = fresh(), fresh()
    asked = 0

    def reload() -> tuple[bytes, ...]:
        nonlocal asked
        asked += 1
        return new, old

    running = Sealer.of(old, reload=reload)
    async with database.transaction(org.id) as tx:
        await sealing.put(tx, Sealer.of(new, old), "ch_1", "secret", "rotated")
        assert await sealing.get(tx, running, "ch_1") == {"secret": "rotated"}
        assert await sealing.get(tx, running, "ch_1") == {"secret": "rotated"}
    assert asked == 1
    assert running.current == key_id(new)
