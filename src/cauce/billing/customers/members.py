"""People of a customer: invited, joined, removed. Each holds a seat from the invitation on; a removed one's is free at once.

An address names whom a mail goes to and is no identity: who joined is known by his own id here and by the id that the
organization's application gives him.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cauce.billing.customers.rules import BadCustomer
from cauce.billing.customers.store import lock
from cauce.kernel.errors import Conflict, NotFound
from cauce.kernel.ids import new_id
from cauce.kernel.machine import BEGIN, Machine, Transition
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "members.sql")
INVITATION_DAYS = 14
ROLES = ("admin", "member")

MEMBER = Machine(
    "member",
    ("invited", "joined", "removed"),
    (
        Transition("invite", BEGIN, "invite", "invited"),
        Transition("invite again", "invited", "invite", "invited"),
        Transition("join", "invited", "join", "joined"),
        Transition("withdraw", "invited", "remove", "removed"),
        Transition("remove", "joined", "remove", "removed"),
    ),
)


class NoSeatFree(Conflict):
    """Every seat of this customer is taken."""

    code = "no_seat_free"


class InvitationEnded(Conflict):
    """The invitation is over; send another."""

    code = "invitation_ended"


class IdentityTaken(Conflict):
    """Another member of this customer has that external id."""

    code = "member_identity_taken"


@dataclass(frozen=True, slots=True)
class NewMember:
    """Whom to invite. `external_id`: who it is in the organization's application, where that is known already."""

    email: str
    name: str = ""
    role: str = "member"
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A member as stored."""

    id: str
    customer_id: str
    external_id: str
    email: str
    name: str
    role: str
    state: str
    invited_at: datetime
    expires_at: datetime
    joined_at: datetime | None = None
    removed_at: datetime | None = None


def check(data: NewMember) -> None:
    """Refuse an address that is none, a role that does not exist, an id that is too long."""
    if "@" not in data.email or not 3 <= len(data.email) <= 320:
        raise BadCustomer(f"{data.email!r} is not an e-mail address", param="email")
    if data.role not in ROLES:
        raise BadCustomer(f"role is one of {', '.join(ROLES)}", param="role")
    if len(data.external_id) > 255 or len(data.name) > 200:
        raise BadCustomer("external_id has at most 255 characters, name at most 200", param="external_id")


async def invite(
    tx: Tx, customer_id: str, data: NewMember, *, seats: int | None, now: datetime
) -> tuple[Member, list[NewEvent]]:
    """Invite somebody into a free one of `seats` (None: as many as like); the member and the events.

    Who is invited already is invited anew, who joined already stays as he is: both hold their seat. `NoSeatFree`.
    """
    check(data)
    await lock(tx, [customer_id])  # one invitation at a time: two never take the same seat
    email, ends = data.email.strip().lower(), now + timedelta(days=INVITATION_DAYS)
    known = await tx.row(QUERIES.present_by_email, tx.org, customer_id, email)
    if known is not None and known["state"] == "joined":
        return Member(**dict(known)), []
    holds_seat = known is not None and known["expires_at"] > now
    if seats is not None and not holds_seat and await seats_used(tx, customer_id, now) >= seats:
        raise NoSeatFree(f"all {seats} seats are taken", seats=seats)
    if known is not None:
        before = Member(**dict(known))
        identity = data.external_id or before.external_id
        one = replace(before, name=data.name or before.name, role=data.role, external_id=identity, invited_at=now, expires_at=ends)  # fmt: skip
        one = replace(one, state=MEMBER.step(before.state, "invite"))
        await _save(tx, one)
        return one, [_told("invited", one, now)]
    one = Member(new_id("mem"), customer_id, data.external_id, email, data.name, data.role, "invited", now, ends)
    await tx.run(QUERIES.insert, tx.org, one.id, customer_id, one.external_id, email, one.name, one.role, now, ends)
    return one, [_told("invited", one, now)]


async def join(tx: Tx, member_id: str, external_id: str, now: datetime) -> tuple[Member, list[NewEvent]]:
    """Accept an invitation, as `external_id` in the organization's application ("": not said, or said when invited).

    Who joined already may be given his external id later; the same again changes nothing.
    """
    before = await locked(tx, member_id)
    identity = external_id or before.external_id
    if len(identity) > 255:
        raise BadCustomer("external_id has at most 255 characters", param="external_id")
    if identity and await tx.value(QUERIES.is_taken, tx.org, before.customer_id, identity, member_id):
        raise IdentityTaken(param="external_id")
    if before.state == "joined":
        one = replace(before, external_id=identity)
        if one != before:
            await _save(tx, one)
        return one, []
    state = MEMBER.step(before.state, "join")
    if before.expires_at <= now:
        raise InvitationEnded()
    one = replace(before, external_id=identity, state=state, joined_at=now)
    await _save(tx, one)
    return one, [_told("joined", one, now)]


async def remove(tx: Tx, member_id: str, now: datetime) -> tuple[Member, list[NewEvent]]:
    """Take somebody out of the team, or his invitation back; his seat is free at once. Twice is once."""
    before = await locked(tx, member_id)
    if before.state == "removed":
        return before, []
    one = replace(before, state=MEMBER.step(before.state, "remove"), removed_at=now)
    await _save(tx, one)
    return one, [_told("removed", one, now)]


async def locked(tx: Tx, member_id: str) -> Member:
    """One member, locked behind his customer; `NotFound` otherwise."""
    row = await tx.row(QUERIES.lock, tx.org, member_id)
    if row is None:
        raise NotFound(f"there is no member {member_id}", param="member")
    return Member(**dict(row))


async def of_customer(
    tx: Tx, customer_id: str, *, removed: bool = False, after: str = "", rows_max: int = 1_000
) -> list[Row]:
    """The people of a customer in order of invitation; those who left only where `removed`."""
    return await tx.rows(QUERIES.of_customer, tx.org, customer_id, removed, after, rows_max)


async def seats_used(tx: Tx, customer_id: str, now: datetime) -> int:
    """How many seats are taken: by whoever joined, and by invitations that have not ended."""
    return int(await tx.value(QUERIES.seats_used, tx.org, customer_id, now))


async def forget(tx: Tx, customer_id: str, now: datetime) -> None:
    """Take the personal data of a customer's people away."""
    await tx.run(QUERIES.erase_of_customer, tx.org, customer_id, now)


async def _save(tx: Tx, one: Member) -> None:
    await tx.run(
        QUERIES.save, tx.org, one.id, one.external_id, one.name, one.role, one.state, one.invited_at, one.expires_at,
        one.joined_at, one.removed_at,
    )  # fmt: skip


def _told(what: str, one: Member, at: datetime) -> NewEvent:
    content = {
        "member": one.id,
        "customer": one.customer_id,
        "external_id": one.external_id or None,
        "email": one.email,
        "role": one.role,
    }
    return NewEvent(f"member.{what}", one.id, at, content, one.customer_id)
