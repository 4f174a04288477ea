"""Money that is not an order's: top-ups and their undoing (T22, T23), subsidies (T15), advances (T16), fee sweeps (T14).

What a channel cannot do is refused before anything is written. Nothing is posted before the provider's final word;
what leaves a balance is reserved there meanwhile, so that it cannot be spent twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.flows.marketplace.suspense import SUSPENSE_KINDS, check_suspense, provider_numbers, settle_suspense
from cauce.flows.marketplace.terms import terms_of
from cauce.gateway.capabilities import Can, Capabilities, TopUpKind
from cauce.gateway.collecting import Operation
from cauce.gateway.errors import CapabilityMissing
from cauce.gateway.funding import FundsRequest
from cauce.gateway.outcome import Declined, Done, Pending
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import BANK, FEE, IN_TRANSIT, MARKETING, SUSPENSE, Event, Holder, withdrawable
from cauce.ledger.recipes.funding import (
    advance_recovered,
    advanced,
    subsidised,
    suspense_assigned,
    suspense_restored,
)
from cauce.ledger.recipes.members import top_up_undone, topped_up
from cauce.ledger.recipes.payouts import fee_swept
from cauce.ledger.rules import Capture, Item, Journal, PlaceHold, ReleaseHold, require_posted
from cauce.marketplace.compliance.service import require_gate
from cauce.marketplace.merchants.rules import require_payable
from cauce.marketplace.merchants.service import read_parties
from cauce.marketplace.orders.refunding import FUND_JOB
from cauce.marketplace.settlement import funding as store
from cauce.marketplace.settlement.funding import OF_ORDERS, PREFIXES, TWO_PERSONS, FundingKind, NewFunding, TopUpSpent
from cauce.storage import jobs
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import NewJob
from cauce.storage.outbox import NewEvent, emit

FUND = "settlement.fund"
_OPERATIONS = {
    FundingKind.TOP_UP: Operation.TOP_UP,
    FundingKind.UNDO_TOP_UP: Operation.UNDO_TOP_UP,
    FundingKind.SUBSIDY: Operation.SUBSIDISE,
    FundingKind.ADVANCE: Operation.ADVANCE,
    FundingKind.RECOVER_ADVANCE: Operation.RECOVER_ADVANCE,
    FundingKind.FEE_SWEEP: Operation.FEE_SWEEP,
    FundingKind.ASSIGN_SUSPENSE: Operation.ASSIGN_SUSPENSE,
    FundingKind.UNDO_ASSIGN: Operation.UNDO_ASSIGN,
}
_MEMBERS = frozenset({FundingKind.TOP_UP, FundingKind.UNDO_TOP_UP, FundingKind.ADVANCE, FundingKind.RECOVER_ADVANCE})


@dataclass(frozen=True, slots=True)
class AskFunding:
    """One movement to ask for, minor units of `currency`. A subsidy goes to the merchant, else to marketing; `order_id` says what it is for."""

    kind: FundingKind
    channel_id: str
    currency: str
    amount_minor: int
    merchant_id: str = ""
    order_id: str = ""
    parent_id: str = ""


async def request_funding(context: Context, asked: AskFunding) -> str:
    """Ask for one movement; its id. Subsidies and advances wait for a second person.

    `capability_missing` on a channel that cannot do it, `merchant_not_payable`, `top_up_spent`, `journal_refused` when
    the balance does not hold it.
    """
    if asked.amount_minor <= 0:
        raise InvalidRequest("an amount above zero moves", param="amount")
    if asked.kind in OF_ORDERS:
        raise InvalidRequest("the subsidy of an order is stated with its lines", param="kind")
    terms = (await terms_of(context.runtime, context.org_id, {asked.channel_id}))[asked.channel_id]
    require_funds(terms.capabilities, asked)
    async with context.transaction() as tx:
        now = await context.now(tx)
        await require_gate(tx, asked.channel_id, at=now)
        if asked.kind in _MEMBERS or (asked.kind in SUSPENSE_KINDS and asked.merchant_id):
            require_payable(await read_parties(tx, asked.channel_id, [asked.merchant_id]), asked.merchant_id)
        if asked.kind is FundingKind.UNDO_TOP_UP:
            await _check_left(tx, asked)
        new = NewFunding(
            new_id(PREFIXES[asked.kind]), asked.kind, asked.channel_id, asked.currency, asked.amount_minor,
            asked.merchant_id, asked.order_id, asked.parent_id,
        )  # fmt: skip
        if asked.kind in SUSPENSE_KINDS:
            await check_suspense(tx, new, take=False)
        await store.insert(tx, [new], actor=context.actor.name, at=now)
        if asked.kind not in TWO_PERSONS:
            await _submit(tx, [new], now)
    return new.id


def require_funds(capabilities: Capabilities, asked: AskFunding) -> None:
    """`CapabilityMissing` where the channel's record does not allow this movement (T14–T16, T22, T23)."""
    if asked.kind in (FundingKind.TOP_UP, FundingKind.UNDO_TOP_UP):
        allowed = capabilities.member_topup
        if allowed is TopUpKind.NONE:
            raise CapabilityMissing("a member's own money needs a channel that keeps it", needs="member_topup")
        if allowed is TopUpKind.ORDER_BOUND and not asked.order_id:
            raise CapabilityMissing("this channel takes top-ups for one order only", needs="member_topup own")
    if asked.kind is FundingKind.FEE_SWEEP and Can.SWEEPS_FEE in capabilities.can:
        return
    capabilities.require(Can.FUNDS, what=f"a {asked.kind.value.replace('_', ' ')}")


async def approve_funding(context: Context, funding_id: str) -> None:
    """A second person lets a subsidy, an advance or what is said of a credit in suspense go to the channel."""
    async with context.transaction() as tx:
        row = await store.lock_one(tx, funding_id)
        await store.approve(tx, row, context.actor.name)
        if row["kind"] in SUSPENSE_KINDS:
            await check_suspense(tx, _as_new(row), take=True)
        await _submit(tx, [_as_new(row)], await context.now(tx))


async def _check_left(tx: Tx, asked: AskFunding) -> None:
    parent = await store.lock_one(tx, asked.parent_id)
    mine = parent["merchant_id"] == asked.merchant_id and parent["channel_id"] == asked.channel_id
    if parent["kind"] != FundingKind.TOP_UP or parent["state"] != "paid" or not mine:
        raise TopUpSpent("only a paid top-up of the same member is undone", param="parent")
    if asked.amount_minor > parent["amount_minor"] - parent["spent_minor"]:
        raise TopUpSpent(left_minor=parent["amount_minor"] - parent["spent_minor"])
    await store.spend(tx, {asked.parent_id: asked.amount_minor})


async def _submit(tx: Tx, new: Sequence[NewFunding], at: datetime) -> None:
    await open_funding(tx, new, at)
    require_posted(await post(tx, holds_of(new, at)))


def holds_of(new: Sequence[NewFunding], at: datetime) -> list[Item]:
    """What movements that leave a balance reserve there."""
    return [
        PlaceHold(
            one.id, Holder(one.channel_id, one.currency).account(_from(one)), one.amount_minor, one.id, one.id, at
        )
        for one in new
        if _from(one)
    ]


def _from(one: NewFunding) -> str:
    """The account that a movement leaves, where it leaves one of the custody book."""
    match one.kind:
        case FundingKind.UNDO_TOP_UP | FundingKind.RECOVER_ADVANCE:
            return withdrawable(one.merchant_id)
        case FundingKind.FEE_SWEEP:
            return FEE
        case FundingKind.ASSIGN_SUSPENSE:
            return SUSPENSE
        case FundingKind.UNDO_ASSIGN:
            return _given_to(one)
        case _:
            return ""


async def open_funding(tx: Tx, new: Sequence[NewFunding], at: datetime) -> None:
    """Ask the channels for movements."""
    refs: dict[tuple[str, str], str] = {}
    for channel_id in {one.channel_id for one in new}:
        parties = await read_parties(tx, channel_id, [one.merchant_id for one in new if one.merchant_id])
        refs |= {(channel_id, key): party.ref for key, party in parties.items()}
    numbers = await provider_numbers(tx, new)
    instructions = [
        NewInstruction(
            channel_id=one.channel_id,
            purpose=FUND,
            operation=_OPERATIONS[one.kind],
            key=one.id,
            object_id=one.merchant_id or one.id,
            request=FundsRequest(
                key=one.id,
                amount=Money(one.amount_minor, one.currency),
                description=one.kind.value.replace("_", " "),
                account_ref=refs.get((one.channel_id, one.merchant_id), ""),
                parent_key=numbers.get(one.parent_id) or one.parent_id or one.order_id,
                metadata={"cauce_funding": one.id},
            ),
            parent_key=one.parent_id,
            merchant_ref=refs.get((one.channel_id, one.merchant_id), ""),
        )
        for one in new
    ]
    await open_instructions(tx, instructions, due_at=at)


async def conclude_funding(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """Give answers about such movements their effect: the journal of each, or what was reserved is free again."""
    by_key = {one.key: one for one in concluded}
    rows = [row for row in await store.lock(tx, list(by_key)) if row["state"] in ("submitted", "processing")]
    updates, items, events = [], [], []
    spent: dict[str, int] = {}
    waiting: list[NewJob] = []
    for row in rows:
        one, new = by_key[row["id"]], _as_new(row)
        if isinstance(one.outcome, Done):
            at = one.outcome.value.finished_at or one.at
            items += _posted(new, at)
            updates.append((row["id"], "paid", one.outcome.value.ref, "", at))
            await settle_suspense(tx, new, done=True)
            if new.kind is FundingKind.RECOVER_ADVANCE:
                spent[new.parent_id] = spent.get(new.parent_id, 0) + new.amount_minor
            if new.kind is FundingKind.ADVANCE and new.parent_id:  # a refund waits for it
                payload = {"refund": new.parent_id, "order": new.order_id, "tries": 0}
                waiting.append(NewJob(FUND_JOB, one.at, payload))
            if new.kind in (FundingKind.TOP_UP, FundingKind.UNDO_TOP_UP):
                verb = "paid" if new.kind is FundingKind.TOP_UP else "undone"
                events.append(NewEvent(f"member_topup.{verb}", row["id"], at, {"merchant": new.merchant_id}))
        elif isinstance(one.outcome, Declined):
            items += _freed(new, one.at)
            updates.append((row["id"], "failed", "", one.outcome.message, None))
            await settle_suspense(tx, new, done=False)
            if new.kind is FundingKind.UNDO_TOP_UP:
                spent[new.parent_id] = spent.get(new.parent_id, 0) - new.amount_minor
        elif isinstance(one.outcome, Pending):
            updates.append((row["id"], "processing", one.outcome.value.ref, "", None))
    if updates:
        await store.update(tx, updates)
    if spent:
        await store.spend(tx, spent)
    await emit(tx, events, actor=context.actor.name)
    require_posted(await post(tx, items))
    await jobs.enqueue(tx, waiting)


def _freed(one: NewFunding, at: datetime) -> list[Item]:
    account = Holder(one.channel_id, one.currency).account(_from(one) or FEE)
    return [ReleaseHold(one.id, account, at)] if _from(one) else []


def _posted(one: NewFunding, at: datetime) -> list[Item]:
    """The journals of a movement that is done."""
    holder = Holder(one.channel_id, one.currency)
    event, amount = Event(one.id, one.id, one.id, at), one.amount_minor
    member = withdrawable(one.merchant_id)
    match one.kind:
        case FundingKind.TOP_UP:
            return [topped_up(holder, event, member, amount)]
        case FundingKind.UNDO_TOP_UP:
            return [_captured(holder, one, member, top_up_undone(holder, event, member, amount))]
        case FundingKind.FEE_SWEEP:
            return [_captured(holder, one, FEE, fee_swept(holder, event, amount))]
        case FundingKind.ASSIGN_SUSPENSE:
            return [_captured(holder, one, SUSPENSE, suspense_assigned(holder, event, _given_to(one), amount))]
        case FundingKind.UNDO_ASSIGN:
            given_to = _given_to(one)
            return [_captured(holder, one, given_to, suspense_restored(holder, event, given_to, amount))]
        case FundingKind.SUBSIDY:
            return list(subsidised(holder, event, _given_to(one), amount))
        case FundingKind.ADVANCE:
            # What is advanced for a refund goes out the way refunds go.
            into = IN_TRANSIT if one.parent_id else BANK
            return list(advanced(holder, event, _given_to(one), amount, into=into))
        case FundingKind.RECOVER_ADVANCE:
            return [*_freed(one, at), *advance_recovered(holder, event, {member: amount})]
        case _:
            raise AssertionError(f"{one.kind} is concluded with its order")


def _captured(holder: Holder, one: NewFunding, code: str, journal: Journal) -> Capture:
    return Capture(one.id, holder.account(code), journal)


def _given_to(one: NewFunding) -> str:
    return withdrawable(one.merchant_id) if one.merchant_id else MARKETING


def _as_new(row: Row) -> NewFunding:
    return NewFunding(
        row["id"], FundingKind(row["kind"]), row["channel_id"], row["currency"], row["amount_minor"], row["merchant_id"],
        row["order_id"], row["parent_id"],
    )  # fmt: skip
