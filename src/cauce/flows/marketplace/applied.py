"""What becomes of splits: parts that reached their parties (T06), the platform's own (T21, T14), refused ones, finished orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from cauce.channels.service import open_instructions
from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.flows.marketplace.recoveries import Division, recover_advances
from cauce.flows.marketplace.resend import refused_again
from cauce.flows.marketplace.split_requests import end_instruction
from cauce.flows.marketplace.terms import Terms, terms_of
from cauce.gateway.classes import WINDOW, Handling, handling_of
from cauce.gateway.outcome import Declined, Done, Pending, Refusal
from cauce.gateway.splitting import PartState, SplitRequest, SplitResult
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import Event, Holder, external, withdrawable
from cauce.ledger.recipes.payouts import fee_swept
from cauce.ledger.recipes.splits import split_applied
from cauce.ledger.rules import Item, require_posted
from cauce.marketplace.merchants.rules import Party
from cauce.marketplace.merchants.service import read_parties
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.settlement.service import Credit, note_credits
from cauce.marketplace.splits import store as split_store
from cauce.marketplace.splits.rules.schema import FEE
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

OPEN_SPLIT = ("submitted", "processing", "unknown")
PASSING = frozenset({Handling.FAIL_OR_WAIT, Handling.NEXT_WINDOW})
"""Refusals that pass by themselves: released again in the channel's next window."""


@dataclass(slots=True)
class _Work:
    """What one list of outcomes writes."""

    splits: list[tuple[Any, ...]] = field(default_factory=list)
    closed: list[tuple[str, int]] = field(default_factory=list)
    escrow: list[tuple[Any, ...]] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    credits: dict[Credit, datetime] = field(default_factory=dict)
    gained: dict[Credit, int] = field(default_factory=dict)
    brought: list[Division] = field(default_factory=list)
    at: dict[str, datetime] = field(default_factory=dict)
    again: dict[str, datetime | None] = field(default_factory=dict)
    refused_again: list[Row] = field(default_factory=list)
    ended: dict[str, datetime] = field(default_factory=dict)


async def conclude_splits(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """Give answers about splits and finished orders their effect, all at once."""
    by_key = {one.key: one for one in concluded}
    rows = [row for row in await split_store.lock_splits(tx, list(by_key)) if row["state"] in OPEN_SPLIT]
    if not rows:
        return
    terms = await terms_of(context.runtime, context.org_id, {row["channel_id"] for row in rows})
    allocations = await split_store.allocations_of(tx, [row["collection_id"] for row in rows])
    parties = await _parties(tx, rows, allocations)
    work = _Work()
    for row in rows:
        one = by_key[row["id"]]
        if isinstance(one.outcome, Done):
            parts = {part["position"]: part for part in allocations.get(row["collection_id"], ())}
            _apply(row, one, parts, parties[row["channel_id"]], terms[row["channel_id"]], work)
        elif isinstance(one.outcome, Declined):
            _refuse(row, one, one.outcome, work)
        elif isinstance(one.outcome, Pending):
            work.splits.append((row["id"], "processing", one.outcome.value.ref, None))
    await _write(context, tx, work)


async def _parties(
    tx: Tx, rows: Sequence[Row], allocations: Mapping[str, Sequence[Row]]
) -> dict[str, dict[str, Party]]:
    found = {}
    for channel_id in sorted({row["channel_id"] for row in rows}):
        mine = [row["collection_id"] for row in rows if row["channel_id"] == channel_id]
        named = {part["party"] for key in mine for part in allocations.get(key, ())} - {FEE}
        found[channel_id] = await read_parties(tx, channel_id, sorted(named))
    return found


def _apply(
    row: Row, one: Concluded, parts: Mapping[int, Row], parties: Mapping[str, Party], terms: Terms, work: _Work
) -> None:
    assert isinstance(one.outcome, Done)
    at = one.outcome.value.finished_at or one.at
    result = _outcome_by_position(one)
    applied, closed = result.applied, result.closed
    work.ended[row["order_id"]] = max(at, work.ended.get(row["order_id"], at))
    if row["resends"] and closed:
        _refuse(row, one, Declined("closed", Refusal.DECLINED, "the channel does not bring the part"), work)
        return
    holder = Holder(row["channel_id"], row["currency"])
    by_party: dict[str, int] = {}
    for position, amount in applied.items():
        party = parts[position]["party"]
        by_party[party] = by_party.get(party, 0) + amount
    fee_sent = by_party.pop(FEE, 0)
    amounts: dict[str, int] = {FEE: row["fee_minor"] + fee_sent} if row["fee_minor"] or fee_sent else {}
    for party, amount in by_party.items():
        if party in parties and not parties[party].shows_balance:
            amounts[external(party)] = amount
        else:
            amounts[withdrawable(party)] = amount
            _credit(work, holder, party, amount, at)
    if by_party:
        work.brought.append(Division(row, parts, one.outcome.value.ref, applied, result.refs))
    to_owner = row["owner_minor"] + sum(closed.values()) if row["owner_id"] else 0
    if to_owner:
        code = withdrawable(row["owner_id"])
        amounts[code] = amounts.get(code, 0) + to_owner
        _credit(work, holder, row["owner_id"], to_owner, at)
    moved = sum(amounts.values())
    event = Event(row["id"], row["order_id"], row["id"], at)
    if moved:
        work.items += split_applied(holder, event, row["order_id"], amounts)
    if fee_sent and terms.has_owner:  # it arrived in the platform's own account at the provider
        work.items.append(fee_swept(holder, event, fee_sent))
    state = "applied" if not closed else "partially_applied" if applied else "failed"
    work.splits.append((row["id"], state, one.outcome.value.ref, at))
    work.closed += [(row["collection_id"], position) for position in closed]
    work.escrow.append((row["collection_id"], -moved, moved, 0, 0))
    work.at[row["order_id"]] = max(at, work.at.get(row["order_id"], at))
    work.events.append(NewEvent(f"split.{state}", row["id"], at, {"order": row["order_id"], "amount": moved}))


class _Positions(NamedTuple):
    """By position: minor units that reached the party, minor units that the provider refused, the provider's numbers."""

    applied: dict[int, int]
    closed: dict[int, int]
    refs: dict[int, str]


def _outcome_by_position(one: Concluded) -> _Positions:
    """What became of each part; a finish has none."""
    found = _Positions({}, {}, {})
    if not isinstance(one.request, SplitRequest):
        return found
    assert isinstance(one.outcome, Done)
    result: SplitResult = one.outcome.value
    results = {part.key: part for part in result.parts}
    for part in one.request.parts:
        position = int(part.key.rpartition("_")[2])
        answered = results.get(part.key)
        into = found.closed if answered is not None and answered.state is PartState.CLOSED else found.applied
        into[position] = part.amount_minor
        found.refs[position] = answered.ref if answered is not None else ""
    return found


def _credit(work: _Work, holder: Holder, merchant_id: str, amount: int, at: datetime) -> None:
    """A merchant's withdrawable money grew."""
    credit = Credit(merchant_id, holder.channel_id, holder.currency)
    known = work.credits.get(credit)
    if known is None or at > known:
        work.credits[credit] = at
    work.gained[credit] = work.gained.get(credit, 0) + amount


def _refuse(row: Row, one: Concluded, outcome: Declined, work: _Work) -> None:
    work.splits.append((row["id"], "failed", "", None))
    work.ended[row["order_id"]] = max(one.at, work.ended.get(row["order_id"], one.at))
    if row["resends"]:  # the order was divided before: the part alone waits
        work.refused_again.append(row)
    else:
        work.again[row["order_id"]] = one.at + WINDOW if handling_of(outcome) in PASSING else None
    data = {"order": row["order_id"], "code": outcome.code, "message": outcome.message}
    work.events.append(NewEvent("split.failed", row["id"], one.at, data))


async def _write(context: Context, tx: Tx, work: _Work) -> None:
    await split_store.update_splits(tx, work.splits)
    if work.closed:
        await split_store.close_parts(tx, work.closed)
    if work.escrow:
        await order_store.move_escrow(tx, work.escrow)
    if work.refused_again:
        await refused_again(tx, work.refused_again, at=max(work.ended.values()))
    await _go_on(tx, work)
    await note_credits(tx, work.credits)
    if work.gained:
        work.items += await recover_advances(context, tx, work.gained, work.brought, at=max(work.at.values()))
    await emit(tx, work.events, actor=context.actor.name)
    require_posted(await post(tx, work.items))


async def _go_on(tx: Tx, work: _Work) -> None:
    """Orders of which nothing is left but parts that wait alone (or are kept for later) are released; those whose split
    failed wait for another try.

    The end of an order that waited for its splits is asked for once they have all been applied.
    """
    order_ids = sorted(work.ended)
    orders = [row for row in await order_store.lock_orders(tx, order_ids) if row["state"] == "releasing"]
    ids = [row["id"] for row in orders]
    await _end_orders(tx, {row["id"]: row for row in orders}, work)
    still_open = await split_store.open_splits(tx, ids)
    left = await order_store.escrow_left(tx, ids)
    waiting = await split_store.waiting_of_orders(tx, ids)
    steps: list[tuple[Any, ...]] = []
    for order_id in ids:
        if order_id in still_open:
            continue
        if left[order_id]["escrow_minor"] == waiting.get(order_id, 0):
            at = work.at.get(order_id, work.ended[order_id])
            steps.append((order_id, "released", None, None, None, None, at))
            work.events.append(NewEvent("order.released", order_id, at, {}))
        elif order_id in work.again:
            due_at = work.again[order_id]
            steps.append((order_id, "paid", "release" if due_at else None, due_at, None, None, None))
    if steps:
        await order_store.orders_step(tx, steps)
        await split_store.restore_amounts(tx, [step[0] for step in steps if step[1] == "paid"])


async def _end_orders(tx: Tx, orders: Mapping[str, Row], work: _Work) -> None:
    """Finishes that wait for other splits of their collection: sent when none is open, dropped when one was refused."""
    splits = await split_store.splits_of(tx, list(orders))
    busy = {row["collection_id"] for row in splits if row["state"] in OPEN_SPLIT}
    ready = [row for row in splits if row["state"] == "planned" and row["collection_id"] not in busy]
    dropped = [row["id"] for row in ready if row["order_id"] in work.again]
    await split_store.update_splits(tx, [(split_id, "failed", "", None) for split_id in dropped])
    sent = [row for row in ready if row["id"] not in dropped]
    if not sent:
        return
    collections = {
        row["id"]: row for row in await order_store.lock_collections(tx, [row["collection_id"] for row in sent])
    }
    await split_store.submit_planned(
        tx, [(row["id"], collections[row["collection_id"]]["escrow_minor"]) for row in sent]
    )
    for row in sent:
        order, collection = orders[row["order_id"]], collections[row["collection_id"]]
        finish = end_instruction(order, collection, row["id"])
        await open_instructions(tx, [finish], due_at=work.at[row["order_id"]])
