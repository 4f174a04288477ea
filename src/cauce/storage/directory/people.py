"""People who work with organizations: memberships with one of six roles, sessions, links that sign in once.

Tokens are random, handed out once and kept as SHA-256. A session names the organization that it looks at.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cauce.kernel.errors import Forbidden, InvalidRequest, Unauthenticated
from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.directory.orgs import QUERIES

SESSION_DAYS = 14
LINK_MINUTES = 30


class Role(StrEnum):
    """What a member may do, from all to reading only."""

    OWNER = "owner"
    ADMIN = "admin"
    FINANCE = "finance"
    SUPPORT = "support"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class LinkSpent(Unauthenticated):
    """The sign-in link was used or is too old; ask for a new one."""

    code = "sign_in_link_spent"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person and the organization that the session looks at (None before one is chosen)."""

    person_id: int
    email: str
    name: str
    locale: str
    org_id: int | None
    org_public_id: str | None
    org_name: str | None
    livemode: bool
    role: Role | None


async def add_member(tx: Tx, org_id: int, email: str, role: Role, *, name: str = "", locale: str = "en") -> int:
    """Make the person if new and give the role in the organization; the person's number."""
    address = email.strip().lower()
    if "@" not in address[1:-1]:
        raise InvalidRequest(f"{email!r} is not an e-mail address", param="email")
    person_id: int = await tx.value(QUERIES.upsert_person, new_id("person"), address, name, locale)
    await tx.run(QUERIES.upsert_membership, org_id, person_id, role.value)
    return person_id


async def remove_member(tx: Tx, org_id: int, person_id: int) -> None:
    """Take the role away; sessions that look at the organization see nothing from then on."""
    await tx.run(QUERIES.delete_membership, org_id, person_id)


async def memberships(tx: Tx, person_id: int) -> list[Row]:
    """The person's organizations with role, oldest first."""
    return await tx.rows(QUERIES.memberships_of_person, person_id)


async def make_link(tx: Tx, person_id: int, org_id: int | None, now: datetime) -> str:
    """A token that signs the person in once within `LINK_MINUTES`."""
    token = secrets.token_urlsafe(32)
    await tx.run(QUERIES.insert_link, _hash(token), person_id, org_id, now + timedelta(minutes=LINK_MINUTES))
    return token


async def use_link(tx: Tx, token: str, now: datetime) -> str:
    """Spend a sign-in link; the token of the new session."""
    row = await tx.row(QUERIES.use_link, _hash(token), now)
    if row is None:
        raise LinkSpent()
    return await open_session(tx, row["person_id"], row["org_id"], now)


async def open_session(tx: Tx, person_id: int, org_id: int | None, now: datetime) -> str:
    """A session's token, good for `SESSION_DAYS`."""
    token = secrets.token_urlsafe(32)
    await tx.run(QUERIES.insert_session, _hash(token), person_id, org_id, now + timedelta(days=SESSION_DAYS))
    return token


async def read_session(tx: Tx, token: str, now: datetime) -> Visitor | None:
    """Who this is, or None when the session ended."""
    row = await tx.row(QUERIES.session_by_hash, _hash(token), now)
    if row is None:
        return None
    return Visitor(
        person_id=row["person_id"],
        email=row["email"],
        name=row["name"],
        locale=row["locale"],
        org_id=row["org_id"] if row["role"] else None,
        org_public_id=row["public_id"],
        org_name=row["org_name"],
        livemode=row["mode"] == "live",
        role=Role(row["role"]) if row["role"] else None,
    )


async def switch_session(tx: Tx, token: str, person_id: int, org_id: int) -> None:
    """Let the session look at another organization of the person; `Forbidden` where the person is no member."""
    if org_id not in {row["org_id"] for row in await memberships(tx, person_id)}:
        raise Forbidden("you are no member of this organization")
    await tx.run(QUERIES.switch_session, _hash(token), org_id)


async def forget_visits(tx: Tx, now: datetime) -> None:
    """Remove sessions and sign-in links that ended before wall time `now`."""
    await tx.run(QUERIES.forget_visits, now)


async def members(tx: Tx, org_id: int) -> list[Row]:
    """Who works with the organization, with role, by e-mail address."""
    return await tx.rows(QUERIES.members_of_org, org_id)


async def close_session(tx: Tx, token: str) -> None:
    """Sign out."""
    await tx.run(QUERIES.delete_session, _hash(token))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
