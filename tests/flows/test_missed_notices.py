"""M2, S28: what Stripe told and we never heard is read from its own list, has one effect, and what is too old is said."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cauce.channels import store
from cauce.channels.service import create_channel
from cauce.flows import missed_notices
from cauce.flows.missed_notices import read_regularly, read_span
from cauce.gateway.errors import CannotRead, CapabilityMissing
from cauce.kernel.errors import InvalidRequest
from cauce.storage import outbox
from tests.flows.billing.at_stripe import STRIPE, StripeShop, open_shop, stripe_shop
from tests.flows.billing.shop import BEGIN, flat
from tests.support.runtime import world
from tests.support.shell import cauce

DAY = timedelta(days=1)
EVER = 10_000
NOW = timedelta(seconds=1)  # a span ends before its end


async def _ana(seller: StripeShop) -> str:
    """Ana, whose first payment of day 7 will be disputed; her subscription's id."""
    await seller.plan("pro", flat(2_900), trial_days=7)
    done = await seller.sign_up("ana", "pro")
    await seller.add_card(done.customer_id, "dispute")
    return done.subscription_id


async def _channel(seller: StripeShop) -> dict[str, Any]:
    async with seller.context.transaction() as tx:
        return dict(await store.read_channel(tx, seller.channel_id))


async def _told(seller: StripeShop, type: str) -> list[dict[str, Any]]:
    async with seller.context.transaction() as tx:
        return [dict(row) for row in await outbox.events_of(tx, seller.channel_id) if row["type"] == type]


async def test_webhooks_lost_for_three_days_are_found_and_have_one_effect(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as seller:
        await _ana(seller)
        await seller.advance(6 * DAY)
        heard_at = (await _channel(seller))["last_notice_at"]
        assert heard_at == BEGIN
        await seller.sim.callback_rule(STRIPE, "drop", times=EVER)
        await seller.advance(3 * DAY)
        disputed = f"dispute_receivable:{seller.channel_id}: 2900"
        assert disputed not in await seller.books(), "nobody told us"
        lost_from = BEGIN + 6 * DAY
        read = await read_span(seller.context, seller.channel_id, lost_from)
        assert read.missed > 0 and (read.since, read.until) == (lost_from, BEGIN + 9 * DAY + NOW)
        await seller.work()
        assert disputed in await seller.books()
        before = await seller.books()
        assert (await read_span(seller.context, seller.channel_id, lost_from)).missed == 0
        await seller.sim.release_callbacks(STRIPE)
        for lost in await seller.sim.callbacks(STRIPE):
            await seller.sim.resend(STRIPE, lost["id"])  # the webhooks after all
        await seller.work()
        assert await seller.books() == before
        shown = await _channel(seller)
        assert (shown["notices_missed"], shown["notices_read_to"]) == (read.missed, BEGIN + 9 * DAY + NOW)
        assert shown["last_notice_at"] == BEGIN + 9 * DAY
        assert sum(one["data"]["notices"] for one in await _told(seller, "provider.notices_missed")) == read.missed
        await seller.agree()


async def test_what_came_by_webhook_is_not_missed(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as seller:
        await _ana(seller)
        await seller.advance(9 * DAY)
        before = await seller.books()
        assert f"dispute_receivable:{seller.channel_id}: 2900" in before
        read = await read_span(seller.context, seller.channel_id, BEGIN)
        await seller.work()
        assert (read.missed, await seller.books()) == (0, before)
        assert await _told(seller, "provider.notices_missed") == []


async def test_a_channel_that_is_read_hourly_finds_them_by_itself_also_after_the_list_was_not_to_be_had(
    dsn: str, tmp_path: Path
) -> None:
    async with stripe_shop(dsn, tmp_path) as seller:
        await _ana(seller)
        await seller.advance(6 * DAY)
        await read_regularly(seller.context, seller.channel_id)
        await seller.sim.callback_rule(STRIPE, "drop", times=EVER)
        await seller.advance(DAY - timedelta(minutes=30))
        await seller.sim.fault(STRIPE, "error_before", "events.list", times=5)
        await seller.advance(timedelta(hours=5))
        stuck = (await _channel(seller))["notices_read_to"]
        assert stuck < BEGIN + 7 * DAY, "the place waits where the list was read last"
        await seller.sim.clear_faults(STRIPE)
        await seller.advance(2 * DAY)
        assert f"dispute_receivable:{seller.channel_id}: 2900" in await seller.books()
        shown = await _channel(seller)
        assert BEGIN + 9 * DAY - timedelta(minutes=90) < shown["notices_read_to"] < BEGIN + 9 * DAY + timedelta(hours=5)
        assert shown["notices_missed"] > 0 and shown["notices_lost_from"] is None
        await read_regularly(seller.context, seller.channel_id, on=False)
        assert (await _channel(seller))["notices_due_at"] is None
        await seller.agree()


async def test_a_reading_that_breaks_off_goes_on_from_the_day_it_reached(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as seller:
        await _ana(seller)
        await seller.sim.callback_rule(STRIPE, "drop", times=EVER)
        await seller.advance(9 * DAY)
        await seller.sim.fault(STRIPE, "error_before", "events.list", skip=2)
        with pytest.raises(CannotRead):
            await read_span(seller.context, seller.channel_id, BEGIN)
        assert (await _channel(seller))["notices_read_to"] == BEGIN + 2 * DAY
        read = await read_span(seller.context, seller.channel_id)
        assert read.since == BEGIN + 2 * DAY - missed_notices.OVERLAP and read.missed > 0


async def test_what_is_off_the_list_is_said_plainly(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as seller:
        await _ana(seller)
        await seller.sim.callback_rule(STRIPE, "drop", times=EVER)
        await read_regularly(seller.context, seller.channel_id)
        await seller.work()
        await read_regularly(seller.context, seller.channel_id, on=False)
        read_to = (await _channel(seller))["notices_read_to"]
        await seller.advance(40 * DAY)
        with pytest.raises(InvalidRequest, match="nothing before 2026-01-25 09:00 UTC is on the provider's list"):
            await read_span(seller.context, seller.channel_id, BEGIN)
        await read_regularly(seller.context, seller.channel_id)
        await seller.work()
        shown = await _channel(seller)
        lost = (shown["notices_lost_from"], shown["notices_lost_to"])
        assert lost == (read_to, BEGIN + 10 * DAY)
        (said,) = await _told(seller, "provider.notices_lost")
        assert said["data"] == {"since": lost[0].isoformat(), "until": lost[1].isoformat()}
        await seller.advance(timedelta(hours=2))
        assert len(await _told(seller, "provider.notices_lost")) == 1


async def test_a_span_that_is_none_and_a_provider_without_a_list_are_refused(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as seller:
        for since, until in ((BEGIN, BEGIN), (BEGIN, BEGIN + DAY), (BEGIN + DAY, None)):
            with pytest.raises(InvalidRequest):
                await read_span(seller.context, seller.channel_id, since, until)
        async with seller.context.transaction() as tx:
            mail = await create_channel(
                tx, seller.runtime.sealer, "smtp", "Mail",
                settings={"host": "localhost", "from_address": "a@example.com"}, secrets={},
            )  # fmt: skip
        with pytest.raises(CapabilityMissing):
            await read_span(seller.context, mail)
        assert (await _channel(seller))["notices_read_to"] is None, "nothing was written"


async def test_the_list_is_read_from_the_shell(dsn: str, tmp_path: Path) -> None:
    async with world(dsn, tmp_path, sandbox=True) as product:
        seller = await open_shop(product)
        await _ana(seller)
        await seller.sim.callback_rule(STRIPE, "drop", times=EVER)
        await seller.advance(9 * DAY)
        environ = {"CAUCE_DATABASE_URL": dsn, "CAUCE_MASTER_KEY": product.app.settings.master_key[0].hex()}
        words = ("channels", "read-notices", seller.channel_id, "--since", "2026-01-20T00:00:00", "--hourly", "--json")
        answer = await asyncio.to_thread(lambda: cauce(*words, home=tmp_path, environ=environ))
        assert answer.code == 0 and answer.data["missed"] > 0, answer.err
        await seller.work()
        assert f"dispute_receivable:{seller.channel_id}: 2900" in await seller.books()
        assert (await _channel(seller))["notices_due_at"] is not None
