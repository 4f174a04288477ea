"""Cancellations: open payments are closed and what was paid goes back whole; those whose time has come, by a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from cauce.channels.service import ask_now, open_instructions
from cauce.flows.context import Context, Runtime
from cauce.flows.instruct import Concluded
from cauce.flows.marketplace.collected import close_payments
from cauce.flows.marketplace.funding import promised_escrow
from cauce.flows.marketplace.refunds import AskRefund, locked_orders, refund_in
from cauce.flows.marketplace.reversals import busy_orders, read_carried
from cauce.flows.marketplace.terms import terms_of
from cauce.flows.marketplace.withdrawing import canceled_events
from cauce.gateway.outcome import Pending
from cauce.ledger.reading import balances
from cauce.ledger.recipes.custody import FEE, Holder
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.refunding import RefundWaits
from cauce.marketplace.orders.rules import OPEN_COLLECTION, PURCHASE
from cauce.marketplace.orders.subsidised import standing
from cauce.marketplace.splits import store as split_store
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

WAIT = timedelta(hours=1)
"""How long a cancellation waits while the order's money is being divided."""

WAIT_FOR_FEE = timedelta(days=1)
"""How long it waits for commission from which the provider's fee is borne."""


async def cancel_orders(context: Context, order_ids: Sequence[str], *, reason: str = "canceled") -> None:
    """Cancel orders: open payments are closed, what was paid is refunded. `refund_waits_for_split` while one is divided."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        await _cancel(context, tx, dict.fromkeys(order_ids, now), reason)


async def cancel_due(runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The part of the order sweep whose step is `cancel`.

    An order that is being divided is looked at again in an hour; one whose provider keeps a fee that the platform's
    commission at the holder does not cover yet, in a day: other parties' money is never used for it.
    """
    for org_id, group in groupby(sorted(rows, key=lambda row: row["org_id"]), key=lambda row: row["org_id"]):
        context, part = runtime.context(org_id), tx.within(org_id)
        due = {row["key"]: row["due_at"] for row in group}
        orders = await order_store.lock_orders(part, list(due))
        busy = {row["id"] for row in orders if row["state"] == "releasing"} | await busy_orders(part, list(due))
        short = await _short_of_fee(context, part, [row for row in orders if row["id"] not in busy])
        later = dict.fromkeys(busy, WAIT) | dict.fromkeys(short, WAIT_FOR_FEE)
        await order_store.orders_step(
            part,
            [
                (row["id"], row["state"], "cancel", due[row["id"]] + later[row["id"]], None, None, None)
                for row in orders
                if row["id"] in later
            ],
        )
        await _cancel(context, part, {key: at for key, at in due.items() if key not in later}, "canceled")


async def _short_of_fee(context: Context, tx: Tx, orders: Sequence[Row]) -> set[str]:
    """Orders whose whole refund needs more of the platform's commission than lies at the holder, in their order."""
    terms = await terms_of(context.runtime, context.org_id, {order["channel_id"] for order in orders})
    keeps_fee = [order for order in orders if not terms[order["channel_id"]].capabilities.refund_returns_fee]
    holders = {order["id"]: Holder(order["channel_id"], order["currency"]) for order in keeps_fee}
    accounts = {holder: holder.account(FEE) for holder in holders.values()}
    found = await balances(tx, list(accounts.values()))
    left = {holder: -found[account] for holder, account in accounts.items()}
    collections = await order_store.collections_of(tx, list(holders), lock=True)
    parts = await split_store.allocations_of(tx, [row["id"] for row in collections])
    carried = await read_carried(tx, collections, parts)
    promised = await promised_escrow(tx, list(holders))
    short = set()
    for order_id, holder in holders.items():
        mine = [row for row in collections if row["order_id"] == order_id]
        needed = sum(
            _fee_needed(row, parts[row["id"]], promised.get(row["id"], 0), divided=carried.is_divided(row))
            for row in mine
        )
        if needed > left[holder]:
            short.add(order_id)
        else:
            left[holder] -= needed
    return short


def _fee_needed(row: Row, parts: Sequence[Row], promised_minor: int, *, divided: bool) -> int:
    """What refunding all that is left of a collection takes of the platform's commission."""
    left: int = row["amount_minor"] - row["refunded_minor"] if row["paid_at"] is not None else 0
    if not divided:
        free: int = row["escrow_minor"] - promised_minor - standing(row)
        return max(left - free, 0)
    others: int = sum(part["amount_minor"] - part["reversed_minor"] for part in parts if part["party"] != FEE)
    return max(left - others, 0)


async def conclude_closings(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """The channel closed payments, or they were paid at the last moment: either way each is asked for its own end now."""
    keys = [one.request.collection_key for one in concluded if not isinstance(one.outcome, Pending)]
    await ask_now(tx, keys, at=await context.now(tx))


async def _cancel(context: Context, tx: Tx, when: Mapping[str, datetime], reason: str) -> None:
    if not when:
        return
    orders = await locked_orders(tx, list(when))
    fresh = [order for order in orders if order["state"] != "canceled"]  # the others were paid after they were canceled
    for order in fresh:
        if order["state"] == "releasing":
            raise RefundWaits(param="order")
        PURCHASE.step(order["state"], "cancel")
    collections = await order_store.collections_of(tx, list(when), lock=True)
    unpaid = [row for row in collections if row["state"] in OPEN_COLLECTION]
    if unpaid:
        await order_store.collections_state(tx, [(row["id"], "canceled", None, "") for row in unpaid])
        begun = {order["id"] for order in fresh if order["next_step"] != "collect"}
        closing = close_payments([row for row in unpaid if row["order_id"] in begun])
        await open_instructions(tx, closing, due_at=min(when.values()))
    asked = [
        _whole(order, collections, reason) for order in orders if order["collected_minor"] > order["refunded_minor"]
    ]
    await order_store.orders_step(
        tx, [(order["id"], "canceled", None, None, None, when[order["id"]], None) for order in orders]
    )
    events = [NewEvent("order.canceled", order["id"], when[order["id"]], {"reason": reason}) for order in fresh]
    for order in fresh:
        mine = [row for row in unpaid if row["order_id"] == order["id"]]
        events += canceled_events(mine, when[order["id"]], reason)
    await emit(tx, events, actor=context.actor.name)
    if asked:
        await refund_in(context, tx, asked, when)


def _whole(order: Row, collections: Sequence[Row], reason: str) -> AskRefund:
    """All that is left; a payment that came after the cancellation has a number of its own."""
    if order["state"] != "canceled":
        return AskRefund(order["id"], "cancel", reason=reason, is_tried=True)
    late = max(row["id"] for row in collections if row["order_id"] == order["id"] and row["paid_at"] is not None)
    return AskRefund(order["id"], f"late:{late}", reason=reason, is_tried=True)
