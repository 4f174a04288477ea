"""The channel's freeze: a warning before it ends, and at its end the truth is looked for, never assumed.

What a channel releases by itself goes to the order's own merchant; only its statement proves it, so nothing is posted
here (T07 is posted from the line). Where nothing is frozen but money is pending at first, its end is told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby

from cauce.flows.context import Runtime
from cauce.marketplace.orders import store as order_store
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

BUSY = timedelta(minutes=1)
"""When an order is looked at again that somebody works on."""


async def freeze_due(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep over collections whose freeze ends soon: warn once, then once a day while the end is not proved."""
    for org_id, group in groupby(sorted(rows, key=lambda row: row["org_id"]), key=lambda row: row["org_id"]):
        part, claimed = tx.within(org_id), list(group)
        # The claim holds collections; whoever works on an order holds that and waits for them, so nobody is waited for.
        free = await order_store.lock_free_orders(part, sorted({row["order_id"] for row in claimed}))
        due = [row for row in claimed if row["order_id"] in free and row["freeze_ends_at"] is not None]
        await _clear(part, [row for row in claimed if row["order_id"] in free and row["freeze_ends_at"] is None])
        held = [row for row in due if row["escrow_minor"]]
        events = [
            NewEvent(
                "order.freeze_will_expire",
                row["order_id"],
                row["due_at"],
                {"collection": row["key"], "ends_at": row["freeze_ends_at"].isoformat(), "amount": row["escrow_minor"]},
            )
            for row in held
            if row["due_at"] < row["freeze_ends_at"]
        ]
        await emit(part, events, actor="system")
        still = {row["key"] for row in held}
        moved = [(row["key"], _next(row) if row["key"] in still else None) for row in due]
        moved += [(row["key"], row["due_at"] + BUSY) for row in claimed if row["order_id"] not in free]
        await order_store.freeze_move_due(part, moved)


async def _clear(tx: Tx, rows: list[Row]) -> None:
    """Money of payments stops being pending at the time that the provider stated with them; nothing moves in the books."""
    if not rows:
        return
    at = {row["key"]: row["due_at"] for row in rows}
    found = await order_store.collections_cleared(tx, sorted(at))
    events = [NewEvent("collection.cleared", row["id"], at[row["id"]], {"order": row["order_id"]}) for row in found]
    await emit(tx, events, actor="system")
    moved = set(at) - {row["id"] for row in found}
    await order_store.freeze_move_due(tx, [(key, None) for key in sorted(moved)])


def _next(row: Row) -> datetime | None:
    """The end itself after the warning; after the end nothing: the statement speaks."""
    ends_at: datetime = row["freeze_ends_at"]
    return ends_at if row["due_at"] < ends_at else None
