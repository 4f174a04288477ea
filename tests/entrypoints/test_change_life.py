"""Changes and trials through the API on the organization's clock: every way of charging, one expiry, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cauce.storage import outbox
from tests.entrypoints.api_caller import Caller, caller_of
from tests.entrypoints.stage import Stage
from tests.flows.billing.shop import flat

# A period from 15 January to 15 February has 31 days; on 26 January 20 of them are left.
CHANGED_AT = datetime(2026, 1, 26, 9, tzinfo=UTC)
WAYS: dict[str, tuple[list[int], int, str]] = {  # lines now, the next invoice, its day
    "charge_now": ([-2_000, 4_000], 6_200, "2026-02-15"),
    "next_invoice": ([], 8_200, "2026-02-15"),
    "none": ([], 6_200, "2026-02-15"),
    "full_reset": ([-2_000, 6_200], 6_200, "2026-02-26"),
    "charge_now_credit_at_renewal": ([4_000], 4_200, "2026-02-15"),
}


async def _subscribed(one: Stage, me: Caller, who: str, plan: str, **more: Any) -> dict[str, Any]:
    await one.shop.card(who)
    body = {"customer": {"external_id": who, "name": who}, "plan": plan, "currency": "eur", **more}
    made = await me.done("POST", "/subscriptions", body)
    await one.work()
    return made


async def _go_to(one: Stage, at: datetime) -> None:
    async with one.context.transaction() as tx:
        now = await one.context.now(tx)
    await one.advance(at - now)


async def _invoices(one: Stage, subscription_id: str) -> list[tuple[int, str]]:
    """(total, day) of a subscription's invoices, by amount."""
    return sorted(
        (each["total_minor"], each["issued_on"].isoformat()) for each in await one.shop.invoices(subscription_id)
    )


async def test_every_way_of_charging_a_change_bills_what_its_preview_said(empty: Stage) -> None:
    me = await caller_of(empty)
    await empty.shop.plan("small", flat(3_100))
    await empty.shop.plan("large", flat(6_200))
    ids = {way: (await _subscribed(empty, me, way, "small"))["id"] for way in WAYS}
    await _go_to(empty, CHANGED_AT)
    for way, (lines, _, _) in WAYS.items():
        body = {"plan": "large", "proration": way}
        seen = await me.done("POST", f"/subscriptions/{ids[way]}/change/preview", body)
        held = {**body, "at": seen["effective_at"], "expect_total": seen["total"]["amount"]}
        done = await me.done("POST", f"/subscriptions/{ids[way]}/change", held)
        for answer in (seen, done):
            assert [line["total"]["amount"] for line in answer["lines"]] == lines, way
    await empty.work()
    await _go_to(empty, datetime(2026, 2, 26, 10, tzinfo=UTC))
    for way, (lines, then, day) in WAYS.items():
        expected = [(3_100, "2026-01-15"), *([(sum(lines), "2026-01-26")] if lines else []), (then, day)]
        assert await _invoices(empty, ids[way]) == sorted(expected), way
    await empty.shop.prove()


async def test_a_trial_extended_twice_and_shortened_once_ends_once_at_the_last_instant(empty: Stage) -> None:
    me = await caller_of(empty)
    await empty.shop.plan("pro", flat(3_100), trial_days=14)
    made = await _subscribed(empty, me, "ana", "pro")
    path, last = f"/subscriptions/{made['id']}", datetime(2026, 2, 5, 12, 34, 56, tzinfo=UTC)
    for end in ("2026-02-10T09:00:00Z", "2026-02-20T09:00:00Z", last.isoformat()):
        moved = await me.done("POST", f"{path}/trial", {"trial_end": end})
        assert datetime.fromisoformat(moved["trial_end"]) == datetime.fromisoformat(end)
    await _go_to(empty, last - timedelta(seconds=1))
    assert (await me.get(path))["status"] == "trialing"
    await _go_to(empty, datetime(2026, 2, 21, tzinfo=UTC))
    async with empty.context.transaction() as tx:
        events = [(row["type"], row["occurred_at"]) for row in await outbox.events_of(tx, made["id"])]
    assert [at for kind, at in events if kind == "subscription.trial_converted"] == [last]
    assert [at for kind, at in events if kind == "subscription.trial_will_end"] == [last - timedelta(days=3)]
    assert await _invoices(empty, made["id"]) == [(3_100, "2026-02-05")]
    await empty.shop.prove()


async def test_a_change_that_is_not_allowed_says_what_is(empty: Stage) -> None:
    me = await caller_of(empty)
    await empty.shop.plan("small", flat(3_100))
    await empty.shop.plan("large", flat(6_200))
    made = await _subscribed(empty, me, "ana", "small")
    path = f"/subscriptions/{made['id']}"
    await me.done("POST", f"{path}/cancel", {"at": "now"})
    for action, body in (
        ("change", {"plan": "large"}),
        ("pause", {}),
        ("cancel", {"at": "now"}),
        ("trial", {"trial_end": None}),
    ):
        refused = await me.send("POST", f"{path}/{action}", body)
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (409, "illegal_transition"), (action, problem)
        assert "reactivate" in problem["allowed"], action
