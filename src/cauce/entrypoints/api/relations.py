"""Tags, owners, notes, tasks and the timeline of customers; segments with their size and members; the pipeline."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.outreach.rules import Category
from cauce.billing.relations import knowing as relations
from cauce.billing.relations.filters import (
    NOTE_CHARACTERS_MAX,
    TAG_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
    checked_tag,
    filter_from,
)
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.customers import find_customer
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Filter, Id, resource, resources, whole_list
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Body, Cursor, Limit, listing, unpack_cursor
from cauce.flows.context import Context
from cauce.flows.outreach import writing
from cauce.reports import relations as report
from cauce.reports import segments

router = APIRouter(prefix="/v1", tags=["relations"])
Address = Annotated[str, Field(max_length=320, pattern=PLAIN_TEXT)]


class TagBody(Body):
    """A tag."""

    tag: Annotated[str, Field(min_length=1, max_length=TAG_CHARACTERS_MAX, pattern=PLAIN_TEXT)]


class OwnerBody(Body):
    """Who looks after the customer; "" for nobody."""

    owner: Address = ""


class NoteBody(Body):
    """What staff noted, and who."""

    body: Annotated[str, Field(min_length=1, max_length=NOTE_CHARACTERS_MAX, pattern=PLAIN_TEXT)]
    author: Address = ""


class TodoBody(Body):
    """Something for staff to do; `customer` by id or external id, "" for none."""

    title: Annotated[str, Field(min_length=1, max_length=TITLE_CHARACTERS_MAX, pattern=PLAIN_TEXT)]
    customer: Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)] = ""
    owner: Address = ""
    due_on: date | None = None


class FilterBody(Body):
    """Every part that is given must hold; see the guide for the parts."""

    filter: dict[str, Any]


class SegmentBody(FilterBody):
    """A filter under a name."""

    name: Annotated[str, Field(min_length=1, max_length=TITLE_CHARACTERS_MAX, pattern=PLAIN_TEXT)]


class SegmentMessageBody(Body):
    """What is written to everybody, and how many customers were shown before."""

    title: Annotated[str, Field(min_length=1, max_length=writing.TITLE_CHARACTERS_MAX, pattern=PLAIN_TEXT)]
    text: Annotated[str, Field(min_length=1, max_length=writing.TEXT_CHARACTERS_MAX)]
    category: Literal["service", "onboarding", "marketing"] = "marketing"
    customers: Annotated[int, Field(strict=True, ge=0)]


@router.get("/customers/{customer_id}/timeline")
async def customer_timeline(
    caller: Reader,
    customer_id: Id,
    before: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = LIMIT_DEFAULT,
) -> dict[str, Any]:
    """All that was said and done, newest first, from `before` backwards."""
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        rows = await report.timeline(tx, found.id, before=before or report.LATEST, rows_max=limit)
    return whole_list(resources("timeline_item", rows))


@router.get("/customers/{customer_id}/tags")
async def list_tags(caller: Reader, customer_id: Id) -> dict[str, Any]:
    """A customer's tags, his owner and notes."""
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        tags, owner = await relations.tags_of(tx, found.id), await relations.owner_of(tx, found.id)
        notes = resources("note", await relations.notes_of(tx, found.id))
    return {"object": "relation", "customer": found.id, "tags": tags, "owner": owner or None, "notes": notes}


@router.post("/customers/{customer_id}/tags")
async def add_tag(caller: BillingWriter, customer_id: Id, body: TagBody) -> dict[str, Any]:
    """Give him a tag; one that he has stays."""
    async with caller.context.transaction() as tx:
        found, now = await find_customer(tx, customer_id), await caller.context.now(tx)
        await relations.tag(tx, [found.id], body.tag, now, actor=caller.context.actor.name)
        return {"object": "relation", "customer": found.id, "tags": await relations.tags_of(tx, found.id)}


@router.delete("/customers/{customer_id}/tags/{tag}")
async def drop_tag(caller: BillingWriter, customer_id: Id, tag: Id) -> dict[str, Any]:
    """Take it away."""
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        await relations.untag(tx, found.id, checked_tag(tag))
        return {"object": "relation", "customer": found.id, "tags": await relations.tags_of(tx, found.id)}


@router.put("/customers/{customer_id}/owner")
async def set_owner(caller: BillingWriter, customer_id: Id, body: OwnerBody) -> dict[str, Any]:
    """Who looks after him."""
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        await relations.set_owner(tx, found.id, body.owner, await caller.context.now(tx))
    return {"object": "relation", "customer": found.id, "owner": body.owner or None}


@router.post("/customers/{customer_id}/notes", status_code=201)
async def add_note(request: Request, caller: BillingWriter, customer_id: Id, body: NoteBody) -> Response:
    """Note something."""

    async def work(context: Context) -> object:
        async with caller.context.transaction() as tx:
            found = await find_customer(tx, customer_id)
        async with context.transaction() as tx:
            at, author = await context.now(tx), body.author or context.actor.name
            return {"object": "note", "id": await relations.note(tx, found.id, author, body.body, at)}

    return await answer_once(request, caller.context, work)


@router.delete("/customers/{customer_id}/notes/{note_id}")
async def drop_note(caller: BillingWriter, customer_id: Id, note_id: Id) -> dict[str, Any]:
    """Forget a note."""
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        await relations.drop_note(tx, found.id, note_id)
    return {"object": "note", "id": note_id, "deleted": True}


@router.get("/todos")
async def list_todos(
    caller: Reader,
    state: Annotated[str, Query(pattern="^(open|done)$")] = "open",
    owner: Filter = "",
    customer: Filter = "",
) -> dict[str, Any]:
    """What staff have to do, the most urgent first; at most two hundred."""
    async with caller.context.transaction() as tx:
        customer_id = (await find_customer(tx, customer)).id if customer else ""
        rows = await report.todos(tx, state=state, owner=owner, customer_id=customer_id)
    return whole_list([resource("todo", {**row, "customer": row["customer_id"] or None}) for row in map(dict, rows)])


@router.post("/todos", status_code=201)
async def make_todo(request: Request, caller: BillingWriter, body: TodoBody) -> Response:
    """Make a task."""

    async def work(context: Context) -> object:
        async with caller.context.transaction() as tx:
            customer_id = (await find_customer(tx, body.customer)).id if body.customer else ""
        async with context.transaction() as tx:
            at, actor = await context.now(tx), context.actor.name
            todo_id = await relations.make_todo(
                tx, body.title, at, actor=actor, customer_id=customer_id, owner=body.owner, due_on=body.due_on
            )
        return {"object": "todo", "id": todo_id, "state": "open"}

    return await answer_once(request, caller.context, work)


@router.post("/todos/{todo_id}/done")
async def finish_todo(caller: BillingWriter, todo_id: Id) -> dict[str, Any]:
    """It is done; refused when it was before."""
    async with caller.context.transaction() as tx:
        now = await caller.context.now(tx)
        await relations.finish_todo(tx, todo_id, now, actor=caller.context.actor.name)
    return {"object": "todo", "id": todo_id, "state": "done"}


@router.get("/segments")
async def list_segments(caller: Reader) -> dict[str, Any]:
    """Saved filters, by name."""
    async with caller.context.transaction() as tx:
        return whole_list(resources("segment", await relations.segments(tx)))


@router.post("/segments/preview")
async def preview_segment(caller: Reader, body: FilterBody) -> dict[str, Any]:
    """How many customers a filter means now."""
    wanted = filter_from(body.filter)
    async with caller.context.transaction() as tx:
        return {
            "object": "segment_preview",
            "filter": wanted.plain(),
            "customers": await segments.count(tx, wanted.parts()),
        }


@router.post("/segments", status_code=201)
async def save_segment(request: Request, caller: BillingWriter, body: SegmentBody) -> Response:
    """Keep a filter under a name."""
    wanted = filter_from(body.filter)

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            made = await relations.save_segment(tx, body.name, wanted, await context.now(tx))
            size = await segments.count(tx, wanted.parts())
        return {"object": "segment", "id": made, "name": body.name, "filter": wanted.plain(), "customers": size}

    return await answer_once(request, caller.context, work)


@router.get("/segments/{segment_id}")
async def show_segment(caller: Reader, segment_id: Id) -> dict[str, Any]:
    """One segment with its size now."""
    async with caller.context.transaction() as tx:
        one, wanted = await relations.segment(tx, segment_id)
        return resource("segment", one, customers=await segments.count(tx, wanted.parts()))


@router.get("/segments/{segment_id}/customers")
async def segment_customers(
    caller: Reader, segment_id: Id, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Its customers, in order of id."""
    async with caller.context.transaction() as tx:
        _, wanted = await relations.segment(tx, segment_id)
        rows = await segments.page(tx, wanted.parts(), after=unpack_cursor(cursor) or "", rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["id"])
    page["data"] = resources("customer", page["data"])
    return page


@router.post("/segments/{segment_id}/message", status_code=202)
async def write_to_segment(
    request: Request, caller: BillingWriter, segment_id: Id, body: SegmentMessageBody
) -> Response:
    """Write to everybody who belongs to it now, once each; refused when it means more customers than `customers` says."""

    async def work(context: Context) -> object:
        made = await writing.write_to_segment(
            context, segment_id, body.title, body.text, Category(body.category), size=body.customers
        )
        return {"object": "segment_message", "id": made, "segment": segment_id, "customers": body.customers}

    return await answer_once(request, caller.context, work, status=202)


@router.delete("/segments/{segment_id}")
async def drop_segment(caller: BillingWriter, segment_id: Id) -> dict[str, Any]:
    """Forget a segment."""
    async with caller.context.transaction() as tx:
        await relations.drop_segment(tx, segment_id)
    return {"object": "segment", "id": segment_id, "deleted": True}


@router.get("/pipeline")
async def show_pipeline(caller: Reader, days: Annotated[int, Query(ge=1, le=3_660)] = 90) -> dict[str, Any]:
    """Where customers stand by state, and how many of the trials begun in the last days have paid."""
    async with caller.context.transaction() as tx:
        now = await caller.context.now(tx)
        found = await report.pipeline(tx, now, now - timedelta(days=days))
    stages = [resource("pipeline_stage", row) for row in found.rows]
    return {"object": "pipeline", "stages": stages, "trials_begun": found.tried, "trials_paid": found.paid}
