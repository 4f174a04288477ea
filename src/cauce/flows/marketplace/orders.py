"""Orders: planned, written and (where the payment is known) parked in escrow, hundreds in one transaction.

Planning needs the channel's terms and the sellers' accounts, so it reads first; a share cap is asked of the provider
outside any transaction; then one transaction writes everything set-wise and posts once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction

from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.context import Context
from cauce.flows.marketplace import planning
from cauce.flows.marketplace.combining import combined_instruction
from cauce.flows.marketplace.planning import Plan
from cauce.flows.marketplace.terms import Terms, channels_that_wait, share_caps, terms_of
from cauce.gateway.collecting import CollectRequest, Operation
from cauce.gateway.funding import BalancePayment
from cauce.gateway.limits import ReleaseAfterFreeze
from cauce.kernel.errors import CauceError
from cauce.kernel.money import Money
from cauce.ledger.posting import post
from cauce.ledger.recipes.collections import fee_taken, paid_into_escrow
from cauce.ledger.recipes.custody import Event, Holder, escrow
from cauce.ledger.rules import Item, require_posted
from cauce.marketplace.compliance.service import fee_rates, require_gate
from cauce.marketplace.merchants.rules import Party
from cauce.marketplace.merchants.service import read_parties
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.rules import NewOrder, check_order
from cauce.marketplace.orders.service import Written, write_orders
from cauce.marketplace.splits import store as split_store
from cauce.marketplace.splits.rules.evaluation import SELLER
from cauce.marketplace.splits.rules.schema import FEE, KEPT, SplitRule
from cauce.marketplace.splits.service import active_rules
from cauce.storage.database import Row, Tx

COLLECT = "orders.collect"
ORDERS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one order of the request: its id, or why it was refused."""

    external_id: str
    order_id: str = ""
    is_new: bool = False
    refused: CauceError | None = None


@dataclass(slots=True)
class _Facts:
    """What planning was read from."""

    terms: dict[str, Terms] = field(default_factory=dict)
    rules: dict[str, tuple[int, SplitRule]] = field(default_factory=dict)
    parties: dict[str, dict[str, Party]] = field(default_factory=dict)
    caps: dict[tuple[str, str], Fraction | None] = field(default_factory=dict)
    fee_max_bps: dict[str, int] = field(default_factory=dict)
    now: datetime | None = None


async def take_orders(context: Context, orders: Sequence[NewOrder]) -> list[Taken]:
    """Take orders, all in one transaction; one answer each, in order. An order that is refused does not harm the others.

    A payment with the provider's reference is recorded as paid and parked in escrow at once; any other is asked of the
    channel when the order's `placed_at` has come.
    """
    assert len(orders) <= ORDERS_MAX, f"a request takes at most {ORDERS_MAX} orders"
    facts = await _facts(context, orders)
    plans: list[Plan | CauceError] = []
    for order in orders:
        try:
            plans.append(_plan(order, facts))
        except CauceError as exc:
            if isinstance(exc, ReleaseAfterFreeze):
                exc.fields["fits"] = await channels_that_wait(context, order.release_days, order.currency)
            plans.append(exc)
    good = [plan for plan in plans if isinstance(plan, Plan)]
    async with context.transaction() as tx:
        written = await _write(context, tx, good, facts)
    return [_taken(order, plan, written) for order, plan in zip(orders, plans, strict=True)]


def _taken(order: NewOrder, plan: Plan | CauceError, written: Mapping[str, Written]) -> Taken:
    if isinstance(plan, CauceError):
        return Taken(order.external_id, refused=plan)
    found = written[plan.planned.id]
    if isinstance(found.refused, CauceError):
        return Taken(order.external_id, refused=found.refused)
    return Taken(order.external_id, found.id, found.is_new)


async def _facts(context: Context, orders: Sequence[NewOrder]) -> _Facts:
    facts = _Facts(await terms_of(context.runtime, context.org_id, {order.channel_id for order in orders}))
    named: dict[str, set[str]] = {}
    for order in orders:
        who = named.setdefault(order.channel_id, set())
        who.update(line.seller_id for line in order.lines)
        who.update(order.parties.values())
        who.update(one.from_balance_of for one in order.payments if one.from_balance_of)
    reading = replace(context, once=None)  # an Idempotency-Key goes with the transaction that has the effect
    async with reading.transaction() as tx:
        facts.now = now = await context.now(tx)
        facts.rules = await active_rules(tx, sorted({order.rule_id for order in orders}))
        for channel_id, merchants in named.items():
            facts.parties[channel_id] = await read_parties(tx, channel_id, sorted(merchants))
            await require_gate(tx, channel_id, at=now)
        rates = await fee_rates(tx, sorted(named), now)
        facts.fee_max_bps = {channel_id: row["rate_bps"] for channel_id, row in rates.items()}
    for channel_id, terms in facts.terms.items():
        if terms.has_owner:
            refs = {party.ref for party in facts.parties[channel_id].values() if party.ref}
            found = await share_caps(context, terms, refs)
            facts.caps |= {(channel_id, ref): cap for ref, cap in found.items()}
    return facts


def _plan(order: NewOrder, facts: _Facts) -> Plan:
    assert facts.now is not None
    check_order(order, facts.now)
    terms = facts.terms[order.channel_id]
    parties = facts.parties[order.channel_id]
    rule = facts.rules.get(order.rule_id)
    owners = {line.seller_id for line in order.lines} if terms.has_owner else ()
    caps = {one: facts.caps.get((order.channel_id, parties[one].ref)) for one in owners if one in parties}
    return planning.plan_order(order, rule, terms, parties, caps, facts.fee_max_bps.get(order.channel_id))


async def _write(context: Context, tx: Tx, plans: Sequence[Plan], facts: _Facts) -> dict[str, Written]:
    now = await context.now(tx)
    freezes = {channel_id: terms.freeze for channel_id, terms in facts.terms.items()}
    written = await write_orders(tx, [plan.planned for plan in plans], freezes, at=now, actor=context.actor.name)
    fresh = [plan for plan in plans if written[plan.planned.id].is_new]
    parts = [(key, plan.planned.id, each) for plan in fresh for key, each in plan.parts.items()]
    if parts:
        await split_store.insert_allocations(tx, parts)
    named = [one for plan in fresh for one in _named(plan)]
    if named:
        await order_store.insert_parties(tx, named)
    waiting = [plan.planned.id for plan in fresh if not plan.planned.is_paid and plan.planned.order.placed_at <= now]
    await begin_collections(tx, waiting)
    require_posted(await post(tx, [item for plan in fresh for item in _escrow_of(plan)]))
    return written


def _named(plan: Plan) -> set[tuple[str, str, str]]:
    """(order, role, party) of everybody whom an order named that keeps a part for later; of any other order nobody."""
    if not any(part.party == KEPT for each in plan.parts.values() for part in each):
        return set()
    order, key = plan.planned.order, plan.planned.id
    sellers = {(key, SELLER, line.seller_id) for line in order.lines}
    return sellers | {(key, FEE, FEE)} | {(key, f"party:{role}", party) for role, party in order.parties.items()}


def _escrow_of(plan: Plan) -> list[Item]:
    order = plan.planned.order
    items: list[Item] = []
    for one in plan.planned.collections:
        if one.payment.ref:
            at = one.payment.paid_at or order.placed_at
            items += escrow_items(
                Holder(order.channel_id, order.currency),
                Event(one.id, plan.planned.id, one.payment.ref, at),
                plan.planned.id,
                one.amount_minor,
                one.payment.fee_minor,
            )
    return items


def escrow_items(holder: Holder, event: Event, order_id: str, amount_minor: int, fee_minor: int) -> list[Item]:
    """T02 gross, and T03 for what the provider took of it."""
    items: list[Item] = [paid_into_escrow(holder, event, order_id, amount_minor)]
    return items + list(fee_taken(holder, event, {escrow(order_id): fee_minor})) if fee_minor else items


async def begin_collections(tx: Tx, order_ids: Sequence[str]) -> None:
    """Ask the channels for the payments of locked orders that wait for `collect`, and let the orders wait for the payer."""
    if not order_ids:
        return
    orders = {row["id"]: row for row in await order_store.lock_orders(tx, order_ids)}
    due = [row for row in orders.values() if row["next_step"] == "collect"]
    collections = await order_store.collections_of(tx, [row["id"] for row in due])
    await order_store.orders_step(tx, [(row["id"], row["state"], None, None, None, None, None) for row in due])
    accounts = await _payers(tx, collections)
    by_due: dict[datetime, list[NewInstruction]] = {}
    combined: dict[str, list[Row]] = {}
    for row in collections:
        if row["state"] == "created":
            order = orders[row["order_id"]]
            if row["combined_id"]:
                combined.setdefault(row["combined_id"], []).append(row)
                continue
            by_due.setdefault(order["due_at"], []).append(_collect(order, row, accounts))
    for rows in combined.values():
        order = orders[rows[0]["order_id"]]
        asked = combined_instruction(order, rows, [_collect_request(order, row) for row in rows])
        by_due.setdefault(order["due_at"], []).append(asked)
    for due_at, instructions in by_due.items():
        await open_instructions(tx, instructions, due_at=due_at)


async def _payers(tx: Tx, rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """The accounts of members who pay from their balance, by channel and member."""
    found: dict[tuple[str, str], str] = {}
    for channel_id in sorted({row["channel_id"] for row in rows if row["payer_id"]}):
        parties = await read_parties(tx, channel_id, sorted({row["payer_id"] for row in rows}))
        found |= {(channel_id, key): party.ref for key, party in parties.items()}
    return found


def _from_balance(order: Row, row: Row, number: str, account_ref: str) -> NewInstruction:
    """T24 asked for: a member's balance pays."""
    request = BalancePayment(
        key=row["id"],
        order_ref=number,
        amount=Money(row["amount_minor"], row["currency"]),
        account_ref=account_ref,
        merchant_ref=row["merchant_ref"],
        metadata={"cauce_order": order["id"]},
    )
    return NewInstruction(
        channel_id=row["channel_id"],
        purpose=COLLECT,
        operation=Operation.PAY_FROM_BALANCE,
        key=row["id"],
        object_id=order["id"],
        request=request,
        merchant_ref=row["merchant_ref"],
    )


def _collect(order: Row, row: Row, accounts: Mapping[tuple[str, str], str]) -> NewInstruction:
    if row["payer_id"]:
        number = order["external_id"] or order["id"]
        return _from_balance(order, row, number, accounts[row["channel_id"], row["payer_id"]])
    return NewInstruction(
        channel_id=row["channel_id"],
        purpose=COLLECT,
        operation=Operation.COLLECT,
        key=row["id"],
        object_id=order["id"],
        request=_collect_request(order, row),
        merchant_ref=row["merchant_ref"],
    )


def _collect_request(order: Row, row: Row) -> CollectRequest:
    number = order["external_id"] or order["id"]
    payer = order_store.payer_of(row)
    tags = {"cauce_order": order["id"], "cauce_collection": row["id"]}
    return CollectRequest(
        key=row["id"],
        order_ref=number,
        amount=Money(row["amount_minor"], row["currency"]),
        description=f"Order {number}",
        merchant_ref=row["merchant_ref"],
        payer_ref=payer.ref,
        return_url=payer.return_url,
        expires_at=payer.expires_at,
        metadata=tags | ({"payer_client_ip": payer.client_ip} if payer.client_ip else {}),
        subsidy_minor=row["subsidy_planned_minor"],
    )
