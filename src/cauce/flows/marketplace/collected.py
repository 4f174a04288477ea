"""What becomes of collections: paid into escrow, waiting for the payer, or failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cauce.channels.rules import to_plain
from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.flows.marketplace.orders import escrow_items
from cauce.flows.marketplace.terms import terms_of
from cauce.gateway.collecting import Collection
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import Event, Holder
from cauce.ledger.rules import Item, require_posted
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.rules import OPEN_COLLECTION
from cauce.marketplace.orders.service import Paid, mark_paid
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit


async def conclude_collections(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """Give answers about collections their effect: T02 and T03 for what is paid; orders whose last payment came are paid."""
    by_key = {one.key: one for one in concluded}
    rows = [row for row in await order_store.lock_collections(tx, list(by_key)) if row["state"] in OPEN_COLLECTION]
    paid = [row for row in rows if isinstance(by_key[row["id"]].outcome, Done)]
    others = [row for row in rows if not isinstance(by_key[row["id"]].outcome, Done)]
    await _note(context, tx, others, by_key)
    if not paid:
        return
    terms = await terms_of(context.runtime, context.org_id, {row["channel_id"] for row in paid})
    facts = {row["id"]: _paid(row, by_key[row["id"]]) for row in paid}
    freezes = {channel_id: each.freeze for channel_id, each in terms.items()}
    await mark_paid(tx, paid, facts, freezes, actor=context.actor.name)
    items: list[Item] = []
    for row in paid:
        fact = facts[row["id"]]
        holder = Holder(row["channel_id"], row["currency"])
        event = Event(row["id"], row["order_id"], row["id"], fact.paid_at)
        items += escrow_items(holder, event, row["order_id"], row["amount_minor"], fact.fee_minor)
    require_posted(await post(tx, items))


def _paid(row: Row, one: Concluded) -> Paid:
    value = _value(one.outcome)
    fee = value.fee_minor
    if fee is None:
        fee = row["amount_minor"] - value.unsplit_minor if value.unsplit_minor is not None else 0
    return Paid(row["id"], value.ref, fee, value.paid_at or one.at)


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
    if changes:
        await order_store.collections_state(tx, changes)
        await emit(tx, events, actor=context.actor.name)
