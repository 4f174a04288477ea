"""Notices that arrive at one moment: each stored once and answered for itself."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from cauce.channels import store
from cauce.channels.service import create_channel
from cauce.flows.inbound import PROCESS_JOB
from cauce.providers.stripe import signing
from cauce.storage import jobs, outbox
from cauce.storage.directory.orgs import inbound_token
from tests.support.runtime import BEGIN, world

SECRET = "whsec_of_this_test"


def _event(number: int) -> bytes:
    intent = {
        "id": f"pi_{number}", "object": "payment_intent", "amount": 900, "currency": "eur", "status": "succeeded",
        "created": 1_768_464_000, "metadata": {"cauce_key": f"pat_{number}", "cauce_op": "charge"},
    }  # fmt: skip
    event = {"id": f"evt_{number}", "object": "event", "type": "payment_intent.succeeded", "livemode": False}
    return json.dumps({**event, "created": 1_768_464_000, "data": {"object": intent}}).encode()


async def test_deliveries_of_one_moment_are_each_stored_once_and_a_forged_one_spoils_none(
    dsn: str, tmp_path: Path
) -> None:
    async with world(dsn, tmp_path) as product:
        org = await product.sandbox_org()
        async with product.context(org).transaction() as tx:
            secrets = {"api_key": "sk_test_1", "webhook_secret": SECRET}
            channel_id = await create_channel(
                tx, product.runtime.sealer, "stripe", "S", settings={}, secrets=secrets
            )  # fmt: skip
        async with product.runtime.db.transaction() as tx:
            token = await inbound_token(tx, org.id, channel_id)

        async def deliver(body: bytes, secret: str = SECRET) -> int:
            headers = {"stripe-signature": signing.header(secret, int(time.time()), body)}
            answer = await product.app.client.post(f"{product.url}/v1/inbound/{token}", content=body, headers=headers)
            return answer.status_code

        twice = [_event(number) for number in range(20)] * 2
        answers = await asyncio.gather(*(deliver(body) for body in twice), deliver(_event(99), "whsec_forged"))
        assert answers == [200] * 40 + [401]
        async with product.context(org).transaction() as tx:
            stored = {row["event_id"] for row in await store.notices(tx)}
            waiting = [row["payload"]["event_id"] for row in await jobs.page(tx) if row["kind"] == PROCESS_JOB]
        assert stored == {f"evt_{number}" for number in range(20)}
        assert sorted(waiting) == sorted(stored)
        again = await asyncio.gather(*(deliver(body, "whsec_forged") for body in twice[:5]), deliver(b"{}"))
        assert again == [401] * 5 + [422]
        async with product.context(org).transaction() as tx:
            shown = await store.read_channel(tx, channel_id)
            told = [row["type"] for row in await outbox.events_of(tx, channel_id)]
        assert (shown["notices_refused"], shown["notice_refused_at"]) == (7, BEGIN), "each is counted"
        assert told == ["provider.webhook_rejected"], "and told once an hour at most"


async def test_a_channel_that_many_want_at_once_is_opened_once(dsn: str, tmp_path: Path) -> None:
    async with world(dsn, tmp_path) as product:
        org = await product.sandbox_org()
        async with product.context(org).transaction() as tx:
            channel_id = await create_channel(
                tx, product.runtime.sealer, "stripe", "S", settings={}, secrets={"api_key": "sk_test_1"}
            )
        opened = await asyncio.gather(*(product.context(org).gateway(channel_id) for _ in range(50)))
        assert len({id(gateway) for _, gateway in opened}) == 1
