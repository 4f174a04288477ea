"""Refunds whose parts are back are submitted (T10) where the money for them is there; the others wait for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.context import Context
from cauce.flows.marketplace.advances import ESCROW, advance_journals, net_of_escrow, note_advances, of_parts
from cauce.flows.marketplace.funds import open_funding
from cauce.gateway.collecting import Operation, RefundRequest
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.ledger.posting import post
from cauce.ledger.reading import spendable
from cauce.ledger.recipes.custody import FEE, Event, Holder, linked, withdrawable
from cauce.ledger.recipes.disputes import charged_back, dispute_cost
from cauce.ledger.recipes.refunds import refund_submitted
from cauce.ledger.rules import Item, Journal, require_posted
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.refunding import FUND_JOB
from cauce.marketplace.settlement.funding import FundingKind, NewFunding, advances_under_way, insert_approved
from cauce.storage import jobs
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import Job, NewJob
from cauce.storage.outbox import NewEvent, emit

REFUND = "orders.refund"
LOOK_AGAIN = timedelta(hours=1)
"""How long a refund waits for money before it is tried again; doubled with each try, up to a day."""

LOOKS_MAX = 33
"""So often it is looked at by itself: some thirty days, as long as parts that lack money are waited for."""


async def submit_refunds(
    context: Context, tx: Tx, ready: Sequence[tuple[Mapping[str, Any], Row]], before: Sequence[Item], *, at: datetime
) -> set[str]:
    """Post `before`, then T10 of each (refund, collection); send those that are covered. The ids of those that wait.

    `JournalRefused` only for what comes before: a refund that lacks money waits for it, and nothing is asked meanwhile.
    """
    items, places = list(before), []
    for refund, collection in ready:
        mine = submit_items(collection, refund, at)
        places.append((len(items), len(items) + len(mine)))
        items += mine
    results = await post(tx, items)
    require_posted(results[: len(before)])
    waiting: list[Mapping[str, Any]] = []
    instructions = []
    updates, moves, submitted = [], [], []
    for (refund, collection), (first, last) in zip(ready, places, strict=True):
        covered = all(result.code.stands for result in results[first:last])
        updates.append(_after(refund, at) if covered else (refund["id"], "funding", 0, None, refund["attempt_key"]))
        if covered:
            instructions += [] if is_made(refund) else [refund_instruction(collection, refund)]
            moves.append(left_escrow(collection, refund["taken"]))
            submitted.append((refund, collection))
        else:
            waiting.append(refund)
    if updates:
        await order_store.update_refunds(tx, updates)
    if moves:
        await order_store.move_escrow(tx, moves)
    await note_advances(tx, submitted, actor=context.actor.name, at=at)
    await open_instructions(tx, instructions, due_at=at)
    await _look_again(context, tx, waiting, at=at, tries=0)
    await _advance_owners(context, tx, [(one, row) for one, row in ready if one in waiting], at=at)
    return {refund["id"] for refund in waiting}


async def _look_again(
    context: Context, tx: Tx, waiting: Sequence[Mapping[str, Any]], *, at: datetime, tries: int
) -> None:
    """Another look later; after the last it is told, and a person tries the refund again or withdraws it."""
    if tries > LOOKS_MAX:
        events = [
            NewEvent("order_refund.needs_attention", one["id"], at, {"order": one["order_id"]}) for one in waiting
        ]
        await emit(tx, events, actor=context.actor.name)
        return
    due_at = at + min(LOOK_AGAIN * 2**tries, timedelta(days=1))
    await jobs.enqueue(tx, [look_at(one, due_at, tries) for one in waiting])


def look_at(refund: Mapping[str, Any], due_at: datetime, tries: int) -> NewJob:
    """The job that looks whether a refund's money is there; one that waits already is enough."""
    payload = {"refund": refund["id"], "order": refund["order_id"], "tries": tries}
    return NewJob(FUND_JOB, due_at, payload, key=refund["id"], dedupe=refund["id"])


async def fund_refund(context: Context, job: Job) -> None:
    """The job of a refund that lacks money: submit it if the money is there now, else look again later."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        await order_store.lock_orders(tx, [job.payload.get("order", "")])
        rows = [
            dict(row)
            for row in await order_store.lock_refunds(tx, [job.payload["refund"]])
            if row["state"] == "funding"
        ]
        if not rows:
            return
        (collection,) = await order_store.lock_collections(tx, [rows[0]["collection_id"]])
        items = submit_items(collection, rows[0], now)
        covered = all(result.code.stands for result in await post(tx, items))
        if not covered:
            await _look_again(context, tx, rows, at=now, tries=int(job.payload["tries"]) + 1)
            await _advance_owners(context, tx, [(rows[0], collection)], at=now)
            return
        await note_advances(tx, [(rows[0], collection)], actor=context.actor.name, at=now)
        await order_store.update_refunds(tx, [_after(rows[0], now)])
        await order_store.move_escrow(tx, [left_escrow(collection, rows[0]["taken"])])
        if not is_made(rows[0]):
            await open_instructions(tx, [refund_instruction(collection, rows[0])], due_at=now)


def is_made(refund: Mapping[str, Any]) -> bool:
    """Whether the provider made it by itself, for a dispute: it is asked for nothing."""
    return bool(refund["taken"].get("chargeback"))


def _after(refund: Mapping[str, Any], at: datetime) -> tuple[Any, ...]:
    state, ended = ("succeeded", at) if is_made(refund) else ("submitted", None)
    return (refund["id"], state, 0, ended, refund["attempt_key"])


def was_divided(taken: Mapping[str, Any], collection: Row) -> bool:
    """Whether the money was divided when the refund was asked for."""
    return bool(taken.get("divided", collection["released_minor"] > 0))


def not_come_back(parts: Mapping[str, int], reversals: Sequence[Row]) -> dict[int, int]:
    """What a refund takes of parts by position, less what reversals of it brought back."""
    left = {int(position): amount for position, amount in parts.items()}
    for row in reversals:
        if row["state"] == "applied":
            left[row["position"]] -= row["amount_minor"]
    return left


async def promised_escrow(tx: Tx, order_ids: Sequence[str]) -> dict[str, int]:
    """What refunds that wait for other money will take of the escrow of collections; those without any are left out."""
    found: dict[str, int] = {}
    for row in await order_store.funding_refunds(tx, order_ids):
        found[row["collection_id"]] = found.get(row["collection_id"], 0) + net_of_escrow(row["taken"])
    return found


def of_escrow(sources: Mapping[str, int]) -> int:
    """What a refund takes of its order's escrow."""
    return sum(amount for code, amount in sources.items() if code.startswith(ESCROW))


def left_escrow(row: Row, taken: Mapping[str, Any]) -> tuple[str, int, int, int, int]:
    """What the collection's escrow changes by when T10 is posted, and what counts as returned by parties."""
    return (row["id"], -net_of_escrow(taken), -of_parts(taken), 0, 0)


def submit_items(row: Row, refund: Mapping[str, Any], at: datetime) -> list[Item]:
    """T16 and T10: what the refund's attempt takes is out of reach, what is advanced for it among it; all of it or nothing."""
    key, holder = refund["attempt_key"], Holder(row["channel_id"], row["currency"])
    taken = refund_submitted(holder, Event(key, refund["order_id"], key, at), refund["taken"]["sources"])
    ahead, behind = advance_journals(holder, refund, at), list[Journal]()
    made = refund["taken"].get("chargeback")
    if made:  # the provider has taken it already
        event = Event(made["ref"], refund["order_id"], made["dispute_id"], at)
        behind.append(charged_back(holder, event, refund["amount_minor"]))
        if made["cost_minor"]:
            bearer = withdrawable(row["owner_id"]) if row["owner_id"] else FEE
            behind += dispute_cost(holder, event, {bearer: made["cost_minor"]})
    return list(linked(*ahead, *taken, *behind)) if ahead or behind else list(taken)


async def _advance_owners(
    context: Context, tx: Tx, waiting: Sequence[tuple[Mapping[str, Any], Row]], *, at: datetime
) -> None:
    """Where a collection has an owner whose rule lets the platform advance: what he lacks for refunds is asked of the channel."""
    mine = [(one, row) for one, row in waiting if row["owner_id"] and one["taken"].get("advances")]
    asked = await advances_under_way(tx, [one["id"] for one, _ in mine])
    mine = [(one, row) for one, row in mine if one["id"] not in asked]
    if not mine:
        return
    accounts = [Holder(row["channel_id"], row["currency"]).account(withdrawable(row["owner_id"])) for _, row in mine]
    left = {account: max(minor, 0) for account, minor in (await spendable(tx, sorted(set(accounts), key=str))).items()}
    by_approver: dict[str, list[NewFunding]] = {}
    for (refund, row), account in zip(mine, accounts, strict=True):
        wanted = sum(refund["taken"]["sources"].values())
        short = wanted - left[account]
        left[account] = max(-short, 0)  # what this refund takes is not there for the owner's next
        if short > 0:
            new = NewFunding(
                new_id("adv"), FundingKind.ADVANCE, row["channel_id"], row["currency"], short, row["owner_id"],
                refund["order_id"], refund["id"],
            )  # fmt: skip
            by_approver.setdefault(refund["taken"]["advances"], []).append(new)
    for approver, asks in by_approver.items():
        await insert_approved(tx, asks, actor=context.actor.name, approved_by=approver, at=at)
        await open_funding(tx, asks, at)


def refund_instruction(row: Row, refund: Mapping[str, Any]) -> NewInstruction:
    """What the channel of a collection is asked for a refund."""
    request = RefundRequest(
        key=refund["attempt_key"],
        collection_key=row["id"],
        collection_ref=row["ref"],
        amount=Money(refund["amount_minor"], row["currency"]),
        collected=Money(row["amount_minor"], row["currency"]),
        reason=refund["reason"] or "refund",
        merchant_ref=row["merchant_ref"],
        metadata={"cauce_refund": refund["id"], "cauce_order": row["order_id"]},
    )
    return NewInstruction(
        channel_id=row["channel_id"],
        purpose=REFUND,
        operation=Operation.REFUND,
        key=refund["attempt_key"],
        object_id=row["order_id"],
        request=request,
        parent_key=row["id"],
        merchant_ref=row["merchant_ref"],
    )
