"""What a refund writes once it is decided: its row, what is taken of parts, the reversals that it needs first; sent at once if none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.context import Context
from cauce.flows.marketplace.advances import Advanced, Chargeback
from cauce.flows.marketplace.funding import submit_refunds
from cauce.flows.marketplace.reversals import Back
from cauce.ledger.rules import JournalRefused
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.itemized import insert_refund_lines
from cauce.marketplace.orders.refunding import Share
from cauce.marketplace.splits import store as split_store
from cauce.marketplace.splits.rules.schema import RefundPolicy
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit


@dataclass(frozen=True, slots=True)
class AskRefund:
    """Refund `amount_minor` of an order (None: all that is left). `number` is the caller's own, the same for a repeat."""

    order_id: str
    number: str
    amount_minor: int | None = None
    reason: str = ""
    named: Mapping[str, int] | None = None  # by party, under the explicit policy
    chargeback: Chargeback | None = None  # the provider has made it already
    lines: Mapping[int, int | None] | None = None  # of these lines, so much of each (None: all that is left)
    policy: RefundPolicy | None = None  # instead of the rule's, by somebody who may say so
    order: tuple[str, ...] = ()  # of parties, under the policy by_order that stands instead of the rule's
    is_tried: bool = False  # whatever the channel's limits say, for the channel itself to refuse


@dataclass(slots=True)
class Work:
    refunds: list[tuple[Any, ...]] = field(default_factory=list)
    reversed: list[tuple[str, int, int]] = field(default_factory=list)
    parked: list[tuple[str, int, int]] = field(default_factory=list)
    recovered: list[tuple[str, int, int]] = field(default_factory=list)
    lines: list[tuple[str, str, int, int]] = field(default_factory=list)
    reversals: list[tuple[Any, ...]] = field(default_factory=list)
    moves: list[tuple[Any, ...]] = field(default_factory=list)
    orders: dict[str, int] = field(default_factory=dict)
    instructions: list[NewInstruction] = field(default_factory=list)
    ready: list[tuple[dict[str, Any], Row]] = field(default_factory=list)
    may_wait: set[str] = field(default_factory=set)
    events: list[NewEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """The refund of one collection, decided."""

    refund_id: str
    asked: AskRefund
    amount_minor: int
    share: Share
    policy: str
    sources: Mapping[str, int]
    parts: Mapping[int, int]
    back: Back
    is_split: bool
    waits: bool  # for money that is not there, rather than being refused
    advanced: list[Advanced]
    advances: str  # who said that the platform advances what a party lacks; "" where nobody did


def record(order: Row, row: Row, plan: Plan, at: datetime, work: Work) -> None:
    """What the refund writes; without reversals to wait for it is sent at once. The escrow is left when T10 is posted."""
    reversals = len(plan.back.rows)
    taken = {
        "sources": plan.sources,
        "parts": {str(position): amount for position, amount in plan.parts.items()},
        "parked": {str(position): amount for position, amount in plan.back.parked.items()},
        "repaid": {str(position): amount for position, amount in plan.back.repaid.items()},
        "divided": plan.is_split,
        "advanced": plan.advanced,
        "advances": plan.advances,
    }
    if plan.asked.chargeback is not None:
        taken["chargeback"] = msgspec.to_builtins(plan.asked.chargeback)
    work.refunds.append(
        (
            plan.refund_id, order["id"], row["id"], plan.asked.number, plan.amount_minor, plan.asked.reason,
            plan.policy, "reversing_splits" if reversals else "submitted", plan.refund_id, taken, reversals,
            plan.share.fee_back_minor,
        )
    )  # fmt: skip
    work.orders[order["id"]] = work.orders.get(order["id"], 0) + plan.amount_minor
    work.moves.append((row["id"], 0, 0, plan.amount_minor, plan.share.fee_back_minor))
    data = {"order": order["id"], "amount": plan.amount_minor, "currency": row["currency"]}
    work.events.append(NewEvent("order_refund.requested", plan.refund_id, at, data))
    if not reversals:
        refund = {
            "id": plan.refund_id, "attempt_key": plan.refund_id, "order_id": order["id"], "taken": taken,
            "amount_minor": plan.amount_minor, "reason": plan.asked.reason,
        }  # fmt: skip
        work.ready.append((refund, row))
        if plan.waits:
            work.may_wait.add(plan.refund_id)


async def write(context: Context, tx: Tx, work: Work) -> None:
    now = await context.now(tx)
    if work.refunds:
        await order_store.insert_refunds(tx, work.refunds, context.actor.name, now)
        await order_store.move_escrow(tx, work.moves)
        await order_store.orders_refunded(tx, work.orders)
    if work.lines:
        await insert_refund_lines(tx, work.lines)
    if work.parked:
        await split_store.add_parked(tx, work.parked)
    if work.recovered:
        await split_store.add_recovered(tx, work.recovered)
    if work.reversed:
        await split_store.add_reversed(tx, work.reversed)
    if work.reversals:
        await split_store.insert_reversals(tx, work.reversals, now)
    await emit(tx, work.events, actor=context.actor.name)
    await open_instructions(tx, work.instructions, due_at=now)
    waiting = await submit_refunds(context, tx, work.ready, [], at=now)
    if waiting - work.may_wait:
        raise JournalRefused("a party lacks the balance for its part of the refund", reason="insufficient")
