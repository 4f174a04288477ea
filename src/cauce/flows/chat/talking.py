"""What people outside and staff say, what follows from it: automated steps wait, whoever does not look gets a mail.

A message of a person on either side holds the customer's automated steps for a week. Somebody who does not look at a
message for two minutes gets it by mail: the customer the answer, staff the news that somebody waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from cauce.billing.conversations import service as conversations
from cauce.billing.conversations.rules import SILENCE_SECONDS, Conversation, Outside, Person, standing_of
from cauce.billing.conversations.service import Said
from cauce.billing.customers import service as customers
from cauce.billing.outreach import service as outreach
from cauce.billing.outreach.rules import HOLD_DAYS
from cauce.flows.context import Context
from cauce.gateway.reporting import Notice
from cauce.kernel.errors import NotFound
from cauce.reports import subscriptions
from cauce.storage import jobs
from cauce.storage.database import Tx
from cauce.storage.directory.people import Role
from cauce.storage.jobs import NewJob

UNREAD_JOB = "conversation.unread"
STAFF = (Role.OWNER, Role.ADMIN, Role.SUPPORT)
"""Who answers people, and is told that somebody waits."""


async def hear(context: Context, person: Person, text: str) -> str:
    """A customer or a visitor writes in our own chat; the conversation's id."""
    async with context.transaction() as tx:
        at = await context.now(tx)
        said = await conversations.hear(tx, await _with_standing(tx, person), text, at, actor=f"person:{person.key}")
        await follow(tx, said, "customer", at)
        return said.conversation.id


async def answer(context: Context, conversation_id: str, author: str, text: str) -> str:
    """Staff answers; the message's id. Refused for a conversation that a help desk holds."""
    async with context.transaction() as tx:
        at = await context.now(tx)
        one = await conversations.lock(tx, conversation_id)
        said = await conversations.answer(tx, one, author, text, at, actor=context.actor.name)
        await follow(tx, said, "staff", at)
        return said.message_id


async def assign(context: Context, conversation_id: str, assignee: str) -> None:
    """Give it to a member, or to nobody."""
    async with context.transaction() as tx:
        at = await context.now(tx)
        await conversations.assign(tx, conversation_id, assignee, at, actor=context.actor.name)


async def close(context: Context, conversation_id: str) -> None:
    """End it; the next word opens it again."""
    async with context.transaction() as tx:
        one = await conversations.lock(tx, conversation_id)
        await conversations.close(tx, one, await context.now(tx), actor=context.actor.name)


async def look(context: Context, person: Person) -> Conversation | None:
    """A person's own conversation, now read by him until its last word."""
    async with context.transaction() as tx:
        one = await conversations.own_of(tx, person)
        if one is not None and one.last_side == "staff" and (one.read_at is None or one.read_at < one.last_at):
            await conversations.mark_read(tx, one.id, await context.now(tx))
        return one


async def adopt(context: Context, visitor: str, customer_id: str) -> None:
    """A visitor signed in or up: what he said before is his, and holds his steps."""
    async with context.transaction() as tx:
        if await conversations.adopt(tx, visitor, customer_id):
            until = await context.now(tx) + timedelta(days=HOLD_DAYS)
            await outreach.hold_steps(tx, customer_id, until)


async def told_outside(context: Context, channel_id: str, notice: Notice) -> None:
    """A help desk tells of a conversation that it holds: the same timeline, the same hold."""
    said: Callable[[str], str] = lambda name: str(notice.data.get(name, ""))  # noqa: E731
    outside = Outside(channel_id, notice.ref, said("message_ref"))
    async with context.transaction() as tx:
        at = await context.now(tx) if notice.occurred_at > await context.now(tx) else notice.occurred_at
        one = await conversations.held_under(tx, outside)
        if said("change") == "closed":
            if one is not None:
                await conversations.close(tx, one, at, actor="help_desk")
            return
        if not said("text").strip():
            return
        if said("side") == "staff" and one is not None:
            heard = await conversations.answer(
                tx, one, said("author"), said("text"), at, actor="help_desk", outside=outside
            )
        elif said("side") == "customer":
            person = await _known(tx, said("external_id"), said("contact_ref"), said("author"))
            heard = await conversations.hear(tx, person, said("text"), at, actor="help_desk", outside=outside)
        else:  # staff began it; there is nobody's word to answer yet
            return
        await _hold(tx, heard, at)


async def _known(tx: Tx, external_id: str, contact_ref: str, name: str) -> Person:
    """The customer whom a help desk means: by our own id or by the one that he gave to us as external."""
    for find in (customers.read, customers.find):
        try:
            one = await find(tx, external_id)
        except NotFound:
            continue
        return await _with_standing(tx, Person(one.id, name=name or one.name))
    return Person(visitor=f"outside:{contact_ref}", name=name)


async def _with_standing(tx: Tx, person: Person) -> Person:
    if not person.customer_id:
        return person
    held = await subscriptions.page(tx, customer_id=person.customer_id)
    return replace(person, standing=standing_of([row["status"] for row in held]))


async def follow(tx: Tx, said: Said, side: str, at: datetime) -> None:
    """What follows from a word in our own chat: automated steps rest, and who does not look is told by mail."""
    await _hold(tx, said, at)
    payload = {"conversation": said.conversation.id, "side": side, "message": said.message_id}
    due = at + timedelta(seconds=SILENCE_SECONDS)
    await jobs.enqueue(tx, [NewJob(UNREAD_JOB, due, payload, dedupe=f"{said.conversation.id}:{side}")])


async def _hold(tx: Tx, said: Said, at: datetime) -> None:
    if said.message_id and said.conversation.customer_id:
        await outreach.hold_steps(tx, said.conversation.customer_id, at + timedelta(days=HOLD_DAYS))
