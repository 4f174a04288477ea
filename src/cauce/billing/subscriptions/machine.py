"""The life of a subscription as a table: T01 to T47 of the requirements, the only way from one state to another.

The database holds the same rows (`subscriptions.transitions`) and refuses any other step in the history; a test
compares the two. Some triggers lead to several states: the flow knows which (was it paid, what does the policy say)
and `step` proves that the choice is listed.
"""

from __future__ import annotations

from cauce.kernel.machine import BEGIN, Machine, Transition, steps

STATES = ("draft", "incomplete", "trialing", "active", "past_due", "unpaid", "paused", "canceled", "expired")
LIVE = ("incomplete", "trialing", "active", "past_due", "unpaid", "paused")
"""States of a contract that has not ended."""

RUNNING = ("trialing", "active", "past_due")
"""States in which service is rendered and periods roll."""


def _same(name: str, trigger: str, states: tuple[str, ...]) -> tuple[Transition, ...]:
    return tuple(Transition(name, state, trigger, state) for state in states)


MACHINE = Machine(
    "subscription",
    STATES,
    (
        Transition("T01", BEGIN, "quote", "draft"),
        Transition("T02", "draft", "approve", "trialing"),
        *(Transition("T03", "draft", "approve", target) for target in ("active", "incomplete")),
        Transition("T04", "draft", "reject", "canceled"),
        Transition("T05", "draft", "lapse", "expired"),
        Transition("T06", BEGIN, "subscribe", "trialing"),
        Transition("T07", BEGIN, "subscribe", "active"),
        Transition("T08", BEGIN, "subscribe", "incomplete"),
        Transition("T09", "incomplete", "settle", "active"),
        Transition("T10", "incomplete", "lapse", "expired"),
        Transition("T11", "incomplete", "cancel", "canceled"),
        Transition("T12", "trialing", "move_trial", "trialing"),
        Transition("T13", "trialing", "end_trial", "active"),
        *(Transition("T14", "trialing", "end_trial", target) for target in ("past_due", "incomplete")),
        Transition("T15", "trialing", "end_trial", "canceled"),
        Transition("T16", "trialing", "end_trial", "paused"),
        Transition("T17", "trialing", "end_trial", "active"),
        Transition("T18", "trialing", "end_trial", "past_due"),
        Transition("T19", "active", "renew", "active"),
        Transition("T20", "active", "miss_payment", "past_due"),
        Transition("T21", "past_due", "renew", "past_due"),
        Transition("T22", "past_due", "settle", "active"),
        Transition("T23", "past_due", "end_grace", "past_due"),
        Transition("T24", "past_due", "exhaust", "unpaid"),
        Transition("T25", "past_due", "exhaust", "canceled"),
        Transition("T26", "unpaid", "settle", "active"),
        Transition("T27", "unpaid", "give_up", "canceled"),
        *_same("T28", "cancel_at_end", RUNNING),
        *_same("T29", "undo_cancel", RUNNING),
        *steps("end_term", RUNNING, "canceled", name="T30"),
        *steps("cancel", (*RUNNING, "unpaid", "paused"), "canceled", name="T31"),
        *_same("T32", "request_cancel", ("active", "past_due")),
        *_same("T32", "decide_cancel", ("active", "past_due")),
        *steps("pause", ("active", "past_due"), "paused", name="T33"),
        *(Transition("T34", "paused", "resume", target) for target in ("active", "past_due")),
        Transition("T35", "paused", "convert", "active"),
        Transition("T36", "paused", "convert", "paused"),
        Transition("T37", "paused", "forget", "canceled"),
        *(Transition("T38", "canceled", "reactivate", target) for target in ("active", "incomplete")),
        *_same("T39", "change", ("active", "trialing")),
        *_same("T40", "schedule_change", LIVE),
        *_same("T41", "apply_change", LIVE),
        Transition("T42", "active", "complete", "expired"),
        *_same("T43", "suspend", LIVE),
        *_same("T43", "unsuspend", LIVE),
        *_same("T44", "dispute", STATES),
        *steps("dispute", LIVE, "canceled", name="T44"),
        *_same("T45", "pay_late", ("canceled", "expired")),
        *_same("T46", "lose_method", LIVE),
        *(Transition("T47", "trialing", "await_payment", target) for target in ("active", "incomplete")),
        Transition("T47", "active", "await_payment", "active"),
    ),
)
