"""The slice's tables: licences of holders, signed self-checks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.marketplace.compliance.rules import NewLicence
from cauce.storage.database import Row, Tx
from cauce.storage.due_rows import sweep_over
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


async def insert_licence(tx: Tx, licence_id: str, new: NewLicence, due_at: datetime | None, at: datetime) -> None:
    """A licence of a channel's holder."""
    await tx.run(
        QUERIES.insert_licence,
        tx.org,
        licence_id,
        new.channel_id,
        new.holder,
        new.provider_class,
        new.kind,
        new.number,
        new.authority,
        new.clearing_route,
        list(new.scopes),
        new.valid_from,
        new.valid_until,
        new.document,
        due_at,
        at,
    )


async def licences_of(tx: Tx, channel_id: str | None = None) -> list[Row]:
    """Licences of one channel's holder, or of all, the longest first."""
    return await tx.rows(QUERIES.licences_of, tx.org, channel_id)


async def insert_self_check(tx: Tx, *columns: object) -> None:
    """A signed self-check."""
    await tx.run(QUERIES.insert_self_check, tx.org, *columns)


async def last_self_check(tx: Tx) -> Row | None:
    """The self-check that counts."""
    return await tx.row(QUERIES.last_self_check, tx.org)


async def insert_fee_rate(tx: Tx, *columns: object) -> None:
    """What the platform may take at a channel from an instant on."""
    await tx.run(QUERIES.insert_fee_rate, tx.org, *columns)


async def insert_fee_rate_draft(tx: Tx, *columns: object) -> None:
    """A rate that waits for a second person."""
    await tx.run(QUERIES.insert_fee_rate_draft, tx.org, *columns)


async def lock_fee_rate_draft(tx: Tx, rate_id: str) -> Row | None:
    """A rate that somebody put down, locked."""
    return await tx.row(QUERIES.lock_fee_rate_draft, tx.org, rate_id)


async def approve_fee_rate_draft(tx: Tx, rate_id: str, approved_by: str, at: datetime) -> None:
    """Say who approved it."""
    await tx.run(QUERIES.approve_fee_rate_draft, tx.org, rate_id, approved_by, at)


async def fee_rate_drafts(tx: Tx, *, before: str, channel_id: str, rows_max: int) -> list[Row]:
    """Rates that were put down, newest first."""
    return await tx.rows(QUERIES.fee_rate_drafts, tx.org, before, channel_id, rows_max)


async def fee_rates(tx: Tx, channel_ids: Sequence[str], at: datetime) -> dict[str, Row]:
    """The contract's rate at these channels, by channel; one without a rate is left out."""
    return {row["channel_id"]: row for row in await tx.rows(QUERIES.fee_rates, tx.org, list(channel_ids), at)}


async def set_due(tx: Tx, licence_id: str, due_at: datetime | None) -> None:
    """When the next notice about a licence is given."""
    await tx.run(QUERIES.set_due, tx.org, licence_id, due_at)


DUE = sweep_over(
    "compliance.licences", 25, "compliance.licence", columns=("channel_id", "holder", "valid_until"), ties=()
)
"""Licences whose end must be told of."""
