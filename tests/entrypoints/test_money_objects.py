"""What money moves by, over REST: each object by its id and in lists, and a command with its timeline and its messages."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cauce.entrypoints.demo.stage import Stage
from tests.entrypoints.test_api_marketplace import Market, market, person
from tests.flows.threads import at_work, silent
from tests.support.runtime import World


async def _sold_split_and_refunded(product: World, one: Market) -> str:
    stage = Stage(product.app, one.org, product.sandbox_url, silent)
    taken = await one.maker.done("/orders", {**one.order("o2", ("ana", 10_000, 0)), "payments": []})
    order_id: str = taken["id"]
    await stage.settle()
    (collection,) = (await one.maker.get("/collections", order=order_id))["data"]
    await product.control(one.org).payer("stripe", "approve", key=collection["id"])
    await stage.settle()
    await one.maker.done(f"/orders/{order_id}/release")
    await stage.settle()
    await one.maker.done(f"/orders/{order_id}/refunds", {"number": "1", "amount": 1_000})
    await stage.advance(await stage.now() + timedelta(days=1))
    return order_id


async def test_every_object_that_money_moves_by_is_listed_and_shown(dsn: str, tmp_path: Path) -> None:
    async with at_work(dsn, tmp_path) as product:
        one = await market(product)
        order_id = await _sold_split_and_refunded(product, one)
        for noun in ("collections", "splits", "split_reversals", "order_refunds"):
            (row,) = (await one.maker.get(f"/{noun}", order=order_id, channel=one.channel))["data"]
            shown = await one.maker.get(f"/{noun}/{row['id']}")
            assert shown | row == shown and shown["order"] == order_id and shown["amount"]["currency"] == "eur"
            assert (await one.maker.get(f"/{noun}", order="ord_none"))["data"] == []
            assert (await one.maker.client.get(f"/v1/{noun}/none")).status_code == 404
        (split,) = (await one.maker.get("/splits", order=order_id))["data"]
        parts = (await one.maker.get(f"/splits/{split['id']}"))["parts"]
        assert [(part["amount"]["amount"], part["reversed"]["amount"]) for part in parts] == [(8_480, 848)]
        accounts = (await one.maker.get("/merchant_accounts", channel=one.channel))["data"]
        assert [row["state"] for row in accounts] == ["active", "active"]
        assert (await one.maker.get("/payout_instruments", channel=one.channel))["data"] == []

        page = await one.maker.get("/instructions", object_id=order_id, limit=1)
        assert page["has_more"]
        found = (await one.maker.get("/instructions", object_id=order_id))["data"]
        assert {row["operation"] for row in found} == {"collect", "split", "reverse_split", "refund"}
        collected = next(row for row in found if row["operation"] == "collect")
        shown = await one.maker.get(f"/instructions/{collected['key']}")
        whats = [step["what"] for step in shown["timeline"]]
        assert whats[0] == "created" and whats[-1] == "succeeded" and "call" in whats
        assert sorted(step["at"] for step in shown["timeline"] if step["what"] == "call") == [
            step["at"] for step in shown["timeline"] if step["what"] == "call"
        ]
        messages = (await one.maker.get(f"/instructions/{collected['key']}/messages"))["data"]
        assert any('"amount"' in said["answer"]["body"] for said in messages)
        assert all("[redacted]" in said["request"]["headers"]["authorization"] for said in messages)
        reader = await person(product, one.org, "read")
        assert (await reader.client.get(f"/v1/instructions/{collected['key']}/messages")).status_code == 403
        async with product.runtime.db.transaction(one.org.id) as tx:
            assert await tx.value("SELECT count(*) FROM storage.audit WHERE action = 'instruction.read_messages'") == 1


async def test_a_command_that_was_put_off_shows_its_problem_and_is_tried_again_by_a_person(
    dsn: str, tmp_path: Path
) -> None:
    async with at_work(dsn, tmp_path) as product:
        one = await market(product)
        stage = Stage(product.app, one.org, product.sandbox_url, silent)
        control = product.control(one.org)
        await control.fault("stripe", "rate_limited", "*", times=9, contains="col_")
        await one.maker.done("/orders", {**one.order("o1", ("ana", 10_000, 0)), "payments": []})
        await stage.advance(await stage.now() + timedelta(days=1))
        (held,) = (await one.maker.get("/instructions", state="needs_attention"))["data"]
        problem = held["problem"]
        assert (problem["class"], problem["instruction_id"]) == ("retryable", held["key"])
        assert problem["provider"]["message"].startswith("Stripe is busy (429") and "retry_after" not in problem
        assert (held["tries"], held["state"]) == (8, "unknown")
        await control.clear_faults("stripe")
        reader = await person(product, one.org, "read")
        assert (await reader.send(f"/instructions/{held['key']}/try_again")).status_code == 403
        await one.maker.done(f"/instructions/{held['key']}/try_again")
        await stage.settle()
        shown = await one.maker.get(f"/instructions/{held['key']}")
        assert (shown["state"], shown.get("problem")) == ("pending", None)
        assert await one.maker.refused(f"/instructions/{held['key']}/try_again") == (409, "command_not_waiting")
        assert (await one.maker.get("/instructions", state="needs_attention"))["data"] == []
        (channel,) = [row for row in (await one.maker.get("/channels"))["data"] if row["id"] == one.channel]
        assert channel["stops"] == []


async def test_a_payment_and_a_refund_are_withdrawn_over_rest_as_long_as_nothing_was_done(
    dsn: str, tmp_path: Path
) -> None:
    async with at_work(dsn, tmp_path) as product:
        one = await market(product)
        stage = Stage(product.app, one.org, product.sandbox_url, silent)
        taken = await one.maker.done("/orders", {**one.order("o1", ("ana", 10_000, 0)), "payments": []})
        await stage.settle()
        (asked,) = (await one.maker.get("/collections", order=taken["id"]))["data"]
        reader = await person(product, one.org, "read")
        assert (await reader.send(f"/collections/{asked['id']}/cancel")).status_code == 403
        shown = await one.maker.done(f"/collections/{asked['id']}/cancel")
        assert shown["state"] == "canceled"
        assert (await one.maker.get(f"/orders/{taken['id']}"))["state"] == "canceled"
        refused = await one.maker.send(f"/collections/{asked['id']}/cancel")
        assert (refused.status_code, refused.json()["code"]) == (409, "illegal_transition")
        assert refused.json()["allowed"] == []
        assert (await one.maker.send("/collections/col_none/cancel")).status_code == 404

        order_id = await _sold_split_and_refunded(product, one)
        (refund,) = (await one.maker.get("/order_refunds", order=order_id))["data"]
        again = await one.maker.send(f"/orders/{order_id}/refunds/{refund['id']}/cancel")
        assert again.status_code == 409 and "bounce" in again.json()["allowed"]
        assert (await one.maker.send(f"/orders/{order_id}/refunds/rfd_none/cancel")).status_code == 404


async def test_a_payment_is_cleared_when_its_money_is_pending_at_the_provider_no_more(dsn: str, tmp_path: Path) -> None:
    async with at_work(dsn, tmp_path) as product:
        one = await market(product)
        stage = Stage(product.app, one.org, product.sandbox_url, silent)
        taken = await one.maker.done("/orders", {**one.order("o1", ("ana", 10_000, 0)), "payments": []})
        await stage.settle()
        (asked,) = (await one.maker.get("/collections", order=taken["id"]))["data"]
        await product.control(one.org).payer("stripe", "approve", key=asked["id"])
        await stage.settle()
        paid = await one.maker.get(f"/collections/{asked['id']}")
        assert paid["state"] == "paid"
        await stage.advance(await stage.now() + timedelta(days=1))
        assert (await one.maker.get(f"/collections/{asked['id']}"))["state"] == "paid"
        await stage.advance(await stage.now() + timedelta(days=2))
        assert (await one.maker.get(f"/collections/{asked['id']}"))["state"] == "cleared"
        async with product.runtime.db.transaction(one.org.id) as tx:
            (told,) = await tx.rows("SELECT occurred_at, data FROM storage.event WHERE type = 'collection.cleared'")
        assert told["data"]["order"] == taken["id"] and str(told["occurred_at"].time()) == "00:00:00"
        await one.maker.done(f"/orders/{taken['id']}/release")
        await stage.settle()
        await one.maker.done(f"/orders/{taken['id']}/refunds", {"number": "1", "amount": 1_000})
        await stage.settle()
        assert (await one.maker.get("/order_refunds", order=taken["id"]))["data"][0]["state"] == "succeeded"


async def test_another_policy_for_one_refund_needs_a_scope_of_its_own(dsn: str, tmp_path: Path) -> None:
    async with at_work(dsn, tmp_path) as product:
        one = await market(product)
        taken = await one.maker.done("/orders", one.order("o1", ("ana", 10_000, 0)))
        body = {"number": "1", "amount": 1_000, "policy": "platform_first"}
        writer = await person(product, one.org, "read", "marketplace:write")
        assert await writer.refused(f"/orders/{taken['id']}/refunds", body) == (403, "missing_scope")
        may = await person(product, one.org, "read", "marketplace:write", "refunds:override")
        wrong = {**body, "policy": "by_order"}
        assert await may.refused(f"/orders/{taken['id']}/refunds", wrong) == (422, "refund_policy_incomplete")
        await may.done(f"/orders/{taken['id']}/refunds", body)
        (refund,) = (await one.maker.get("/order_refunds", order=taken["id"]))["data"]
        assert refund["policy"] == "platform_first"
