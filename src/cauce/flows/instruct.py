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
from cauce.flows.calling import CLOSINGS, ask_of, is_not_found, send_to
from cauce.flows.context import Context, Runtime, SubjectLock, SweepKind
from cauce.flows.refused_keys import leave_stopped, note_access
from cauce.flows.together import together
from cauce.flows.unresolved import note_unresolved
from cauce.gateway.classes import FUNDS_SECONDS_MAX, ErrorClass, Handling, backoff, class_of, handling_of
from cauce.gateway.collecting import Operation
from cauce.gateway.outcome import Access, Declined, Done, Outcome, Pending, Unknown
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

NEEDS_PERSON_ASK = timedelta(days=1)
"""How often what waits for a person is asked about: he may have done it at the provider."""

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


async def send(context: Context, job: Job) -> None:
    """The job of `open_instructions`: send once; the row says so before the first byte leaves."""
    instruction = await together(context, "instruct.begin", str(job.payload["key"]), _begin)
    if instruction is None:
        return
    if instruction.sends > 0:  # an earlier try died between sending and concluding: find out instead of sending again
        await _ask(context, instruction)
        return
    await conclude(context, [(instruction.key, await send_to(context, instruction))])


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
    await _tell_mismatches(context, tx, concluded)
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


async def _ask(context: Context, instruction: Instruction) -> None:
    if instruction.is_stopped:
        async with context.transaction() as tx:
            await leave_stopped(context, tx, [instruction])
        return
    if instruction.operation in CLOSINGS:  # to close what is closed changes nothing
        await conclude(context, [(instruction.key, await send_to(context, instruction))])
        return
    if (
        instruction.lacks_funds and not instruction.needs_person
    ):  # the same key again, with whatever the provider kept of it
        await conclude(context, [(instruction.key, await send_to(context, instruction))])
        return
    answer = await ask_of(context, instruction)
    if is_not_found(answer):  # the provider does not know the key: nothing moved, and the same key may go out again
        after = NEEDS_PERSON_ASK if instruction.needs_person else timedelta(seconds=LOST_ANSWER_SECONDS)
        async with context.transaction() as tx:
            await store.ask_later(tx, [instruction.key], await context.now(tx) + after)
        if instruction.needs_person:
            return
        answer = await send_to(context, instruction)
    await conclude(context, [(instruction.key, answer)])


async def _store(tx: Tx, fresh: list[Instruction], outcomes: Mapping[str, Outcome[Any]], now: datetime) -> None:
    chosen = [outcomes[one.key] for one in fresh]
    tries = [rules.tries_after(one, outcome) for one, outcome in zip(fresh, chosen, strict=True)]
    await store.store_outcomes(
        tx,
        [one.key for one in fresh],
        [rules.state_of(outcome) for outcome in chosen],
        [rules.ref_of(outcome) for outcome in chosen],
        [rules.outcome_to_plain(outcome) for outcome in chosen],
        [_ask_at(one, outcome, now) for one, outcome in zip(fresh, chosen, strict=True)],
        [now if isinstance(outcome, Done | Declined) else None for outcome in chosen],
        [rules.access_of(outcome).value for outcome in chosen],
        tries,
        [rules.person_since(one, outcome, now) for one, outcome in zip(fresh, chosen, strict=True)],
    )


def _ask_at(instruction: Instruction, outcome: Outcome[Any], now: datetime) -> datetime | None:
    if not isinstance(outcome, Pending | Unknown):
        return None
    if rules.person_since(instruction, outcome, now) is not None:
        return now + NEEDS_PERSON_ASK
    if isinstance(outcome, Unknown) and outcome.access is Access.FUNDS:
        seconds = min(outcome.ask_after_seconds * 2 ** min(instruction.asks, 16), FUNDS_SECONDS_MAX)
        return now + timedelta(seconds=seconds)
    if class_of(outcome) is ErrorClass.RETRYABLE:
        return now + backoff(instruction.key, rules.tries_after(instruction, outcome), outcome.ask_after_seconds)
    # Ask less and less often: a payer who needs a day must not cost a thousand questions.
    first, longest = max(outcome.ask_after_seconds, 1), ASK_AGAIN_SECONDS_MAX
    if isinstance(outcome, Pending):
        first, longest = max(first, _SLOW.get(instruction.operation, 0)), WAIT_SECONDS_MAX
    seconds = min(first * 2 ** min(instruction.asks, 16), longest)
    return now + timedelta(seconds=max(seconds, first))


async def _tell_mismatches(context: Context, tx: Tx, concluded: Sequence[Concluded]) -> None:
    found = [one for one in concluded if handling_of(one.outcome) is Handling.OPEN_CASE]
    if found and context.runtime.registry.mismatched is not None:
        await context.runtime.registry.mismatched(context, tx, found)


def _is_news(instruction: Instruction, outcome: Outcome[Any]) -> bool:
    if isinstance(outcome, Unknown):
        return False
    return rules.outcome_to_plain(outcome) != instruction.outcome


def _concluded(instruction: Instruction, outcome: Outcome[Any], now: datetime) -> Concluded:
    return Concluded(
        instruction.key, instruction.purpose, instruction.operation, instruction.channel_id, instruction.object_id,
        instruction.request, outcome, now,
    )  # fmt: skip
