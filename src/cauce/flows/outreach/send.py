"""Sending one message: the row says so before the first byte leaves, and what may have left never leaves again.

A relay that puts it off or refuses our credentials got nothing: the message waits. When nobody knows whether it was
taken, it is `unknown` and waits for a person: mail cannot be asked for.
"""

from __future__ import annotations

from datetime import datetime

from cauce.billing.outreach import schedule, service, store
from cauce.billing.outreach.rules import MESSAGE, Category, Medium, NewMessage, Recipient
from cauce.billing.outreach.schedule import DueStep, due_step
from cauce.flows.context import Context
from cauce.flows.outreach.due import decision_on, open_chunk
from cauce.flows.outreach.links import answer_address, unsubscribe_link
from cauce.flows.outreach.mail_settings import settings_of
from cauce.flows.outreach.reach import Reach, find_reach
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal
from cauce.gateway.reaching import Message, SentMessage
from cauce.kernel.errors import CauceError
from cauce.storage import sealing
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import Job
from cauce.storage.outbox import NewEvent, emit

_LATER = (Refusal.LIMIT_EXCEEDED,)
_FOR_OPERATOR = (Refusal.AUTH, Refusal.CONFIG)


class MessagePutOff(CauceError):
    """The channel did not take the message; it is tried again."""

    code = "message_put_off"
    http_status = 502


async def send(context: Context, job: Job) -> None:
    """The job of a queued message."""
    reach = await find_reach(context)
    async with context.transaction() as tx:
        row = await store.lock_message(tx, job.payload["message"])
        now = await context.now(tx)
        if row is None or not await _may_begin(tx, context, row, now):
            return
        medium, channel_id = _way_of(row, reach)
        await store.set_message(
            tx, row["id"], MESSAGE.step(row["state"], "begin"), medium=medium.value, channel_id=channel_id
        )
        message = await _composed(tx, context, row, reach)
    if not channel_id:  # a webhook says it all, or nobody is told but the log
        await _conclude(context, row["id"], Done(SentMessage("")))
        return
    _, gateway = await context.gateway(channel_id)
    outcome: Outcome[SentMessage] = await gateway.send(message)
    await _conclude(context, row["id"], outcome)


async def _may_begin(tx: Tx, context: Context, row: Row, now: datetime) -> bool:
    """Whether the message is to leave; one that an earlier try had begun to send is unknown from now on."""
    if row["state"] == "sending":
        reason = "the worker ended between sending and writing down what came of it"
        await store.set_message(tx, row["id"], MESSAGE.step("sending", "lose"), reason=reason, at=now)
        return False
    if row["state"] != "queued":
        return False
    reason = await service.reason_to_hold_back(tx, row) or await _changed(tx, context, row)
    if reason:
        await store.set_message(tx, row["id"], MESSAGE.step("queued", "suppress"), reason=reason, at=now)
        await service.settle(tx, row, "message.suppressed", now, reason=reason)
    return not reason


async def _changed(tx: Tx, context: Context, row: Row) -> str:
    """Read the state again for a step that waited: why it may not go any more, "" when it still may."""
    if not row["campaign"] or row["audience"] != "customer":
        return ""
    key = DueStep(row["customer_id"], row["campaign"], row["step"], row["period"])
    found = await schedule.lock_step(tx, key)
    if found is None:
        return ""
    one = due_step(found)
    chunk = await open_chunk(tx, context.runtime.public_url, [one])
    decision = decision_on(chunk, one, ())
    if decision.action == "wait" and decision.until is not None and decision.reason == "held":
        await schedule.postpone(tx, [(one, decision.until, decision.reason)])
    elif decision.action in ("skip", "stop"):
        await schedule.settle(tx, [(one, "skipped", decision.reason, row["id"])])
    else:
        return ""
    return decision.reason


def _way_of(row: Row, reach: Reach) -> tuple[Medium, str]:
    medium = Medium(row["channel"])
    if medium is Medium.CONTACT and reach.direct:
        return medium, reach.direct
    if medium in (Medium.MAIL, Medium.CONTACT) and reach.mail:
        return Medium.MAIL, reach.mail
    return (Medium.WEBHOOK if medium is Medium.WEBHOOK else Medium.LOG), ""


async def _composed(tx: Tx, context: Context, row: Row, reach: Reach) -> Message:
    secrets = await sealing.get(tx, context.runtime.sealer, row["id"])
    category = Category(row["category"])
    subject, text, html = row["subject"], row["body_text"], row["body_html"]
    if secrets:
        person = Recipient(row["customer_id"], row["to_address"], row["to_name"], row["locale"])
        again = NewMessage(person, row["template"], row["data"], category, secrets=secrets)
        said = service.words_of(again, await store.texts(tx, [row["template"]]), secrets)
        subject, text, html = said.subject, said.text, said.html
    link = ""
    if category is not Category.SERVICE and row["audience"] == "customer":
        link = unsubscribe_link(
            context.runtime.public_url, context.runtime.sealer, tx.org, row["customer_id"], category.value
        )
    settings = settings_of(reach.org)
    reply_to = settings.reply_to
    if settings.answers_to and row["subject_id"].startswith("cnv_"):  # about a conversation: answered in it
        reply_to = answer_address(settings.answers_to, context.runtime.sealer, tx.org, row["id"])
    to = row["customer_id"] if row["channel"] == Medium.CONTACT.value and reach.direct else row["to_address"]
    return Message(
        row["id"], to, row["to_name"], subject, text, html,
        from_address=settings.from_address, reply_to=reply_to, unsubscribe_url=link,
    )  # fmt: skip


async def _conclude(context: Context, message_id: str, outcome: Outcome[SentMessage]) -> None:
    async with context.transaction() as tx:
        row = await store.lock_message(tx, message_id)
        assert row is not None
        if row["state"] != "sending":
            return
        now = await context.now(tx)
        match outcome:
            case Done():
                await _sent(tx, row, outcome.value.ref, now)
            case Declined() if outcome.refusal in (*_LATER, *_FOR_OPERATOR):
                await _put_off(tx, row, outcome, now)
            case Declined():
                await _refused(tx, row, outcome, now)
            case _:
                await store.set_message(
                    tx, row["id"], MESSAGE.step("sending", "lose"), reason=getattr(outcome, "reason", ""), at=now
                )
    if isinstance(outcome, Declined) and outcome.refusal in (*_LATER, *_FOR_OPERATOR):
        raise MessagePutOff(f"{outcome.code} {outcome.message}")


async def _sent(tx: Tx, row: Row, ref: str, now: datetime) -> None:
    await store.set_message(tx, row["id"], MESSAGE.step("sending", "deliver"), ref=ref, at=now)
    await sealing.drop(tx, row["id"])
    content = {"subject": row["subject"]}
    if row["channel"] == Medium.WEBHOOK.value:
        content["text"] = row["body_text"]
    await service.settle(tx, row, "message.sent", now, **content)


async def _put_off(tx: Tx, row: Row, outcome: Declined, now: datetime) -> None:
    reason = f"{outcome.code} {outcome.message}"
    await store.set_message(tx, row["id"], MESSAGE.step("sending", "put_off"), reason=reason)
    if outcome.refusal in _FOR_OPERATOR and await service.stop_channel(tx, row["channel_id"], reason, now):
        content = {"reason": reason}
        await emit(tx, [NewEvent("provider.key_invalid", row["channel_id"], now, content)], actor="system")


async def _refused(tx: Tx, row: Row, outcome: Declined, now: datetime) -> None:
    reason = f"{outcome.code} {outcome.message}"
    is_dead = outcome.refusal is Refusal.HARD
    verb = "bounce" if is_dead else "refuse"
    await store.set_message(tx, row["id"], MESSAGE.step("sending", verb), reason=reason, at=now)
    if is_dead:
        await service.mark_bounced(tx, row["to_address"], reason, now)
    await service.settle(tx, row, "message.bounced", now, reason=reason, address_stopped=is_dead)
