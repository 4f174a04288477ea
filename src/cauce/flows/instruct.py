"""Asking providers, and the one `conclude` in which every answer ends.

An instruction is sent by a job, outside any transaction, after its row says so. Whatever comes back (the direct
answer, a notice, the answer to a question, a statement line) goes through `conclude`: it locks the instruction,
drops what is already final, stores the outcome and calls the flow that knows what it means, in one transaction.
While an outcome is open, a sweep asks by the same key; nothing is sent twice under another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from cauce.channels import rules, store
from cauce.channels.rules import Instruction
from cauce.flows.context import Context, Runtime, SubjectLock, SweepKind
from cauce.flows.refused_keys import leave_stopped, note_access
from cauce.flows.together import together
from cauce.flows.unresolved import note_unresolved
from cauce.gateway.charging import Charge, PaymentLink
from cauce.gateway.collecting import CancelRequest, FetchRequest, Operation
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal, Unknown
from cauce.storage import jobs
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import Job, NewJob

ASK_JOB = "instruction.ask"
LOST_ANSWER_SECONDS = 60
"""How long after a send somebody asks, when the answer never came back to us."""

ASK_AGAIN_SECONDS_MAX = 3_600
"""The longest wait between questions about an outcome that nobody knows."""

WAIT_SECONDS_MAX = 86_400
"""The longest wait where the provider said that it is at work: its notice tells us first, as a rule."""

LINK_ASK_SECONDS = 60
"""Before the first question about a page that was made for a payer."""

_ASKED_AS = {Operation.LINK: Operation.CHARGE}
"""What comes of an operation, where that is another one's value."""

_CLOSINGS = (Operation.CANCEL_COLLECTION, Operation.CANCEL_COMBINED)

_SLOW = {Operation.PAYOUT: 6 * 3_600}
"""Operations that take days by nature: seconds before the first question."""


@dataclass(frozen=True, slots=True)
class Concluded:
    """One instruction and what is known of it now. `at` is org time."""

    key: str
    purpose: str
    operation: Operation
    channel_id: str
    object_id: str
    request: Any
    outcome: Outcome[Any]
    at: datetime


Concluder = Callable[[Context, Tx, list[Concluded]], Awaitable[None]]
"""Gives outcomes of one purpose their effect: set-based, forward only, money only for `Done`."""

_METHODS: dict[Operation, str] = {
    Operation.COLLECT: "collect",
    Operation.COLLECT_COMBINED: "collect_combined",
    Operation.CANCEL_COMBINED: "cancel_combined",
    Operation.REFUND: "refund",
    Operation.SPLIT: "split",
    Operation.REVERSE_SPLIT: "reverse_split",
    Operation.FINISH_ORDER: "finish_order",
    Operation.PAYOUT: "payout",
    Operation.OPEN_ACCOUNT: "open_account",
    Operation.ATTACH_INSTRUMENT: "attach_instrument",
    Operation.CHARGE: "charge_saved",
    Operation.LINK: "link_payment",
    Operation.SETUP: "begin_setup",
    Operation.ENSURE_CUSTOMER: "ensure_customer",
    Operation.TOP_UP: "member_top_up",
    Operation.UNDO_TOP_UP: "undo_top_up",
    Operation.SUBSIDISE: "subsidise",
    Operation.SUBSIDISE_ORDER: "subsidise_order",
    Operation.RETURN_SUBSIDY: "return_subsidy",
    Operation.DROP_SUBSIDY: "drop_subsidy",
    Operation.ADVANCE: "advance",
    Operation.RECOVER_ADVANCE: "recover_advance",
    Operation.FEE_SWEEP: "fee_sweep",
    Operation.ASSIGN_SUSPENSE: "assign_suspense",
    Operation.UNDO_ASSIGN: "undo_assign",
    Operation.PAY_FROM_BALANCE: "pay_from_balance",
}


async def send(context: Context, job: Job) -> None:
    """The job of `open_instructions`: send once; the row says so before the first byte leaves."""
    instruction = await together(context, "instruct.begin", str(job.payload["key"]), _begin)
    if instruction is None:
        return
    if instruction.sends > 0:  # an earlier try died between sending and concluding: find out instead of sending again
        await _ask(context, instruction)
        return
    await conclude(context, [(instruction.key, await _call(context, instruction))])


async def _begin(context: Context, tx: Tx, keys: list[str]) -> list[Instruction | None]:
    """Instructions as they stand, marked as sent; None for what must not be sent any more."""
    found = {one.key: one for one in await store.lock_instructions(tx, sorted(set(keys)))}
    to_send = {key: one for key, one in found.items() if one.state in ("created", "sent") and not one.is_stopped}
    await leave_stopped(context, tx, found.values())
    fresh = [key for key, one in to_send.items() if one.sends == 0]
    if fresh:
        await store.mark_sent(tx, fresh, await context.now(tx) + timedelta(seconds=LOST_ANSWER_SECONDS))
    return [to_send.get(key) for key in keys]


async def ask(context: Context, job: Job) -> None:
    """The job of the sweep: find out what became of an instruction."""
    await ask_by_key(context, job.payload["key"])


async def ask_by_key(context: Context, key: str) -> None:
    """Find out now what became of an instruction, as a notice bids us; one that is final or unknown to us is left alone."""
    instruction = await together(context, "instruct.read", key, _read)
    if instruction is not None:
        await ask_about(context, instruction)


async def ask_about(context: Context, instruction: Instruction) -> None:
    """The same for one that was read already."""
    if not instruction.is_final:
        await _ask(context, instruction)


async def _read(_context: Context, tx: Tx, keys: list[str]) -> list[Instruction | None]:
    found = await store.read_instructions(tx, keys)
    return [found.get(key) for key in keys]


async def conclude(context: Context, answers: Sequence[tuple[str, Outcome[Any]]]) -> None:
    """Give answers their effect, each instruction once; later answers to a final instruction change nothing."""
    if len(answers) == 1:
        await together(context, "instruct.conclude", answers[0], _conclude_gathered)
        return
    async with context.transaction() as tx:
        await _conclude(context, tx, dict(answers))


async def _conclude_gathered(context: Context, tx: Tx, answers: list[tuple[str, Outcome[Any]]]) -> list[None]:
    """Answers of several tasks; where two are about one instruction (a reply and a notice), one after the other."""
    rounds: list[dict[str, Outcome[Any]]] = []
    for key, outcome in answers:
        place = next((each for each in rounds if key not in each), None)
        if place is None:
            rounds.append(place := {})
        place[key] = outcome
    for each in rounds:
        await _conclude(context, tx, each)
    return [None] * len(answers)


async def _conclude(context: Context, tx: Tx, outcomes: Mapping[str, Outcome[Any]]) -> None:
    locked = await store.lock_instructions(tx, sorted(outcomes))
    fresh = [one for one in locked if not one.is_final]
    if not fresh:
        return
    await _lock_subjects(context, tx, fresh)
    now = await context.now(tx)
    outcomes = {key: rules.awaiting_access(outcome) for key, outcome in outcomes.items()}
    await _store(tx, fresh, outcomes, now)
    await note_access(context, tx, fresh, outcomes, now)
    began = await note_unresolved(tx, fresh, outcomes, now, context.actor.name)
    concluded = [_concluded(one, outcomes[one.key], now) for one in fresh if _is_news(one, outcomes[one.key])]
    by_purpose = sorted(concluded, key=lambda one: one.purpose)
    for purpose, group in groupby(by_purpose, key=lambda one: one.purpose):
        await context.runtime.registry.concluders[purpose](context, tx, list(group))
    for purpose, doubtful in groupby(sorted(began, key=lambda one: one.purpose), key=lambda one: one.purpose):
        if purpose in context.runtime.registry.unresolved:
            told = [_concluded(one, outcomes[one.key], now) for one in doubtful]
            await context.runtime.registry.unresolved[purpose](context, tx, told)


async def _lock_subjects(context: Context, tx: Tx, fresh: Sequence[Instruction]) -> None:
    """Before any concluder posts: a later one may not wait for an object whose owner waits for an account."""
    wanted: dict[SubjectLock, set[str]] = {}
    for one in fresh:
        lock = context.runtime.registry.subject_locks.get(one.purpose)
        if lock is not None:
            wanted.setdefault(lock, set()).add(one.object_id)
    for lock, ids in wanted.items():
        await lock(tx, sorted(ids))


async def ask_due(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep over open instructions: one asking job each, set-wise per organization; none beside one that still waits."""
    for org_id, group in groupby(sorted(rows, key=lambda row: row["org_id"]), key=lambda row: row["org_id"]):
        part, due = tx.within(org_id), list(group)
        latest = max(row["due_at"] for row in due)
        keys = [row["key"] for row in due]
        await store.ask_claimed(part, keys, latest, LOST_ANSWER_SECONDS, ASK_AGAIN_SECONDS_MAX)
        await jobs.enqueue(
            part,
            [
                NewJob(ASK_JOB, row["due_at"], {"key": row["key"]}, key=f"object:{row['object_id']}", dedupe=row["key"])
                for row in due
            ],
        )


ASK_SWEEP = SweepKind(store.DUE, ask_due)


async def _call(context: Context, instruction: Instruction) -> Outcome[Any]:
    _, gateway = await context.gateway(instruction.channel_id)
    if instruction.operation is Operation.CANCEL_COLLECTION:
        request: CancelRequest = instruction.request
        closed: Outcome[Any] = await gateway.cancel_collection(request.collection_key, request.merchant_ref)
        return closed
    method = getattr(gateway, _METHODS[instruction.operation])
    outcome: Outcome[Any] = await method(instruction.request)
    if isinstance(outcome, Done) and isinstance(outcome.value, PaymentLink):
        # The page is there; the charge that comes of it is what is waited for.
        waiting = Charge(outcome.value.ref, instruction.request.amount, next_action=outcome.value.next_action)
        return Pending(waiting, LINK_ASK_SECONDS)
    return outcome


async def _ask(context: Context, instruction: Instruction) -> None:
    if instruction.is_stopped:
        async with context.transaction() as tx:
            await leave_stopped(context, tx, [instruction])
        return
    if instruction.operation in _CLOSINGS:  # to close what is closed changes nothing
        await conclude(context, [(instruction.key, await _call(context, instruction))])
        return
    _, gateway = await context.gateway(instruction.channel_id)
    answer: Outcome[Any] = await gateway.fetch(fetch_request(instruction))
    never_arrived = isinstance(answer, Declined) and answer.refusal is Refusal.NOT_FOUND
    if never_arrived:  # the provider does not know the key: nothing moved, and the same key may go out again
        async with context.transaction() as tx:
            now = await context.now(tx)
            await store.ask_later(tx, [instruction.key], now + timedelta(seconds=LOST_ANSWER_SECONDS))
        answer = await _call(context, instruction)
    await conclude(context, [(instruction.key, answer)])


def fetch_request(instruction: Instruction) -> FetchRequest:
    """How a provider is asked what became of an instruction."""
    return FetchRequest(
        operation=_ASKED_AS.get(instruction.operation, instruction.operation),
        key=instruction.key,
        ref=instruction.ref,
        parent_key=instruction.parent_key,
        parent_ref=getattr(instruction.request, "collection_ref", ""),
        merchant_ref=instruction.merchant_ref,
    )


async def _store(tx: Tx, fresh: list[Instruction], outcomes: Mapping[str, Outcome[Any]], now: datetime) -> None:
    chosen = [outcomes[one.key] for one in fresh]
    await store.store_outcomes(
        tx,
        [one.key for one in fresh],
        [rules.state_of(outcome) for outcome in chosen],
        [rules.ref_of(outcome) for outcome in chosen],
        [rules.outcome_to_plain(outcome) for outcome in chosen],
        [_ask_at(one, outcome, now) for one, outcome in zip(fresh, chosen, strict=True)],
        [now if isinstance(outcome, Done | Declined) else None for outcome in chosen],
        [rules.access_of(outcome).value for outcome in chosen],
    )


def _ask_at(instruction: Instruction, outcome: Outcome[Any], now: datetime) -> datetime | None:
    if not isinstance(outcome, Pending | Unknown):
        return None
    # Ask less and less often: a payer who needs a day must not cost a thousand questions.
    first, longest = max(outcome.ask_after_seconds, 1), ASK_AGAIN_SECONDS_MAX
    if isinstance(outcome, Pending):
        first, longest = max(first, _SLOW.get(instruction.operation, 0)), WAIT_SECONDS_MAX
    seconds = min(first * 2 ** min(instruction.asks, 16), longest)
    return now + timedelta(seconds=max(seconds, first))


def _is_news(instruction: Instruction, outcome: Outcome[Any]) -> bool:
    if isinstance(outcome, Unknown):
        return False
    return rules.outcome_to_plain(outcome) != instruction.outcome


def _concluded(instruction: Instruction, outcome: Outcome[Any], now: datetime) -> Concluded:
    return Concluded(
        instruction.key, instruction.purpose, instruction.operation, instruction.channel_id, instruction.object_id,
        instruction.request, outcome, now,
    )  # fmt: skip
