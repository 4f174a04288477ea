"""One payment of a payer for the collections of several sellers, where the channel combines them: how it is asked for and closed."""

from __future__ import annotations

from collections.abc import Sequence

from cauce.channels.service import NewInstruction
from cauce.gateway.collecting import CancelCombinedRequest, CollectRequest, CombinedRequest, Operation
from cauce.kernel.ids import new_id
from cauce.storage.database import Row

COLLECT_COMBINED = "orders.collect_combined"


def combined_instruction(order: Row, rows: Sequence[Row], parts: Sequence[CollectRequest]) -> NewInstruction:
    """Ask the payer of an order for all of these collections at once; the answers are about each."""
    key = rows[0]["combined_id"]
    assert all(row["combined_id"] == key for row in rows), "one payment at a time"
    return NewInstruction(
        channel_id=rows[0]["channel_id"],
        purpose=COLLECT_COMBINED,
        operation=Operation.COLLECT_COMBINED,
        key=key,
        object_id=order["id"],
        request=CombinedRequest(key, tuple(parts)),
    )


def close_combined(rows: Sequence[Row], purpose: str) -> NewInstruction:
    """Close the unpaid payment of these collections at its channel."""
    key = rows[0]["combined_id"]
    parts = tuple((row["id"], row["merchant_ref"]) for row in rows)
    return NewInstruction(
        channel_id=rows[0]["channel_id"],
        purpose=purpose,
        operation=Operation.CANCEL_COMBINED,
        key=new_id("ins"),
        object_id=rows[0]["order_id"],
        request=CancelCombinedRequest(key, parts),
        parent_key=key,
    )
