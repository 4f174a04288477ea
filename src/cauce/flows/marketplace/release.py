"""Release: an order's escrow is divided as planned, when delivery is confirmed, days have passed, or a person says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from cauce.channels.service import open_instructions
from cauce.flows.context import Context, Runtime
from cauce.flows.marketplace.dividing import STANDS, Facts, Work, divide
from cauce.flows.marketplace.terms import terms_of
from cauce.kernel.errors import CauceError
from cauce.ledger.posting import post
from cauce.ledger.rules import require_posted
from cauce.marketplace.merchants.rules import MerchantNotPayable, Party
from cauce.marketplace.merchants.service import read_parties
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.rules import OrderNotReleasable
from cauce.marketplace.orders.subsidised import awaiting
from cauce.marketplace.settlement.funding import open_subsidies
from cauce.marketplace.splits import store as split_store
from cauce.marketplace.splits.rules.schema import FEE
from cauce.marketplace.splits.service import rules_used
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

RETRY_AFTER = timedelta(days=1)
WAIT_FOR_REFUND = timedelta(hours=1)
WAIT_FOR_SUBSIDY = timedelta(days=1)
"""At the longest: an order goes on at once when its subsidy is there."""


async def confirm_delivery(context: Context, deliveries: Mapping[str, datetime]) -> None:
    """Orders were delivered (order id -> when, org time): their money is released. `OrderNotReleasable` unless paid.

    An order with a refund on its way is released when that has ended.
    """
    async with context.transaction() as tx:
        await release(context, tx, list(deliveries), delivered=deliveries)


async def release_orders(context: Context, order_ids: Sequence[str]) -> None:
    """A person releases orders' money now. `OrderNotReleasable` unless paid."""
    async with context.transaction() as tx:
        await release(context, tx, order_ids, delivered={})


async def release_due(runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The part of the order sweep whose step is `deliver` or `release`."""
    for org_id, group in groupby(sorted(rows, key=lambda row: row["org_id"]), key=lambda row: row["org_id"]):
        due = list(group)
        delivered = {row["key"]: row["due_at"] for row in due if row["next_step"] == "deliver"}
        at = {row["key"]: row["due_at"] for row in due}
        await release(runtime.context(org_id), tx.within(org_id), list(at), delivered=delivered, at=at)


async def release(
    context: Context,
    tx: Tx,
    order_ids: Sequence[str],
    *,
    delivered: Mapping[str, datetime],
    at: Mapping[str, datetime] | None = None,
    again: bool = False,
) -> None:
    """Divide the escrow of paid orders: write the splits, open their instructions. Effects are dated by `at`, else now.

    `again`: of released orders, what was added to their parts since.
    """
    now = await context.now(tx)
    orders = await order_store.lock_orders(tx, order_ids)
    for order in orders:
        if order["state"] != "paid" and not (again and order["state"] == "released"):
            raise OrderNotReleasable(f"{order['id']} is {order['state']}", param="order", order=order["id"])
    refunding = await order_store.orders_with_open_refunds(tx, [order["id"] for order in orders])
    await _wait(context, tx, dict.fromkeys(refunding, now + WAIT_FOR_REFUND), delivered)
    orders = [order for order in orders if order["id"] not in refunding]
    subsidised = await _awaiting_subsidies(tx, [order["id"] for order in orders])
    await _wait(context, tx, dict.fromkeys(subsidised, now + WAIT_FOR_SUBSIDY), delivered)
    orders = [order for order in orders if order["id"] not in subsidised]
    when = {order["id"]: (at or {}).get(order["id"], delivered.get(order["id"], now)) for order in orders}
    collections = await order_store.collections_of(tx, [order["id"] for order in orders], lock=True)
    facts = await _facts(context, tx, orders, collections)
    work, refused = Work(), {}
    of_order: dict[str, list[Row]] = {}
    for row in collections:
        of_order.setdefault(row["order_id"], []).append(row)
    for order in orders:
        mine = Work()
        try:
            for row in of_order.get(order["id"], ()):
                if row["escrow_minor"]:
                    divide(order, row, facts, when[order["id"]], mine)
            work.add(mine)
        except CauceError as exc:
            if at is None:
                raise
            refused[order["id"]] = exc
    divided = [order for order in orders if order["id"] not in refused]
    await _put_aside(context, tx, refused, delivered, when)
    await _write(context, tx, work, divided, delivered, when)


async def _awaiting_subsidies(tx: Tx, order_ids: Sequence[str]) -> set[str]:
    """Orders whose subsidy is not there yet, or on its way back."""
    return await awaiting(tx, order_ids) | {row["order_id"] for row in await open_subsidies(tx, order_ids)}


async def _wait(context: Context, tx: Tx, again: Mapping[str, datetime], delivered: Mapping[str, datetime]) -> None:
    """What is being refunded or subsidised is divided when that has ended: only then is it known what there is to divide."""
    waiting = sorted(again)
    await order_store.orders_step(
        tx, [(key, "paid", "release", again[key], delivered.get(key), None, None) for key in waiting]
    )
    events = [NewEvent("order.delivered", key, delivered[key]) for key in waiting if key in delivered]
    await emit(tx, events, actor=context.actor.name)


async def _put_aside(
    context: Context,
    tx: Tx,
    refused: Mapping[str, CauceError],
    delivered: Mapping[str, datetime],
    when: Mapping[str, datetime],
) -> None:
    """Orders that cannot be divided as planned stay paid and are told of; the others of their chunk go on.

    One that waits for a merchant's account is tried again the next day.
    """
    if not refused:
        return
    steps, events = [], []
    for order_id, exc in refused.items():
        again = when[order_id] + RETRY_AFTER if isinstance(exc, MerchantNotPayable) else None
        steps.append((order_id, "paid", "release" if again else None, again, delivered.get(order_id), None, None))
        data = {"code": exc.code, "message": str(exc)}
        events.append(NewEvent("order.release_refused", order_id, when[order_id], data))
        if order_id in delivered:
            events.append(NewEvent("order.delivered", order_id, delivered[order_id]))
    await order_store.orders_step(tx, steps)
    await emit(tx, events, actor=context.actor.name)


async def _facts(context: Context, tx: Tx, orders: Sequence[Row], collections: Sequence[Row]) -> Facts:
    terms = await terms_of(context.runtime, context.org_id, {order["channel_id"] for order in orders})
    rules = await rules_used(tx, [(order["rule_id"], order["rule_version"]) for order in orders])
    allocations = await split_store.allocations_of(tx, [row["id"] for row in collections])
    splits: dict[str, list[Row]] = {}
    for row in await split_store.splits_of(tx, [order["id"] for order in orders]):
        if row["state"] in STANDS:
            splits.setdefault(row["collection_id"], []).append(row)
    parties: dict[str, dict[str, Party]] = {}
    for channel_id in terms:
        of_channel = {row["id"] for row in collections if row["channel_id"] == channel_id}
        named = {part["party"] for key in of_channel for part in allocations.get(key, ())} - {FEE}
        parties[channel_id] = await read_parties(tx, channel_id, sorted(named))
    return Facts(terms, rules, parties, allocations, splits)


async def _write(
    context: Context,
    tx: Tx,
    work: Work,
    orders: Sequence[Row],
    delivered: Mapping[str, datetime],
    when: Mapping[str, datetime],
) -> None:
    now = await context.now(tx)
    if work.borne:
        await split_store.bear_fee(tx, work.borne)
    if work.returned:
        await split_store.add_reversed(tx, work.returned)
    if work.brought:
        await split_store.mark_brought(tx, work.brought)
    if work.splits:
        await split_store.insert_splits(tx, work.splits, now)
    sent = {split[1] for split in work.splits}
    await order_store.orders_step(
        tx,
        [
            (
                order["id"], "releasing" if order["id"] in sent else "released", None, None,
                delivered.get(order["id"]), None, None if order["id"] in sent else when[order["id"]],
            )
            for order in orders
        ],
    )  # fmt: skip
    events = [
        NewEvent("order.delivered", order["id"], delivered[order["id"]]) for order in orders if order["id"] in delivered
    ]
    events += [NewEvent("split.submitted", split[0], when[split[1]], {"order": split[1]}) for split in work.splits]
    await emit(tx, events, actor=context.actor.name)
    for due_at, instructions in work.instructions.items():
        await open_instructions(tx, instructions, due_at=due_at)
    if work.escrow:
        await order_store.move_escrow(tx, work.escrow)
    require_posted(await post(tx, work.journals))
