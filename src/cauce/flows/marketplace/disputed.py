"""A payer contests an order's payment at his bank: what the provider took comes from the parties, and back if it is won.

It is booked like a refund that the provider has made already (7.2): each party returns its part by the rule's policy,
what one has no more the platform advances and recovers (T16), and the fee of the dispute is the platform's. Money is
booked only when the provider says that it moved, once, in whatever order its notices come.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cauce.flows.context import Context
from cauce.flows.marketplace.advances import Chargeback
from cauce.flows.marketplace.refunded import CameBack, RefundWork, give_back, write_refunds
from cauce.flows.marketplace.refunds import AskRefund, refund_in
from cauce.flows.marketplace.terms import terms_of
from cauce.gateway.reporting import Notice
from cauce.kernel.errors import CauceError
from cauce.kernel.ids import new_id
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import FEE, Event, Holder, withdrawable
from cauce.ledger.recipes.disputes import charge_reinstated, dispute_cost, dispute_cost_back
from cauce.ledger.rules import require_posted
from cauce.marketplace.orders import disputing
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.disputing import Told
from cauce.marketplace.settlement.funding import advances_of
from cauce.marketplace.splits import store as split_store
from cauce.storage import jobs
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import Job, NewJob
from cauce.storage.outbox import NewEvent, emit

DISPUTE_JOB = "order.dispute"
TRY_AGAIN = timedelta(hours=1)
_ENDS = {"won": "won", "lost": "lost", "warning_closed": "closed", "prevented": "closed"}


async def dispute_told(context: Context, channel_id: str, notice: Notice) -> None:
    """The flow of dispute notices, for payments of orders: write it down, tell of it, and let the job book what moved."""
    data: dict[str, Any] = dict(notice.data)
    async with context.transaction() as tx:
        collection = await disputing.collection_by_ref(tx, channel_id, str(data.get("collection_ref", "")))
        if collection is None or not notice.ref or not int(data.get("amount_minor", 0)):
            return
        await order_store.lock_orders(tx, [collection["order_id"]])
        told = _told(notice, data)
        before, after = await disputing.note(tx, channel_id, collection, told)
        await emit(tx, _events(before, after, told), actor=context.actor.name)
        if told.moved:
            await _enqueue(tx, after, at=await context.now(tx), tries=0)


def _told(notice: Notice, data: dict[str, Any]) -> Told:
    ended = _ENDS.get(str(data.get("status", "")), "open") if data.get("closed") else "open"
    due = int(data.get("respond_by") or 0)
    return Told(
        new_id("dsp"), notice.ref, int(data["amount_minor"]), int(data.get("fee_minor", 0)),
        str(data.get("reason", "")), ended, int(data.get("money_moved", 0)),
        datetime.fromtimestamp(due, UTC) if due else None, notice.occurred_at,
    )  # fmt: skip


def _events(before: Row | None, after: Row, told: Told) -> list[NewEvent]:
    """One for each thing that is new: opened, the money taken or given back, the end."""
    content = {
        "order": after["order_id"], "amount": after["amount_minor"], "currency": after["currency"],
        "reason": after["reason"],
    }  # fmt: skip
    new = ["opened"] if before is None else []
    for name, column in (("funds_withdrawn", "withdrawn_at"), ("funds_reinstated", "reinstated_at")):
        if after[column] is not None and (before is None or before[column] is None):
            new.append(name)
    if after["state"] != "open" and (before is None or before["state"] != after["state"]):
        new.append(after["state"])
    return [NewEvent(f"order_dispute.{verb}", after["id"], told.at, content) for verb in new]


async def _enqueue(tx: Tx, row: Row, *, at: datetime, tries: int) -> None:
    due_at = at + min(TRY_AGAIN * tries, timedelta(days=1))
    work = {"dispute": row["id"], "order": row["order_id"], "tries": tries}
    await jobs.enqueue(tx, [NewJob(DISPUTE_JOB, due_at, work, key=row["order_id"])])


async def book_dispute(context: Context, job: Job) -> None:
    """The job of a dispute whose money moved: book it, or look again later while the order's money is on its way."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        await order_store.lock_orders(tx, [job.payload["order"]])
        row = await disputing.lock(tx, job.payload["dispute"])
        if row is None:
            return
    try:
        async with context.transaction() as tx:
            done = await _book(context, tx, job.payload["dispute"], job.payload["order"])
    except CauceError:  # its parts are being divided, or nothing covers it yet
        done = False
    if not done:
        async with context.transaction() as tx:
            await _enqueue(tx, row, at=now, tries=int(job.payload["tries"]) + 1)


async def _book(context: Context, tx: Tx, dispute_id: str, order_id: str) -> bool:
    """Book what moved and is not booked; whether nothing is left to do."""
    await order_store.lock_orders(tx, [order_id])
    row = await disputing.lock(tx, dispute_id)
    if row is None or row["withdrawn_at"] is None or row["booked_back"]:
        return True
    if not row["refund_id"]:
        refund_id = await _take(context, tx, row)
        await disputing.booked(tx, row["id"], refund_id, back=False)
        return row["reinstated_at"] is None
    if row["reinstated_at"] is None:
        return True
    if not await _return(context, tx, row):
        return False
    await disputing.booked(tx, row["id"], row["refund_id"], back=True)
    return True


async def _take(context: Context, tx: Tx, row: Row) -> str:
    """What the provider took, taken from the parties; what was refunded before is the platform's loss besides."""
    (collection,) = await order_store.lock_collections(tx, [row["collection_id"]])
    amount = min(row["amount_minor"], collection["amount_minor"] - collection["refunded_minor"])
    more = row["amount_minor"] - amount + row["fee_minor"]
    holder = Holder(row["channel_id"], row["currency"])
    if not amount:
        event = Event(row["ref"], row["order_id"], row["id"], row["withdrawn_at"])
        require_posted(await post(tx, dispute_cost(holder, event, {_bearer(collection): more})))
        return str(row["id"])
    asked = AskRefund(
        row["order_id"], f"dispute:{row['ref']}", amount, "dispute",
        chargeback=Chargeback(row["collection_id"], row["ref"], more, row["id"]),
    )  # fmt: skip
    made = await refund_in(context, tx, [asked], {row["order_id"]: row["withdrawn_at"]})
    return made[row["order_id"]][0]


def _bearer(collection: Row) -> str:
    """Who bears what no party returns: the payment's owner, or the platform where money is pooled."""
    return withdrawable(collection["owner_id"]) if collection["owner_id"] else FEE


async def _return(context: Context, tx: Tx, row: Row) -> bool:
    """What the provider gave back goes to where it was taken from; False while the taking is not booked yet."""
    refunds = await order_store.lock_refunds(tx, [row["refund_id"]])
    if refunds and refunds[0]["state"] != "succeeded":
        return False
    holder = Holder(row["channel_id"], row["currency"])
    work, at = RefundWork(), row["reinstated_at"]
    event = Event(row["ref"], row["order_id"], row["id"], at)
    loss = row["amount_minor"] - sum(refund["amount_minor"] for refund in refunds)
    if loss:
        (collection,) = await order_store.lock_collections(tx, [row["collection_id"]])
        work.items += dispute_cost_back(holder, event, {_bearer(collection): loss})
    for refund in refunds:
        work.items.append(charge_reinstated(holder, event, refund["amount_minor"]))
        await _undo(context, tx, row, refund, work, at)
    await write_refunds(context, tx, work)
    return True


async def _undo(context: Context, tx: Tx, row: Row, refund: Row, work: RefundWork, at: datetime) -> None:
    """As when a refund fails: what it took goes back, and the refund does not stand."""
    (collection,) = await order_store.lock_collections(tx, [row["collection_id"]])
    terms = (await terms_of(context.runtime, context.org_id, {row["channel_id"]}))[row["channel_id"]]
    back = (await split_store.reversals_of_refunds(tx, [refund["id"]])).get(refund["id"], ())
    came_back = CameBack(back, (await advances_of(tx, [refund["id"]])).get(refund["id"], ()))
    data = {"order": row["order_id"], "code": "dispute_won", "message": "the payment stands"}
    give_back(refund, collection, refund["taken"]["sources"], 0, came_back, terms, at, data, work)
