"""In each of its nine states a subscription refuses what the machine does not list: 409, with what is allowed (E1, §5.2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from cauce.billing.subscriptions.machine import MACHINE
from tests.entrypoints.api_caller import Caller, caller_of
from tests.entrypoints.stage import Stage
from tests.flows.billing.shop import flat

DAY = timedelta(days=1)
NOW, END = {"at": "now"}, {"at": "period_end"}
COMMANDS: dict[str, tuple[str, Any]] = {  # trigger: the call that takes it
    "change": ("subscriptions/{id}/change", {"plan": "max", "timing": "now"}),
    "schedule_change": ("subscriptions/{id}/change", {"plan": "max", "timing": "at_renewal"}),
    "cancel": ("subscriptions/{id}/cancel", NOW),
    "cancel_at_end": ("subscriptions/{id}/cancel", END),
    "undo_cancel": ("subscriptions/{id}/undo_cancel", None),
    "pause": ("subscriptions/{id}/pause", NOW),
    "resume": ("subscriptions/{id}/resume", None),
    "move_trial": ("subscriptions/{id}/trial", {"trial_end": "2026-03-30T00:00:00Z"}),
    "reactivate": ("subscriptions/{id}/reactivate", None),
    "approve": ("quotes/{id}/approve", None),
    "reject": ("quotes/{id}/reject", {}),
}


async def _begun(one: Stage, me: Caller, *, behaviour: str = "", **more: Any) -> str:
    if behaviour:
        await one.shop.card("ana", behaviour)
    body = {"customer": {"external_id": "ana", "name": "Ana"}, "plan": "pro", "currency": "eur", **more}
    made = await me.done("POST", "/subscriptions", body)
    await one.work()
    return str(made["id"])


async def _draft(one: Stage, me: Caller) -> str:
    body = {"customer": {"external_id": "ana", "name": "Ana"}, "plan": "pro", "currency": "eur"}
    return str((await me.done("POST", "/quotes", body))["id"])


async def _incomplete(one: Stage, me: Caller) -> str:
    return await _begun(one, me)


async def _trialing(one: Stage, me: Caller) -> str:
    return await _begun(one, me, trial_days=30)


async def _active(one: Stage, me: Caller) -> str:
    return await _begun(one, me, behaviour="good")


async def _past_due(one: Stage, me: Caller) -> str:
    made = await _active(one, me)
    one.shop.cards.cards = dict.fromkeys(one.shop.cards.cards, "poor")
    await one.advance(32 * DAY)
    return made


async def _unpaid(one: Stage, me: Caller) -> str:
    made = await _past_due(one, me)
    await one.advance(9 * DAY)
    return made


async def _paused(one: Stage, me: Caller) -> str:
    made = await _active(one, me)
    await me.done("POST", f"/subscriptions/{made}/pause", {})
    return made


async def _canceled(one: Stage, me: Caller) -> str:
    made = await _active(one, me)
    await me.done("POST", f"/subscriptions/{made}/cancel", NOW)
    return made


async def _expired(one: Stage, me: Caller) -> str:
    made = await _incomplete(one, me)
    await one.advance(DAY)
    return made


STATES: dict[str, Callable[[Stage, Caller], Awaitable[str]]] = {
    "draft": _draft, "incomplete": _incomplete, "trialing": _trialing, "active": _active, "past_due": _past_due,
    "unpaid": _unpaid, "paused": _paused, "canceled": _canceled, "expired": _expired,
}  # fmt: skip


@pytest.mark.parametrize("state", MACHINE.states)
async def test_what_is_not_listed_is_refused_and_says_what_is_allowed(empty: Stage, state: str) -> None:
    me = await caller_of(empty)
    for key in ("pro", "max"):
        await empty.shop.plan(key, flat(3_000))
    made = await STATES[state](empty, me)
    stood = await empty.shop.subscription(made)
    assert stood.status == state
    tried = 0
    for trigger, (path, body) in COMMANDS.items():
        if trigger in MACHINE.allowed(state):
            continue
        refused = await me.send("POST", f"/{path.format(id=made)}", body)
        problem = refused.json()
        if path.startswith("quotes/"):  # what was never offered is no quote
            assert refused.status_code == 404, trigger
            continue
        assert (refused.status_code, problem["code"]) == (409, "illegal_transition"), (trigger, problem)
        assert problem["allowed"] == MACHINE.allowed(state), trigger
        tried += 1
    assert tried >= 3
    assert await empty.shop.subscription(made) == stood, "nothing is written"
    await empty.shop.prove()


def test_every_call_that_takes_a_step_is_tried() -> None:
    """What only time, money or a provider causes has no call."""
    caused = {
        "quote", "subscribe", "lapse", "settle", "end_trial", "renew", "miss_payment", "end_grace", "exhaust", "give_up", "end_term",
        "request_cancel", "decide_cancel", "convert", "forget", "apply_change", "complete", "suspend", "unsuspend", "dispute",
        "pay_late", "lose_method", "await_payment",
    }  # fmt: skip
    assert {step.trigger for step in MACHINE.transitions} == caused | set(COMMANDS)
