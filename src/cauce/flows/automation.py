"""From hand to automatic (O9, O10): a step whose mode is manual or assisted waits as a task until a person lets it go on.

What waits is the very row or job that would have run: its due time is taken away, or put off, and given back by the
task's button. So every step by hand ends in the same ledger, events and messages as by itself. A row that was moved or
ended meanwhile is not touched: its task is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cauce.billing.relations import rules
from cauce.billing.relations import service as relations
from cauce.billing.relations.rules import Mode, NewTask
from cauce.flows.automation_steps import BY_NAME
from cauce.flows.context import Context, SweepKind
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.ids import new_id
from cauce.reports import automation as report
from cauce.storage import jobs
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import Job
from cauce.storage.orgclock import org_now

PUT_OFF = timedelta(days=365 * 100)
"""So far a job is put off that waits for a person."""

MINUTES_MAX = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class _Waiting:
    step: str
    key: str
    object_id: str
    at: datetime


async def hold_rows(tx: Tx, kind: SweepKind, rows: list[Row]) -> list[Row]:
    """Of claimed rows those that go on now; the others become tasks and are no longer due."""
    if kind.step is None:
        return rows
    modes = await relations.modes(tx, {row["org_id"] for row in rows})
    if not modes:
        return rows
    going: list[Row] = [row for row in rows if row["org_id"] not in modes]
    for org_id, mine in modes.items():
        part = tx.within(org_id)
        group = [row for row in rows if row["org_id"] == org_id]
        held = await _hold(part, "row", kind.sweep.name, [_row(row, kind.step) for row in group], mine)
        for key in sorted(held):
            await tx.run(kind.sweep.set_due, org_id, key, None)
        going += [row for row in group if row["key"] not in held]
    return sorted(going, key=lambda row: (row["due_at"], row["key"]))


async def hold_job(context: Context, job: Job, step: Callable[[Job], str] | None) -> bool:
    """Whether this job waits for a person now; then it is put off until he lets it go on."""
    name = step(job) if step is not None else ""
    if not name:
        return False
    async with context.transaction() as tx:
        modes = (await relations.modes(tx, [tx.org])).get(tx.org)
        if not modes:
            return False
        waiting = _Waiting(name, str(job.id), _object_of(job), job.due_at)
        if not await _hold(tx, "job", job.kind, [waiting], modes):
            return False
        await jobs.postpone(tx, job, "waits for a person", await org_now(tx) + PUT_OFF)
        return True


async def release(context: Context, task_id: str, *, minutes: int | None = None) -> bool:
    """Let a step go on; False when it is not to be done any more. `minutes`: how long a person took for it."""
    if minutes is not None and not 0 <= minutes <= MINUTES_MAX:
        raise InvalidRequest(f"minutes are 0 to {MINUTES_MAX}", param="minutes")
    async with context.transaction() as tx:
        task, now = await relations.lock_open(tx, task_id), await context.now(tx)
        if await _give_back(context, tx, task):
            await relations.release(tx, task_id, context.actor.name, minutes)
            tx.wake_workers()
            return True
        await relations.drop(tx, task_id, task["step"], task["customer_id"], context.actor.name, now)
        return False


async def set_mode(context: Context, step: str, mode: Mode, plan_key: str = "") -> None:
    """From now on a step goes this way, for one plan or all. Switched to automatic, what waits goes on at once."""
    if step not in BY_NAME:
        raise InvalidRequest(f"there is no step {step}; there are {', '.join(BY_NAME)}", param="step")
    async with context.transaction() as tx:
        await relations.set_mode(tx, step, plan_key, mode, context.actor.name, await context.now(tx))
        waiting = await relations.open_tasks(tx, step) if mode is Mode.AUTOMATIC and not plan_key else []
    for task_id in waiting:
        await release(context, task_id)


async def _hold(
    tx: Tx, work: str, source: str, waiting: Sequence[_Waiting], modes: Mapping[tuple[str, str], Mode]
) -> set[str]:
    """The keys that are held: tasks of those that no person let go on, and the end of the tasks of those that he did."""
    steps = {step for step, _ in modes}
    touched = [one for one in waiting if one.step in steps]
    if not touched:
        return set()
    now = await org_now(tx)
    passed = await relations.released(tx, work, source, [one.key for one in touched])
    about = await report.subjects(tx, [one.object_id for one in touched])
    tasks = []
    for one in touched:
        customer_id, plan_key = about.get(one.object_id, (None, ""))
        mode = rules.mode_of(modes, one.step, plan_key)
        if mode is not Mode.AUTOMATIC and one.key not in passed:
            tasks.append(
                NewTask(
                    new_id("tsk"),
                    one.step,
                    mode,
                    work,
                    source,
                    one.key,
                    one.object_id,
                    customer_id,
                    plan_key,
                    one.at,
                    now,
                )
            )
    await relations.open_for(tx, tasks, now)
    await relations.finish(tx, work, source, sorted(passed), now)
    return {one.key for one in tasks}


async def _give_back(context: Context, tx: Tx, task: Row) -> bool:
    if task["work"] == "job":
        return await jobs.call_up(tx, int(task["key"])) == 1
    sweep = next(kind.sweep for kind in context.runtime.registry.sweeps if kind.sweep.name == task["source"])
    row = await tx.row(sweep.due_of, tx.org, task["key"])
    if row is None or row["due_at"] is not None:
        return False
    await tx.run(sweep.set_due, tx.org, task["key"], task["at"])
    return True


def _row(row: Row, step: Callable[[Row], str]) -> _Waiting:
    named = {"id", "subscription_id"} & set(row.keys())
    object_id = row["subscription_id"] if "subscription_id" in named and row["subscription_id"] else row["id"]
    return _Waiting(step(row), row["key"], object_id, row["due_at"])


def _object_of(job: Job) -> str:
    found = (job.payload.get(name) for name in ("instance", "message", "key"))
    return next((str(value) for value in found if value), "")
