"""One call tells what a customer has and what of it is paid, after every step of a life (B2); it has an ETag."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cauce.billing.catalog.rules import BadPlan, PlanPolicy
from cauce.flows.billing import cancel as ending
from cauce.flows.billing import methods, pausing, resuming
from cauce.flows.billing.standing import set_suspended
from cauce.kernel.errors import NotFound
from cauce.storage.directory import keys
from tests.flows.billing.at_stripe import STRIPE, open_shop
from tests.flows.billing.shop import Shop, flat
from tests.support.runtime import world

DAY = timedelta(days=1)


async def test_one_call_tells_what_is_owed_after_every_step_at_stripe_and_has_an_etag(dsn: str, tmp_path: Path) -> None:
    async with world(dsn, tmp_path, sandbox=True) as product:
        seller = await open_shop(product)
        await seller.plan("pro", flat(2_900), trial_days=14)
        async with seller.context.transaction() as tx:
            _, secret = await keys.create_key(tx, seller.org_id, "sandbox", "test", frozenset({"read"}))
        headers = {"authorization": f"Bearer {secret}"}
        http = httpx2.AsyncClient(base_url=product.url, headers=headers, trust_env=False, timeout=30)

        async def told() -> tuple[str, str, int]:
            """(status, level of access, what is owed), and that the same answer costs no body the second time."""
            answer = await http.get("/v1/customers/ana")
            assert answer.status_code == 200, answer.text
            tag = {"if-none-match": answer.headers["etag"]}
            assert (await http.get("/v1/customers/ana", headers=tag)).status_code == 304
            shown: dict[str, Any] = answer.json()
            (one,) = shown["subscriptions"]
            (access,) = shown["entitlements"]
            row = await seller.subscription(one["id"])
            assert (one["status"], access["level"]) == (row.status, await seller.access(one["id"]))
            return one["status"], access["level"], one["amount_due"]["amount"]

        done = await seller.sign_up("ana", "pro", email="ana@example.com")
        sub, who = done.subscription_id, done.customer_id
        assert await told() == ("trialing", "full", 0)
        await seller.advance(15 * DAY)
        assert await told() == ("paused", "none", 0)
        await seller.add_card(who)
        assert await told() == ("active", "full", 0)
        for method in await seller.objects("payment_method"):
            await seller.sim.verb(STRIPE, f"payment_methods/{method['id']}/behave", {"as": "insufficient_funds"})
        await seller.advance(31 * DAY)
        assert await told() == ("past_due", "grace", 2_900)
        await seller.advance(7 * DAY)
        assert (await told())[1:] in (("read_only", 2_900), ("none", 2_900))
        await seller.add_card(who)
        assert await told() == ("active", "full", 0)
        await set_suspended(seller.context, who, True)
        assert await told() == ("active", "none", 0)
        await set_suspended(seller.context, who, False)
        await pausing.pause_now(seller.context, sub)
        assert (await told())[:2] == ("paused", "read_only")
        await resuming.resume_now(seller.context, sub)
        await seller.work()
        assert await told() == ("active", "full", 0)
        await ending.cancel(seller.context, ending.Cancel(sub))
        assert await told() == ("active", "full", 0)
        await seller.advance(40 * DAY)
        assert await told() == ("canceled", "none", 0)
        await ending.reactivate(seller.context, sub)
        await seller.work()
        assert await told() == ("active", "full", 0)
        await http.aclose()


async def test_a_subscription_may_have_a_method_of_its_own(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900))
    first = await seller.card("ana")
    second = await seller.card("ana", fingerprint="fp_second")
    done = await seller.sign_up("ana", "pro")
    for method in (second, second, None):
        await methods.prefer(seller.context, done.subscription_id, method)
        assert (await seller.subscription(done.subscription_id)).method_id == method
    await methods.prefer(seller.context, done.subscription_id, second)
    assert (await seller.story(second)).count("payment_method.default_changed") == 3
    await seller.advance(31 * DAY)
    refs = [one.method_ref for one in seller.cards.charged]
    assert [ref.rpartition("_")[2] for ref in refs] == ["0", "1"], "its own card, though the other is the default"
    # What is detached is charged no more: the default pays again.
    await methods.detach(seller.context, done.customer_id, second)
    await seller.advance(31 * DAY)
    assert [one.method_ref for one in seller.cards.charged] == [refs[0], refs[1], refs[0]]
    await seller.sign_up("bea", "pro", collection="send_invoice")
    other = (await seller.sign_up("cid", "pro", collection="send_invoice")).subscription_id
    with pytest.raises(NotFound):
        await methods.prefer(seller.context, other, first)


async def test_a_card_statement_says_what_the_plan_says(seller: Shop) -> None:
    await seller.plan("pro", flat(2_900), policy=PlanPolicy(statement_descriptor="THE APP PRO"))
    await seller.plan("plain", flat(100))
    for wrong in ("x" * 23, "Äpfel", "star*"):
        with pytest.raises(BadPlan):
            await seller.plan("wrong", flat(2_900), policy=PlanPolicy(statement_descriptor=wrong))
    for who, plan in (("ana", "pro"), ("bea", "plain")):
        await seller.card(who)
        await seller.sign_up(who, plan)
    assert [one.statement_descriptor for one in seller.cards.charged] == ["THE APP PRO", ""]
