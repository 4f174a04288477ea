"""What staff know and promise: tags, notes, owners, to-dos, segments, in the caller's transaction. To-dos are told as events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from cauce.billing.relations import store
from cauce.billing.relations.filters import (
    NOTE_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
    Filter,
    checked_tag,
    checked_text,
)
from cauce.billing.relations.store import all_tags, filters_of, notes_of, owner_of, segment, segments, tags_of, todo
from cauce.kernel.errors import Conflict, NotFound
from cauce.kernel.ids import new_id
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent, emit

__all__ = ["all_tags", "filters_of", "notes_of", "owner_of", "segment", "segments", "tags_of", "todo"]


class SegmentNameTaken(Conflict):
    """There is a segment of this name."""

    code = "segment_name_taken"


class TodoDone(Conflict):
    """The to-do is done already."""

    code = "todo_done"


async def tag(tx: Tx, customer_ids: Sequence[str], text: str, at: datetime, *, actor: str) -> int:
    """Give customers a tag; how many did not have it."""
    if not customer_ids:
        return 0
    return await tx.run(store.QUERIES.add_tags, tx.org, sorted(set(customer_ids)), checked_tag(text), actor, at)


async def untag(tx: Tx, customer_id: str, text: str) -> bool:
    """Take a tag away; False when it was not there."""
    return bool(await tx.run(store.QUERIES.drop_tag, tx.org, customer_id, checked_tag(text)))


async def set_owner(tx: Tx, customer_id: str, email: str, at: datetime) -> None:
    """Who looks after the customer; "" for nobody."""
    if email:
        await tx.run(store.QUERIES.put_owner, tx.org, customer_id, email, at)
    else:
        await tx.run(store.QUERIES.drop_owner, tx.org, customer_id)


async def note(tx: Tx, customer_id: str, author: str, body: str, at: datetime) -> str:
    """Note something; the note's id."""
    note_id, words = new_id("note"), checked_text(body, "body", NOTE_CHARACTERS_MAX)
    await tx.run(store.QUERIES.insert_note, tx.org, note_id, customer_id, author, words, at)
    return note_id


async def drop_note(tx: Tx, customer_id: str, note_id: str) -> None:
    """Forget a note; `NotFound` when the customer has no such note."""
    if not await tx.run(store.QUERIES.delete_note, tx.org, customer_id, note_id):
        raise NotFound(f"there is no note {note_id}", param="note")


async def forget(tx: Tx, customer_id: str) -> None:
    """What staff noted about an erased customer goes; tags and to-dos name nobody."""
    await tx.run(store.QUERIES.forget_notes, tx.org, customer_id)


async def make_todo(
    tx: Tx, title: str, at: datetime, *, actor: str, customer_id: str = "", owner: str = "", due_on: date | None = None
) -> str:
    """Something for staff to do; its id."""
    todo_id, words = new_id("todo"), checked_text(title, "title", TITLE_CHARACTERS_MAX)
    await tx.run(store.QUERIES.insert_todo, tx.org, todo_id, customer_id, words, owner, due_on, actor, at)
    content = {"title": words, "owner": owner, "due_on": due_on}
    await emit(tx, [NewEvent("task.created", todo_id, at, content, customer_id or None)], actor=actor)
    return todo_id


async def finish_todo(tx: Tx, todo_id: str, at: datetime, *, actor: str) -> None:
    """It is done; `TodoDone` when it was before."""
    row = await tx.row(store.QUERIES.finish_todo, tx.org, todo_id, actor, at)
    if row is None:
        await store.todo(tx, todo_id)
        raise TodoDone(param="todo")
    await emit(tx, [NewEvent("task.completed", todo_id, at, {}, row["customer_id"] or None)], actor=actor)


async def save_segment(tx: Tx, name: str, wanted: Filter, at: datetime, *, segment_id: str = "") -> str:
    """Keep a filter under a name, or change the one with this id; its id."""
    title, made = checked_text(name, "name", TITLE_CHARACTERS_MAX), segment_id or new_id("seg")
    if segment_id:
        await store.segment(tx, segment_id)
        done = await tx.run(store.QUERIES.change_segment, tx.org, segment_id, title, wanted.plain())
    else:
        done = await tx.run(store.QUERIES.insert_segment, tx.org, made, title, wanted.plain(), at)
    if not done:
        raise SegmentNameTaken(param="name")
    return made


async def drop_segment(tx: Tx, segment_id: str) -> None:
    """Forget a segment; its customers are as they were."""
    if not await tx.run(store.QUERIES.delete_segment, tx.org, segment_id):
        raise NotFound(f"there is no segment {segment_id}", param="segment")
