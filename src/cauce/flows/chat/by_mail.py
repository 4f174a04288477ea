"""An answer by mail joins the conversation whose mail it answers: the person's words, or those of the member who was told.

The address that it was sent to is the credential: it names one message of ours and is signed. Whoever holds it writes
in the name of whom that message went to, until it is too old. Staff's word counts more, so a member's answer must also
come from his own address, and he must still be one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cauce.billing.conversations import mails
from cauce.billing.conversations import service as conversations
from cauce.billing.conversations.mails import NAMES_SHOWN_MAX, BadMail, Mail
from cauce.billing.conversations.rules import BODY_CHARACTERS_MAX, Conversation, Person
from cauce.billing.customers import service as customers
from cauce.billing.outreach import service as outreach
from cauce.flows.chat.talking import STAFF, follow
from cauce.flows.context import Runtime
from cauce.flows.outreach.links import BadAnswerAddress, read_answer_address
from cauce.kernel.errors import Forbidden
from cauce.storage import audit
from cauce.storage.audit import Actor
from cauce.storage.database import Row, Tx
from cauce.storage.directory import people
from cauce.storage.directory.orgs import read_org

ANSWER_DAYS = 60
"""How long after a mail (org time) its answer is taken."""

_LEFT_OUT = {
    "en": ("[The rest of this mail was left out.]", "[Files are not taken by mail: {}]"),
    "es": ("[El resto de este correo se ha omitido.]", "[Por correo no se aceptan archivos: {}]"),
    "zh": ("[此邮件的其余部分已省略。]", "[无法通过邮件接收文件：{}]"),
}
_NOTE_CHARACTERS_MAX = 700
"""What the notes below an answer may take of the length of a message."""


class NotTheMember(Forbidden):
    """A member answers from the address that he signs in with."""

    code = "not_the_member"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a mail: `taken`, `known` (it was here before) or `ignored` (no person wrote it; `reason`)."""

    result: str
    conversation_id: str = ""
    message_id: str = ""
    reason: str = ""


async def receive(runtime: Runtime, raw: bytes, *, recipients: Sequence[str] = (), org_id: int | None = None) -> Taken:
    """Take one mail as it came (RFC 5322); `recipients`: of its envelope, where they are known.

    `org_id`: the only organization whose conversations it may join. Raises `BadMail`, `MailTooLarge`, `BadAnswerAddress`
    (not ours, not genuine or too old) and `NotTheMember`; the same mail again changes nothing.
    """
    mail = mails.read_mail(raw)
    of_org, message_id = read_answer_address(runtime.sealer, [*recipients, *mail.recipients])
    if org_id is not None and of_org != org_id:
        raise BadAnswerAddress(param="recipient")
    if mail.automatic:
        return Taken("ignored", reason=mail.automatic)
    context = runtime.context(of_org, cause="mail")
    async with context.transaction() as tx:
        now = await context.now(tx)
        told = await _answered(tx, message_id, now)
        take = _from_staff if told["audience"] == "staff" else _from_outside
        return await take(tx, told, mail, now)


async def _answered(tx: Tx, message_id: str, now: datetime) -> Row:
    """The message that is answered; `BadAnswerAddress` where there is none any more, or nobody's."""
    row = await outreach.find_message(tx, message_id)
    if row is None or not row["to_address"] or not row["subject_id"].startswith("cnv_"):
        raise BadAnswerAddress(param="recipient")
    if now - row["created_at"] > timedelta(days=ANSWER_DAYS):
        raise BadAnswerAddress(f"answers are taken for {ANSWER_DAYS} days", param="recipient")
    return row


async def _from_outside(tx: Tx, told: Row, mail: Mail, now: datetime) -> Taken:
    one = await conversations.lock(tx, told["subject_id"])
    name = one.visitor_name
    if one.customer_id:
        known = await customers.read(tx, one.customer_id)
        name = known.name or known.external_id
    if mail.sender != told["to_address"].lower():  # somebody else whom it was passed on to
        name = f"{name} ({mail.sender})".strip()
    actor = f"person:{Person(one.customer_id, one.visitor).key}"
    return await _say(tx, one, "customer", name, mail, now, actor)


async def _from_staff(tx: Tx, told: Row, mail: Mail, now: datetime) -> Taken:
    address = told["to_address"].lower()
    members = {row["email"].lower(): row for row in await people.members(tx, tx.org) if row["role"] in STAFF}
    if mail.sender != address or address not in members:
        raise NotTheMember(param="from")
    one = await conversations.lock(tx, told["subject_id"])
    author = members[address]["name"] or address
    taken = await _say(tx, one, "staff", author, mail, now, f"person:{address}")
    if taken.message_id:
        content = {"message": taken.message_id, "by": "mail"}
        await audit.record(tx, Actor(f"person:{address}"), "conversation.answer", one.id, after=content)
    return taken


async def _say(tx: Tx, one: Conversation, side: str, author: str, mail: Mail, at: datetime, actor: str) -> Taken:
    text = _words(mail, (await read_org(tx, tx.org)).locale)
    said = await conversations.take_mail(tx, one, side, author, text, at, actor=actor, ref=mail.ref)
    if not said.message_id:
        return Taken("known", said.conversation.id)
    await follow(tx, said, side, at)
    return Taken("taken", said.conversation.id, said.message_id)


def _words(mail: Mail, locale: str) -> str:
    """What the conversation shows: the words, and notes of what was not taken."""
    cut, files = _LEFT_OUT.get(locale, _LEFT_OUT["en"])
    notes = [cut] if mail.is_cut else []
    if mail.files:
        more = len(mail.files) - NAMES_SHOWN_MAX
        names = [*mail.files[:NAMES_SHOWN_MAX], *([f"+{more}"] if more > 0 else [])]
        notes.append(files.format(", ".join(names)))
    if not mail.text and not notes:
        raise BadMail("the mail says nothing of its own", param="mail")
    room = BODY_CHARACTERS_MAX - (_NOTE_CHARACTERS_MAX if notes else 0)
    return "\n\n".join(one for one in (mail.text[:room].rstrip(), *notes) if one)
