"""A refund against its channel's limits, before anything of it is sent: what would be refused half-way is refused here.

A provider that allows no refund, or takes no part back, would otherwise say so when other parts have come back already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cauce.flows.marketplace.reversals import Carried
from cauce.gateway.capabilities import Capabilities
from cauce.gateway.limits import (
    PersonReturnsNothing,
    RefundWindowOver,
    ReturnWindowOver,
    TooManyRefunds,
    TooManyReturns,
    require_at_most,
    require_within,
)
from cauce.storage.database import Row


def require_refundable(row: Row, refunds_before: int, capabilities: Capabilities, at: datetime) -> None:
    """`refund_window_over`, `too_many_refunds` where the channel would refund a collection no more."""
    require_within(row["paid_at"], at, capabilities.refund_window_days, RefundWindowOver)
    require_at_most(refunds_before + 1, capabilities.refunds_per_payment_max, TooManyRefunds)


def require_returnable(
    row: Row, reversals: Sequence[tuple[Any, ...]], carried: Carried, capabilities: Capabilities, at: datetime
) -> None:
    """`person_returns_nothing`, `return_window_over`, `too_many_returns` for parts that would have to come back first.

    `reversals` are rows to write: (id, order, collection, position, split, refund, party, amount).
    """
    splits = {one["id"]: one for one in carried.splits.get(row["id"], ())}
    before = Counter({place: count for place, count in carried.returns.items() if place[0] in splits})
    for _, _, _, _, split_id, _, party, _ in reversals:
        known = carried.parties[row["channel_id"]].get(party)
        if known is not None and known.kind == "person" and not capabilities.persons_return:
            raise PersonReturnsNothing(party=party, param="parties")
        applied_at = splits[split_id]["applied_at"]
        if applied_at is not None:
            require_within(applied_at, at, capabilities.reversal_window_days, ReturnWindowOver)
        before[split_id, party] += 1
        require_at_most(before[split_id, party], capabilities.reversals_per_receiver_max, TooManyReturns)
        of_split = sum(count for (key, _), count in before.items() if key == split_id)
        require_at_most(of_split, capabilities.reversals_per_split_max, TooManyReturns)
