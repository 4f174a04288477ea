"""Tasks are opened and ended with their events, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.billing.relations import store
from cauce.billing.relations.rules import NewTask
from cauce.billing.relations.store import lock_open, modes, modes_shown, open_tasks, release, released, set_mode
from cauce.storage.audit import SYSTEM
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent, emit

__all__ = [
    "drop",
    "finish",
    "lock_open",
    "modes",
    "modes_shown",
    "open_for",
    "open_tasks",
    "release",
    "released",
    "set_mode",
]


async def open_for(tx: Tx, tasks: Sequence[NewTask], at: datetime) -> None:
    """Steps wait for a person from now on."""
    await store.insert_tasks(tx, tasks)
    events = [
        NewEvent("task.created", one.id, at, {"step": one.step, "object": one.object_id}, one.customer_id)
        for one in tasks
    ]
    await emit(tx, events, actor=SYSTEM.name)


async def finish(tx: Tx, work: str, source: str, keys: Sequence[str], at: datetime) -> None:
    """What a person let go on goes on now: its tasks are done."""
    done = await store.finish_released(tx, work, source, keys, at)
    events = [
        NewEvent("task.completed", row["id"], at, {"step": row["step"], "dropped": False}, row["customer_id"])
        for row in done
    ]
    await emit(tx, events, actor=SYSTEM.name)


async def drop(tx: Tx, task_id: str, step: str, customer_id: str | None, actor: str, at: datetime) -> None:
    """The step of a locked task is not to be done any more."""
    await store.drop(tx, task_id, actor, at)
    event = NewEvent("task.completed", task_id, at, {"step": step, "dropped": True}, customer_id)
    await emit(tx, [event], actor=actor)
