"""What becomes of collections: paid into escrow, waiting for the payer, or failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cauce.channels.rules import to_plain
from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.flows.marketplace.combining import close_combined
from cauce.flows.marketplace.orders import escrow_items
from cauce.flows.marketplace.subsidies import begin_subsidies
from cauce.flows.marketplace.terms import terms_of
from cauce.gateway.collecting import CancelRequest, Collection, Operation
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal
from cauce.kernel.ids import new_id
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import Event, Holder, withdrawable
from cauce.ledger.recipes.members import paid_from_balance
from cauce.ledger.rules import Item, require_posted
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.rules import OPEN_COLLECTION
from cauce.marketplace.orders.service import Paid, mark_paid
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

CLOSE = "orders.close_payment"


async def conclude_collections(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """Give answers about collections their effect: T02 and T03 for what is paid; orders whose last payment came are paid."""
    by_key = {one.key: one for one in concluded}
    locked = await order_store.lock_collections(tx, list(by_key))
    rows = [row for row in locked if row["state"] in (*OPEN_COLLECTION, "canceled")]
    paid = [row for row in rows if isinstance(by_key[row["id"]].outcome, Done)]
    others = [row for row in rows if not isinstance(by_key[row["id"]].outcome, Done)]
    await _note(context, tx, [row for row in others if row["state"] != "canceled"], by_key)
    await _close_again(context, tx, [row for row in others if row["state"] == "canceled"], by_key)
    if not paid:
        return
    terms = await terms_of(context.runtime, context.org_id, {row["channel_id"] for row in paid})
    facts = {row["id"]: _paid(row, by_key[row["id"]]) for row in paid}
    freezes = {channel_id: each.freeze for channel_id, each in terms.items()}
    await mark_paid(tx, paid, facts, freezes, actor=context.actor.name)
    await _give_back(context, tx, [row["order_id"] for row in paid if row["state"] == "canceled"])
    items: list[Item] = []
    for row in paid:
        fact = facts[row["id"]]
        holder = Holder(row["channel_id"], row["currency"])
        event = Event(row["id"], row["order_id"], row["id"], fact.paid_at)
        if row["payer_id"]:
            payer = withdrawable(row["payer_id"])
            items.append(paid_from_balance(holder, event, payer, row["order_id"], row["amount_minor"]))
        else:
            items += escrow_items(holder, event, row["order_id"], row["amount_minor"], fact.fee_minor)
    promised = [row["id"] for row in paid if row["subsidy_planned_minor"] and row["state"] != "canceled"]
    if promised:
        await begin_subsidies(context, tx, promised)
    require_posted(await post(tx, items))


async def conclude_combined(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """Give answers about payments for several sellers their effect: on each of their collections, as if it was asked for alone."""
    told = []
    for one in concluded:
        parts: dict[str, Collection] = {}
        if isinstance(one.outcome, Done | Pending):
            parts = dict(one.outcome.value.parts)
        for part in one.request.parts:
            outcome: Outcome[Any] = one.outcome
            if isinstance(one.outcome, Done):
                outcome = Done(parts[part.key])
            elif isinstance(one.outcome, Pending):
                seen = Collection("", part.amount, next_action=one.outcome.value.next_action)
                outcome = Pending(seen, one.outcome.ask_after_seconds)
            told.append(replace(one, key=part.key, operation=Operation.COLLECT, request=part, outcome=outcome))
    await conclude_collections(context, tx, told)


async def _give_back(context: Context, tx: Tx, order_ids: Sequence[str]) -> None:
    """Orders whose payer paid after they were canceled: the sweep of cancellations refunds him."""
    now = await context.now(tx)
    orders = [row for row in await order_store.lock_orders(tx, sorted(set(order_ids))) if row["state"] == "canceled"]
    steps = [(row["id"], "canceled", "cancel", now, None, None, None) for row in orders]
    await order_store.orders_step(tx, steps)


async def _close_again(context: Context, tx: Tx, rows: Sequence[Row], by_key: dict[str, Concluded]) -> None:
    """Payments that reached the channel only after their order was canceled are closed there."""
    waiting = [row for row in rows if isinstance(by_key[row["id"]].outcome, Pending)]
    await open_instructions(tx, close_payments(waiting), due_at=await context.now(tx))


def close_payments(rows: Sequence[Row]) -> list[NewInstruction]:
    """Close unpaid collections at their channels, those of one combined payment at once."""
    combined: dict[str, list[Row]] = {}
    for row in rows:
        combined.setdefault(row["combined_id"], []).append(row)
    alone = [_close_payment(row) for row in combined.pop("", [])]
    return alone + [close_combined(mine, CLOSE) for mine in combined.values()]


def _close_payment(row: Row) -> NewInstruction:
    return NewInstruction(
        channel_id=row["channel_id"],
        purpose=CLOSE,
        operation=Operation.CANCEL_COLLECTION,
        key=new_id("ins"),
        object_id=row["order_id"],
        request=CancelRequest(row["id"], row["merchant_ref"]),
        parent_key=row["id"],
        merchant_ref=row["merchant_ref"],
    )


def _paid(row: Row, one: Concluded) -> Paid:
    value = _value(one.outcome)
    fee = value.fee_minor
    if fee is None:
        fee = row["amount_minor"] - value.unsplit_minor if value.unsplit_minor is not None else 0
    return Paid(row["id"], value.ref, fee, value.paid_at or one.at, value.available_at)


def _value(outcome: Outcome[Any]) -> Collection:
    assert isinstance(outcome, Done | Pending)
    value: Collection = outcome.value
    return value


async def _note(context: Context, tx: Tx, rows: Sequence[Row], by_key: dict[str, Concluded]) -> None:
    changes, events = [], []
    for row in rows:
        one = by_key[row["id"]]
        if isinstance(one.outcome, Declined):
            gone = one.outcome.refusal is Refusal.WINDOW_CLOSED
            changes.append((row["id"], "expired" if gone else "failed", None, ""))
            data = {"order": row["order_id"], "code": one.outcome.code, "message": one.outcome.message}
            events.append(NewEvent("collection.failed", row["id"], one.at, data))
        elif isinstance(one.outcome, Pending):
            value = _value(one.outcome)
            action = to_plain(value.next_action) if value.next_action else None
            changes.append((row["id"], "requires_action" if action else "pending", action, value.ref))
            if action and row["next_action"] is None:
                data = {"order": row["order_id"], "kind": action["kind"]}
                events.append(NewEvent("collection.requires_action", row["id"], one.at, data))
    if changes:
        await order_store.collections_state(tx, changes)
        await emit(tx, events, actor=context.actor.name)
