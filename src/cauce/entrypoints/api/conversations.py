"""`/v1/conversations`: what people wrote and were answered; read, answer, assign, close."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.conversations import service as conversations
from cauce.billing.conversations.rules import BODY_CHARACTERS_MAX, Person
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.customers import find_customer
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Filter, Id, resource, resources, whole_list
from cauce.entrypoints.api.shapes import Body
from cauce.flows.chat import talking
from cauce.flows.context import Context
from cauce.reports import conversations as report

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])


class WordsBody(Body):
    """What is said. `customer`: in his name (by id or external id) instead of staff's; `author`: who of staff says it."""

    text: Annotated[str, Field(min_length=1, max_length=BODY_CHARACTERS_MAX, pattern=PLAIN_TEXT)]
    author: Annotated[str, Field(max_length=200, pattern=PLAIN_TEXT)] = ""


class OpenBody(WordsBody):
    """A customer's word in our own chat, told by your own page."""

    customer: Annotated[str, Field(min_length=1, max_length=255, pattern=PLAIN_TEXT)]


class AssignBody(Body):
    """Who answers; "" for nobody."""

    assignee: Annotated[str, Field(max_length=320, pattern=PLAIN_TEXT)] = ""


@router.get("")
async def list_conversations(
    caller: Reader, state: Annotated[str, Query(pattern="^(open|closed)$")] = "open", customer: Filter = ""
) -> dict[str, Any]:
    """The inbox: whoever waits longest first; at most a hundred."""
    async with caller.context.transaction() as tx:
        customer_id = (await find_customer(tx, customer)).id if customer else ""
        return whole_list(resources("conversation", await report.inbox(tx, state=state, customer_id=customer_id)))


@router.post("", status_code=201)
async def write_as_customer(request: Request, caller: BillingWriter, body: OpenBody) -> Response:
    """A customer writes, in his open conversation or in one that begins with it."""

    async def work(context: Context) -> object:
        async with caller.context.transaction() as tx:
            known = await find_customer(tx, body.customer)
        name = body.author or known.name or known.external_id
        return {"object": "conversation", "id": await talking.hear(context, Person(known.id, name=name), body.text)}

    return await answer_once(request, caller.context, work)


@router.get("/{conversation_id}")
async def show_conversation(caller: Reader, conversation_id: Id) -> dict[str, Any]:
    """One conversation with all that was said."""
    async with caller.context.transaction() as tx:
        one = await conversations.read(tx, conversation_id)
        said = await conversations.messages(tx, one.id)
    row = {name: getattr(one, name) for name in one.__slots__ if name != "visitor"}
    return resource("conversation", row, messages=resources("conversation_message", said))


@router.post("/{conversation_id}/messages", status_code=201)
async def answer_conversation(
    request: Request, caller: BillingWriter, conversation_id: Id, body: WordsBody
) -> Response:
    """Answer."""

    async def work(context: Context) -> object:
        message_id = await talking.answer(context, conversation_id, body.author, body.text)
        return {"object": "conversation_message", "id": message_id, "conversation": conversation_id}

    return await answer_once(request, caller.context, work)


@router.post("/{conversation_id}/assign")
async def assign_conversation(caller: BillingWriter, conversation_id: Id, body: AssignBody) -> dict[str, Any]:
    """Give it to somebody."""
    await talking.assign(caller.context, conversation_id, body.assignee)
    return {"object": "conversation", "id": conversation_id, "assignee": body.assignee}


@router.post("/{conversation_id}/close")
async def close_conversation(caller: BillingWriter, conversation_id: Id) -> dict[str, Any]:
    """End it; the next word opens it again."""
    await talking.close(caller.context, conversation_id)
    return {"object": "conversation", "id": conversation_id, "state": "closed"}
