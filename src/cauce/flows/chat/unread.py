"""Mails about what nobody looked at: the answer to the person outside, the news that somebody waits to staff."""

from __future__ import annotations

from datetime import datetime

from cauce.billing.conversations import service as conversations
from cauce.billing.conversations.rules import Conversation
from cauce.billing.customers import service as customers
from cauce.billing.outreach import service as outreach
from cauce.billing.outreach.rules import NewMessage, Recipient
from cauce.flows.chat.talking import STAFF
from cauce.flows.context import Context
from cauce.flows.outreach.mail_settings import settings_of
from cauce.reports import subscriptions
from cauce.storage.database import Row, Tx
from cauce.storage.directory import people
from cauce.storage.directory.orgs import Org, read_org
from cauce.storage.jobs import Job

_WAITS = {"en": "Somebody waits in the chat", "es": "Alguien espera en el chat", "zh": "有人在聊天中等待回复"}


async def tell_unread(context: Context, job: Job) -> None:
    """The job, two minutes after a message: a mail to whoever has not looked since, once per message."""
    async with context.transaction() as tx:
        one = await conversations.read(tx, job.payload["conversation"])
        org, now = await read_org(tx, tx.org), await context.now(tx)
        if job.payload["side"] == "staff":
            wanted = await _answers(tx, context, org, one, job.payload["message"])
        else:
            wanted = await _alerts(tx, context, org, one)
        await outreach.queue(tx, wanted, now, sealer=context.runtime.sealer)
        await context.finish_job(tx)


async def _answers(tx: Tx, context: Context, org: Org, one: Conversation, first: str) -> list[NewMessage]:
    if one.last_side != "staff" or not _unread(one.read_at, one.last_at):
        return []
    # Messages of one round share a job; `first` began this one, so what an earlier mail told is not told again.
    said = [row for row in await conversations.messages(tx, one.id) if row["side"] == "staff" and row["id"] >= first]
    fresh: list[Row] = [row for row in said if _unread(one.read_at, row["at"])]
    person = await _outside(tx, org, one)
    if not person.address or not fresh:
        return []
    data = {
        "customer_name": person.name or "",
        "org_name": org.name,
        "author_name": fresh[-1]["author"] or org.name,
        "reply_text": "\n\n".join(row["body"] for row in fresh),
        "conversation_link": f"{context.runtime.public_url}/portal/{org.public_id}/chat",
        "can_answer": bool(settings_of(org).answers_to),
    }
    return [NewMessage(person, "conversation_reply", data, subject_id=one.id)]


async def _alerts(tx: Tx, context: Context, org: Org, one: Conversation) -> list[NewMessage]:
    if one.waiting_since is None or one.state != "open":
        return []
    held = await subscriptions.page(tx, customer_id=one.customer_id) if one.customer_id else []
    about = await _outside(tx, org, one)
    said = await conversations.messages(tx, one.id)
    waiting = [row["body"] for row in said if row["side"] == "customer" and row["at"] >= one.waiting_since]
    data = {
        "customer_name": about.name or about.address or one.id,
        "org_name": org.name,
        "plan_name": held[0]["plan"] if held else "–",
        "event_words": _WAITS.get(org.locale, _WAITS["en"]),
        "console_link": f"{context.runtime.public_url}/console/conversations/{one.id}",
        "waiting_text": "\n\n".join(waiting),
        "can_answer": bool(settings_of(org).answers_to),
    }
    members = [row for row in await people.members(tx, tx.org) if row["role"] in STAFF]
    chosen = [row for row in members if row["email"] == one.assignee] or members
    return [
        NewMessage(
            Recipient(one.customer_id, row["email"], row["name"], org.locale, org.timezone),
            "staff_alert",
            data,
            subject_id=one.id,
            audience="staff",
        )
        for row in chosen
    ]


async def _outside(tx: Tx, org: Org, one: Conversation) -> Recipient:
    if not one.customer_id:
        return Recipient("", one.visitor_email, one.visitor_name, org.locale, org.timezone)
    known = await customers.read(tx, one.customer_id)
    return Recipient(known.id, known.email, known.name, known.locale[:2], known.timezone)


def _unread(read_at: datetime | None, at: datetime) -> bool:
    return read_at is None or read_at < at
