"""Parts that came back for a refund that failed are sent to their parties again, where the holder pools money.

Each goes by a split of its own, at once; one that the channel refuses lies parked in its order's escrow, is told of
(`split.failed`) and tried again every day. Where each collection has an owner nothing is sent again: what came back
lies with the order's own merchant, and the part counts as returned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.context import Context
from cauce.flows.marketplace.split_requests import split_instruction
from cauce.flows.marketplace.terms import Terms, terms_of
from cauce.kernel.ids import new_id
from cauce.marketplace.merchants.rules import MerchantNotPayable, Party
from cauce.marketplace.merchants.service import read_parties
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.splits import store as split_store
from cauce.marketplace.splits.planning import Part
from cauce.storage import jobs
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import Job, NewJob
from cauce.storage.outbox import NewEvent, emit

SEND_AGAIN_JOB = "split.send_again"
TRY_AGAIN = timedelta(days=1)

Moved = list[tuple[str, int, int]]
"""Amounts of parts: (collection, position, minor units)."""


def parts_again(parked: Mapping[str, int], collection_id: str, reversals: Sequence[Row]) -> tuple[Moved, Moved]:
    """Parts that came back in vain: by how much less they are returned, and what of them lies parked.

    `parked` is what the refund took of parts that lay parked before, by position; those lie parked again.
    """
    back = [(collection_id, row["position"], row["amount_minor"]) for row in reversals if row["state"] == "applied"]
    again = [(collection_id, int(position), amount) for position, amount in parked.items()]
    return [(key, position, -amount) for key, position, amount in back], [*back, *again]


@dataclass(slots=True)
class _Work:
    splits: list[tuple[Any, ...]] = field(default_factory=list)
    sent: Moved = field(default_factory=list)
    instructions: list[NewInstruction] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    waiting: set[tuple[str, str]] = field(default_factory=set)


async def send_again(context: Context, tx: Tx, collection_ids: Sequence[str], *, at: datetime) -> None:
    """Send what lies parked of parts of these collections to their parties; the caller has locked their orders."""
    parts = await split_store.parked(tx, sorted(set(collection_ids)))
    if not parts:
        return
    rows = await order_store.lock_collections(tx, sorted({part["collection_id"] for part in parts}))
    orders = {row["id"]: row for row in await order_store.lock_orders(tx, sorted({part["order_id"] for part in parts}))}
    collections = {row["id"]: row for row in rows}
    terms = await terms_of(context.runtime, context.org_id, {row["channel_id"] for row in rows})
    named = sorted({part["party"] for part in parts})
    parties = {channel_id: await read_parties(tx, channel_id, named) for channel_id in terms}
    work = _Work()
    for part in parts:
        row = collections[part["collection_id"]]
        channel_id = row["channel_id"]
        _one(part, orders[part["order_id"]], row, parties[channel_id], terms[channel_id], at, work)
    if work.splits:
        await split_store.insert_splits(tx, work.splits, at)
        await split_store.add_parked(tx, work.sent)
    await emit(tx, work.events, actor=context.actor.name)
    await open_instructions(tx, work.instructions, due_at=at)
    await _try_later(tx, work.waiting, at=at)


def _one(
    part: Row, order: Row, row: Row, parties: Mapping[str, Party], terms: Terms, at: datetime, work: _Work
) -> None:
    split_id, position, amount = new_id("spl"), part["position"], part["parked_minor"]
    chunk = [(position, Part(part["party"], amount))]
    try:
        asked = split_instruction(order, row, split_id, chunk, parties, terms, finish=False)
    except MerchantNotPayable as exc:
        work.waiting.add((order["id"], row["id"]))
        data = {"order": order["id"], "code": exc.code, "message": str(exc)}
        work.events.append(NewEvent("split.failed", split_id, at, data))
        return
    work.splits.append(
        (
            split_id, order["id"], row["id"], row["channel_id"], row["currency"], position, position, amount, 0, 0, False,
            row["owner_id"], "submitted", True,
        )
    )  # fmt: skip
    work.sent.append((row["id"], position, -amount))
    work.instructions.append(asked)
    work.events.append(NewEvent("split.submitted", split_id, at, {"order": order["id"]}))


async def refused_again(tx: Tx, rows: Sequence[Row], *, at: datetime) -> None:
    """The channel refused to bring parts to their parties again: they lie parked and are tried the next day."""
    await split_store.add_parked(tx, [(row["collection_id"], row["first_position"], row["sent_minor"]) for row in rows])
    await _try_later(tx, {(row["order_id"], row["collection_id"]) for row in rows}, at=at)


async def _try_later(tx: Tx, places: set[tuple[str, str]], *, at: datetime) -> None:
    """A job for each (order, collection); without a key, which would make the order's other work wait for it."""
    due_at = at + TRY_AGAIN
    await jobs.enqueue(
        tx,
        [
            NewJob(SEND_AGAIN_JOB, due_at, {"order": order_id, "collection": collection_id}, dedupe=collection_id)
            for order_id, collection_id in sorted(places)
        ],
    )


async def send_parts_again(context: Context, job: Job) -> None:
    """The job of parts that could not be sent: another try."""
    async with context.transaction() as tx:
        await order_store.lock_orders(tx, [job.payload["order"]])
        await send_again(context, tx, [job.payload["collection"]], at=await context.now(tx))
