"""Product events: what customers did in the product, counted once each; goals and conditions read them (`POST /v1/track`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cauce.billing.outreach import tracks
from cauce.flows.context import Context
from cauce.kernel.errors import NotFound
from cauce.reports import outreach as reports


@dataclass(frozen=True, slots=True)
class Track:
    """Something that a customer did. `customer` is his external id; `event_id` makes a repeat harmless."""

    customer: str
    name: str
    event_id: str
    occurred_at: datetime | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


async def track(context: Context, told: Sequence[Track]) -> int:
    """Keep product events, all or none; how many were new. `NotFound` names the first customer whom nobody knows."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        ids = await reports.customers_by_external_id(tx, {one.customer for one in told})
        for one in told:
            if one.customer not in ids:
                raise NotFound(f"there is no customer {one.customer}", param="customer")
        rows = [
            tracks.ProductEvent(ids[one.customer], one.name, one.event_id, one.occurred_at or now, dict(one.properties))
            for one in told
        ]
        return await tracks.insert(tx, rows)
