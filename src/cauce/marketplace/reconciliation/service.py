"""Keeping breaks: found once, closed by themselves when the other side arrives, else resolved by people with evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cauce.kernel.errors import InvalidRequest
from cauce.kernel.ids import new_id
from cauce.marketplace.reconciliation import closing, store
from cauce.marketplace.reconciliation.rules import (
    BREAK,
    DUE_AFTER,
    RUN,
    TIMING_DAYS,
    BreakType,
    CriticalBreaksOpen,
    NewBreak,
    ResolutionNeedsTwo,
    Severity,
    Tolerances,
    TooLargeToAccept,
    UnknownBreak,
    UnknownCase,
    UnknownRun,
)
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit


async def keep_breaks(
    tx: Tx, run_id: str, channel_id: str, breaks: Sequence[NewBreak], *, at: datetime, actor: str
) -> int:
    """Write the breaks of a run; how many are new."""
    if not breaks:
        return 0
    fresh = await store.insert_breaks(tx, run_id, channel_id, breaks, at)
    events = [
        NewEvent("break.opened", key, at, {"type": one.type.value, "key": one.key, "amount": one.amount_minor})
        for key, one in fresh
        if one.type is not BreakType.TIMING
    ]
    await emit(tx, events, actor=actor)
    return len(fresh)


async def close_vanished(tx: Tx, breaks: Sequence[Row], *, at: datetime, actor: str) -> None:
    """Differences that are gone by themselves: the other side arrived."""
    if not breaks:
        return
    await store.close_breaks(tx, [row["id"] for row in breaks], "the other side arrived", actor, at)
    events = [
        NewEvent("break.resolved", row["id"], at, {"state": "closed"}) for row in breaks if row["type"] != "timing"
    ]
    await emit(tx, events, actor=actor)


async def tolerances(tx: Tx, channel_id: str) -> Tolerances:
    """How a channel's statements are judged."""
    row = await store.read_terms(tx, channel_id)
    return Tolerances(row["fee_tolerances"], row["timing_days"]) if row else Tolerances()


async def age_timing(tx: Tx, channel_id: str, now: datetime, timing_days: int = TIMING_DAYS) -> None:
    """What was a matter of the cut-off for too long is missing at the provider."""
    await store.retype_breaks(tx, channel_id, now - timedelta(days=timing_days))


async def open_case(
    tx: Tx, break_ids: Sequence[str], cause: str, owner: str, severity: Severity, *, at: datetime
) -> str:
    """Group open breaks of one cause under an owner, due by their severity; the case's id. `unknown_break` if none is open."""
    if not cause.strip() or not owner.strip():
        raise InvalidRequest("a case says what it is about and who looks into it", param="cause")
    case_id = new_id("cse")
    await store.insert_case(tx, case_id, cause, owner, severity.value, at + DUE_AFTER[severity], at)
    if await store.assign_breaks(tx, break_ids, case_id) != len(set(break_ids)) or not break_ids:
        raise UnknownBreak("only open breaks go into a case", param="breaks")
    return case_id


async def assign_case(tx: Tx, case_id: str, owner: str) -> str:
    """Give an open case to somebody; who had it. `unknown_case` otherwise."""
    row = await store.lock_case(tx, case_id)
    if row is None or row["closed_at"] is not None:
        raise UnknownCase(f"there is no open case {case_id}", param="case")
    await store.update_case(tx, case_id, owner, None)
    before: str = row["owner"]
    return before


async def close_finished_cases(tx: Tx, case_ids: Sequence[str], *, at: datetime, actor: str) -> None:
    """Cases of which no break is open any more are closed."""
    closed = await store.close_cases(tx, case_ids, at)
    await emit(tx, [NewEvent("case.closed", case_id, at, {}) for case_id in closed], actor=actor)


async def resolve(
    tx: Tx, break_id: str, trigger: str, resolution: str, evidence: str, *, by: str, approved_by: str = "", at: datetime
) -> Row:
    """End a break: `explain`, or with a second person `correct` or `accept`. Evidence always. What it was."""
    row = await store.lock_break(tx, break_id)
    if row is None:
        raise UnknownBreak(f"there is no break {break_id}", param="break")
    state = BREAK.step(row["state"], trigger)
    if not resolution.strip() or not evidence.strip():
        raise InvalidRequest("a resolution says what it was and what proves it", param="evidence")
    if state in ("corrected", "accepted") and (not approved_by or approved_by == by):
        raise ResolutionNeedsTwo(param="approved_by")
    if state == "accepted":
        terms = await store.read_terms(tx, row["channel_id"])
        limit = terms["accept_max_minor"] if terms else None
        if limit is not None and abs(row["amount_minor"]) > limit:
            raise TooLargeToAccept(limit_minor=limit)
    await store.resolve_break(tx, break_id, state, resolution, evidence, by, approved_by, at)
    await emit(tx, [NewEvent("break.resolved", break_id, at, {"state": state})], actor=by)
    return row


async def close_settled_runs(tx: Tx, channel_id: str, *, at: datetime, actor: str) -> None:
    """Runs whose breaks are all resolved are closed by themselves; one with a critical break before it waits for that too."""
    closed = await closing.close_settled_runs(tx, channel_id, at)
    await emit(
        tx, [NewEvent("reconciliation.closed", run_id, at, {"channel": channel_id}) for run_id in closed], actor=actor
    )


async def close_run(tx: Tx, run_id: str, *, at: datetime, actor: str) -> None:
    """Close a run; `CriticalBreaksOpen` while its channel has critical breaks."""
    row = await store.lock_run(tx, run_id)
    if row is None:
        raise UnknownRun(f"there is no run {run_id}", param="run")
    state = RUN.step(row["state"], "close")
    if await store.critical_open(tx, row["channel_id"]):
        raise CriticalBreaksOpen(param="run")
    await store.update_run(tx, run_id, state, closed_at=at)
    await emit(tx, [NewEvent("reconciliation.closed", run_id, at, {"channel": row["channel_id"]})], actor=actor)
