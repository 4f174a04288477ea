"""No organization reaches another's rows: the catalog says so, and strangers who try find nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx2
import pytest

from cauce.entrypoints.api.app import create_api
from cauce.storage import audit, jobs, outbox, sealing
from cauce.storage.database import Database
from cauce.storage.directory import keys
from cauce.storage.directory.orgs import Mode
from cauce.storage.jobs import NewJob
from tests.support import tenancy, toy
from tests.support.runtime import World, world


@pytest.fixture
async def owner(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


async def test_the_catalog_keeps_every_rule(owner: asyncpg.Connection) -> None:
    assert await tenancy.violations(owner) == []


async def test_every_exemption_exists_and_has_its_reason(owner: asyncpg.Connection) -> None:
    names = {row["name"] for row in await owner.fetch(tenancy.QUERIES.tables)}
    names |= {f"policy {row['name']}" for row in await owner.fetch(tenancy.QUERIES.policies)}
    assert set(tenancy.EXEMPT) <= names
    assert all(tenancy.EXEMPT.values())


PLANTED = {
    "org_id is missing": "CREATE TABLE storage.planted (id bigint PRIMARY KEY); SELECT storage.isolate('storage.planted')"
    .replace("SELECT storage.isolate('storage.planted')", "ALTER TABLE storage.planted ENABLE ROW LEVEL SECURITY"),
    "row-level security is not forced": "CREATE TABLE storage.planted (org_id bigint NOT NULL, id bigint, PRIMARY KEY (org_id, id))",
    "no policy isolates its rows": "CREATE TABLE storage.planted (org_id bigint NOT NULL); ALTER TABLE storage.planted "
    "ENABLE ROW LEVEL SECURITY; ALTER TABLE storage.planted FORCE ROW LEVEL SECURITY",
    "unique index planted_pkey is led by id": "CREATE TABLE storage.planted (org_id bigint NOT NULL, id bigint PRIMARY KEY); "
    "SELECT storage.isolate('storage.planted')",
    "unique index planted_code is led by code": "CREATE TABLE storage.planted (org_id bigint NOT NULL, code text); "
    "SELECT storage.isolate('storage.planted'); CREATE UNIQUE INDEX planted_code ON storage.planted (code) WHERE code <> ''",
    "foreign key planted_person leads from person": "CREATE TABLE storage.planted (org_id bigint NOT NULL, person bigint, "
    "CONSTRAINT planted_person FOREIGN KEY (person) REFERENCES directory.person (id)); SELECT storage.isolate('storage.planted')",
    "policy wide opens it": "CREATE TABLE storage.planted (org_id bigint NOT NULL); SELECT storage.isolate('storage.planted'); "
    "CREATE POLICY wide ON storage.planted TO cauce_app USING (true)",
    "the scheduler sees secret": "CREATE TABLE storage.planted (org_id bigint NOT NULL, due_at timestamptz, secret text); "
    "SELECT storage.isolate('storage.planted'); SELECT storage.schedule('storage.planted', 'org_id, due_at, secret')",
    "a view that sees with its owner's eyes": "CREATE VIEW storage.planted AS SELECT * FROM storage.job",
    "lends the rights of": "CREATE FUNCTION storage.planted() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM storage.job'",
    "org_id is bigint": "CREATE TABLE storage.planted (org_id bigint); SELECT storage.isolate('storage.planted')",
    "role cauce_app can do more": "ALTER ROLE cauce_app BYPASSRLS",
}  # fmt: skip


@pytest.mark.parametrize("complaint", sorted(PLANTED))
async def test_a_planted_fault_is_caught(owner: asyncpg.Connection, complaint: str) -> None:
    planting = owner.transaction()
    await planting.start()
    try:
        await owner.execute(PLANTED[complaint])
        assert [one for one in await tenancy.violations(owner) if complaint in one]
    finally:
        await planting.rollback()


async def test_without_an_organization_nothing_is_seen_and_nothing_written(database: Database) -> None:
    org = await toy.make_org(database)
    await toy.enqueue(database, org.id, [NewJob("toy.nothing", toy.DAWN, {})])
    async with database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM storage.job") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.transaction() as tx:
            await jobs.enqueue(tx.within(org.id), [NewJob("toy.nothing", toy.DAWN, {})])


async def test_a_transaction_sees_its_organizations_and_no_others(database: Database) -> None:
    first, second, third = [await toy.make_org(database) for _ in range(3)]
    for org in (first, second, third):
        await toy.enqueue(database, org.id, [NewJob("toy.nothing", toy.DAWN, {})])
    async with database.transaction([first.id, third.id]) as tx:
        rows = await tx.rows("SELECT org_id FROM storage.job ORDER BY org_id")
        assert [row["org_id"] for row in rows] == [first.id, third.id]
        assert await tx.run("DELETE FROM storage.job WHERE org_id = $1", second.id) == 0
        await jobs.enqueue(tx.within(third.id), [NewJob("toy.nothing", toy.DAWN, {})])


async def test_the_context_ends_with_its_transaction(dsn: str) -> None:
    lone = await Database.connect(dsn, connections_max=1)
    org = await toy.make_org(lone)
    await toy.enqueue(lone, org.id, [NewJob("toy.nothing", toy.DAWN, {})])
    async with lone.connection() as bare:  # the very connection that has just worked for the organization
        assert await bare.fetchval("SELECT count(*) FROM storage.job") == 0
        assert await bare.fetchval("SELECT current_user") == "cauce_app"
        await bare.execute("SET ROLE NONE")  # what another client of a pooler may have left
    async with lone.transaction(org.id) as tx:
        assert await tx.value("SELECT current_user") == "cauce_app"
    await lone.close()


async def test_a_stranger_with_the_right_numbers_gets_nothing_from_storage(database: Database) -> None:
    victim, stranger = await toy.make_org(database), await toy.make_org(database)
    sealer = sealing.Sealer.of(b"k" * 32)
    async with database.transaction(victim.id) as tx:
        await jobs.enqueue(tx, [NewJob("toy.nothing", toy.DAWN, {})])
        await outbox.emit(tx, [outbox.NewEvent("customer.created", "cus_1", toy.DAWN)], actor="test")
        await audit.record(tx, audit.SYSTEM, "thing.made", "thing_1")
        await sealing.put(tx, sealer, "ch_1", "secret", "s")
        (event,), (job,) = await outbox.page(tx), await jobs.page(tx)
    async with database.transaction(stranger.id) as tx:
        posing = tx.within(victim.id)  # code that names the wrong organization still sees none of it
        assert await outbox.read_event(posing, event["id"]) is None
        assert await jobs.page(posing) == await outbox.page(posing) == await audit.page(posing) == []
        assert await sealing.get(posing, sealer, "ch_1") == {}
        assert await jobs.claim(tx, [victim.id], ["toy.nothing"], 10) == []
        assert await jobs.revive(posing, job["id"]) == 0


@pytest.fixture
async def product(dsn: str, tmp_path: Path) -> AsyncIterator[World]:
    async with world(dsn, tmp_path) as running:
        yield running


async def test_a_stranger_at_any_route_finds_nothing_and_changes_nothing(
    product: World, owner: asyncpg.Connection
) -> None:
    victim, stranger = await product.sandbox_org("Victim"), await product.sandbox_org("Stranger")
    for seed in tenancy.SEEDS:
        await seed(product, victim)
    async with product.runtime.db.transaction(stranger.id) as tx:
        _, secret = await keys.create_key(tx, stranger.id, Mode.SANDBOX, "stranger", frozenset({"admin"}))
    ids, before = await tenancy.ids_of(owner, victim.id), await tenancy.contents_of(owner, victim.id)
    attempts = tenancy.intrusions(create_api(product.runtime, product.app.settings), ids)
    assert attempts
    reached = []
    async with httpx2.AsyncClient(
        base_url=product.url, headers={"authorization": f"Bearer {secret}"}, timeout=60
    ) as client:
        for attempt in attempts:
            key = {"idempotency-key": f"{attempt.method} {attempt.path}"[:255]}
            answer = await client.request(attempt.method, attempt.path, headers=key, json=attempt.body)
            if answer.status_code in (401, 403, 404, 405, 422):
                continue
            control = await client.request(
                attempt.method,
                attempt.control,
                headers={"idempotency-key": f"control of {attempt.path}"[:255]},
                json=attempt.body,
            )
            if (answer.status_code, answer.text) != (control.status_code, control.text):
                reached.append((attempt, answer.status_code, answer.text[:200]))
    assert reached == []
    assert await tenancy.contents_of(owner, victim.id) == before


async def test_the_owner_of_an_object_is_told_of_it_where_a_stranger_is_not(product: World) -> None:
    org = await product.sandbox_org("Victim")
    for seed in tenancy.SEEDS:
        await seed(product, org)
    async with product.runtime.db.transaction(org.id) as tx:
        _, secret = await keys.create_key(tx, org.id, Mode.SANDBOX, "own", frozenset({"admin"}))
        advance_id = await tx.value("SELECT id FROM storage.clock_advance WHERE org_id = $1", org.id)
    async with httpx2.AsyncClient(
        base_url=product.url, headers={"authorization": f"Bearer {secret}"}, timeout=60
    ) as client:
        assert (await client.get(f"/v1/clock/advances/{advance_id}")).status_code == 200
