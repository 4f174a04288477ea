"""Release: an order's escrow is divided as planned, when delivery is confirmed, days have passed, or a person says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.context import Context, Runtime
from cauce.flows.marketplace.split_requests import split_instruction
from cauce.flows.marketplace.terms import Terms, terms_of
from cauce.gateway.limits import requests_of
from cauce.kernel.errors import CauceError
from cauce.kernel.ids import new_id
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import Event, Holder
from cauce.ledger.recipes.splits import split_applied
from cauce.ledger.rules import Item, require_posted
from cauce.marketplace.merchants.rules import MerchantNotPayable, Party
from cauce.marketplace.merchants.service import read_parties
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.rules import OrderNotReleasable
from cauce.marketplace.splits import store as split_store
from cauce.marketplace.splits.planning import Part, less_fee
from cauce.marketplace.splits.rules.schema import FEE, SplitRule
from cauce.marketplace.splits.service import rules_used
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

RETRY_AFTER = timedelta(days=1)
WAIT_FOR_REFUND = timedelta(hours=1)
STANDS = ("submitted", "processing", "applied", "partially_applied", "unknown", "partially_reversed", "reversed")


@dataclass(slots=True)
class _Work:
    """What one chunk of releases writes."""

    splits: list[tuple[Any, ...]] = field(default_factory=list)
    borne: list[tuple[str, int, int]] = field(default_factory=list)
    instructions: dict[datetime, list[NewInstruction]] = field(default_factory=dict)
    journals: list[Item] = field(default_factory=list)
    escrow: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, other: _Work) -> None:
        """Take in what another one writes."""
        self.splits += other.splits
        self.borne += other.borne
        self.journals += other.journals
        self.escrow += other.escrow
        for due_at, instructions in other.instructions.items():
            self.instructions.setdefault(due_at, []).extend(instructions)


@dataclass(frozen=True, slots=True)
class _Facts:
    terms: Mapping[str, Terms]
    rules: Mapping[tuple[str, int], SplitRule]
    parties: Mapping[str, Mapping[str, Party]]
    allocations: Mapping[str, list[Row]]
    splits: Mapping[str, list[Row]]


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
) -> None:
    """Divide the escrow of paid orders: write the splits, open their instructions. Effects are dated by `at`, else now."""
    now = await context.now(tx)
    orders = await order_store.lock_orders(tx, order_ids)
    for order in orders:
        if order["state"] != "paid":
            raise OrderNotReleasable(f"{order['id']} is {order['state']}", param="order", order=order["id"])
    refunding = await order_store.orders_with_open_refunds(tx, [order["id"] for order in orders])
    await _wait_for_refunds(context, tx, refunding, delivered, now)
    orders = [order for order in orders if order["id"] not in refunding]
    when = {order["id"]: (at or {}).get(order["id"], delivered.get(order["id"], now)) for order in orders}
    collections = await order_store.collections_of(tx, [order["id"] for order in orders], lock=True)
    facts = await _facts(context, tx, orders, collections)
    work, refused = _Work(), {}
    of_order: dict[str, list[Row]] = {}
    for row in collections:
        of_order.setdefault(row["order_id"], []).append(row)
    for order in orders:
        mine = _Work()
        try:
            for row in of_order.get(order["id"], ()):
                if row["escrow_minor"]:
                    _divide(order, row, facts, when[order["id"]], mine)
            work.add(mine)
        except CauceError as exc:
            if at is None:
                raise
            refused[order["id"]] = exc
    divided = [order for order in orders if order["id"] not in refused]
    await _put_aside(context, tx, refused, delivered, when)
    await _write(context, tx, work, divided, delivered, when)


async def _wait_for_refunds(
    context: Context, tx: Tx, order_ids: Collection[str], delivered: Mapping[str, datetime], now: datetime
) -> None:
    """What is being refunded is divided when that has ended: only then is it known what there is to divide."""
    waiting = sorted(order_ids)
    again = now + WAIT_FOR_REFUND
    await order_store.orders_step(
        tx, [(order_id, "paid", "release", again, delivered.get(order_id), None, None) for order_id in waiting]
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


async def _facts(context: Context, tx: Tx, orders: Sequence[Row], collections: Sequence[Row]) -> _Facts:
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
    return _Facts(terms, rules, parties, allocations, splits)


def _divide(order: Row, row: Row, facts: _Facts, at: datetime, work: _Work) -> None:
    """The splits of one collection: its parts less the provider's fee, cut into the requests that the channel takes."""
    terms, earlier = facts.terms[row["channel_id"]], facts.splits.get(row["id"], [])
    parts = facts.allocations[row["id"]]
    rule = facts.rules[(order["rule_id"], order["rule_version"])]
    final = _final_parts(row, parts, rule) if not earlier else _planned(parts)
    if not earlier:
        borne = [
            (part, part["amount_minor"] - part["reversed_minor"] - now.amount_minor)
            for part, now in zip(parts, final, strict=True)
        ]
        work.borne += [(row["id"], part["position"], by) for part, by in borne if by]
    positions = [part["position"] for part in parts]
    taken = {part["position"] for part in parts if part["closed"]}
    taken |= {p for split in earlier for p in range(split["first_position"], split["last_position"] + 1)}
    open_parts = [(p, part) for p, part in zip(positions, final, strict=True) if p not in taken and part.amount_minor]
    to_send = [(p, part) for p, part in open_parts if (not part.is_rest if terms.has_owner else part.party != FEE)]
    fee = 0 if terms.has_owner else _fee_left(earlier, final)
    if not to_send and not terms.has_owner:  # nobody but the platform is due anything: there is nothing to send
        if not fee:  # what is in escrow came back and waits alone
            return
        event = Event(f"fee:{row['id']}", order["id"], row["id"], at)
        holder = Holder(row["channel_id"], row["currency"])
        work.journals += split_applied(holder, event, order["id"], {FEE: fee})
        work.escrow.append((row["id"], -fee, fee, 0, 0))
        return
    chunks = list(requests_of(to_send, terms.capabilities)) or [[]]
    if terms.has_owner and any(part.party != FEE for _, part in to_send):
        chunks.append([])  # parts of others than the platform do not finish the order: that is a request of its own
    delay = terms.capabilities.split_delay_seconds_min
    due_at = max(at, row["paid_at"] + timedelta(seconds=delay.value + 1)) if delay else at
    left = row["escrow_minor"] - sum(split["sent_minor"] for split in earlier if split["state"] in STANDS[:2])
    left -= sum(part.amount_minor for _, part in to_send)
    for index, chunk in enumerate(chunks):
        is_last = index == len(chunks) - 1
        split_id = new_id("spl")
        numbers = [p for p, _ in chunk] or [0]
        work.splits.append(
            (
                split_id, order["id"], row["id"], row["channel_id"], row["currency"], numbers[0], numbers[-1],
                sum(part.amount_minor for _, part in chunk), 0 if index else fee,
                left if terms.has_owner and is_last else 0, terms.has_owner and is_last, row["owner_id"],
                "submitted" if chunk or index == 0 else "planned", False,
            )
        )  # fmt: skip
        if chunk or not index:  # else the order ends when the splits before are known to have ended
            parties = facts.parties[row["channel_id"]]
            instruction = split_instruction(order, row, split_id, chunk, parties, terms, finish=is_last)
            work.instructions.setdefault(due_at, []).append(instruction)


def _fee_left(earlier: Sequence[Row], final: Sequence[Part]) -> int:
    """The platform's parts of a pooled collection that no split has brought over yet."""
    if any(split["fee_minor"] for split in earlier):
        return 0
    return sum(part.amount_minor for part in final if part.party == FEE)


def _planned(parts: Sequence[Row]) -> tuple[Part, ...]:
    return tuple(Part(part["party"], part["amount_minor"] - part["reversed_minor"], part["is_rest"]) for part in parts)


def _final_parts(row: Row, parts: Sequence[Row], rule: SplitRule) -> tuple[Part, ...]:
    final = less_fee(_planned(parts), row["fee_minor"] - row["fee_returned_minor"], rule.fee_bearer)
    assert sum(part.amount_minor for part in final) == row["escrow_minor"], "the parts are what the escrow holds"
    return final


async def _write(
    context: Context,
    tx: Tx,
    work: _Work,
    orders: Sequence[Row],
    delivered: Mapping[str, datetime],
    when: Mapping[str, datetime],
) -> None:
    now = await context.now(tx)
    if work.borne:
        await split_store.bear_fee(tx, work.borne)
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
