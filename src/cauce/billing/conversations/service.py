"""Saying, assigning, closing: each in the caller's transaction, with its event. The words stay out of events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cauce.billing.conversations import store
from cauce.billing.conversations.rules import CONVERSATION, Conversation, HeldElsewhere, Outside, Person, checked
from cauce.billing.conversations.store import counted, lock, messages, read, replies
from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.kernel.ids import new_id
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent, emit

__all__ = ["counted", "lock", "messages", "read", "replies"]

TITLE_CHARACTERS_MAX = 100
MAIL = "mail"
"""What events call the channel of an answer that came by mail."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a message: the conversation as it was before it, and the message's id; "" for one known before."""

    conversation: Conversation
    message_id: str


async def hear(tx: Tx, person: Person, text: str, at: datetime, *, actor: str, outside: Outside | None = None) -> Said:
    """A person outside writes: in his open conversation, or one that begins (or begins again) with it."""
    words, found = checked(text), await _of(tx, person, outside)
    is_new = found is None
    if found is None:
        conversation_id = new_id("cnv")
        if not await store.insert(tx, conversation_id, person, outside or Outside(), at):
            found = await _of(tx, person, outside)  # a double click: the other one began it
            assert found is not None, "what took its place is there"
            is_new = False
        else:
            found = await store.lock(tx, conversation_id)
    return await _say(tx, found, "customer", person.name, words, at, actor, outside, is_new=is_new)


async def _of(tx: Tx, person: Person, outside: Outside | None) -> Conversation | None:
    return await store.lock_outside(tx, outside) if outside and outside.ref else await store.lock_own(tx, person)


async def take_mail(
    tx: Tx, one: Conversation, side: str, author: str, text: str, at: datetime, *, actor: str, ref: str
) -> Said:
    """An answer by mail in a locked conversation of our own chat; `side` is who wrote it, `ref` names the mail.

    Where a newer conversation of the person is open, the words belong there. The same mail again says nothing.
    """
    if not one.is_own:
        raise HeldElsewhere(param="conversation")
    if await store.has_heard(tx, one, ref):
        return Said(one, "")
    going = one
    if one.state == "closed":
        newest = await store.lock_own(tx, Person(one.customer_id, one.visitor))
        going = newest if newest is not None and newest.state == "open" else one
    return await _say(tx, going, side, author, checked(text), at, actor, Outside(MAIL, "", ref), is_new=False)


async def answer(
    tx: Tx, one: Conversation, author: str, text: str, at: datetime, *, actor: str, outside: Outside | None = None
) -> Said:
    """Staff answers a locked conversation; one that a help desk holds is answered there (`HeldElsewhere`)."""
    if not one.is_own and outside is None:
        raise HeldElsewhere(param="conversation")
    return await _say(tx, one, "staff", author, checked(text), at, actor, outside, is_new=False)


async def _say(
    tx: Tx,
    one: Conversation,
    side: str,
    author: str,
    words: str,
    at: datetime,
    actor: str,
    outside: Outside | None,
    *,
    is_new: bool,
) -> Said:
    CONVERSATION.step(one.state, "say")
    message_id, ref = new_id("cmsg"), outside.message_ref if outside else ""
    values = (message_id, one.id, one.customer_id, side, author, words, ref, at)
    if not await tx.run(store.QUERIES.insert_message, tx.org, *values):
        return Said(one, "")
    await tx.run(store.QUERIES.said, tx.org, one.id, side, at)
    content = {
        "message": message_id,
        "side": side,
        "channel": one.channel_id or (outside and outside.channel_id) or "chat",
    }
    kinds = ["conversation.opened"] if is_new else []
    if side == "staff" or not is_new:
        kinds.append("conversation.replied")
    events = [NewEvent(kind, one.id, at, content, one.customer_id or None) for kind in kinds]
    await emit(tx, events, actor=actor)
    return Said(one, message_id)


async def assign(tx: Tx, conversation_id: str, assignee: str, at: datetime, *, actor: str) -> None:
    """Give a conversation to a member ("": to nobody)."""
    one = await store.lock(tx, conversation_id)
    if one.assignee == assignee:
        return
    await tx.run(store.QUERIES.assign, tx.org, one.id, assignee)
    event = NewEvent("conversation.assigned", one.id, at, {"assignee": assignee}, one.customer_id or None)
    await emit(tx, [event], actor=actor)


async def close(tx: Tx, one: Conversation, at: datetime, *, actor: str) -> None:
    """End a locked conversation; one that is closed stays so."""
    if one.state == "closed":
        return
    CONVERSATION.step(one.state, "close")
    await tx.run(store.QUERIES.close, tx.org, one.id, at)
    await emit(tx, [NewEvent("conversation.closed", one.id, at, {}, one.customer_id or None)], actor=actor)


async def mark_read(tx: Tx, conversation_id: str, at: datetime) -> None:
    """The person outside has seen everything until now."""
    await tx.run(store.QUERIES.mark_read, tx.org, conversation_id, at)


async def own_of(tx: Tx, person: Person) -> Conversation | None:
    """A person's conversation in our own chat, the open one first; locked."""
    return await store.lock_own(tx, person)


async def held_under(tx: Tx, outside: Outside) -> Conversation | None:
    """The conversation that a help desk holds, locked."""
    return await store.lock_outside(tx, outside)


async def adopt(tx: Tx, visitor: str, customer_id: str) -> list[str]:
    """A visitor turned out to be a customer: his conversations follow; their ids."""
    ids = [row["id"] for row in await tx.rows(store.QUERIES.adopt, tx.org, visitor, customer_id)]
    if ids:
        await tx.run(store.QUERIES.adopt_messages, tx.org, ids, customer_id)
    return ids


async def forget_words(tx: Tx, customer_id: str) -> int:
    """Take away what an erased person said and was told; how many messages."""
    return await tx.run(store.QUERIES.forget_words, tx.org, customer_id)


async def keep_reply(tx: Tx, title: str, body: str, at: datetime) -> str:
    """Keep a reply for reuse; its id."""
    if not 1 <= len(title.strip()) <= TITLE_CHARACTERS_MAX:
        raise InvalidRequest(f"a title has 1 to {TITLE_CHARACTERS_MAX} characters", param="title")
    reply_id = new_id("rpl")
    await tx.run(store.QUERIES.insert_reply, tx.org, reply_id, title.strip(), checked(body), at)
    return reply_id


async def drop_reply(tx: Tx, reply_id: str) -> None:
    """Forget a kept reply; `NotFound` when there is none."""
    if not await tx.run(store.QUERIES.delete_reply, tx.org, reply_id):
        raise NotFound(f"there is no saved reply {reply_id}", param="reply")
