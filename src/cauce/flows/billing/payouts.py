"""Payouts that a provider makes by itself from our balance to our bank: the books follow what it says of them.

A payout is posted when it is under way and when it has arrived; one that fails, even after it had looked well, is posted
back. Notices come in any order and more than once: the journals of a payout say what is posted already.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cauce.flows.billing.issue import Batch, write
from cauce.flows.context import Context
from cauce.gateway.reporting import Notice
from cauce.ledger import reading
from cauce.ledger.recipes import banking as recipes

SENT, PAID, RETURNED = "sent", "paid", "returned"


async def payout_told(context: Context, channel_id: str, notice: Notice) -> None:
    """The flow of notices about our own payouts; one that we asked for is an instruction and concluded as such."""
    data: dict[str, Any] = dict(notice.data)
    state, currency, amount = (
        str(data.get("state", "")),
        str(data.get("currency", "")),
        int(data.get("amount_minor", 0)),
    )
    if state not in (SENT, PAID, RETURNED) or amount <= 0:
        return
    async with context.transaction() as tx:
        posted = {row["recipe"] for row, _ in await reading.journals_of(tx, notice.ref)}
        batch, payout = Batch(), (notice.ref, currency)
        facts: dict[str, Any] = {"channel_id": channel_id, "amount_minor": amount, "evidence": notice.event_id}
        if "B19" not in posted:
            begun = datetime.fromisoformat(data["created_at"]) if data.get("created_at") else notice.occurred_at
            batch.add(recipes.payout_sent(*payout, begun, **facts))
        if state == PAID and not posted & {"B20", "B21"}:
            batch.add(recipes.payout_arrived(*payout, notice.occurred_at, **facts))
        if state == RETURNED and "B21" not in posted:
            arrived = "B20" in posted
            batch.add(recipes.payout_came_back(*payout, notice.occurred_at, **facts, had_arrived=arrived))
        await write(tx, batch, context.actor.name, context.cause)
