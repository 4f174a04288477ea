"""Organizations: made once, live or sandbox for life; and the token that leads a provider's notice to its channel."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


class Mode(StrEnum):
    """Whether money is real. Set when the organization is made and never changed."""

    LIVE = "live"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class Org:
    """One organization. `timezone` is an IANA name, `locale` one of en, es, zh."""

    id: int
    public_id: str
    name: str
    mode: Mode
    timezone: str
    locale: str
    country: str
    legal_name: str
    legal_address: str
    tax_id: str
    settings: dict[str, Any]

    @property
    def livemode(self) -> bool:
        """True where money is real."""
        return self.mode is Mode.LIVE


async def create_org(
    tx: Tx,
    name: str,
    mode: Mode,
    *,
    timezone: str = "UTC",
    locale: str = "en",
    country: str = "",
    frozen_at: datetime | None = None,
) -> Org:
    """A new organization; a sandbox may begin with its clock frozen at `frozen_at`."""
    if not name.strip():
        raise InvalidRequest("an organization needs a name", param="name")
    if mode is Mode.LIVE and frozen_at is not None:
        raise InvalidRequest("only a sandbox has a clock of its own", param="frozen_at")
    public_id = new_id("org")
    org_id = await tx.value(
        QUERIES.insert_org, public_id, name.strip(), mode.value, timezone, locale, country, frozen_at
    )
    return await read_org(tx, org_id)


async def read_org(tx: Tx, org_id: int) -> Org:
    """The organization with this internal number."""
    row = await tx.row(QUERIES.org_by_id, org_id)
    if row is None:
        raise NotFound("there is no such organization")
    return _org(row)


async def find_org(tx: Tx, public_id: str) -> Org:
    """The organization with this public id."""
    row = await tx.row(QUERIES.org_by_public_id, public_id)
    if row is None:
        raise NotFound(f"there is no organization {public_id}", param="org")
    return _org(row)


async def list_orgs(tx: Tx) -> list[Org]:
    """Every organization of this installation, oldest first."""
    return [_org(row) for row in await tx.rows(QUERIES.orgs)]


async def oldest_org(tx: Tx) -> Org:
    """The first organization of this installation; `NotFound` when there is none."""
    found = await list_orgs(tx)
    if not found:
        raise NotFound("there is no organization yet; make one with `cauce org create`")
    return found[0]


async def set_seller(tx: Tx, org: Org, *, legal_name: str, legal_address: str, tax_id: str, country: str) -> None:
    """Who the organization is in law, for documents to come: issued ones keep what they said.

    `legal_name` "": its name; `country` is an ISO 3166 code or "". `InvalidRequest` for another one.
    """
    if country and not (len(country) == 2 and country.isascii() and country.isupper()):
        raise InvalidRequest("a country is its ISO 3166 code of two letters", param="country")
    await tx.run(QUERIES.update_org_seller, org.id, legal_name, legal_address, tax_id, country)


async def change_settings(tx: Tx, org_id: int, changes: dict[str, Any]) -> None:
    """Merge `changes` into the organization's settings."""
    await tx.run(QUERIES.update_org_settings, org_id, changes)


async def inbound_token(tx: Tx, org_id: int, channel_id: str) -> str:
    """The unguessable URL part under which this channel receives notices; made on first use."""
    await tx.run(QUERIES.insert_route, secrets.token_urlsafe(24), org_id, channel_id)
    return str(await tx.value(QUERIES.route_of_channel, org_id, channel_id))


async def resolve_inbound(tx: Tx, token: str) -> tuple[int, str]:
    """(organization, channel) of an inbound URL's token; `NotFound` otherwise."""
    row = await tx.row(QUERIES.route_by_token, token)
    if row is None:
        raise NotFound("nothing listens at this address")
    return row["org_id"], row["channel_id"]


def _org(row: Row) -> Org:
    return Org(**{**dict(row), "mode": Mode(row["mode"])})
