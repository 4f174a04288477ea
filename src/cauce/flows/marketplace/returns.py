"""Parts of split money come back before their payer is refunded (T09), and what becomes of refunds (T11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cauce.channels import store as channel_store
from cauce.channels.service import NewInstruction
from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.flows.marketplace.funding import submit_refunds
from cauce.flows.marketplace.terms import Terms, terms_of
from cauce.gateway.collecting import Operation
from cauce.gateway.outcome import Declined, Done, Pending
from cauce.gateway.splitting import ReverseSplitRequest
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.ledger.recipes.custody import FEE, Event, Holder, escrow, withdrawable
from cauce.ledger.recipes.payouts import fee_put_back
from cauce.ledger.recipes.splits import split_reversed
from cauce.ledger.rules import Item
from cauce.marketplace.merchants.service import read_parties
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.splits import store as split_store
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

REVERSE = "splits.reverse"
_DONE_SPLIT = ("applied", "partially_applied", "partially_reversed")


async def reversals_of(
    tx: Tx, row: Row, parts: Sequence[Row], taken: Sequence[int], refund_id: str, terms: Terms
) -> tuple[list[tuple[Any, ...]], list[NewInstruction]]:
    """The reversals that a refund of split money needs first: rows to write and what the channel is asked.

    The order's own merchant needs none: the refund is taken from his balance. Nor does the platform where money is
    pooled: its part never left the platform's balance at the holder.
    """
    splits = [one for one in await split_store.splits_of(tx, [row["order_id"]]) if one["state"] in _DONE_SPLIT]
    named = [part["party"] for part in parts if part["party"] != FEE]
    parties = await read_parties(tx, row["channel_id"], named)
    rows, instructions = [], []
    for part, amount in zip(parts, taken, strict=True):
        stays = part["is_rest"] if terms.has_owner else part["party"] == FEE
        if not amount or stays or part["closed"]:
            continue
        split = _carried(splits, row, part)
        if split is None:  # it was never sent: its money is parked still
            continue
        reversal_id = new_id("rev")
        rows.append(
            (reversal_id, row["order_id"], row["id"], part["position"], split["id"], refund_id, part["party"], amount)
        )
        party = parties.get(part["party"])
        request = ReverseSplitRequest(
            key=reversal_id,
            split_key=split["id"],
            split_ref=split["ref"],
            part_ref=await _part_ref(tx, split["id"], part["position"]),
            merchant_ref=row["merchant_ref"],
            receiver_ref=party.ref if party else "",
            amount=Money(amount, row["currency"]),
            description="Refund",
        )
        instructions.append(
            NewInstruction(
                channel_id=row["channel_id"],
                purpose=REVERSE,
                operation=Operation.REVERSE_SPLIT,
                key=reversal_id,
                object_id=row["order_id"],
                request=request,
                parent_key=split["id"],
                merchant_ref=row["merchant_ref"],
            )
        )
    return rows, instructions


def _carried(splits: Sequence[Row], row: Row, part: Row) -> Row | None:
    """The split that brought a part to its party."""
    for one in splits:
        mine = one["collection_id"] == row["id"] and one["sent_minor"]
        if mine and one["first_position"] <= part["position"] <= one["last_position"]:
            return one
    return None


async def parked_positions(tx: Tx, row: Row, parts: Sequence[Row]) -> set[int]:
    """The parts of a pooled collection, divided in part only, that are parked still: their split was refused."""
    if not row["escrow_minor"] or not row["released_minor"]:
        return set()
    splits = [one for one in await split_store.splits_of(tx, [row["order_id"]]) if one["state"] in _DONE_SPLIT]
    fee_left = not any(one["fee_minor"] for one in splits if one["collection_id"] == row["id"])
    return {
        part["position"]
        for part in parts
        if (fee_left if part["party"] == FEE else _carried(splits, row, part) is None)
    }


async def _part_ref(tx: Tx, split_id: str, position: int) -> str:
    """The provider's own number of one part of a split, from its answer."""
    instruction = await channel_store.read_instruction(tx, split_id)
    value = ((instruction.outcome or {}).get("value") if instruction else None) or {}
    for part in value.get("parts", ()):
        if part.get("key") == f"{split_id}_{position}":
            return str(part.get("ref", ""))
    return ""


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
    items: list[Item] = []
    for row in rows:
        one, collection = by_key[row["id"]], collections[row["collection_id"]]
        refund = refunds[row["refund_id"]]
        refund["open_reversals"] -= 1
        if isinstance(one.outcome, Declined):
            refund["fails_now"] = refund["state"] == "reversing_splits"
            refund["state"] = "failed"
            refund["failure"] = one.outcome.message
            continue
        items += _back(row, collection, one, terms[collection["channel_id"]])
    await split_store.update_reversals(tx, [_reversal(row, by_key[row["id"]]) for row in rows])
    late = [
        row for row in rows if isinstance(by_key[row["id"]].outcome, Done) and _has_failed(refunds[row["refund_id"]])
    ]
    await _park(tx, [(collections[row["collection_id"]], row["amount_minor"]) for row in late], terms)
    await _after(context, tx, refunds, collections, terms, by_key[rows[0]["id"]], items)


def _has_failed(refund: dict[str, Any]) -> bool:
    return bool(refund["state"] == "failed" and not refund.get("fails_now"))


async def _park(tx: Tx, parts: Sequence[tuple[Row, int]], terms: dict[str, Terms]) -> None:
    """Parts that came back for a refund that failed are in the order's escrow again, where the holder pools."""
    pooled = [(row["id"], amount, -amount, 0, 0) for row, amount in parts if not terms[row["channel_id"]].has_owner]
    if pooled:
        await order_store.move_escrow(tx, pooled)


def _reversal(row: Row, one: Concluded) -> tuple[Any, ...]:
    if isinstance(one.outcome, Done):
        return (row["id"], "applied", one.outcome.value.ref, one.outcome.value.finished_at or one.at)
    return (row["id"], "failed", "", one.at)


def _back(row: Row, collection: Row, one: Concluded, terms: Terms) -> list[Item]:
    assert isinstance(one.outcome, Done)
    at = one.outcome.value.finished_at or one.at
    holder = Holder(collection["channel_id"], collection["currency"])
    event = Event(row["id"], row["order_id"], row["id"], at)
    to = withdrawable(collection["owner_id"]) if terms.has_owner else escrow(row["order_id"])
    if row["party"] != FEE:
        return list(split_reversed(holder, event, {withdrawable(row["party"]): row["amount_minor"]}, to))
    put_back = fee_put_back(holder, event, row["amount_minor"])
    return [put_back, *split_reversed(holder, event, {FEE: row["amount_minor"]}, to)]


async def _after(
    context: Context,
    tx: Tx,
    refunds: dict[str, dict[str, Any]],
    collections: dict[str, Row],
    terms: dict[str, Terms],
    one: Concluded,
    items: list[Item],
) -> None:
    """Refunds whose parts are all back are sent; one that lacks a part has failed."""
    ready, updates, events, moves, kept = [], [], [], [], []
    back: dict[str, int] = {}
    for refund in refunds.values():
        collection = collections[refund["collection_id"]]
        state = refund["state"]
        if state == "reversing_splits" and refund["open_reversals"] == 0:
            ready.append((refund, collection))
            continue
        finished = one.at if state == "failed" else None
        if refund.get("fails_now"):
            moves.append((collection["id"], 0, 0, -refund["amount_minor"], -refund["fee_expected_minor"]))
            back[refund["order_id"]] = back.get(refund["order_id"], 0) - refund["amount_minor"]
            states = await split_store.reversals_of_refund(tx, refund["id"])
            parts = {int(position): amount for position, amount in refund["taken"]["parts"].items()}
            kept += [
                (collection["id"], position, -amount)  # what did not come back is not taken
                for position, amount in parts.items()
                if states.get(position) not in ("applied", "submitted")
            ]
            came = [(collection, amount) for position, amount in parts.items() if states.get(position) == "applied"]
            await _park(tx, came, terms)
            data = {"order": refund["order_id"], "message": refund.get("failure", "")}
            events.append(NewEvent("order_refund.failed", refund["id"], one.at, data))
        updates.append((refund["id"], state, refund["open_reversals"], finished, refund["attempt_key"]))
    if updates:
        await order_store.update_refunds(tx, updates)
    if moves:
        await order_store.move_escrow(tx, moves)
        await order_store.orders_refunded(tx, back)
        await split_store.add_reversed(tx, kept)
    await emit(tx, events, actor=context.actor.name)
    await submit_refunds(context, tx, ready, items, at=one.at)
