"""Payouts: asked for by hand, approved by a second person, and what became of them at the channel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cauce.channels.service import open_instructions
from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.flows.marketplace.payout_pauses import require_not_paused
from cauce.flows.marketplace.settle import Target, Work, add_payout, instruction, target_of, write_payouts
from cauce.flows.marketplace.terms import terms_of
from cauce.gateway.accounts import Account
from cauce.gateway.outcome import Declined, Done, Pending, Refusal
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import Event, Holder, withdrawable
from cauce.ledger.recipes.payouts import payout_failed, payout_paid, payout_submitted
from cauce.ledger.rules import Capture, Item, ReleaseHold, require_posted
from cauce.marketplace.merchants.rules import NEEDS_BANK, Party, require_payable
from cauce.marketplace.merchants.service import payout_targets, read_parties, record_account
from cauce.marketplace.settlement import store as settlement_store
from cauce.marketplace.settlement.rules import (
    PAYOUT,
    Credit,
    NoInstrument,
    PayoutNeedsSecondPerson,
    PayoutsPaused,
    UnknownPayout,
)
from cauce.marketplace.settlement.service import note_credits, read_schedules
from cauce.storage import audit
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

OPEN_PAYOUT = ("submitted", "processing", "unknown")


@dataclass(frozen=True, slots=True)
class AskPayout:
    """Pay `amount_minor` of a merchant's withdrawable money to his default instrument."""

    merchant_id: str
    channel_id: str
    currency: str
    amount_minor: int


async def request_payout(context: Context, command: AskPayout) -> str:
    """Ask for a payout by hand; its id. Over the schedule's threshold, and the first time to an instrument, it waits for
    a second person.

    `merchant_not_payable`, `no_payout_instrument`, `payouts_paused`; the ledger refuses more than is withdrawable.
    """
    async with context.transaction() as tx:
        now = await context.now(tx)
        credit = Credit(command.merchant_id, command.channel_id, command.currency)
        standing = (await settlement_store.standings(tx, [credit])).get(credit)
        await require_not_paused(tx, [command.channel_id], [command.merchant_id])
        target = await _target(context, tx, command, now)
        schedules = await read_schedules(tx)
        schedule = schedules.get(standing["schedule_id"] if standing else "", schedules[""])
        known = {target.instrument_id: target.merchant_id} if target.instrument_id is not None else {}
        is_new = bool(known) and not await settlement_store.instruments_used(tx, known)
        work = Work()
        payout_id = add_payout(
            work,
            target,
            command.amount_minor,
            now,
            batch_id="",
            actor=context.actor.name,
            approval=is_new or schedule.needs_approval(command.amount_minor),
        )
        await write_payouts(context, tx, work)
    return payout_id


async def _target(context: Context, tx: Tx, command: AskPayout, now: datetime) -> Target:
    terms = (await terms_of(context.runtime, context.org_id, {command.channel_id}))[command.channel_id]
    parties = await read_parties(tx, command.channel_id, [command.merchant_id])
    party = require_paid_out(parties, command.merchant_id)
    targets = await payout_targets(tx, command.channel_id, command.currency, [command.merchant_id])
    found = target_of(party, command.channel_id, command.currency, targets.get(command.merchant_id), terms, now)
    if found is None:
        raise NoInstrument(param="merchant")
    return found


def require_paid_out(parties: Mapping[str, Party], merchant_id: str) -> Party:
    """The party, if he may be paid out: `MerchantNotPayable`, or `PayoutsPaused` while the channel pays him nothing out."""
    party = require_payable(parties, merchant_id)
    if not party.pays_out:
        raise PayoutsPaused("the channel does not pay this account out at present", reason="account")
    return party


async def approve_payouts(context: Context, payout_ids: Sequence[str]) -> None:
    """A second person approves payouts that wait; they are sent. `payout_needs_second_person` for who asked for them.

    `merchant_not_payable` or `payouts_paused` for who may not be paid by now; the payout goes on waiting (K10, K18).
    """
    async with context.transaction() as tx:
        now = await context.now(tx)
        rows = await _lock(tx, payout_ids)
        await _check_still_payable(tx, rows)
        items: list[Item] = []
        for row in rows:
            PAYOUT.step(row["state"], "approve")
            if row["requested_by"] == context.actor.name:
                raise PayoutNeedsSecondPerson(param="payout")
            holder = Holder(row["channel_id"], row["currency"])
            event = Event(row["id"], row["id"], row["id"], now)
            journal = payout_submitted(holder, event, row["merchant_id"], row["amount_minor"])
            account = holder.account(withdrawable(row["merchant_id"]))
            items.append(Capture(f"hold:{row['id']}", account, journal))
        await settlement_store.update_payouts(
            tx, [(row["id"], "submitted", "", 0, "", None, now, context.actor.name) for row in rows]
        )
        await _tell(context, tx, rows, ("payout.approved", "payout.submitted"), now)
        await open_instructions(
            tx, [instruction(row["id"], _again(row), row["amount_minor"]) for row in rows], due_at=now
        )
        require_posted(await post(tx, items))


async def _check_still_payable(tx: Tx, rows: Sequence[Row]) -> None:
    """Whoever was asked for money when the payout was made may have been paused, restricted, or given another bank, since."""
    await require_not_paused(tx, [row["channel_id"] for row in rows], [row["merchant_id"] for row in rows])
    for channel_id, currency in sorted({(row["channel_id"], row["currency"]) for row in rows}):
        mine = [row for row in rows if (row["channel_id"], row["currency"]) == (channel_id, currency)]
        merchants = sorted({row["merchant_id"] for row in mine})
        parties = await read_parties(tx, channel_id, merchants)
        targets = await payout_targets(tx, channel_id, currency, merchants)
        for row in mine:
            require_paid_out(parties, row["merchant_id"])
            target = targets.get(row["merchant_id"])
            if row["instrument_id"] is None and target is not None and target.usable_from is None:
                raise PayoutsPaused("a changed bank account waits for its approval", reason="instrument")


async def cancel_payouts(context: Context, payout_ids: Sequence[str]) -> None:
    """Withdraw payouts that were not approved; the merchants have their money again and are settled on their next day."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        rows = await _lock(tx, payout_ids)
        items: list[Item] = []
        for row in rows:
            PAYOUT.step(row["state"], "cancel")
            account = Holder(row["channel_id"], row["currency"]).account(withdrawable(row["merchant_id"]))
            items.append(ReleaseHold(f"hold:{row['id']}", account, now))
        await note_credits(tx, {Credit(row["merchant_id"], row["channel_id"], row["currency"]): now for row in rows})
        await settlement_store.update_payouts(tx, [(row["id"], "canceled", "", 0, "", None, None, "") for row in rows])
        await _tell(context, tx, rows, ("payout.canceled",), now)
        require_posted(await post(tx, items))


async def _lock(tx: Tx, payout_ids: Sequence[str]) -> list[Row]:
    rows = await settlement_store.lock_payouts(tx, payout_ids)
    missing = set(payout_ids) - {row["id"] for row in rows}
    if missing:
        raise UnknownPayout(f"there is no payout {sorted(missing)[0]}", param="payout")
    return rows


async def _tell(context: Context, tx: Tx, rows: Sequence[Row], types: Sequence[str], now: datetime) -> None:
    events = [NewEvent(each, row["id"], now, {"merchant": row["merchant_id"]}) for row in rows for each in types]
    await emit(tx, events, actor=context.actor.name)
    for row in rows:
        await audit.record(tx, context.actor, types[0], row["id"], before={"state": row["state"]})


def _again(row: Row) -> Target:
    return Target(
        row["merchant_id"],
        row["channel_id"],
        row["currency"],
        row["account_ref"],
        row["instrument_id"],
        row["instrument_ref"],
    )


@dataclass(slots=True)
class _Outcomes:
    payouts: list[tuple[Any, ...]] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    credits: dict[Credit, datetime] = field(default_factory=dict)
    unusable: dict[str, set[str]] = field(default_factory=dict)  # by channel: merchants whose bank takes no money


async def conclude_payouts(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """Give answers about payouts their effect: T12 paid, or T12 failed and the merchant is settled again later."""
    by_key = {one.key: one for one in concluded}
    rows = [row for row in await settlement_store.lock_payouts(tx, list(by_key)) if row["state"] in OPEN_PAYOUT]
    work = _Outcomes()
    for row in rows:
        _conclude(row, by_key[row["id"]], work)
    if work.payouts:
        await settlement_store.update_payouts(tx, work.payouts)
    await note_credits(tx, work.credits)
    for channel_id, merchants in work.unusable.items():
        await wait_for_bank(context, tx, channel_id, merchants)
    await emit(tx, work.events, actor=context.actor.name)
    require_posted(await post(tx, work.items))


async def wait_for_bank(context: Context, tx: Tx, channel_id: str, merchants: Iterable[str]) -> None:
    """These merchants' bank accounts take no money: nothing more is paid out to them until the channel says otherwise."""
    known = await read_parties(tx, channel_id, sorted(merchants))
    answers = [
        (
            party.account_id,
            "",
            Account(party.ref, can_receive=party.state == "active", can_pay_out=False, needs=NEEDS_BANK),
        )
        for party in known.values()
    ]
    await record_account(tx, answers, at=await context.now(tx), actor=context.actor.name)


def _conclude(row: Row, one: Concluded, work: _Outcomes) -> None:
    holder = Holder(row["channel_id"], row["currency"])
    data = {"merchant": row["merchant_id"], "amount": row["amount_minor"], "currency": row["currency"]}
    match one.outcome:
        case Done(value=value):
            at = value.paid_at or one.at
            event = Event(row["id"], row["id"], row["id"], at)
            work.items += payout_paid(holder, event, row["amount_minor"])
            work.payouts.append((row["id"], "paid", value.ref, value.fee_minor, "", at, None, ""))
            work.events.append(NewEvent("payout.paid", row["id"], at, data))
        case Declined(code=code, message=message, refusal=refusal):
            if refusal is Refusal.INSTRUMENT_INVALID:
                work.unusable.setdefault(row["channel_id"], set()).add(row["merchant_id"])
            event = Event(row["id"], row["id"], row["id"], one.at)
            work.items.append(payout_failed(holder, event, row["merchant_id"], row["amount_minor"]))
            work.payouts.append((row["id"], "failed", "", 0, f"{code}: {message}", None, None, ""))
            work.events.append(NewEvent("payout.failed", row["id"], one.at, {**data, "code": code}))
            work.credits[Credit(row["merchant_id"], row["channel_id"], row["currency"])] = one.at
        case Pending(value=value):
            work.payouts.append((row["id"], "processing", value.ref, 0, "", None, None, ""))
