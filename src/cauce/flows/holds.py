"""Ends holds whose time ran out, chunk by chunk across organizations."""

from __future__ import annotations

from itertools import groupby

from cauce.flows.context import Runtime, SweepKind
from cauce.ledger import holds
from cauce.storage.database import Row, Tx


async def expire_due(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep over open holds: what is due is given back to its account."""
    for org_id, group in groupby(sorted(rows, key=lambda row: row["org_id"]), key=lambda row: row["org_id"]):
        await holds.expire(tx.within(org_id), list(group))


EXPIRY = SweepKind(holds.EXPIRY, expire_due)
