"""Parts of split money come back before their payer is refunded (T09); a refund that lacks one of them has failed.

After that everything is as if it had not been asked for. Where the holder pools money, what came back is in the order's
escrow from that moment and is sent to its party again, also when it comes back late. Where each collection has an owner
it lies with the order's own merchant and stays there: the part counts as returned by its party, and the refunds that
follow are taken from the merchant's balance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.flows.marketplace.advances import repaid_again
from cauce.flows.marketplace.funding import not_come_back, submit_refunds
from cauce.flows.marketplace.resend import Moved, parts_again, send_again
from cauce.flows.marketplace.terms import Terms, terms_of
from cauce.gateway.outcome import Declined, Done, Pending, Refusal
from cauce.ledger.recipes.custody import FEE, Event, Holder, escrow, withdrawable
from cauce.ledger.recipes.payouts import fee_put_back
from cauce.ledger.recipes.splits import split_reversed
from cauce.ledger.rules import Item
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.splits import store as split_store
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit


@dataclass(slots=True)
class _Work:
    """What one list of answers writes."""

    items: list[Item] = field(default_factory=list)
    moves: list[tuple[Any, ...]] = field(default_factory=list)
    given: Moved = field(default_factory=list)
    parked: Moved = field(default_factory=list)
    updates: list[tuple[Any, ...]] = field(default_factory=list)
    orders: dict[str, int] = field(default_factory=dict)
    events: list[NewEvent] = field(default_factory=list)
    ready: list[tuple[dict[str, Any], Row]] = field(default_factory=list)
    recovered: Moved = field(default_factory=list)
    replanned: dict[str, dict[str, Any]] = field(default_factory=dict)


async def conclude_reversals(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """Give answers about reversals their effect: T09, and the refund is sent once all of its parts are back."""
    by_key = {one.key: one for one in concluded if not isinstance(one.outcome, Pending)}
    rows = [row for row in await split_store.lock_reversals(tx, list(by_key)) if row["state"] == "submitted"]
    if not rows:
        return
    refunds = {row["id"]: dict(row) for row in await order_store.lock_refunds(tx, [row["refund_id"] for row in rows])}
    collections = {
        row["id"]: row for row in await order_store.lock_collections(tx, sorted({row["collection_id"] for row in rows}))
    }
    terms = await terms_of(context.runtime, context.org_id, {row["channel_id"] for row in collections.values()})
    work, at = _Work(), by_key[rows[0]["id"]].at
    for row in rows:
        one, collection = by_key[row["id"]], collections[row["collection_id"]]
        refund = refunds[row["refund_id"]]
        refund["open_reversals"] -= 1
        if isinstance(one.outcome, Declined):
            if refund["state"] == "reversing_splits" and collection["owner_id"] and refund["taken"].get("chargeback"):
                _owner_bears(row, refund, work)
                continue
            if refund["state"] == "reversing_splits" and _is_advanced(refund, collection, one.outcome):
                refund["taken"].setdefault("advanced", []).append(
                    (row["party"], row["position"], row["amount_minor"], False)
                )
                work.replanned[refund["id"]] = refund
                continue
            refund.setdefault("failure", one.outcome.message)
        else:
            _came_back(row, collection, one, terms[collection["channel_id"]], work)
    await split_store.update_reversals(tx, [_reversal(row, by_key[row["id"]]) for row in rows])
    reversals = await split_store.reversals_of_refunds(tx, list(refunds))
    fresh = {row["id"] for row in rows}
    for refund in refunds.values():
        collection = collections[refund["collection_id"]]
        pooled = not terms[collection["channel_id"]].has_owner
        _decide(refund, collection, reversals[refund["id"]], fresh, at, work, pooled=pooled)
    await _write(context, tx, work, at)


def _is_advanced(refund: Mapping[str, Any], collection: Row, outcome: Declined) -> bool:
    """Whether the platform advances what a party has no more, by the order's rule, where money is pooled."""
    is_short = outcome.refusal is Refusal.INSUFFICIENT_FUNDS or refund["taken"].get("chargeback")
    return bool(refund["taken"].get("advances") and not collection["owner_id"] and is_short)


def _owner_bears(row: Row, refund: dict[str, Any], work: _Work) -> None:
    """What the payer's bank took is gone; a part that its party does not return is borne by the collection's owner."""
    refund["taken"]["parts"][str(row["position"])] -= row["amount_minor"]
    work.given.append((row["collection_id"], row["position"], -row["amount_minor"]))
    work.replanned[refund["id"]] = refund


def _reversal(row: Row, one: Concluded) -> tuple[Any, ...]:
    if isinstance(one.outcome, Done):
        return (row["id"], "applied", one.outcome.value.ref, one.outcome.value.finished_at or one.at)
    return (row["id"], "failed", "", one.at)


def _came_back(row: Row, collection: Row, one: Concluded, terms: Terms, work: _Work) -> None:
    """T09: a part is in the order's escrow, or with the order's own merchant."""
    assert isinstance(one.outcome, Done)
    at = one.outcome.value.finished_at or one.at
    amount = row["amount_minor"]
    holder = Holder(collection["channel_id"], collection["currency"])
    event = Event(row["id"], row["order_id"], row["id"], at)
    to = withdrawable(collection["owner_id"]) if terms.has_owner else escrow(row["order_id"])
    if row["party"] == FEE:
        work.items.append(fee_put_back(holder, event, amount))
    taken = {FEE if row["party"] == FEE else withdrawable(row["party"]): amount}
    work.items += split_reversed(holder, event, taken, to)
    if not terms.has_owner:
        work.moves.append((collection["id"], amount, -amount, 0, 0))
    data = {"order": row["order_id"], "party": row["party"], "amount": amount, "currency": collection["currency"]}
    work.events.append(NewEvent("split.reversed", row["split_id"], at, data))


def _decide(
    refund: dict[str, Any],
    collection: Row,
    reversals: Sequence[Row],
    fresh: set[str],
    at: datetime,
    work: _Work,
    *,
    pooled: bool,
) -> None:
    """What a refund becomes whose reversals were answered: sent, failed, or it goes on waiting."""
    waited = refund["state"] == "reversing_splits"
    if waited and "failure" in refund:
        _fail(refund, collection, reversals, at, work, pooled=pooled)
    elif waited and refund["open_reversals"] == 0:
        work.ready.append((refund, collection))
        return
    elif not waited:  # it had failed before these answers came
        _come_late(collection, [row for row in reversals if row["id"] in fresh], work, pooled=pooled)
    finished = at if refund["state"] == "failed" else None
    work.updates.append((refund["id"], refund["state"], refund["open_reversals"], finished, refund["attempt_key"]))


def _fail(
    refund: dict[str, Any], collection: Row, reversals: Sequence[Row], at: datetime, work: _Work, *, pooled: bool
) -> None:
    """The refund fails now; of reversals without an answer nothing is known yet, so their parts are taken still."""
    refund["state"] = "failed"
    work.moves.append((collection["id"], 0, 0, -refund["amount_minor"], -refund["fee_expected_minor"]))
    work.orders[refund["order_id"]] = work.orders.get(refund["order_id"], 0) - refund["amount_minor"]
    left = not_come_back(refund["taken"]["parts"], reversals)
    for row in reversals:
        if row["state"] == "submitted":
            left[row["position"]] -= row["amount_minor"]
    work.given += [(collection["id"], position, -amount) for position, amount in left.items()]
    work.recovered += repaid_again(refund["taken"], collection["id"])
    if pooled:
        _park(collection, refund["taken"].get("parked", {}), reversals, work)
    data = {"order": refund["order_id"], "message": refund["failure"]}
    work.events.append(NewEvent("order_refund.failed", refund["id"], at, data))


def _come_late(collection: Row, reversals: Sequence[Row], work: _Work, *, pooled: bool) -> None:
    """Answers after the refund had failed: what did not come back is its party's, and so is what did, where money is pooled."""
    refused = [row for row in reversals if row["state"] == "failed"]
    work.given += [(collection["id"], row["position"], -row["amount_minor"]) for row in refused]
    if pooled:
        _park(collection, {}, reversals, work)


def _park(collection: Row, parked: Mapping[str, int], reversals: Sequence[Row], work: _Work) -> None:
    given, lies = parts_again(parked, collection["id"], reversals)
    work.given += given
    work.parked += lies


async def _write(context: Context, tx: Tx, work: _Work, at: datetime) -> None:
    if work.updates:
        await order_store.update_refunds(tx, work.updates)
    if work.replanned:
        replanned = [(key, row["taken"], row["fee_expected_minor"]) for key, row in work.replanned.items()]
        await order_store.replan_refunds(tx, replanned)
    if work.moves:
        await order_store.move_escrow(tx, work.moves)
    if work.recovered:
        await split_store.add_recovered(tx, work.recovered)
    if work.orders:
        await order_store.orders_refunded(tx, work.orders)
    if work.given:
        await split_store.add_reversed(tx, work.given)
    if work.parked:
        await split_store.add_parked(tx, work.parked)
    await emit(tx, work.events, actor=context.actor.name)
    await submit_refunds(context, tx, work.ready, work.items, at=at)
    if work.parked:
        await send_again(context, tx, [row[0] for row in work.parked], at=at)
