"""The slice's tables: merchants, their accounts at channels, their payout instruments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cauce.marketplace.merchants.rules import NewAccount, NewMerchant, Party, PayoutTarget, UnknownMerchant
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


async def insert_merchants(tx: Tx, ids: Sequence[str], new: Sequence[NewMerchant], at: datetime) -> set[str]:
    """New merchants; those whose external id is known already are left out. The ids that were written."""
    rows = await tx.rows(
        QUERIES.insert_merchants,
        tx.org,
        list(ids),
        [one.external_id for one in new],
        [one.name for one in new],
        [one.legal_form.value for one in new],
        [one.trade_place.value for one in new],
        [one.country for one in new],
        [one.email for one in new],
        [dict(one.metadata) for one in new],
        at,
    )
    return {row["id"] for row in rows}


async def ids_by_external(tx: Tx, external_ids: Sequence[str]) -> dict[str, str]:
    """From the platform's own numbers to merchants' ids; unknown ones are left out."""
    rows = await tx.rows(QUERIES.ids_by_external, tx.org, list(external_ids))
    return {row["external_id"]: row["id"] for row in rows}


async def read_merchant(tx: Tx, merchant_id: str) -> Row:
    """The merchant's row; `UnknownMerchant` otherwise."""
    row = await tx.row(QUERIES.merchant, tx.org, merchant_id)
    if row is None:
        raise UnknownMerchant(f"there is no merchant {merchant_id}", param="merchant")
    return row


async def lock_merchant(tx: Tx, merchant_id: str) -> Row:
    """The merchant's row, locked; `UnknownMerchant` otherwise."""
    row = await tx.row(QUERIES.lock_merchant, tx.org, merchant_id)
    if row is None:
        raise UnknownMerchant(f"there is no merchant {merchant_id}", param="merchant")
    return row


async def update_merchant(tx: Tx, merchant_id: str, new: NewMerchant) -> None:
    """Write what a merchant is, but for the platform's own number for him."""
    facts = new.name, new.legal_form.value, new.trade_place.value, new.country, new.email, dict(new.metadata)
    await tx.run(QUERIES.update_merchant, tx.org, merchant_id, *facts)


async def close_accounts(tx: Tx, merchant_id: str) -> list[str]:
    """Close a merchant's accounts that were active once; the channels."""
    return [row["channel_id"] for row in await tx.rows(QUERIES.close_accounts, tx.org, merchant_id)]


async def set_merchant_state(tx: Tx, merchant_id: str, state: str) -> None:
    """Active, restricted or closed."""
    await tx.run(QUERIES.set_merchant_state, tx.org, merchant_id, state)


async def insert_accounts(
    tx: Tx, ids: Sequence[str], states: Sequence[str], new: Sequence[NewAccount], at: datetime
) -> list[Row]:
    """New accounts at channels, one open per merchant and channel; the rows that were written."""
    return await tx.rows(
        QUERIES.insert_accounts,
        tx.org,
        list(ids),
        [one.merchant_id for one in new],
        [one.channel_id for one in new],
        [one.ref for one in new],
        [one.kind for one in new],
        list(states),
        [one.shows_balance for one in new],
        [one.agreement for one in new],
        at,
    )


async def read_parties(tx: Tx, channel_id: str, merchant_ids: Sequence[str]) -> dict[str, Party]:
    """These merchants at one channel, by merchant id; those without an account are left out."""
    rows = await tx.rows(QUERIES.parties, tx.org, channel_id, list(merchant_ids))
    return {row["merchant_id"]: Party(**dict(row)) for row in rows}


async def read_facts(tx: Tx, merchant_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """What conditions of split rules may ask of these merchants wherever they have accounts."""
    return {row["id"]: row["facts"] for row in await tx.rows(QUERIES.facts, tx.org, list(merchant_ids))}


async def merchants_by_ref(tx: Tx, channel_id: str, refs: Sequence[str]) -> dict[str, str]:
    """From the channel's account numbers to merchants' ids."""
    rows = await tx.rows(QUERIES.parties_by_ref, tx.org, channel_id, list(refs))
    return {row["ref"]: row["merchant_id"] for row in rows}


async def accounts_of(tx: Tx, merchant_id: str) -> list[Row]:
    """A merchant's accounts at all channels."""
    return await tx.rows(QUERIES.accounts_of, tx.org, merchant_id)


async def lock_accounts(tx: Tx, account_ids: Sequence[str]) -> list[Row]:
    """Accounts, locked in order of id."""
    return await tx.rows(QUERIES.lock_accounts, tx.org, list(account_ids))


async def update_accounts(tx: Tx, changes: Sequence[tuple[str, str, str, str, str, bool]]) -> None:
    """Write (id, state, ref, needs joined by commas, onboarding URL, whether it is paid out) of accounts."""
    columns = [list(column) for column in zip(*changes, strict=True)]
    await tx.run(QUERIES.update_accounts, tx.org, *columns)


async def account_by_ref(tx: Tx, channel_id: str, ref: str) -> str | None:
    """The account that the channel knows by this number, unless it is closed."""
    found: str | None = await tx.value(QUERIES.account_by_ref, tx.org, channel_id, ref)
    return found


async def ask_account(tx: Tx, account_id: str) -> int:
    """The number of a question about an account: its answer counts unless somebody asks later."""
    return int(await tx.value(QUERIES.ask_account, tx.org, account_id))


async def know_banks(tx: Tx, account_id: str, bank_refs: Mapping[str, str]) -> None:
    """Keep which bank account the channel pays to by itself, by currency."""
    await tx.run(QUERIES.know_banks, tx.org, account_id, dict(bank_refs))


async def agree(tx: Tx, account_id: str, agreement: str, at: datetime) -> None:
    """Keep an account's agreement and when it was consented to."""
    await tx.run(QUERIES.agree, tx.org, account_id, agreement, at)


async def has_default(tx: Tx, merchant_id: str, channel_id: str, currency: str) -> bool:
    """Whether an instrument was ever approved for this merchant there."""
    return bool(await tx.value(QUERIES.has_default, tx.org, merchant_id, channel_id, currency))


async def insert_instrument(tx: Tx, *columns: object) -> None:
    """One instrument, in the order of the query's columns after the organization."""
    await tx.run(QUERIES.insert_instrument, tx.org, *columns)


async def lock_instrument(tx: Tx, instrument_id: str) -> Row | None:
    """The instrument, locked."""
    return await tx.row(QUERIES.lock_instrument, tx.org, instrument_id)


async def lock_instruments(tx: Tx, instrument_ids: Sequence[str]) -> list[Row]:
    """These instruments (id, merchant_id, state), locked, in order of id."""
    return await tx.rows(QUERIES.lock_instruments, tx.org, list(instrument_ids))


async def set_instrument_states(tx: Tx, states: Mapping[str, str]) -> None:
    """The new states of instruments, by id."""
    await tx.run(QUERIES.set_instrument_states, tx.org, list(states), list(states.values()))


async def update_instrument(
    tx: Tx, instrument_id: str, state: str, ref: str, last4: str, approved_by: str, usable_from: datetime | None
) -> None:
    """Write an instrument's changed columns."""
    await tx.run(QUERIES.update_instrument, tx.org, instrument_id, state, ref, last4, approved_by, usable_from)


async def replace_default(tx: Tx, merchant_id: str, channel_id: str, currency: str) -> None:
    """The present default is only a verified instrument from now on."""
    await tx.run(QUERIES.replace_default, tx.org, merchant_id, channel_id, currency)


async def payout_targets(
    tx: Tx, channel_id: str, currency: str, merchant_ids: Sequence[str]
) -> dict[str, PayoutTarget]:
    """The default instruments of these merchants, by merchant; without one, what waits for approval instead of another."""
    rows = await tx.rows(QUERIES.payout_targets, tx.org, channel_id, currency, list(merchant_ids))
    return {row["merchant_id"]: PayoutTarget(**dict(row)) for row in rows}


async def instruments_of(tx: Tx, merchant_id: str) -> list[Row]:
    """A merchant's instruments."""
    return await tx.rows(QUERIES.instruments_of, tx.org, merchant_id)
