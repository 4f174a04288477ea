"""Who did what, when, from where, with the values before and after. Append-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "audit.sql")
LATEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: `person:…`, `key:…` or `system`, the network address and the request's id."""

    name: str = "system"
    address: str | None = None
    request_id: str | None = None


SYSTEM = Actor()


async def record(
    tx: Tx,
    actor: Actor,
    action: str,
    object_id: str,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    refused: bool = False,
) -> None:
    """Write one line with the caller's transaction. `action` is `noun.verb`; never pass secrets."""
    await tx.run(
        QUERIES.write,
        tx.org,
        actor.name,
        actor.address,
        actor.request_id,
        action,
        object_id,
        refused,
        dict(before) if before is not None else None,
        dict(after) if after is not None else None,
    )


async def page(tx: Tx, *, before: int = LATEST, rows_max: int = 50, object_id: str | None = None) -> list[Row]:
    """Audit lines, newest first, of the organization or of one object."""
    if object_id is None:
        return await tx.rows(QUERIES.page, tx.org, before, rows_max)
    return await tx.rows(QUERIES.page_of_object, tx.org, before, rows_max, object_id)
