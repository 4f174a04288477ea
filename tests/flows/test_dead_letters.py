"""S6: a notice whose processing fails is not lost: it is tried again, buried where people see it, and replayed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import asyncpg

from cauce.flows import clock
from cauce.flows.inbound import PROCESS_JOB
from cauce.flows.instruct import ASK_JOB
from cauce.storage import jobs, outbox
from cauce.storage.database import Row
from tests.flows.billing.at_stripe import StripeShop, open_shop
from tests.flows.billing.shop import flat
from tests.support.runtime import world

_BREAK = """
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$;
CREATE TRIGGER broken BEFORE INSERT ON payments.method FOR EACH ROW EXECUTE FUNCTION public.refuse();
"""
_MEND = "DROP TRIGGER broken ON payments.method; DROP FUNCTION public.refuse()"


async def _owner(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _buried(shop: StripeShop) -> list[Row]:
    async with shop.context.transaction() as tx:
        return [row for row in await jobs.buried(tx) if row["kind"] == PROCESS_JOB]


async def _asked_in_vain(shop: StripeShop) -> int:
    async with shop.context.transaction() as tx:
        return len([row for row in await jobs.buried(tx) if row["kind"] == ASK_JOB])


async def _pass(shop: StripeShop, by: timedelta) -> None:
    async with shop.context.transaction() as tx:
        target = await shop.context.now(tx) + by
    await clock.begin_advance(shop.context, target)
    await shop.walk()


async def test_s6_a_notice_that_cannot_be_processed_is_buried_visibly_and_replayed(dsn: str, tmp_path: Path) -> None:
    async with world(dsn, tmp_path, sandbox=True) as product:
        shop = await open_shop(product)
        await shop.plan("pro", flat(2_900))
        done = await shop.sign_up("ana", "pro", trial_days=14)
        setup_id = await shop.begin_card(done.customer_id)
        await _owner(dsn, _BREAK)
        await shop.type_card(setup_id)  # the provider was answered: the notice is durable
        async with shop.context.transaction() as tx:
            kept = await tx.value("SELECT count(*) FROM channels.notice WHERE org_id = $1 AND done_at IS NULL", tx.org)
        assert kept >= 1
        await _pass(shop, timedelta(days=5))
        (dead,) = await _buried(shop)
        assert "the disk is full" in dead["error"]
        async with shop.context.transaction() as tx:
            told = [
                row for row in await outbox.events_of(tx, shop.channel_id) if row["type"].startswith("provider.event_")
            ]
        assert [(row["type"], row["data"]["job"]) for row in told] == [("provider.event_dead_lettered", dead["id"])]
        assert told[0]["data"]["event_id"].startswith("evt_") and "the disk is full" in told[0]["data"]["reason"]
        assert await _asked_in_vain(shop) <= 60, "a question that fails is not asked anew every minute beside itself"
        await _owner(dsn, _MEND)
        async with shop.context.transaction() as tx:
            await jobs.revive(tx, dead["id"])
        await _pass(shop, timedelta(hours=1))
        async with shop.context.transaction() as tx:
            methods = await tx.value("SELECT count(*) FROM payments.method WHERE org_id = $1", tx.org)
            left = await tx.value("SELECT count(*) FROM channels.notice WHERE org_id = $1 AND done_at IS NULL", tx.org)
        assert (methods, left) == (1, 0)
