"""A merchant after he was made: his particulars edited, himself restricted, let in again, or closed for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from cauce.flows.context import Context
from cauce.marketplace.merchants import store
from cauce.marketplace.merchants.rules import (
    HOLDER_UNKNOWN,
    MERCHANT,
    LegalForm,
    MerchantNotClosable,
    NewMerchant,
    TradePlace,
    check_holder,
    check_merchant,
)
from cauce.reports import merchants as report
from cauce.reports import orders as order_report
from cauce.storage import audit
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit

_LIVE_INSTRUMENTS = ("requested", "challenge_sent", "verified", "default")


async def edit_merchant(context: Context, merchant_id: str, changes: Mapping[str, Any]) -> None:
    """Change fields of `NewMerchant` but `external_id`; `metadata` takes the place of what was there. No change, no event.

    `illegal_transition` for a closed one, `holder_differs` for a name that the holder of his bank account does not bear (K3).
    """
    async with context.transaction() as tx:
        row = await store.lock_merchant(tx, merchant_id)
        MERCHANT.step(row["state"], "update")
        before = _as_made(row)
        after = replace(before, **changes)
        changed = sorted(name for name in changes if getattr(before, name) != getattr(after, name))
        if not changed:
            return
        check_merchant(after)
        if "name" in changed:
            for one in await store.instruments_of(tx, merchant_id):
                if one["state"] in _LIVE_INSTRUMENTS and one["holder_name"] != HOLDER_UNKNOWN:
                    check_holder(one["holder_name"], after.name)
        await store.update_merchant(tx, merchant_id, after)
        was, now_is = ({name: getattr(one, name) for name in changed} for one in (before, after))
        await _tell(context, tx, merchant_id, row["state"], changed, await context.now(tx))
        await audit.record(tx, context.actor, "merchant.update", merchant_id, before=was, after=now_is)


def _as_made(row: Row) -> NewMerchant:
    return NewMerchant(
        name=row["name"],
        external_id=row["external_id"],
        legal_form=LegalForm(row["legal_form"]),
        trade_place=TradePlace(row["trade_place"]),
        country=row["country"],
        email=row["email"],
        metadata=row["metadata"],
    )


async def step_merchant(context: Context, merchant_id: str, trigger: str, *, reason: str = "") -> None:
    """Restrict, reactivate or close a merchant; `illegal_transition` says what is allowed instead.

    A restricted one is credited and paid nothing, at any channel. Closed is for good, and only for one with nothing open
    and nothing owed (`merchant_not_closable`): his accounts here are closed with him, those at the channels are left alone.
    """
    async with context.transaction() as tx:
        row = await store.lock_merchant(tx, merchant_id)
        state = MERCHANT.step(row["state"], trigger)
        now = await context.now(tx)
        if trigger == "close":
            await _require_nothing_open(tx, merchant_id)
            closed = await store.close_accounts(tx, merchant_id)
            told = [
                NewEvent("merchant.onboarding_changed", merchant_id, now, {"channel": each, "state": "closed"})
                for each in closed
            ]
            await emit(tx, told, actor=context.actor.name)
        await store.set_merchant_state(tx, merchant_id, state)
        await _tell(context, tx, merchant_id, state, ["state"], now)
        after = {"state": state, "reason": reason} if reason else {"state": state}
        await audit.record(
            tx, context.actor, f"merchant.{trigger}", merchant_id, before={"state": row["state"]}, after=after
        )


async def _require_nothing_open(tx: Tx, merchant_id: str) -> None:
    """The guard of a closed account: balances 0, no instruments, no open orders (and no refund of one under way)."""
    channels = [(row["id"], row["name"]) for row in await order_report.channel_names(tx)]
    found = await report.open_work(tx, merchant_id)
    open_ = {
        "balances": bool(await report.balances(tx, [merchant_id], channels)),
        "orders": found["orders"],
        "refunds": found["refunds"],
        "payouts": found["payouts"],
        "instruments": any(one["state"] in _LIVE_INSTRUMENTS for one in await store.instruments_of(tx, merchant_id)),
    }
    names = [name for name, is_open in open_.items() if is_open]
    if names:
        raise MerchantNotClosable(f"the merchant still has open: {', '.join(names)}", param="merchant", open=names)


async def _tell(context: Context, tx: Tx, merchant_id: str, state: str, changed: list[str], at: datetime) -> None:
    data = {"state": state, "changed": changed}
    await emit(tx, [NewEvent("merchant.updated", merchant_id, at, data)], actor=context.actor.name)
