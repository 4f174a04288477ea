"""What was asked for and is not under way yet can be withdrawn: a refund that was not sent, a payment that was not made.

Everything is then as if it had not been asked for, but for parts that came back: they go to their parties again where
the holder pools money, and stay with the order's own merchant where each payment has one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cauce.channels import store as channel_store
from cauce.channels.service import open_instructions, withdraw
from cauce.flows.context import Context
from cauce.flows.marketplace.collected import close_payments
from cauce.flows.marketplace.funding import is_made
from cauce.flows.marketplace.refunded import CameBack, RefundWork, give_back, write_refunds
from cauce.flows.marketplace.terms import terms_of
from cauce.kernel.errors import NotFound
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.refunding import REFUND, RefundSent
from cauce.marketplace.orders.rules import COLLECTION, OPEN_COLLECTION, PURCHASE, PaymentNotAsked
from cauce.marketplace.settlement.funding import advances_of, advances_under_way
from cauce.marketplace.splits import store as split_store
from cauce.storage import audit
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

LIVE_COLLECTION = (*OPEN_COLLECTION, "paid", "cleared", "partially_refunded", "refunded")


async def cancel_refund(context: Context, refund_id: str) -> None:
    """Withdraw a refund of which the channel was told nothing yet; what it took is free again.

    `not_found`; `illegal_transition` (409) names what its state allows; `refund_sent` where the channel may know it, an
    advance is on its way for it, its order was canceled or the payer's bank made it.
    """
    async with context.transaction() as tx:
        now = await context.now(tx)
        refund, collection = await _lock_refund(tx, refund_id)
        REFUND.step(refund["state"], "cancel")
        await _require_unsent(tx, refund, now)
        terms = (await terms_of(context.runtime, context.org_id, [collection["channel_id"]]))[collection["channel_id"]]
        reversals = (await split_store.reversals_of_refunds(tx, [refund_id])).get(refund_id, ())
        came_back = CameBack(reversals, (await advances_of(tx, [refund_id])).get(refund_id, ()))
        work = RefundWork()
        fee_minor, data = refund["fee_expected_minor"], {"order": refund["order_id"]}
        sources: Mapping[str, int] = refund["taken"]["sources"]
        give_back(refund, collection, sources, fee_minor, came_back, terms, now, data, work, state="canceled")
        await write_refunds(context, tx, work)
        await audit.record(tx, context.actor, "order_refund.cancel", refund_id)


async def _lock_refund(tx: Tx, refund_id: str) -> tuple[dict[str, Any], Row]:
    """The refund and its collection, locked after its command and its order, as whatever concludes it does."""
    order_id = await order_store.order_of_refund(tx, refund_id)
    if order_id is None:
        raise NotFound(f"there is no refund {refund_id}", param="refund")
    known = {row["id"]: row for row in await order_store.refunds_of(tx, [order_id])}
    assert refund_id in known
    keys = [one["key"] for one in await channel_store.open_of_objects(tx, [order_id])]
    await channel_store.lock_instructions(tx, sorted(keys))
    (order,) = await order_store.lock_orders(tx, [order_id])
    (refund,) = await order_store.lock_refunds(tx, [refund_id])
    if order["state"] == "canceled":
        raise RefundSent("its order was canceled: what was paid goes back", param="refund", allowed=[])
    (collection,) = await order_store.lock_collections(tx, [refund["collection_id"]])
    return dict(refund), collection


async def _require_unsent(tx: Tx, refund: Mapping[str, Any], now: datetime) -> None:
    if is_made(refund):
        raise RefundSent("the payer's bank made it", param="refund", allowed=[])
    if await advances_under_way(tx, [refund["id"]]):
        raise RefundSent("an advance is on its way for it", param="refund", allowed=[])
    if refund["state"] != "submitted":
        return
    (asked,) = await channel_store.lock_instructions(tx, [refund["attempt_key"]])
    if not await withdraw(tx, asked, "the refund was canceled", at=now):
        raise RefundSent(f"the channel was asked for {refund['id']}", param="refund", allowed=[])


async def cancel_collection(context: Context, collection_id: str, *, reason: str = "canceled") -> None:
    """Withdraw a payment that its payer has not made: the channel closes it, with others that he pays at once.

    One that comes all the same counts for its order. An order that no other payment is left of is canceled.
    `not_found`; `illegal_transition` names what its state allows; `payment_not_asked`.
    """
    async with context.transaction() as tx:
        now = await context.now(tx)
        orders = await order_store.orders_of_collections(tx, [collection_id])
        if not orders:
            raise NotFound(f"there is no collection {collection_id}", param="collection")
        (order,) = await order_store.lock_orders(tx, orders)
        collections = await order_store.collections_of(tx, [order["id"]], lock=True)
        (asked,) = [row for row in collections if row["id"] == collection_id]
        COLLECTION.step(asked["state"], "cancel")
        if order["next_step"] == "collect":
            raise PaymentNotAsked(param="collection")
        together = asked["combined_id"]
        closed = [row for row in collections if _is_closed(row, asked, together)]
        await _close(context, tx, closed, now, reason)
        ids = {row["id"] for row in closed}
        if not [row for row in collections if row["id"] not in ids and row["state"] in LIVE_COLLECTION]:
            PURCHASE.step(order["state"], "cancel")
            await order_store.orders_step(tx, [(order["id"], "canceled", None, None, None, now, None)])
            await emit(tx, [NewEvent("order.canceled", order["id"], now, {"reason": reason})], actor=context.actor.name)
        await audit.record(tx, context.actor, "collection.cancel", collection_id)


def _is_closed(row: Row, asked: Row, together: str) -> bool:
    return row["id"] == asked["id"] or bool(together and row["combined_id"] == together and row["paid_at"] is None)


async def _close(context: Context, tx: Tx, rows: Sequence[Row], at: datetime, reason: str) -> None:
    await order_store.collections_state(tx, [(row["id"], "canceled", None, "") for row in rows])
    await open_instructions(tx, close_payments(rows), due_at=at)
    await emit(tx, canceled_events(rows, at, reason), actor=context.actor.name)


def canceled_events(rows: Sequence[Row], at: datetime, reason: str) -> list[NewEvent]:
    """What is told of payments that were withdrawn."""
    return [
        NewEvent("collection.canceled", row["id"], at, {"order": row["order_id"], "reason": reason}) for row in rows
    ]
