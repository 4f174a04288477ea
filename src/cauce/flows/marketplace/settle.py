"""Settlement: what each due merchant can withdraw becomes a batch and, where the channel is told to pay, payouts.

A sweep over standings, hundreds of merchants a transaction. What is paid leaves the merchant's reach at once (T12
with the open instruction, or a hold while a second person must approve), so nothing can spend it twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.context import Context, Runtime
from cauce.flows.marketplace.terms import Terms, terms_of
from cauce.gateway.accounts import PayoutRequest
from cauce.gateway.capabilities import PayoutRoute
from cauce.gateway.collecting import Operation
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.ledger.posting import post
from cauce.ledger.reading import availables, balances, gained_since
from cauce.ledger.recipes.custody import Event, Holder, withdrawable
from cauce.ledger.recipes.payouts import payout_submitted
from cauce.ledger.rules import Account, Item, PlaceHold, require_posted
from cauce.marketplace.merchants.rules import Party, PayoutTarget
from cauce.marketplace.merchants.service import payout_targets, read_parties
from cauce.marketplace.settlement import store as settlement_store
from cauce.marketplace.settlement.rules import Credit, Schedule
from cauce.marketplace.settlement.service import channel_pauses, merchant_pauses, read_schedules
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

PAYOUT = "payouts.payout"
_PAYOUTS = ("T12", "T13")


@dataclass(slots=True)
class Work:
    """What one chunk of settlements writes."""

    ran: list[tuple[str, datetime | None, datetime]] = field(default_factory=list)
    batches: list[tuple[Any, ...]] = field(default_factory=list)
    payouts: list[tuple[Any, ...]] = field(default_factory=list)
    instructions: list[NewInstruction] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a merchant's payout goes."""

    merchant_id: str
    channel_id: str
    currency: str
    account_ref: str
    instrument_id: str | None
    instrument_ref: str


@dataclass(frozen=True, slots=True)
class _Facts:
    terms: Mapping[str, Terms]
    schedules: Mapping[str, Schedule]
    parties: Mapping[str, Mapping[str, Party]]
    targets: Mapping[tuple[str, str], Mapping[str, PayoutTarget]]
    balance: Mapping[Account, int]
    available: Mapping[Account, int]
    young: Mapping[Account, tuple[int, datetime]]  # what is not due yet by T+N, and since when the first of it is there
    told_until: Mapping[Credit, datetime]
    awaiting: Mapping[Credit, int]
    paused: frozenset[str]
    used: frozenset[str]


async def settle_due(runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep over standings that are due."""
    for org_id, group in groupby(sorted(rows, key=lambda row: row["org_id"]), key=lambda row: row["org_id"]):
        await settle(runtime.context(org_id), tx.within(org_id), list(group))


async def settle(context: Context, tx: Tx, rows: Sequence[Row]) -> None:
    """Settle claimed standings of one organization; each run is dated by its `due_at`."""
    facts = await _facts(context, tx, rows)
    work = Work()
    for row in rows:
        _settle_one(row, facts, work, context.actor.name)
    written = await settlement_store.insert_batches(tx, work.batches)
    assert len(written) == len(work.batches), "a standing is settled once a day"
    await settlement_store.standings_ran(tx, work.ran)
    await write_payouts(context, tx, work)


async def write_payouts(context: Context, tx: Tx, work: Work) -> None:
    """Write the payouts of `work` and open their instructions; what they take is out of reach from here on."""
    if work.payouts:
        await settlement_store.insert_payouts(tx, work.payouts)
    await emit(tx, work.events, actor=context.actor.name)
    await open_instructions(tx, work.instructions, due_at=await context.now(tx))
    require_posted(await post(tx, work.items))


async def _facts(context: Context, tx: Tx, rows: Sequence[Row]) -> _Facts:
    terms = await terms_of(context.runtime, context.org_id, {row["channel_id"] for row in rows})
    parties: dict[str, Mapping[str, Party]] = {}
    targets: dict[tuple[str, str], Mapping[str, PayoutTarget]] = {}
    for channel_id in terms:
        mine = [row for row in rows if row["channel_id"] == channel_id]
        parties[channel_id] = await read_parties(tx, channel_id, [row["merchant_id"] for row in mine])
        for currency in sorted({row["currency"] for row in mine}):
            merchants = [row["merchant_id"] for row in mine if row["currency"] == currency]
            targets[(channel_id, currency)] = await payout_targets(tx, channel_id, currency, merchants)
    accounts = [_account(row) for row in rows]
    paused = {row["channel_id"] for row in await channel_pauses(tx, sorted(terms))}
    paused |= {row["merchant_id"] for row in await merchant_pauses(tx, sorted({row["merchant_id"] for row in rows}))}
    instruments = {one.instrument_id: one.merchant_id for each in targets.values() for one in each.values()}
    used = frozenset(await settlement_store.instruments_used(tx, instruments))
    schedules = await read_schedules(tx)
    return _Facts(
        terms=terms,
        schedules=schedules,
        parties=parties,
        targets=targets,
        balance=await balances(tx, accounts),
        available=await availables(tx, accounts),
        young=await _young(tx, [row for row in rows if terms[row["channel_id"]].pays_out], schedules),
        told_until=await settlement_store.told_until(tx, [_credit(row) for row in rows]),
        awaiting=await settlement_store.awaiting_approval(tx, sorted({row["merchant_id"] for row in rows})),
        paused=frozenset(paused),
        used=used,
    )


async def _young(tx: Tx, rows: Sequence[Row], schedules: Mapping[str, Schedule]) -> dict[Account, tuple[int, datetime]]:
    """What merchants got too late for this run, by the delay of their schedules. Payouts that came back have waited before."""
    cuts: dict[tuple[str, datetime], datetime | None] = {}
    wanted = []
    for row in rows:
        place = (row["schedule_id"], row["due_at"])
        if place not in cuts:
            cuts[place] = schedules.get(row["schedule_id"], schedules[""]).matures_before(row["due_at"])
        cut = cuts[place]
        if cut is not None:
            wanted.append((_account(row), cut))
    return await gained_since(tx, wanted, without=_PAYOUTS) if wanted else {}


def _credit(row: Row) -> Credit:
    return Credit(row["merchant_id"], row["channel_id"], row["currency"])


def _account(row: Row) -> Account:
    return Holder(row["channel_id"], row["currency"]).account(withdrawable(row["merchant_id"]))


def _settle_one(row: Row, facts: _Facts, work: Work, actor: str) -> None:
    schedule = facts.schedules.get(row["schedule_id"], facts.schedules[""])
    balance, run_at = -facts.balance[_account(row)], row["due_at"]
    young, young_since = facts.young.get(_account(row), (0, None))
    payable = facts.available[_account(row)] - young
    target = _target(row, facts, run_at)
    terms = facts.terms[row["channel_id"]]
    paused = not facts.paused.isdisjoint((row["merchant_id"], row["channel_id"]))
    held_back = paused or (terms.pays_out and target is None)
    amounts = [] if held_back or not terms.pays_out else schedule.payouts_of(payable)
    waits = balance > young and not amounts and terms.pays_out
    again = [schedule.next_after(run_at)] if waits else []
    again += [schedule.next_run(young_since)] if young_since is not None else []
    work.ran.append((row["key"], min((at for at in again if at is not None), default=None), run_at))
    balance -= facts.awaiting.get(_credit(row), 0)
    if held_back or balance <= 0 or (young and payable <= 0):
        return  # what an earlier settlement asked for and nobody has approved yet is in that one's batch
    batch_id = new_id("sbt")
    retained = min(schedule.retained_minor, balance)
    work.batches.append(
        (
            batch_id, row["merchant_id"], row["channel_id"], row["currency"], run_at.date(),
            facts.told_until.get(_credit(row)), run_at,
            balance, retained, sum(amounts),
        )
    )  # fmt: skip
    data = {"merchant": row["merchant_id"], "balance": balance, "payout": sum(amounts), "currency": row["currency"]}
    work.events.append(NewEvent("settlement.closed", batch_id, run_at, data))
    for amount in amounts:
        assert target is not None
        is_new = target.instrument_id is not None and target.instrument_id not in facts.used
        approval = is_new or schedule.needs_approval(amount)
        add_payout(work, target, amount, run_at, batch_id=batch_id, actor=actor, approval=approval)


def _target(row: Row, facts: _Facts, at: datetime) -> Target | None:
    """Where the merchant's money may go now; None when it may not go anywhere (K3, K10, K18)."""
    party = facts.parties[row["channel_id"]].get(row["merchant_id"])
    if party is None or not party.payable or not party.pays_out:
        return None
    return target_of(
        party,
        row["channel_id"],
        row["currency"],
        facts.targets[(row["channel_id"], row["currency"])].get(row["merchant_id"]),
        facts.terms[row["channel_id"]],
        at,
    )


def target_of(
    party: Party, channel_id: str, currency: str, instrument: PayoutTarget | None, terms: Terms, at: datetime
) -> Target | None:
    """Where a payable merchant's payout goes; None without a usable instrument where the channel needs one."""
    if instrument is not None:
        if instrument.usable_from is None or instrument.usable_from > at:
            return None
        return Target(party.merchant_id, channel_id, currency, party.ref, instrument.instrument_id, instrument.ref)
    if terms.capabilities.payout_route is not PayoutRoute.PROVIDER:
        return None
    return Target(
        party.merchant_id, channel_id, currency, party.ref, None, ""
    )  # the account's own bank at the provider


def add_payout(
    work: Work, target: Target, amount_minor: int, at: datetime, *, batch_id: str, actor: str, approval: bool
) -> str:
    """One payout into `work`: sent at once, or held until a second person approves. Its id."""
    payout_id = new_id("po")
    holder = Holder(target.channel_id, target.currency)
    state, sent_at = ("requested", None) if approval else ("submitted", at)
    work.payouts.append(
        (
            payout_id, batch_id, target.merchant_id, target.channel_id, target.currency, target.instrument_id,
            target.account_ref, target.instrument_ref, amount_minor, state, approval, actor, at, sent_at,
        )
    )  # fmt: skip
    data = {"merchant": target.merchant_id, "amount": amount_minor, "currency": target.currency}
    work.events.append(NewEvent("payout.requested", payout_id, at, data))
    if approval:
        account = holder.account(withdrawable(target.merchant_id))
        work.items.append(PlaceHold(f"hold:{payout_id}", account, amount_minor, payout_id, payout_id, at))
        return payout_id
    event = Event(payout_id, payout_id, payout_id, at)
    work.items.append(payout_submitted(holder, event, target.merchant_id, amount_minor))
    work.instructions.append(instruction(payout_id, target, amount_minor))
    work.events.append(NewEvent("payout.submitted", payout_id, at, data))
    return payout_id


def instruction(payout_id: str, target: Target, amount_minor: int) -> NewInstruction:
    """What the channel is asked for a payout."""
    request = PayoutRequest(
        key=payout_id,
        account_ref=target.account_ref,
        instrument_ref=target.instrument_ref,
        amount=Money(amount_minor, target.currency),
        description="Settlement",
        metadata={"cauce_payout": payout_id},
    )
    return NewInstruction(
        channel_id=target.channel_id,
        purpose=PAYOUT,
        operation=Operation.PAYOUT,
        key=payout_id,
        object_id=payout_id,
        request=request,
        merchant_ref=target.account_ref,
    )
