"""The slice's tables: modes of steps, tasks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from cauce.billing.relations.filters import Filter, filter_from
from cauce.billing.relations.rules import Mode, NewTask, TaskOver
from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


async def modes(tx: Tx, org_ids: Collection[int]) -> dict[int, dict[tuple[str, str], Mode]]:
    """Per organization, (step, plan or "") of what is not automatic."""
    found: dict[int, dict[tuple[str, str], Mode]] = {}
    for row in await tx.rows(QUERIES.modes, sorted(org_ids)):
        found.setdefault(row["org_id"], {})[row["step"], row["plan_key"]] = Mode(row["mode"])
    return found


async def modes_shown(tx: Tx) -> list[Row]:
    """Every mode that somebody set, with who and when."""
    return await tx.rows(QUERIES.modes_shown, tx.org)


async def set_mode(tx: Tx, step: str, plan_key: str, mode: Mode, actor: str, at: datetime) -> None:
    """From now on the step goes this way, for one plan or ("") for all without a line of their own."""
    await tx.run(QUERIES.set_mode, tx.org, step, plan_key, mode.value, actor, at)


async def insert_tasks(tx: Tx, tasks: Sequence[NewTask]) -> None:
    """New tasks; one whose work waits already is left as it is."""
    if tasks:
        columns = zip(
            *(
                (
                    one.id, one.step, one.mode.value, one.work, one.source, one.key, one.object_id, one.customer_id,
                    one.plan_key, one.at, one.opened_at,
                )
                for one in tasks
            ),
            strict=True,
        )  # fmt: skip
        await tx.run(QUERIES.insert_tasks, tx.org, *(list(column) for column in columns))


async def released(tx: Tx, work: str, source: str, keys: Sequence[str]) -> set[str]:
    """Of these keys, those that a person let go on."""
    return {row["key"] for row in await tx.rows(QUERIES.released, tx.org, work, source, list(keys))}


async def finish_released(tx: Tx, work: str, source: str, keys: Sequence[str], at: datetime) -> list[Row]:
    """These went on: their tasks are done; (id, step, object, customer) of each."""
    return await tx.rows(QUERIES.finish_released, tx.org, work, source, list(keys), at)


async def lock_open(tx: Tx, task_id: str) -> Row:
    """An open task, locked; `TaskOver` when it is not open any more."""
    row = await tx.row(QUERIES.lock_task, tx.org, task_id)
    if row is None:
        raise NotFound(f"there is no task {task_id}", param="task")
    if row["state"] != "open":
        raise TaskOver(param="task")
    return row


async def release(tx: Tx, task_id: str, actor: str, minutes: int | None) -> None:
    """A person lets the step go on; `minutes`: how long it took him, where he says so."""
    await tx.run(QUERIES.set_task, tx.org, task_id, "released", actor, minutes, None)


async def drop(tx: Tx, task_id: str, actor: str, at: datetime) -> None:
    """The step is not to be done any more."""
    await tx.run(QUERIES.set_task, tx.org, task_id, "dropped", actor, None, at)


async def open_tasks(tx: Tx, step: str = "", rows_max: int = 1_000) -> list[str]:
    """Ids of open tasks, the longest due first."""
    return [row["id"] for row in await tx.rows(QUERIES.open_tasks, tx.org, step, rows_max)]


async def tags_of(tx: Tx, customer_id: str) -> list[str]:
    """A customer's tags, by name."""
    return [row["tag"] for row in await tx.rows(QUERIES.tags_of, tx.org, customer_id)]


async def all_tags(tx: Tx) -> list[Row]:
    """(tag, customers) of every tag in use."""
    return await tx.rows(QUERIES.all_tags, tx.org)


async def owner_of(tx: Tx, customer_id: str) -> str:
    """Who looks after a customer; "" for nobody."""
    return str(await tx.value(QUERIES.owner_of, tx.org, customer_id) or "")


async def notes_of(tx: Tx, customer_id: str, rows_max: int = 100) -> list[Row]:
    """What staff noted, newest first."""
    return await tx.rows(QUERIES.notes_of, tx.org, customer_id, rows_max)


async def todo(tx: Tx, todo_id: str) -> Row:
    """One to-do; `NotFound` otherwise."""
    row = await tx.row(QUERIES.todo, tx.org, todo_id)
    if row is None:
        raise NotFound(f"there is no to-do {todo_id}", param="todo")
    return row


async def segments(tx: Tx) -> list[Row]:
    """Every saved segment, by name."""
    return await tx.rows(QUERIES.segments, tx.org, "")


async def filters_of(tx: Tx, segment_ids: Sequence[str]) -> dict[str, Filter]:
    """The filters of those of these segments that there are, by id."""
    rows = await tx.rows(QUERIES.filters, tx.org, list(segment_ids))
    return {row["id"]: filter_from(row["filter"]) for row in rows}


async def segment(tx: Tx, segment_id: str) -> tuple[Row, Filter]:
    """One segment and its filter; `NotFound` otherwise."""
    found = await tx.rows(QUERIES.segments, tx.org, segment_id) if segment_id else []
    if not found:
        raise NotFound(f"there is no segment {segment_id}", param="segment")
    return found[0], filter_from(found[0]["filter"])
