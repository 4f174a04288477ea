"""Merchants at channels: accounts opened there, and bank accounts of their own bound for payouts by two persons.

A bank account's number is never stored: it goes to the provider once, and only its last four digits come back. Lost
answers are asked again with the same number, so the same instrument is bound once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.flows.marketplace.terms import terms_of
from cauce.gateway.accounts import Account, AccountRequest, Instrument, InstrumentRequest
from cauce.gateway.capabilities import Can
from cauce.gateway.classes import Handling, class_of, handling_of, problem_fields, shown_text
from cauce.gateway.collecting import Operation
from cauce.gateway.outcome import Declined, Done, Outcome, Pending
from cauce.gateway.splitting import ReceiverKind
from cauce.kernel.errors import Conflict, NotFound
from cauce.marketplace.merchants import service, store
from cauce.marketplace.merchants.rules import ACCOUNT, InstrumentInUse, NoAgreement
from cauce.marketplace.settlement import store as settlement_store
from cauce.storage.database import Tx

OPEN_ACCOUNT = "merchants.open_account"


class InstrumentRefused(Conflict):
    """The channel refused the bank account; nothing is bound."""

    code = "instrument_refused"


@dataclass(frozen=True, slots=True)
class BankAccount:
    """A bank account to bind. `number` or, where the provider takes one, `token`; neither is kept."""

    merchant_id: str
    channel_id: str
    currency: str
    holder_name: str
    country: str
    number: str = ""
    token: str = ""


async def open_accounts(
    context: Context, account_ids: Sequence[str], *, agreement: str = "", under_merchant_ref: str = ""
) -> None:
    """Open drafted accounts at their channels; what is missing comes back as `needs` and an onboarding page.

    `no_agreement` without one: no account is opened for a merchant who has not agreed (K10). `capability_missing` where
    the channel opens none.
    """
    async with context.transaction() as tx:
        now = await context.now(tx)
        rows = await store.lock_accounts(tx, sorted(set(account_ids)))
        if len(rows) < len(set(account_ids)):
            raise NotFound("there is no such account", param="account")
        terms = await terms_of(context.runtime, context.org_id, {row["channel_id"] for row in rows})
        instructions = []
        for row in rows:
            terms[row["channel_id"]].capabilities.require(Can.OPENS_ACCOUNTS, what="opening an account")
            if row["agreed_at"] is None:
                if not agreement:
                    raise NoAgreement(param="agreement")
                await store.agree(tx, row["id"], agreement, now)
            ACCOUNT.step(row["state"], "submit")
            merchant = await store.read_merchant(tx, row["merchant_id"])
            instructions.append(opening(row, merchant, under_merchant_ref))
        actor = context.actor.name
        await service.record_account(tx, [(row["id"], "submit", None) for row in rows], at=now, actor=actor)
        await open_instructions(tx, instructions, due_at=now)


def opening(row: Any, merchant: Any, under: str) -> NewInstruction:
    """What the channel is asked to open an account, or to say how one with a number stands."""
    is_person = row["kind"] == "person"
    request = AccountRequest(
        key=row["id"],
        merchant_id=row["merchant_id"],
        name=merchant["name"],
        kind=ReceiverKind.PERSON if is_person else ReceiverKind.MERCHANT,
        legal_form=merchant["legal_form"],
        trade_place=merchant["trade_place"],
        country=merchant["country"],
        email=merchant["email"],
        existing_ref=row["ref"],
        under_merchant_ref=under,
    )
    return NewInstruction(
        channel_id=row["channel_id"],
        purpose=OPEN_ACCOUNT,
        operation=Operation.OPEN_ACCOUNT,
        key=row["id"],
        object_id=row["merchant_id"],
        request=request,
        merchant_ref=row["ref"],
    )


async def conclude_accounts(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """Give answers about accounts their effect: active, something more is asked of the merchant, or rejected."""
    answers: list[tuple[str, str, Account | None]] = []
    for one in concluded:
        if isinstance(one.outcome, Done | Pending):
            answers.append((one.key, "", one.outcome.value))
        elif (
            handling_of(one.outcome) is Handling.ACTION_REQUIRED
        ):  # who he is, or his bank, is for the merchant to put right
            needs = (class_of(one.outcome).value,)
            answers.append((one.key, "ask", Account("", can_receive=False, can_pay_out=False, needs=needs)))
        elif isinstance(one.outcome, Declined):
            answers.append((one.key, "reject", None))
    await service.record_account(tx, answers, at=await context.now(tx), actor=context.actor.name)


async def bind_instrument(context: Context, bank: BankAccount) -> str:
    """Bind a merchant's own bank account; its id, verified when this returns. A second person approves it then.

    `holder_differs` for anybody else's account (K3), `instrument_refused` when the channel will not have it.
    """
    terms = (await terms_of(context.runtime, context.org_id, {bank.channel_id}))[bank.channel_id]
    terms.capabilities.require(Can.BINDS_INSTRUMENTS, what="a payout instrument")
    async with context.transaction() as tx:
        now = await context.now(tx)
        parties = await service.read_parties(tx, bank.channel_id, [bank.merchant_id])
        party = parties.get(bank.merchant_id)
        if party is None or not party.ref:
            raise NotFound(f"{bank.merchant_id} has no account at this channel", param="merchant")
        instrument_id = await service.request_instrument(
            tx, bank.merchant_id, bank.channel_id, bank.currency, bank.holder_name, at=now, actor=context.actor.name
        )
    _, gateway = await context.gateway(bank.channel_id)
    request = InstrumentRequest(
        instrument_id, party.ref, bank.holder_name, bank.currency, bank.country, bank.number, bank.token
    )
    outcome: Outcome[Instrument] = await gateway.attach_instrument(request)
    if not isinstance(outcome, Done | Declined):  # its key finds it, or binds it now: one instrument either way
        outcome = await gateway.attach_instrument(request)
    after = replace(context, once=None)  # an Idempotency-Key went with the request for it
    async with after.transaction() as tx:
        found = outcome.value if isinstance(outcome, Done) else None
        await service.record_instrument(tx, instrument_id, found, at=await context.now(tx), actor=context.actor.name)
    if found is None:
        reason = shown_text(outcome.message) if isinstance(outcome, Declined) else "the channel does not answer"
        raise InstrumentRefused(reason, instrument=instrument_id, **problem_fields(outcome, instrument_id))
    return instrument_id


async def approve_instrument(context: Context, instrument_id: str) -> datetime:
    """A second person makes a verified instrument the one for payouts; a changed one rests first (K18). From when on it
    is used, org time."""
    async with context.transaction() as tx:
        row = await store.lock_instrument(tx, instrument_id)
        if row is None:
            raise NotFound(f"there is no payout instrument {instrument_id}", param="instrument")
        changed = await store.has_default(tx, row["merchant_id"], row["channel_id"], row["currency"])
        return await service.approve_instrument(
            tx, instrument_id, approved_by=context.actor.name, at=await context.now(tx), first=not changed
        )


async def detach_instrument(context: Context, instrument_id: str) -> None:
    """Use an instrument no more; `instrument_in_use` while a payout to it is on its way."""
    async with context.transaction() as tx:
        if await settlement_store.instruments_in_use(tx, [instrument_id]):
            raise InstrumentInUse(param="instrument")
        await service.detach_instruments(tx, [instrument_id], at=await context.now(tx), actor=context.actor.name)
