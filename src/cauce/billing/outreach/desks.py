"""The slice's table of contacts at help desks, and channels that refuse our credentials."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "desks.sql")


@dataclass(frozen=True, slots=True)
class DeskContact:
    """A customer at one help desk: its ids of person and company, and the tag that he wears there."""

    ref: str = ""
    company_ref: str = ""
    tag: str = ""
    state: str = "linked"


async def read_contact(tx: Tx, channel_id: str, customer_id: str) -> DeskContact:
    """What is known of a customer at a desk; nothing when he was never told."""
    row = await tx.row(QUERIES.contact, tx.org, channel_id, customer_id)
    return DeskContact(**dict(row)) if row else DeskContact()


async def put_contact(tx: Tx, channel_id: str, customer_id: str, contact: DeskContact, now: datetime) -> None:
    """Remember a customer's ids at a desk."""
    await tx.run(
        QUERIES.put_contact, tx.org, channel_id, customer_id, contact.ref, contact.company_ref, contact.tag, contact.state, now
    )  # fmt: skip


async def customer_of(tx: Tx, channel_id: str, ref: str) -> str:
    """The customer whom a desk calls `ref`; "" for nobody of ours."""
    return str(await tx.value(QUERIES.customer_of_ref, tx.org, channel_id, ref) or "") if ref else ""


async def set_state(tx: Tx, channel_id: str, customer_id: str, state: str) -> None:
    """The contact is gone at the desk, or erased by us: nothing is told of him any more."""
    await tx.run(QUERIES.set_contact_state, tx.org, channel_id, customer_id, state)


async def stopped(tx: Tx) -> list[Row]:
    """Channels that refuse our credentials, with why and since when."""
    return await tx.rows(QUERIES.stopped_channels, tx.org)


async def start(tx: Tx, channel_id: str) -> bool:
    """A person says that the channel's credentials are right now; True when it had been stopped."""
    return bool(await tx.run(QUERIES.start_channel, tx.org, channel_id))
