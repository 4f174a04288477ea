"""What becomes of refunds at the channel: T11 and the fee that came back, or everything returned to where it was taken.

A provider rounds its fee in its own way and executes refunds of one payment in its own order. A fee that differs from what
was expected is made good by another open refund of the same payment, if there is one, and by the refund's source if not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.flows.marketplace.advances import repaid_again, undo_advances
from cauce.flows.marketplace.funding import not_come_back, of_escrow, was_divided
from cauce.flows.marketplace.resend import parts_again, send_again
from cauce.flows.marketplace.subsidies import return_jobs
from cauce.flows.marketplace.terms import Terms, terms_of
from cauce.gateway.classes import TRIES_MAX, WINDOW, waits_for_window
from cauce.gateway.outcome import Declined, Done, Pending
from cauce.ledger.posting import post
from cauce.ledger.recipes.collections import fee_given_back
from cauce.ledger.recipes.custody import REFUNDS, Event, Holder, escrow, withdrawable
from cauce.ledger.recipes.refunds import refund_failed, refund_paid, refund_submitted, refunded_to_balance
from cauce.ledger.rules import Item, require_posted
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.subsidised import standing
from cauce.marketplace.settlement.funding import advances_of, end_advances
from cauce.marketplace.splits import store as split_store
from cauce.storage import jobs
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import NewJob
from cauce.storage.outbox import NewEvent, emit

NEXT_WINDOW_JOB = "refund.next_window"
"""The job of a refund that met a limit of the channel, or its closed window."""

_TOLD = {"failed": "order_refund.failed", "canceled": "order_refund.canceled"}
OPEN_REFUND = ("submitted", "processing", "unknown")


@dataclass(frozen=True, slots=True)
class CameBack:
    """What was got for a refund from elsewhere: reversals of parts, and advances that stand."""

    reversals: Sequence[Row]
    advanced: Sequence[Row] = ()


@dataclass(slots=True)
class RefundWork:
    """What outcomes of refunds write."""

    refunds: list[tuple[Any, ...]] = field(default_factory=list)
    moves: list[tuple[Any, ...]] = field(default_factory=list)
    replanned: dict[str, dict[str, Any]] = field(default_factory=dict)
    reversed: list[tuple[str, int, int]] = field(default_factory=list)
    parked: list[tuple[str, int, int]] = field(default_factory=list)
    orders: dict[str, int] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    recovered: list[tuple[str, int, int]] = field(default_factory=list)
    closed_advances: list[tuple[str, int]] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)


async def conclude_refunds(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """Give answers about refunds their effect, all at once."""
    by_key = {one.key: one for one in concluded}
    unfinished = [dict(row) for row in await order_store.lock_open_refunds(tx, list(by_key))]
    others: dict[str, dict[str, dict[str, Any]]] = {}
    for row in unfinished:
        others.setdefault(row["collection_id"], {})[row["id"]] = row
    rows = [row for row in unfinished if row["state"] in OPEN_REFUND and row["attempt_key"] in by_key]
    collections = {
        row["id"]: row for row in await order_store.lock_collections(tx, sorted({row["collection_id"] for row in rows}))
    }
    back = await split_store.reversals_of_refunds(tx, [row["id"] for row in rows])
    failed = [row["id"] for row in rows if isinstance(by_key[row["attempt_key"]].outcome, Declined)]
    advanced = await advances_of(tx, failed) if failed else {}
    terms = await terms_of(context.runtime, context.org_id, {row["channel_id"] for row in collections.values()})
    work = RefundWork()
    for row in rows:
        one, collection = by_key[row["attempt_key"]], collections[row["collection_id"]]
        if isinstance(one.outcome, (Done, Declined)):
            del others[collection["id"]][row["id"]]
        if isinstance(one.outcome, Done):
            _succeeded(row, list(others[collection["id"]].values()), collection, one, work)
        elif isinstance(one.outcome, Declined):
            came_back = CameBack(back.get(row["id"], ()), advanced.get(row["id"], ()))
            _failed(row, collection, one, one.outcome, came_back, terms[collection["channel_id"]], work)
        elif isinstance(one.outcome, Pending):
            work.refunds.append((row["id"], "processing", 0, None, row["attempt_key"]))
    await write_refunds(context, tx, work)
    ended = [row["order_id"] for row in rows if isinstance(by_key[row["attempt_key"]].outcome, Done)]
    subsidised = {row["order_id"] for row in collections.values() if standing(row)}
    await jobs.enqueue(tx, return_jobs(sorted(subsidised.intersection(ended)), await context.now(tx)))
    await jobs.enqueue(tx, [_next_window(row, by_key[row["attempt_key"]]) for row in rows if _waits(row, by_key)])


def _waits(row: Mapping[str, Any], by_key: Mapping[str, Concluded]) -> bool:
    """Whether a refused refund is tried again in the channel's next window, by itself as often as anything is tried."""
    one = by_key[row["attempt_key"]]
    return waits_for_window(one.outcome) and one.at < row["created_at"] + TRIES_MAX * WINDOW


def _next_window(row: Mapping[str, Any], one: Concluded) -> NewJob:
    payload = {"refund": row["id"], "order": row["order_id"], "attempt": row["attempt_key"]}
    return NewJob(NEXT_WINDOW_JOB, one.at + WINDOW, payload, dedupe=row["attempt_key"])


async def write_refunds(context: Context, tx: Tx, work: RefundWork) -> None:
    """Write what became of refunds, post it, and send again what came back in vain."""
    if work.refunds:
        await order_store.update_refunds(tx, work.refunds)
    if work.replanned:
        replanned = [(refund_id, row["taken"], row["fee_expected_minor"]) for refund_id, row in work.replanned.items()]
        await order_store.replan_refunds(tx, replanned)
    if work.moves:
        await order_store.move_escrow(tx, work.moves)
    if work.reversed:
        await split_store.add_reversed(tx, work.reversed)
    if work.orders:
        await order_store.orders_refunded(tx, work.orders)
    if work.parked:
        await split_store.add_parked(tx, work.parked)
    if work.recovered:
        await split_store.add_recovered(tx, work.recovered)
    if work.closed_advances:
        await end_advances(tx, work.closed_advances)
    await emit(tx, work.events, actor=context.actor.name)
    require_posted(await post(tx, work.items))
    if work.parked:
        await send_again(context, tx, [row[0] for row in work.parked], at=await context.now(tx))


def _succeeded(
    row: Mapping[str, Any], others: Sequence[dict[str, Any]], collection: Row, one: Concluded, work: RefundWork
) -> None:
    assert isinstance(one.outcome, Done)
    value = one.outcome.value
    at = value.finished_at or one.at
    holder = Holder(collection["channel_id"], collection["currency"])
    event = Event(row["attempt_key"], row["order_id"], row["attempt_key"], at)
    more = value.fee_returned_minor - row["fee_expected_minor"]
    if more:
        _fee_differs(row, others, more, holder, at, work)
    if value.fee_returned_minor:
        back = Event(f"back:{row['attempt_key']}", row["order_id"], row["attempt_key"], at)
        work.items.append(fee_given_back(holder, back, value.fee_returned_minor))
    if collection["payer_id"]:  # it was paid from a member's balance and goes back there (T25)
        payer = withdrawable(collection["payer_id"])
        work.items += refunded_to_balance(holder, event, {REFUNDS: row["amount_minor"]}, payer)
    else:
        work.items.append(refund_paid(holder, event, row["amount_minor"]))
    work.refunds.append((row["id"], "succeeded", 0, at, row["attempt_key"]))
    data = {"order": row["order_id"], "amount": row["amount_minor"], "currency": collection["currency"]}
    work.events.append(NewEvent("order_refund.succeeded", row["id"], at, data))


def _fee_differs(
    row: Mapping[str, Any], others: Sequence[dict[str, Any]], more: int, holder: Holder, at: datetime, work: RefundWork
) -> None:
    """The fee that came back is `more` than expected (negative: less)."""
    source = main_source(row["taken"]["sources"])
    other = next((one for one in others if _makes_good(one, source, more)), None)
    if other is not None:
        other["fee_expected_minor"] -= more
        other["taken"]["sources"][source] += more
        work.replanned[other["id"]] = other
        if other["state"] in OPEN_REFUND:  # what it took lies beside what this one took
            return
    from_escrow = source == escrow(row["order_id"])
    work.moves.append((row["collection_id"], more if from_escrow else 0, 0, 0, 0 if other else more))
    taken, given = ({source: -more}, {REFUNDS: -more}) if more < 0 else ({REFUNDS: more}, {source: more})
    difference = Event(f"difference:{row['attempt_key']}", row["order_id"], row["attempt_key"], at)
    work.items += refund_submitted(holder, difference, _signed(taken, given))


def _makes_good(other: Mapping[str, Any], source: str, more: int) -> bool:
    """Whether another refund's fee may be expected to differ by as much the other way."""
    return bool(other["fee_expected_minor"] >= more and other["taken"]["sources"].get(source, 0) > -more)


def _signed(taken: Mapping[str, int], given: Mapping[str, int]) -> dict[str, int]:
    """What leaves (or, negative, comes back to) the sources of a refund."""
    return {code: amount for code, amount in taken.items() if code != REFUNDS} | {
        code: -amount for code, amount in given.items() if code != REFUNDS
    }


def main_source(sources: Mapping[str, int]) -> str:
    """The account that the provider's rounding of its fee is charged to."""
    return max(sources, key=lambda code: sources[code])


def _failed(
    row: Mapping[str, Any],
    collection: Row,
    one: Concluded,
    outcome: Declined,
    came_back: CameBack,
    terms: Terms,
    work: RefundWork,
) -> None:
    """T11 failed: what was taken goes back to where it came from."""
    data = {"order": row["order_id"], "code": outcome.code, "message": outcome.message}
    give_back(row, collection, row["taken"]["sources"], row["fee_expected_minor"], came_back, terms, one.at, data, work)


def give_back(
    row: Row | Mapping[str, Any], collection: Row, sources: Mapping[str, int], fee_minor: int, came_back: CameBack, terms: Terms,
    at: datetime, data: dict[str, Any], work: RefundWork, *, state: str = "failed",
) -> None:  # fmt: skip
    """T11 failed, or never sent (`canceled`). Where money is pooled the parts that came back are parked, to be sent again;
    an owner keeps them. What the platform advanced for it is its own again. What waits for money has taken none (`funding`).
    """
    if row["state"] == "funding":
        work.moves.append((collection["id"], 0, 0, -row["amount_minor"], -fee_minor))
    else:
        holder = Holder(collection["channel_id"], collection["currency"])
        event = Event(f"failed:{row['attempt_key']}", row["order_id"], row["attempt_key"], at)
        undone = undo_advances(came_back.advanced, collection, at)
        work.items += [*refund_failed(holder, event, sources), *undone.items]
        work.closed_advances += undone.closed
        escrow_minor = of_escrow(sources) - undone.escrow_minor
        work.moves.append((collection["id"], escrow_minor, undone.released_minor, -row["amount_minor"], -fee_minor))
        work.parked += undone.parked
    work.recovered += repaid_again(row["taken"], collection["id"])
    work.orders[row["order_id"]] = work.orders.get(row["order_id"], 0) - row["amount_minor"]
    left = not_come_back(row["taken"]["parts"], came_back.reversals)
    work.reversed += [(collection["id"], position, -amount) for position, amount in left.items()]
    if was_divided(row["taken"], collection) and not terms.has_owner:
        given, parked = parts_again(row["taken"].get("parked", {}), collection["id"], came_back.reversals)
        work.reversed += given
        work.parked += parked
    work.refunds.append((row["id"], state, 0, at, row["attempt_key"]))
    work.events.append(NewEvent(_TOLD[state], row["id"], at, data))
