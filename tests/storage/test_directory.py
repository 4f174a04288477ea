"""Who may see whose rows: organizations, keys, people, sessions."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauce.flows import housekeeping
from cauce.flows.context import Runtime
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import Forbidden, InvalidRequest, NotFound
from cauce.storage.database import Database
from cauce.storage.directory import keys, orgs, people
from cauce.storage.directory.keys import BadKey, KeyHolder, MissingScope
from cauce.storage.directory.orgs import Mode, Org
from cauce.storage.directory.people import LinkSpent, Role
from tests.support import toy


async def make_key(database: Database, org: Org, *scopes: str) -> tuple[str, str]:
    async with database.transaction(org.id) as tx:
        return await keys.create_key(tx, org.id, org.mode, "a key", frozenset(scopes or {"admin"}))


async def authenticate(database: Database, secret: str, hours: int = 0) -> KeyHolder:
    async with database.transaction() as tx:
        return await keys.authenticate(tx, secret, wall_now() + timedelta(hours=hours))


async def test_an_organization_is_read_by_its_number_and_its_public_id(database: Database) -> None:
    made = await toy.make_org(database, Mode.LIVE)
    async with database.transaction() as tx:
        assert await orgs.find_org(tx, made.public_id) == await orgs.read_org(tx, made.id) == made
        await orgs.change_settings(tx, made.id, {"a": 1})
        await orgs.change_settings(tx, made.id, {"b": 2})
        assert (await orgs.read_org(tx, made.id)).settings == {"a": 1, "b": 2}
        for missing in (orgs.read_org(tx, made.id + 1), orgs.find_org(tx, "org_nobody")):
            with pytest.raises(NotFound):
                await missing
    assert made.livemode


async def test_an_organization_keeps_its_mode_for_life(database: Database, org: Org) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        async with database.transaction() as tx:
            await tx.run("UPDATE directory.org SET mode = 'live', clock_frozen_at = NULL WHERE id = $1", org.id)
    with pytest.raises(InvalidRequest):
        async with database.transaction() as tx:
            await orgs.create_org(tx, "Live", Mode.LIVE, frozen_at=toy.DAWN)
    with pytest.raises(InvalidRequest):
        async with database.transaction() as tx:
            await orgs.create_org(tx, "  ", Mode.LIVE)


async def test_a_key_says_whose_it_is_and_what_it_may_do(database: Database, org: Org) -> None:
    live = await toy.make_org(database, Mode.LIVE)
    public_id, secret = await make_key(database, org, "read", "billing:write")
    _, live_secret = await make_key(database, live)
    holder = await authenticate(database, secret)
    assert (holder.org_id, holder.livemode, holder.public_id) == (org.id, False, public_id)
    assert (await authenticate(database, live_secret)).livemode
    assert secret.startswith("sk_test_")
    assert live_secret.startswith("sk_live_")
    holder.require("billing:write")
    with pytest.raises(MissingScope):
        holder.require("ledger:write")
    (await authenticate(database, live_secret)).require("ledger:write")
    for wrong in (frozenset[str](), frozenset({"read", "everything"})):
        with pytest.raises(InvalidRequest):
            async with database.transaction(org.id) as tx:
                await keys.create_key(tx, org.id, org.mode, "bad", wrong)


async def test_the_secret_is_nowhere_in_the_database(database: Database, org: Org, dsn: str) -> None:
    _, secret = await make_key(database, org)
    owner = await asyncpg.connect(dsn)
    row = await owner.fetchval("SELECT k::text FROM directory.api_key k WHERE org_id = $1", org.id)
    await owner.close()
    assert secret not in row
    assert secret[8:-4] not in row


@given(st.text(max_size=60) | st.integers(0, 45).flatmap(lambda place: st.tuples(st.just(place), st.characters())))
def test_a_key_that_was_mistyped_is_refused_without_asking_anybody(typed: str | tuple[int, str]) -> None:
    good = keys.make_secret(livemode=True)
    bad = typed if isinstance(typed, str) else good[: typed[0]] + typed[1] + good[typed[0] + 1 :]
    if bad != good:
        with pytest.raises(BadKey):
            keys.check_secret(bad)
    assert len(keys.check_secret(good)) == 32


async def test_a_rotated_key_works_on_for_its_overlap_and_is_rotated_once(database: Database, org: Org) -> None:
    old_id, old = await make_key(database, org, "read")
    end = wall_now() + timedelta(hours=2)

    async def rotate() -> tuple[str, str]:
        async with database.transaction(org.id) as tx:
            return await keys.rotate_key(tx, org.id, org.mode, old_id, end)

    answers = await asyncio.gather(*(rotate() for _ in range(4)), return_exceptions=True)
    ((_, new),) = [one for one in answers if isinstance(one, tuple)]
    assert sum(isinstance(one, NotFound) for one in answers) == 3
    assert (await authenticate(database, old, hours=1)).scopes == (await authenticate(database, new)).scopes
    with pytest.raises(BadKey):
        await authenticate(database, old, hours=3)
    await authenticate(database, new, hours=3)


async def test_a_revoked_key_ends_at_once_and_only_by_its_own_organization(database: Database, org: Org) -> None:
    other = await toy.make_org(database)
    public_id, secret = await make_key(database, org)
    async with database.transaction(other.id) as tx:
        with pytest.raises(NotFound):
            await keys.revoke_key(tx, other.id, public_id)
    await authenticate(database, secret)
    async with database.transaction(org.id) as tx:
        await keys.revoke_key(tx, org.id, public_id)
    with pytest.raises(BadKey):
        await authenticate(database, secret)


async def test_last_use_only_moves_forward_and_busy_rows_are_left_alone(database: Database, org: Org) -> None:
    _, secret = await make_key(database, org)
    key_id = (await authenticate(database, secret)).key_id
    early, late = wall_now(), wall_now() + timedelta(minutes=1)
    for used in (late, early):
        async with database.transaction() as tx:
            await keys.touch_keys(tx, {key_id: used})
    async with database.transaction() as holding:
        await holding.run("SELECT FROM directory.api_key WHERE id = $1 FOR UPDATE", key_id)
        async with database.transaction() as tx:
            await keys.touch_keys(tx, {key_id: late + timedelta(hours=1)})
    async with database.transaction() as tx:
        (row,) = await keys.list_keys(tx, org.id)
    assert row["last_used_at"] == late
    assert "secret_hash" not in dict(row)


async def test_members_have_one_of_six_roles_and_see_their_organizations(database: Database, org: Org) -> None:
    other = await toy.make_org(database)
    async with database.transaction() as tx:
        numbers = {role: await people.add_member(tx, org.id, f" {role}@Example.com", role) for role in Role}
        ana = numbers[Role.OWNER]
        assert await people.add_member(tx, other.id, "owner@example.com", Role.VIEWER, name="Ana") == ana
        assert [(row["org_id"], row["role"]) for row in await people.memberships(tx, ana)] == [
            (org.id, "owner"), (other.id, "viewer"),
        ]  # fmt: skip
        assert {row["role"] for row in await people.members(tx, org.id)} == set(Role)
        with pytest.raises(InvalidRequest):
            await people.add_member(tx, org.id, "nobody", Role.VIEWER)
    with pytest.raises(asyncpg.CheckViolationError):
        async with database.transaction() as tx:
            await tx.run("UPDATE directory.membership SET role = 'king' WHERE org_id = $1", org.id)


async def test_a_sign_in_link_works_once_and_not_for_long(database: Database, org: Org) -> None:
    now = wall_now()
    async with database.transaction() as tx:
        ana = await people.add_member(tx, org.id, "ana@example.com", Role.FINANCE)
        link, late = await people.make_link(tx, ana, org.id, now), await people.make_link(tx, ana, org.id, now)

    async def use(token: str, minutes: int = 0) -> str:
        async with database.transaction() as tx:
            return await people.use_link(tx, token, now + timedelta(minutes=minutes))

    answers = await asyncio.gather(*(use(link) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, LinkSpent) for one in answers) == 4
    with pytest.raises(LinkSpent):
        await use(late, minutes=31)
    (session,) = [one for one in answers if isinstance(one, str)]
    async with database.transaction() as tx:
        visitor = await people.read_session(tx, session, now)
    assert visitor is not None
    assert (visitor.email, visitor.org_id, visitor.role) == ("ana@example.com", org.id, Role.FINANCE)


async def test_a_session_ends_by_time_by_leaving_and_with_its_membership(runtime: Runtime, org: Org) -> None:
    now, other = wall_now(), await toy.make_org(runtime.db)
    async with runtime.db.transaction() as tx:
        ana = await people.add_member(tx, org.id, "ana@example.com", Role.ADMIN)
        await people.add_member(tx, other.id, "ana@example.com", Role.VIEWER)
        token = await people.open_session(tx, ana, org.id, now)
        await people.switch_session(tx, token, ana, other.id)
        visitor = await people.read_session(tx, token, now)
        assert visitor is not None
        assert visitor.role is Role.VIEWER
        stranger = await toy.make_org(runtime.db)
        with pytest.raises(Forbidden):
            await people.switch_session(tx, token, ana, stranger.id)
        await people.remove_member(tx, other.id, ana)
        visitor = await people.read_session(tx, token, now)
        assert visitor is not None
        assert (visitor.org_id, visitor.role) == (None, None)
        late = now + timedelta(days=people.SESSION_DAYS, seconds=1)
        assert await people.read_session(tx, token, late) is None
    await housekeeping.tidy_up(runtime, late)
    async with runtime.db.transaction() as tx:
        assert await people.read_session(tx, token, now) is None
        token = await people.open_session(tx, ana, org.id, now)
        await people.close_session(tx, token)
        assert await people.read_session(tx, token, now) is None


async def test_a_notices_address_is_made_once_and_leads_to_its_channel(database: Database, org: Org) -> None:
    async with database.transaction() as tx:
        token = await orgs.inbound_token(tx, org.id, "ch_1")
        assert await orgs.inbound_token(tx, org.id, "ch_1") == token
        assert await orgs.inbound_token(tx, org.id, "ch_2") != token
        assert await orgs.resolve_inbound(tx, token) == (org.id, "ch_1")
        with pytest.raises(NotFound):
            await orgs.resolve_inbound(tx, token + "x")
