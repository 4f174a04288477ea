"""What only a statement tells is posted from its line: releases at the end of a freeze, the provider's own settlements, returned payouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cauce.flows.context import Context
from cauce.flows.marketplace.returned import take_back
from cauce.flows.marketplace.sent_back import Returned
from cauce.flows.marketplace.unswept import put_back, sweeps
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import SUSPENSE, Event, Holder, withdrawable
from cauce.ledger.recipes.funding import unknown_credit
from cauce.ledger.recipes.payouts import payout_returned, settled_by_provider
from cauce.ledger.recipes.splits import released_at_freeze_end
from cauce.ledger.rules import Item, require_posted
from cauce.marketplace.merchants.service import merchants_by_ref
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.reconciliation import store
from cauce.marketplace.reconciliation.rules import STAND_INS
from cauce.marketplace.settlement import store as settlement_store
from cauce.marketplace.settlement import suspense
from cauce.marketplace.settlement.service import Credit, note_credits
from cauce.marketplace.splits import store as split_store
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

KINDS = ("release", "payout", "payout_return", "own_payout", "other")
BY_STATEMENT = "returned: the statement shows it"


async def post_from_lines(context: Context, tx: Tx, channel_id: str, statement_ids: Sequence[int]) -> None:
    """Post what the lines of these statements tell and no instruction of ours did; each line once."""
    lines = [one for one in await store.lines_of_kinds(tx, statement_ids, KINDS) if one["status"] == "booked"]
    if not lines:
        return
    merchants = await merchants_by_ref(tx, channel_id, sorted({line["account_ref"] for line in lines}))
    releases = await _unasked_releases(tx, [line for line in lines if line["kind"] == "release"])
    items = await _freeze_ends(context, tx, channel_id, releases)
    items += await _payouts(tx, channel_id, [line for line in lines if line["kind"] == "payout"], merchants)
    strays = [one for one in lines if one["kind"] == "other" and one["account_ref"] not in merchants]
    items += await _strays(tx, channel_id, strays)
    items += await _returns(
        context, tx, channel_id, [line for line in lines if line["kind"] == "payout_return"], merchants
    )
    items += await _unswept(tx, channel_id, [line for line in lines if line["kind"] == "own_payout"])
    require_posted(await post(tx, items))


async def _unasked_releases(tx: Tx, lines: Sequence[Row]) -> list[Row]:
    """Releases that no split or finish of ours caused."""
    known = await split_store.known_splits(tx, [line["key"] for line in lines if line["key"]])
    return [line for line in lines if line["key"] not in known and not line["key"].startswith("line:")]


async def _freeze_ends(context: Context, tx: Tx, channel_id: str, lines: Sequence[Row]) -> list[Item]:
    """T07: the channel ended the freeze; what was left in escrow is the order's own merchant's."""
    by_collection = {name: line for line in lines for name in (line["order_ref"], line["key"])}
    named = [key for key in by_collection if key]
    await order_store.lock_orders(tx, await order_store.orders_of_collections(tx, named))
    rows = await order_store.lock_collections(tx, named)
    items: list[Item] = []
    moves, keys, events, steps = [], [], [], []
    credits = {}
    for row in rows:
        line = by_collection[row["id"]]
        amount = abs(line["amount_minor"])
        if amount > row["escrow_minor"] or not row["owner_id"]:
            continue  # it is not what we hold: the comparison will say so
        at = line["occurred_at"]
        event = Event(f"line:{line['statement_id']}:{line['row_key']}", row["order_id"], evidence_of(line), at)
        holder = Holder(channel_id, row["currency"])
        items.append(released_at_freeze_end(holder, event, row["order_id"], row["owner_id"], amount))
        moves.append((row["id"], -amount, amount, 0, 0))
        keys.append((line["statement_id"], line["row_key"], _own_key(line)))
        credits[Credit(row["owner_id"], channel_id, row["currency"])] = at
        events.append(NewEvent("order.freeze_expired", row["order_id"], at, {"amount": amount}))
        steps.append((row["order_id"], "released", None, None, None, None, at))
    if moves:
        await order_store.move_escrow(tx, moves)
        await split_store.end_kept(tx, [move[0] for move in moves])
        await store.set_keys(tx, keys)
        left = await order_store.escrow_left(tx, sorted({step[0] for step in steps}))
        done = {step[0]: step for step in steps if not left[step[0]]["escrow_minor"]}
        if done:
            await order_store.orders_step(tx, list(done.values()))
        await note_credits(tx, credits)
        await emit(tx, events, actor=context.actor.name)
    return items


async def _payouts(tx: Tx, channel_id: str, lines: Sequence[Row], merchants: Mapping[str, str]) -> list[Item]:
    """T12 by the bill: settlements of the provider that no payout of ours asked for."""
    known = {row["id"] for row in await settlement_store.lock_payouts(tx, [line["key"] for line in lines])}
    items: list[Item] = []
    keys: list[tuple[Any, ...]] = []
    for line in lines:
        merchant = merchants.get(line["account_ref"])
        if line["key"] in known or merchant is None or line["key"].startswith("line:"):
            continue
        event = Event(
            f"bill:{line['statement_id']}:{line['row_key']}", merchant, evidence_of(line), line["occurred_at"]
        )
        holder = Holder(channel_id, line["currency"])
        items.append(settled_by_provider(holder, event, merchant, abs(line["amount_minor"])))
        keys.append((line["statement_id"], line["row_key"], _own_key(line)))
    if keys:
        await store.set_keys(tx, keys)
    return items


async def _strays(tx: Tx, channel_id: str, lines: Sequence[Row]) -> list[Item]:
    """T17: money came to the account and nobody knows for whom; it waits in suspense for two persons. A debit never posts.

    What came to a merchant's own account is his: it is only shown as a difference.
    """
    items: list[Item] = []
    keys: list[tuple[Any, ...]] = []
    waiting = []
    for line in lines:
        if line["amount_minor"] <= 0 or not line["key"].startswith(STAND_INS):
            continue
        own = _own_key(line)
        event = Event(own, line["ref"] or line["row_key"], own, line["occurred_at"])
        items.append(unknown_credit(Holder(channel_id, line["currency"]), event, line["amount_minor"]))
        keys.append((line["statement_id"], line["row_key"], own))
        waiting.append(_suspended(channel_id, line))
    if keys:
        await store.set_keys(tx, keys)
        await suspense.insert_items(tx, waiting)
    return items


def _suspended(channel_id: str, line: Row) -> tuple[str, str, int, str, str, datetime]:
    amount = abs(line["amount_minor"])
    return (channel_id, line["currency"], amount, _own_key(line), line["ref"] or line["key"], line["occurred_at"])


async def _returns(
    context: Context, tx: Tx, channel_id: str, lines: Sequence[Row], merchants: Mapping[str, str]
) -> list[Item]:
    """T13: a payout came back; to its merchant, or to suspense when nobody knows whose it was.

    One of ours is `returned`, once. Of one that was not paid before, the lines out and back are one thing.
    """
    rows = {row["id"]: row for row in await settlement_store.lock_payouts(tx, sorted({line["key"] for line in lines}))}
    ours: dict[str, Returned] = {}
    items: list[Item] = []
    keys: list[tuple[Any, ...]] = []
    kinds: list[tuple[Any, ...]] = []
    unknown = []
    for line in lines:
        row = rows.get(line["key"])
        if row is not None:
            if row["state"] == "paid" and abs(line["amount_minor"]) == row["amount_minor"]:
                ours.setdefault(row["id"], Returned(row, evidence_of(line), BY_STATEMENT, line["occurred_at"]))
            elif row["state"] not in ("paid", "returned"):
                kinds.append((line["statement_id"], line["row_key"], "payout"))
            continue
        own, merchant = _own_key(line), merchants.get(line["account_ref"])
        event = Event(own, line["key"], evidence_of(line), line["occurred_at"])
        credit_to = withdrawable(merchant) if merchant else SUSPENSE
        holder = Holder(channel_id, line["currency"])
        items.append(payout_returned(holder, event, credit_to, abs(line["amount_minor"])))
        keys.append((line["statement_id"], line["row_key"], own))
        if merchant is None:
            unknown.append(_suspended(channel_id, line))
    await store.set_keys(tx, keys)
    await store.set_kinds(tx, kinds)
    if unknown:
        await suspense.insert_items(tx, unknown)
    return items + await take_back(context, tx, list(ours.values()))


async def _unswept(tx: Tx, channel_id: str, lines: Sequence[Row]) -> list[Item]:
    """T14 reversed: commission that had been swept to the platform's bank is at the provider again."""
    back = {line["key"]: line for line in lines if line["amount_minor"] > 0}
    rows = await sweeps(tx, channel_id, sorted(back))
    return await put_back(
        tx,
        [
            Returned(row, evidence_of(back[key]), BY_STATEMENT, back[key]["occurred_at"])
            for key, row in rows.items()
            if row["state"] == "paid" and back[key]["amount_minor"] == row["amount_minor"]
        ],
    )


def evidence_of(line: Row) -> str:
    """How a journal names the line of a statement that proves it."""
    return f"line:{line['statement_id']}:{line['row_key']}"


def _own_key(line: Row) -> str:
    return f"line:{line['statement_id']}:{line['row_key']}"
