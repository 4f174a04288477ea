"""What the platform adds to payments of orders (T15): asked for once the payer has paid, taken back in proportion with refunds.

It is wholly the seller's: it lies in the order's escrow beside the payer's money, and goes to him when the order is
divided. Until it is there, or dropped by a person, the order is not divided. A refund takes none of it; what reached the
payer again says how much of it goes back to the platform, from the escrow or, once divided, from the seller's balance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.gateway.collecting import Operation
from cauce.gateway.funding import SubsidyRequest
from cauce.gateway.outcome import Declined, Done, Pending
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import IN_TRANSIT, Event, Holder, escrow, withdrawable
from cauce.ledger.recipes.funding import subsidised, subsidy_returned
from cauce.ledger.rules import Item, PlaceHold, ReleaseHold, require_posted
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.rules import UnknownOrder
from cauce.marketplace.orders.subsidised import (
    SubsidyNotOpen,
    awaiting,
    drop_planned,
    due_back,
    given_back,
    move_subsidies,
    standing,
)
from cauce.marketplace.settlement import funding as store
from cauce.marketplace.settlement.funding import FundingKind, NewFunding
from cauce.storage import jobs
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import Job, NewJob
from cauce.storage.outbox import NewEvent, emit

SUBSIDISE = "orders.subsidise"
RETURN_JOB = "orders.return_subsidy"
LOOK_AGAIN = timedelta(hours=1)
"""How long a return waits for the merchant's balance, or for an order that is being divided; doubled, up to a day."""

ASK_AGAIN = timedelta(days=1)
"""When the channel is asked again to take a subsidy back that it did not."""

_OPERATIONS = {
    FundingKind.ORDER_SUBSIDY: Operation.SUBSIDISE_ORDER,
    FundingKind.RETURN_ORDER_SUBSIDY: Operation.RETURN_SUBSIDY,
    FundingKind.DROP_ORDER_SUBSIDY: Operation.DROP_SUBSIDY,
}
_OPEN = ("submitted", "processing")


async def begin_subsidies(context: Context, tx: Tx, collection_ids: Sequence[str]) -> None:
    """Ask for what was planned for these collections, which have just been paid; of canceled orders for nothing."""
    rows = await order_store.lock_collections(tx, collection_ids)
    await _ask_missing(context, tx, [row for row in rows if row["subsidy_planned_minor"] > row["subsidy_minor"]])


async def _ask_missing(context: Context, tx: Tx, rows: Sequence[Row]) -> None:
    if not rows:
        return
    orders = {row["id"]: row for row in await order_store.lock_orders(tx, sorted({row["order_id"] for row in rows}))}
    now = await context.now(tx)
    by_approver: dict[str, list[tuple[NewFunding, Row]]] = {}
    for row in rows:
        order = orders[row["order_id"]]
        if order["state"] != "canceled":
            by = f"split rule {order['rule_id']}, version {order['rule_version']}"
            amount = row["subsidy_planned_minor"] - row["subsidy_minor"]
            by_approver.setdefault(by, []).append((_new(FundingKind.ORDER_SUBSIDY, row, amount), row))
    for approver, asked in by_approver.items():
        new = [one for one, _ in asked]
        await store.insert_approved(tx, new, actor=context.actor.name, approved_by=approver, at=now)
        await _send(tx, asked, now)


def _new(kind: FundingKind, row: Row, amount_minor: int) -> NewFunding:
    return NewFunding(
        new_id("osb"),
        kind,
        row["channel_id"],
        row["currency"],
        amount_minor,
        row["owner_id"],
        row["order_id"],
        row["id"],
    )


async def _send(tx: Tx, asked: Sequence[tuple[NewFunding, Row]], at: datetime) -> None:
    instructions = [
        NewInstruction(
            channel_id=one.channel_id,
            purpose=SUBSIDISE,
            operation=_OPERATIONS[one.kind],
            key=one.id,
            object_id=one.order_id,
            request=SubsidyRequest(
                key=one.id,
                collection_key=row["id"],
                collection_ref=row["ref"],
                amount=Money(one.amount_minor, one.currency),
                merchant_ref=row["merchant_ref"],
                description=one.kind.value.replace("_", " "),
                metadata={"cauce_order": one.order_id},
            ),
            parent_key=row["id"],
            merchant_ref=row["merchant_ref"],
        )
        for one, row in asked
    ]
    await open_instructions(tx, instructions, due_at=at)


async def retry_subsidy(context: Context, order_id: str) -> None:
    """Ask again, under a new key, for the subsidy of an order that the channel refused. `subsidy_not_open`."""
    async with context.transaction() as tx:
        await _ask_missing(context, tx, await _refused(tx, order_id))


async def drop_subsidy(context: Context, order_id: str) -> None:
    """The order goes on without the subsidy that the channel refused: the channel is told that none will come. `subsidy_not_open`."""
    async with context.transaction() as tx:
        rows = await _refused(tx, order_id)
        now = await context.now(tx)
        asked = [
            (_new(FundingKind.DROP_ORDER_SUBSIDY, row, row["subsidy_planned_minor"] - row["subsidy_minor"]), row)
            for row in rows
        ]
        await store.insert(tx, [one for one, _ in asked], actor=context.actor.name, at=now)
        await _send(tx, asked, now)


async def _refused(tx: Tx, order_id: str) -> list[Row]:
    """The collections of a paid order that wait for a subsidy which nobody is asked for."""
    orders = await order_store.lock_orders(tx, [order_id])
    if not orders:
        raise UnknownOrder(f"there is no order {order_id}", param="order")
    rows = await order_store.collections_of(tx, [order_id], lock=True)
    is_open = {one["parent_id"] for one in await store.open_subsidies(tx, [order_id])}
    found = [
        row
        for row in rows
        if row["paid_at"] is not None
        and row["subsidy_planned_minor"] > row["subsidy_minor"]
        and row["id"] not in is_open
    ]
    if orders[0]["state"] != "paid" or not found:
        raise SubsidyNotOpen(param="order")
    return found


def return_jobs(order_ids: Sequence[str], at: datetime, *, tries: int = 0) -> list[NewJob]:
    """Jobs that look whether something of the subsidies of these orders goes back."""
    return [NewJob(RETURN_JOB, at, {"order": key, "tries": tries}, key=key) for key in sorted(set(order_ids))]


async def return_subsidies(context: Context, job: Job) -> None:
    """The job after refunds: what goes back is reserved where it lies and asked back; what is not there yet waits for it."""
    order_id, tries = job.payload["order"], int(job.payload["tries"])
    async with context.transaction() as tx:
        now = await context.now(tx)
        (order,) = await order_store.lock_orders(tx, [order_id])
        later = return_jobs([order_id], now + min(LOOK_AGAIN * 2**tries, timedelta(days=1)), tries=tries + 1)
        if order["state"] == "releasing":
            await jobs.enqueue(tx, later)
            return
        rows = await order_store.collections_of(tx, [order_id], lock=True)
        ids = [row["id"] for row in rows]
        refunded, under_way = await given_back(tx, ids), dict[str, int]()
        for one in await store.open_subsidies(tx, [order_id]):
            if one["kind"] == FundingKind.RETURN_ORDER_SUBSIDY:
                under_way[one["parent_id"]] = under_way.get(one["parent_id"], 0) + one["amount_minor"]
        due = [(row, due_back(row, refunded.get(row["id"], 0), under_way.get(row["id"], 0))) for row in rows]
        asked = [(_new(FundingKind.RETURN_ORDER_SUBSIDY, row, amount), row) for row, amount in due if amount]
        results = await post(tx, [_hold(one, row, now) for one, row in asked])
        covered = [each for each, result in zip(asked, results, strict=True) if result.code.stands]
        if covered:
            await store.insert(tx, [one for one, _ in covered], actor=context.actor.name, at=now)
            await _send(tx, covered, now)
        if len(covered) < len(asked):
            await jobs.enqueue(tx, later)


def _hold(one: NewFunding, row: Row, at: datetime) -> PlaceHold:
    account = Holder(one.channel_id, one.currency).account(_lies_in(row))
    return PlaceHold(one.id, account, one.amount_minor, one.id, one.id, at)


def _lies_in(row: Row) -> str:
    """Where the subsidy of a collection is: beside the payer's money, or with the seller since it was divided.

    An order is not divided while a return is under way.
    """
    return escrow(row["order_id"]) if _is_parked(row) else withdrawable(row["owner_id"])


def _is_parked(row: Row) -> bool:
    return bool(row["escrow_minor"] >= standing(row))


@dataclass(slots=True)
class _Work:
    """What one list of outcomes writes."""

    updates: list[tuple[Any, ...]] = field(default_factory=list)
    moves: list[tuple[str, int, int, int]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    waiting: list[NewJob] = field(default_factory=list)
    ended: dict[str, datetime] = field(default_factory=dict)

    def tell(self, verb: str, row: Row, at: datetime, **more: Any) -> None:
        data = {"order": row["order_id"], "amount": row["amount_minor"], "currency": row["currency"]} | more
        self.events.append(NewEvent(f"order_subsidy.{verb}", row["id"], at, data))


async def conclude_subsidies(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """Give answers about subsidies of orders their effect: T15, or T15 undone; orders that waited go on."""
    by_key = {one.key: one for one in concluded}
    rows = [row for row in await store.lock(tx, list(by_key)) if row["state"] in _OPEN]
    collections = {row["id"]: row for row in await order_store.lock_collections(tx, [row["parent_id"] for row in rows])}
    work = _Work()
    for row in rows:
        one = by_key[row["id"]]
        if isinstance(one.outcome, Done):
            at = one.outcome.value.finished_at or one.at
            work.updates.append((row["id"], "paid", one.outcome.value.ref, "", at))
            _done(row, collections[row["parent_id"]], at, work)
            work.ended[row["order_id"]] = at
        elif isinstance(one.outcome, Declined):
            work.updates.append((row["id"], "failed", "", one.outcome.message, None))
            _refuse(row, collections[row["parent_id"]], one.at, one.outcome, work)
        elif isinstance(one.outcome, Pending):
            work.updates.append((row["id"], "processing", one.outcome.value.ref, "", None))
    if work.updates:
        await store.update(tx, work.updates)
    if work.moves:
        await move_subsidies(tx, work.moves)
    if work.dropped:
        await drop_planned(tx, work.dropped)
    await _go_on(tx, work.ended)
    await emit(tx, work.events, actor=context.actor.name)
    require_posted(await post(tx, work.items))
    await jobs.enqueue(tx, work.waiting)


def _done(row: Row, collection: Row, at: datetime, work: _Work) -> None:
    holder, event = Holder(row["channel_id"], row["currency"]), Event(row["id"], row["order_id"], row["id"], at)
    amount = row["amount_minor"]
    match FundingKind(row["kind"]):
        case FundingKind.ORDER_SUBSIDY:
            work.items += subsidised(holder, event, escrow(row["order_id"]), amount, into=IN_TRANSIT)
            work.moves.append((collection["id"], amount, amount, 0))
            work.tell("paid", row, at)
            work.waiting += return_jobs([row["order_id"]], at)  # some may have been refunded meanwhile
        case FundingKind.RETURN_ORDER_SUBSIDY:
            lies_in = _lies_in(collection)
            work.items += [ReleaseHold(row["id"], holder.account(lies_in), at)]
            work.items += subsidy_returned(holder, event, lies_in, amount)
            work.moves.append((collection["id"], -amount if _is_parked(collection) else 0, 0, amount))
            work.tell("returned", row, at)
        case _:
            work.dropped.append(collection["id"])
            work.tell("dropped", row, at)


def _refuse(row: Row, collection: Row, at: datetime, outcome: Declined, work: _Work) -> None:
    told = {"code": outcome.code, "message": outcome.message}
    if row["kind"] != FundingKind.RETURN_ORDER_SUBSIDY:
        work.tell("failed", row, at, **told)
        return
    holder = Holder(row["channel_id"], row["currency"])
    work.items.append(ReleaseHold(row["id"], holder.account(_lies_in(collection)), at))
    work.waiting += return_jobs([row["order_id"]], at + ASK_AGAIN)
    work.tell("return_failed", row, at, **told)


async def _go_on(tx: Tx, ended: dict[str, datetime]) -> None:
    """Orders that were due to be divided and waited for this are due now."""
    if not ended:
        return
    waits = await awaiting(tx, list(ended))
    steps = [
        (row["id"], "paid", "release", ended[row["id"]], None, None, None)
        for row in await order_store.lock_orders(tx, sorted(ended))
        if row["id"] not in waits and row["state"] == "paid" and row["next_step"] == "release"
        if row["release_on"] != "days" or row["paid_at"] + timedelta(days=row["release_days"]) <= ended[row["id"]]
    ]
    if steps:
        await order_store.orders_step(tx, steps)
