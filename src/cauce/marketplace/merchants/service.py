"""Making merchants, connecting them to channels, binding payout instruments with a second person's approval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cauce.gateway.accounts import Account, BankSeen, Instrument
from cauce.kernel.errors import NotFound
from cauce.kernel.ids import new_id
from cauce.marketplace.merchants import store
from cauce.marketplace.merchants.rules import (
    ACCOUNT,
    COOL_OFF,
    HOLDER_UNKNOWN,
    INSTRUMENT,
    NEEDS_BANK,
    NewAccount,
    NewMerchant,
    changed_banks,
    check_holder,
    check_merchant,
    check_second_person,
    step_of,
)
from cauce.marketplace.merchants.store import (
    accounts_of,
    ids_by_external,
    instruments_of,
    merchants_by_ref,
    payout_targets,
    read_facts,
    read_merchant,
    read_parties,
)
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent, emit

__all__ = [
    "accounts_of",
    "approve_instrument",
    "connect_merchants",
    "create_merchants",
    "detach_instruments",
    "ids_by_external",
    "instruments_of",
    "merchants_by_ref",
    "payout_targets",
    "read_facts",
    "read_merchant",
    "read_parties",
    "record_account",
    "record_banks",
    "record_instrument",
    "request_instrument",
]


_OVER = ("closing", "closed", "rejected")


async def create_merchants(tx: Tx, new: Sequence[NewMerchant], *, at: datetime, actor: str) -> list[str]:
    """Make merchants, all at once; the id of each, in order. One whose external id is known already keeps its id."""
    for one in new:
        check_merchant(one)
    ids = [new_id("mer") for _ in new]
    written = await store.insert_merchants(tx, ids, new, at)
    known = await store.ids_by_external(tx, [one.external_id for one in new if one.external_id])
    fresh = [(key, one) for key, one in zip(ids, new, strict=True) if key in written]
    await emit(tx, [NewEvent("merchant.created", key, at, {"name": one.name}) for key, one in fresh], actor=actor)
    return [known.get(one.external_id, key) for key, one in zip(ids, new, strict=True)]


async def connect_merchants(tx: Tx, new: Sequence[NewAccount], *, at: datetime, actor: str) -> dict[str, str]:
    """Write accounts at channels; the new account's id by merchant (those connected already are left out).

    An account that comes with its number and its agreement is active; any other is a draft to be opened there.
    """
    states = [ACCOUNT.step("-", "register" if one.ref and one.agreement else "open") for one in new]
    rows = await store.insert_accounts(tx, [new_id("cac") for _ in new], states, new, at)
    changed = [
        NewEvent("merchant.onboarding_changed", row["merchant_id"], at, {"channel": row["channel_id"]}) for row in rows
    ]
    await emit(tx, changed, actor=actor)
    return {row["merchant_id"]: row["id"] for row in rows}


async def record_account(
    tx: Tx, answers: Sequence[tuple[str, str, Account | None]], *, at: datetime, actor: str
) -> None:
    """What the channel says of accounts: (account id, trigger of the state machine, the account at the channel).

    A trigger "" is for the account's own state there to say (`step_of`). What changes nothing tells nobody.
    """
    rows = {row["id"]: row for row in await store.lock_accounts(tx, [one[0] for one in answers])}
    changes, events = [], []
    for account_id, trigger, account in answers:
        row = rows[account_id]
        wanted = trigger or (step_of(row["state"], account) if account else "")
        if (trigger or row["state"] in _OVER) and wanted not in ACCOUNT.allowed(row["state"]):
            continue
        state = ACCOUNT.step(row["state"], wanted) if wanted else row["state"]
        needs = ",".join(account.needs) if account else ""
        pays_out = account.can_pay_out if account else row["pays_out"] and state != "restricted"
        ref, url = (account.ref, account.onboarding_url) if account else ("", "")
        changes.append((account_id, state, ref, needs, url, pays_out))
        if (state, needs, pays_out) != (row["state"], ",".join(row["needs"]), row["pays_out"]):
            data = {"channel": row["channel_id"], "state": state, "needs": needs, "pays_out": pays_out}
            events.append(NewEvent("merchant.onboarding_changed", row["merchant_id"], at, data))
    if changes:
        await store.update_accounts(tx, changes)
        await emit(tx, events, actor=actor)


async def request_instrument(
    tx: Tx, merchant_id: str, channel_id: str, currency: str, holder_name: str, *, at: datetime, actor: str
) -> str:
    """Begin to bind a bank account of the merchant himself; `HolderDiffers` for anybody else's. Its id."""
    merchant = await store.read_merchant(tx, merchant_id)
    check_holder(holder_name, merchant["name"])
    instrument_id = new_id("pin")
    await store.insert_instrument(
        tx, instrument_id, merchant_id, channel_id, "", holder_name, "", currency, "requested", actor, at, False
    )
    await _instrument_event(tx, merchant_id, instrument_id, "requested", at, actor)
    return instrument_id


async def record_banks(
    tx: Tx, account_id: str, seen: Sequence[BankSeen], *, is_told: bool, at: datetime, actor: str
) -> list[str]:
    """What banks the channel keeps for an account: one that stands instead of another waits for approval (K18). Their ids."""
    (row,) = await store.lock_accounts(tx, [account_id])
    known: Mapping[str, str] | None = row["bank_refs"]
    after, changed = changed_banks(known, seen, is_told=is_told)
    if after != known:
        await store.know_banks(tx, account_id, after)
    merchant_id, made = row["merchant_id"], []
    bound = {one["ref"] for one in await store.instruments_of(tx, merchant_id) if one["state"] != "detached"}
    for bank in changed:
        if bank.ref in bound:
            continue
        made.append(new_id("pin"))
        await store.insert_instrument(
            tx, made[-1], merchant_id, row["channel_id"], bank.ref, bank.holder_name or HOLDER_UNKNOWN, bank.last4,
            bank.currency, INSTRUMENT.step("requested", "verify"), f"channel:{row['channel_id']}", at, True,
        )  # fmt: skip
        await _instrument_event(tx, merchant_id, made[-1], "verified", at, actor)
    return made


async def record_instrument(tx: Tx, instrument_id: str, found: Instrument | None, *, at: datetime, actor: str) -> None:
    """What the channel says of an instrument: verified, or refused (None)."""
    row = await store.lock_instrument(tx, instrument_id)
    if row is None or row["state"] not in ("requested", "challenge_sent"):
        return
    state = INSTRUMENT.step(row["state"], "verify" if found else "fail")
    ref, last4 = (found.ref, found.last4) if found else ("", "")
    await store.update_instrument(tx, instrument_id, state, ref, last4, "", None)
    await _instrument_event(tx, row["merchant_id"], instrument_id, state, at, actor)


async def approve_instrument(
    tx: Tx, instrument_id: str, *, approved_by: str, at: datetime, first: bool = False
) -> datetime:
    """A second person makes a verified instrument the default; unless it is the `first`, it rests for `COOL_OFF`. From
    when on it is used. What the channel told of must belong to the merchant as well (`HolderDiffers`)."""
    row = await store.lock_instrument(tx, instrument_id)
    if row is None:
        raise NotFound(f"there is no payout instrument {instrument_id}")
    check_second_person(row["requested_by"], approved_by)
    if row["from_channel"] and row["holder_name"] != HOLDER_UNKNOWN:
        check_holder(row["holder_name"], (await store.read_merchant(tx, row["merchant_id"]))["name"])
    state = INSTRUMENT.step(row["state"], "approve")
    await store.replace_default(tx, row["merchant_id"], row["channel_id"], row["currency"])
    usable_from = at if first and not row["from_channel"] else at + COOL_OFF
    await store.update_instrument(tx, instrument_id, state, row["ref"], row["last4"], approved_by, usable_from)
    await _instrument_event(tx, row["merchant_id"], instrument_id, state, at, approved_by)
    await _bank_is_there(tx, row["merchant_id"], row["channel_id"], at, approved_by)
    return usable_from


async def _bank_is_there(tx: Tx, merchant_id: str, channel_id: str, at: datetime, actor: str) -> None:
    """An account that waited for a bank which takes money is paid out again."""
    answers = [
        (row["id"], "", Account(row["ref"], can_receive=row["state"] == "active", can_pay_out=True))
        for row in await store.accounts_of(tx, merchant_id)
        if row["channel_id"] == channel_id and list(row["needs"]) == list(NEEDS_BANK) and not row["pays_out"]
    ]
    if answers:
        await record_account(tx, answers, at=at, actor=actor)


async def detach_instruments(tx: Tx, instrument_ids: Sequence[str], *, at: datetime, actor: str) -> None:
    """These instruments are no more used; `IllegalTransition` when one was never verified."""
    if not instrument_ids:
        return
    rows = await store.lock_instruments(tx, instrument_ids)
    missing = set(instrument_ids) - {row["id"] for row in rows}
    if missing:
        raise NotFound(f"there is no payout instrument {min(missing)}")
    states = {row["id"]: INSTRUMENT.step(row["state"], "detach") for row in rows}
    await store.set_instrument_states(tx, states)
    await emit(tx, [_changed(row["merchant_id"], row["id"], states[row["id"]], at) for row in rows], actor=actor)


async def _instrument_event(tx: Tx, merchant_id: str, instrument_id: str, state: str, at: datetime, actor: str) -> None:
    await emit(tx, [_changed(merchant_id, instrument_id, state, at)], actor=actor)


def _changed(merchant_id: str, instrument_id: str, state: str, at: datetime) -> NewEvent:
    return NewEvent("merchant.instrument_changed", merchant_id, at, {"instrument": instrument_id, "state": state})
