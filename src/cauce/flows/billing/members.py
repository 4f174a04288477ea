"""People of a customer: invited into a seat that is free, told by mail, joined, removed (B3).

Seats are the quantity of the price that the plan's policy names. A removed member's seat is free at once for somebody
else; it is billed until the quantity is lowered, which by the plan's change policy happens at renewal (V12).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cauce.billing.customers import members
from cauce.billing.customers import service as customers
from cauce.billing.customers.members import Member, NewMember
from cauce.billing.subscriptions.machine import LIVE
from cauce.flows.context import Context
from cauce.flows.portal import invitation, invitation_link, invited
from cauce.flows.portal_mail import CannotMail, find_mail_channel, mail_channel
from cauce.gateway.outcome import Done
from cauce.gateway.reaching import Message
from cauce.kernel.ids import new_id
from cauce.reports.members import seats
from cauce.storage import jobs, outbox
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import read_org
from cauce.storage.jobs import Job, NewJob

INVITATION_JOB = "portal.invitation"

_TEXTS = {
    "en": (
        "You are invited to {team}",
        "Hello{name},\n\n{team} invites you to join its team at {seller}. Open this link within {days} days:\n\n{link}\n\n"
        "You do not know them? Then do nothing.",
    ),
    "es": (
        "Invitación a {team}",
        "Hola{name}:\n\n{team} te invita a unirte a su equipo en {seller}. Abre este enlace antes de {days} días:\n\n{link}\n\n"
        "¿No los conoces? Entonces no hagas nada.",
    ),
    "zh": (
        "{team} 邀请您加入",
        "您好{name}！\n\n{team} 邀请您加入其在 {seller} 的团队。请在 {days} 天内打开以下链接：\n\n{link}\n\n如果您不认识对方，请忽略此邮件。",
    ),
}


@dataclass(frozen=True, slots=True)
class Seats:
    """Seats of a customer: `total` None where nothing limits them."""

    total: int | None
    used: int

    @property
    def free(self) -> int | None:
        """How many more people may be invited; None: as many as like. Never below zero, also where too many hold one."""
        return None if self.total is None else max(self.total - self.used, 0)


async def seats_of(tx: Tx, customer_id: str, now: datetime) -> Seats:
    """A customer's seats as they stand."""
    return Seats(await seats(tx, customer_id, LIVE), await members.seats_used(tx, customer_id, now))


async def invite(context: Context, customer_id: str, data: NewMember, *, mail: bool = True) -> tuple[Member, str]:
    """Invite somebody; the member and the link that lets him join.

    `mail`: the organization's mail channel carries it too, where there is one. Raises `NoSeatFree`.
    """
    async with context.transaction() as tx:
        now = await context.now(tx)
        await customers.lock(tx, [customer_id])  # the seats that are counted are those that are taken
        total = await seats(tx, customer_id, LIVE)
        one, events = await members.invite(tx, customer_id, data, seats=total, now=now)
        await outbox.emit(tx, events, actor=context.actor.name, cause=context.cause)
        if events and mail and await find_mail_channel(tx, context) is not None:
            await jobs.enqueue(tx, [NewJob(INVITATION_JOB, now, {"member": one.id}, dedupe=one.id)])
        return one, await invitation_link(tx, context.runtime, invitation(one.id, one.expires_at))


async def join(context: Context, member_id: str, external_id: str = "") -> Member:
    """Accept an invitation, as the organization's application knows the person."""
    async with context.transaction() as tx:
        one, events = await members.join(tx, member_id, external_id, await context.now(tx))
        await outbox.emit(tx, events, actor=context.actor.name, cause=context.cause)
        return one


async def accept(context: Context, token: str) -> Member:
    """Accept the invitation that a link is for; `BadToken` when it is not genuine or over."""
    async with context.transaction() as tx:
        member_id = await invited(tx, context.runtime, token)
        one, events = await members.join(tx, member_id, "", await context.now(tx))
        await outbox.emit(tx, events, actor=context.actor.name, cause=context.cause)
        return one


async def remove(context: Context, member_id: str) -> Member:
    """Take somebody out of the team or his invitation back."""
    async with context.transaction() as tx:
        one, events = await members.remove(tx, member_id, await context.now(tx))
        await outbox.emit(tx, events, actor=context.actor.name, cause=context.cause)
        return one


async def send_invitation(context: Context, job: Job) -> None:
    """The job: the link by the organization's mail channel; nothing for an invitation that is over by now."""
    async with context.transaction() as tx:
        one = await members.locked(tx, job.payload["member"])
        if one.state != "invited":
            return
        team = await customers.read(tx, one.customer_id)
        org = await read_org(tx, tx.org)
        link = await invitation_link(tx, context.runtime, invitation(one.id, one.expires_at))
    channel_id = await mail_channel(context)
    subject, body = _TEXTS.get(team.locale[:2], _TEXTS["en"])
    said = {"team": team.name or org.name, "seller": org.name, "days": members.INVITATION_DAYS, "link": link}
    greeting = f" {one.name}" if one.name else ""
    text = body.format(name=greeting, **said)
    message = Message(new_id("msg"), one.email, one.name, subject.format(**said), text, "")
    _, gateway = await context.gateway(channel_id)
    if not isinstance(await gateway.send(message), Done):
        raise CannotMail()
