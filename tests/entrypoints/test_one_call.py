"""S24: one call says what a customer holds and may use, and says it right after every transition (§5.2, §5.4)."""

from __future__ import annotations

from datetime import timedelta

import httpx2

from cauce.billing.catalog.policy_parts import DunningPolicy
from cauce.billing.catalog.rules import PlanPolicy
from cauce.billing.customers import service as customers
from cauce.flows.billing import cancel, pausing, resuming, standing
from cauce.storage.directory import keys
from tests.entrypoints.stage import Stage
from tests.flows.billing.shop import flat

DAY = timedelta(days=1)


async def test_s24_one_call_answers_after_every_transition(empty: Stage) -> None:
    shop = empty.shop
    policy = PlanPolicy(dunning=DunningPolicy(grace_days=4))
    await shop.plan("pro", flat(2_900), trial_days=14, features={"export": True}, policy=policy)
    async with empty.runtime.db.transaction() as tx:
        _, secret = await keys.create_key(tx, empty.org.id, empty.org.mode, "reader", frozenset({"read"}))
    signed = {"Authorization": f"Bearer {secret}"}
    client = httpx2.AsyncClient(base_url=empty.url, headers=signed, trust_env=False, timeout=60)

    async def says() -> tuple[str, str, bool]:
        whole = (await client.get("/v1/customers/ana")).json()
        (subscription,), (given,) = whole["subscriptions"], whole["entitlements"]
        asked = {"customer": "ana", "feature": "export"}
        checked = (await client.get("/v1/entitlements/check", params=asked)).json()
        assert checked["level"] == given["level"]
        return subscription["status"], given["level"], checked["allowed"]

    done = await shop.sign_up("ana", "pro", email="ana@customers.example")
    id = done.subscription_id
    assert await says() == ("trialing", "full", True)  # T06
    await empty.advance(15 * DAY)
    assert await says() == ("paused", "none", False)  # T16
    await cancel.cancel(empty.context, cancel.Cancel(id, now=True))
    assert await says() == ("canceled", "none", False)  # T31
    await shop.card("ana")
    await cancel.reactivate(empty.context, id)
    await empty.work()
    assert await says() == ("active", "full", True)  # T38
    await cancel.cancel(empty.context, cancel.Cancel(id))
    assert await says() == ("active", "full", True)  # T28
    await cancel.undo(empty.context, id)
    assert await says() == ("active", "full", True)  # T29
    await pausing.pause_now(empty.context, id)
    assert (await says())[:2] == ("paused", "read_only")  # T33
    await resuming.resume_now(empty.context, id)
    await empty.work()
    assert await says() == ("active", "full", True)  # T34
    async with empty.context.transaction() as tx:
        who = (await customers.find(tx, "ana")).id
    await standing.set_suspended(empty.context, who, True)
    assert (await says())[1:] == ("none", False)  # T43
    await standing.set_suspended(empty.context, who, False)
    assert await says() == ("active", "full", True)
    shop.cards.cards = dict.fromkeys(shop.cards.cards, "poor")
    await empty.advance(32 * DAY)
    assert (await says())[0] in ("past_due", "unpaid")
