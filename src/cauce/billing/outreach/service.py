"""Queueing messages inside the caller's transaction, and what is known of reaching a customer: holds, consent, bounces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cauce.billing.outreach import store, texts
from cauce.billing.outreach.presenting import presented
from cauce.billing.outreach.rules import OPTIONAL, Category, NewMessage, Standing, may_send
from cauce.billing.outreach.store import find_message, lock_message, messages, read_message, standings
from cauce.billing.outreach.templating import BadTemplate, Rendered, Text, render
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.ids import new_id
from cauce.storage import jobs, sealing
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import NewJob
from cauce.storage.outbox import NewEvent, emit
from cauce.storage.sealing import Sealer

SEND_JOB = "outreach.send"
MASK = "••••"
"""What stands in the record for a value that only its reader may see."""

__all__ = ["find_message", "hold_steps", "lock_message", "messages", "queue", "read_message", "standings"]


async def hold_steps(tx: Tx, customer_id: str, until: datetime, *, reason: str = "a person wrote") -> None:
    """No automated step goes to this customer before `until` (org time); a longer hold stays as it is (K6)."""
    await tx.run(store.QUERIES.put_hold, tx.org, customer_id, until, reason)


async def release_steps(tx: Tx, customer_id: str) -> None:
    """End a hold before its time."""
    await tx.run(store.QUERIES.drop_hold, tx.org, customer_id)


async def queue(
    tx: Tx, wanted: Sequence[NewMessage], now: datetime, *, sealer: Sealer | None = None, opt_in: bool = False
) -> list[str | None]:
    """Write messages and enqueue their sending, all at once; for each its id, or None when it will not be sent.

    One whose category was refused or whose address takes no mail is written as suppressed. A step of a campaign that
    went out before is not written again. `sealer` is needed for messages with secrets.
    """
    if not wanted:
        return []
    people = [one.recipient for one in wanted]
    known = await store.standings(tx, [person.customer_id for person in people])
    dead = await store.bounced(tx, [person.address.lower() for person in people])
    own = await store.texts(tx, [one.template for one in wanted])
    reasons = [_held_back(one, known, dead, opt_in=opt_in) for one in wanted]
    ids = [new_id("msg") for _ in wanted]
    rendered = [words_of(one, own) for one in wanted]
    new = await store.insert_messages(tx, ids, wanted, rendered, reasons, now)
    fresh = [(id, one, reason) for id, one, reason in zip(ids, wanted, reasons, strict=True) if id in new]
    for id, one, reason in fresh:
        for name, value in one.secrets.items() if not reason else ():
            assert sealer is not None, "a message with secrets needs a sealer"
            await sealing.put(tx, sealer, id, name, value)
    await emit(tx, [_queued_event(id, one, reason, now) for id, one, reason in fresh], actor="system")
    going = [(id, one) for id, one, reason in fresh if not reason]
    await jobs.enqueue(
        tx,
        [NewJob(SEND_JOB, now, {"message": id}, key=f"message:{one.recipient.customer_id or id}") for id, one in going],
    )
    queued = {id for id, _ in going}
    return [id if id in queued else None for id in ids]


def words_of(
    message: NewMessage, own: Mapping[tuple[str, str], Text], secrets: Mapping[str, str] | None = None
) -> Rendered:
    """The message in its reader's words; its secrets masked unless they are given."""
    person = message.recipient
    text = text_for(message.template, person.locale, own)
    hidden = secrets if secrets is not None else dict.fromkeys(message.secrets, MASK)
    return render(text, {**presented(message.data, person.locale, person.timezone), **hidden})


def text_for(template: str, locale: str, own: Mapping[tuple[str, str], Text]) -> Text:
    """A template's words in a language, the organization's own before the product's; English where neither has it."""
    shipped = texts.shipped()
    for found in (own.get((template, locale)), shipped.get((template, locale)), own.get((template, "en"))):
        if found is not None:
            return found
    if (template, "en") not in shipped:
        raise BadTemplate(f"there is no template {template!r}", param="template")
    return shipped[template, "en"]


async def reason_to_hold_back(tx: Tx, message: Row, *, opt_in: bool = False) -> str:
    """Why a queued message may not leave any more: consent, or an address that takes no mail; "" when it may."""
    known = await store.standings(tx, [message["customer_id"]])
    if message["to_address"].lower() in await store.bounced(tx, [message["to_address"].lower()]):
        return "bounced"
    standing = known[message["customer_id"]]
    is_customer = message["audience"] == "customer"
    if is_customer and not may_send(Category(message["category"]), standing, opt_in=opt_in):
        return "no_consent"
    return ""


async def stop_channel(tx: Tx, channel_id: str, reason: str, now: datetime) -> bool:
    """Note that a channel refuses our credentials; True when that is news."""
    return bool(await tx.run(store.QUERIES.stop_channel, tx.org, channel_id, reason, now))


async def settle(tx: Tx, message: Row, kind: str, now: datetime, **content: object) -> None:
    """Tell what became of a message (`message.sent`, `.suppressed`, `.bounced`)."""
    told = {
        "campaign": message["campaign"],
        "step": message["step"],
        "template": message["template"],
        "category": message["category"],
        "channel": message["channel"],
        **content,
    }
    await emit(tx, [NewEvent(kind, message["id"], now, told, message["customer_id"] or None)], actor="system")


async def set_consent(tx: Tx, customer_id: str, category: str, granted: bool, *, source: str, now: datetime) -> bool:
    """What a person said about a category; False when nothing changed. A refusal is told as an event."""
    if category not in [one.value for one in OPTIONAL]:
        raise InvalidRequest("only onboarding and marketing can be refused", param="category")
    changed = await tx.value(store.QUERIES.put_consent, tx.org, customer_id, category, granted, source, now) is not None
    if changed and not granted:
        content = {"category": category, "source": source}
        await emit(tx, [NewEvent("message.unsubscribed", customer_id, now, content, customer_id)], actor="customer")
    return changed


async def consents(tx: Tx, customer_id: str) -> list[Row]:
    """What a customer said about the categories."""
    return await tx.rows(store.QUERIES.consents, tx.org, customer_id)


async def mark_bounced(tx: Tx, address: str, reason: str, now: datetime) -> bool:
    """Send nothing more to an address, until a person says that it works again. False: nothing was sent there already."""
    return await tx.value(store.QUERIES.put_bounce, tx.org, address.lower(), reason, now) is not None


async def bounce_of(tx: Tx, address: str) -> Row | None:
    """Why and since when nothing is sent to an address (reason, bounced_at); None when it takes mail."""
    return await tx.row(store.QUERIES.bounce_of, tx.org, address.lower())


async def forget_recipient(tx: Tx, customer_id: str) -> None:
    """An erased customer is in nothing that was written to him any more; what was queued does not leave."""
    await tx.run(store.QUERIES.forget_recipient, tx.org, customer_id)


async def forget_bounce(tx: Tx, address: str) -> None:
    """The address takes mail again."""
    await tx.run(store.QUERIES.drop_bounce, tx.org, address.lower())


def _held_back(one: NewMessage, known: Mapping[str, Standing], dead: set[str], *, opt_in: bool) -> str:
    standing = known.get(one.recipient.customer_id, Standing())
    if one.recipient.address.lower() in dead:
        return "bounced"
    if one.audience == "customer" and not may_send(Category(one.category), standing, opt_in=opt_in):
        return "no_consent"
    return ""


def _queued_event(id: str, one: NewMessage, reason: str, now: datetime) -> NewEvent:
    kind = "message.suppressed" if reason else "message.queued"
    content = {
        "campaign": one.campaign,
        "step": one.step,
        "template": one.template,
        "category": one.category.value,
        "channel": one.medium.value,
        "audience": one.audience,
        **({"reason": reason} if reason else {}),
    }
    return NewEvent(kind, id, now, content, one.recipient.customer_id or None)
