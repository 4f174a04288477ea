"""How accounts stand at their channels, asked after each notice: restricted, active again, paid out or not, another bank.

A notice is only a reason to ask. The state is the channel's answer, so notices may come twice, late or in any order;
of two questions about one account the later one's answer counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cauce.flows.context import Context
from cauce.flows.marketplace.onboarding import opening
from cauce.gateway.accounts import Account, AccountRequest, BankSeen
from cauce.gateway.classes import problem_fields, shown_text
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal
from cauce.gateway.reporting import Notice
from cauce.kernel.errors import CauceError, NotFound
from cauce.marketplace.merchants import service, store
from cauce.marketplace.settlement import store as settlement_store
from cauce.storage.database import Row, Tx

GONE = (Refusal.NOT_FOUND, Refusal.FORBIDDEN)
"""The channel knows the account no more, has rejected it, or its merchant has taken our access away."""


class AccountUnread(CauceError):
    """The channel does not say how the account stands; nothing has changed, ask again."""

    code = "account_unread"
    http_status = 502
    retryable = True


@dataclass(frozen=True, slots=True)
class _Question:
    number: int
    row: Row
    request: AccountRequest
    bound: dict[str, str]  # approved or waiting instruments by the channel's number


async def account_told(context: Context, channel_id: str, notice: Notice) -> None:
    """The flow of account notices: ask how the account stands. One that nobody here has concerns nobody."""
    async with context.transaction() as tx:
        account_id = await store.account_by_ref(tx, channel_id, notice.ref)
    if account_id is not None:
        await _follow(context, account_id, notice.occurred_at if notice.data.get("is_about_bank") else None)


async def refresh_account(context: Context, account_id: str) -> None:
    """Ask the channel how an account stands now: what it still needs, whether it is active and paid out."""
    await _follow(context, account_id, None)


async def _follow(context: Context, account_id: str, bank_told_at: datetime | None) -> None:
    asked = await _question(context, account_id)
    _, gateway = await context.gateway(asked.row["channel_id"])
    outcome: Outcome[Account] = await gateway.open_account(asked.request)
    is_gone = isinstance(outcome, Declined) and outcome.refusal in GONE
    if not (is_gone or isinstance(outcome, Done | Pending)):
        said = shown_text(getattr(outcome, "message", "") or getattr(outcome, "reason", ""))
        raise AccountUnread(said, **problem_fields(outcome, account_id))
    after = replace(context, once=None)  # an Idempotency-Key went with the question
    async with after.transaction() as tx:
        (row,) = await store.lock_accounts(tx, [account_id])
        if row["asked"] != asked.number:
            return  # somebody asked later
        now, actor = await after.now(tx), after.actor.name
        if isinstance(outcome, Done | Pending):
            await service.record_account(tx, [(account_id, "", outcome.value)], at=now, actor=actor)
            await _record_banks(after, tx, asked, outcome.value.banks, bank_told_at, now)
        else:
            trigger = "restrict" if row["state"] == "active" else "reject"
            await service.record_account(tx, [(account_id, trigger, None)], at=now, actor=actor)


async def _question(context: Context, account_id: str) -> _Question:
    async with context.transaction() as tx:
        rows = await store.lock_accounts(tx, [account_id])
        if not rows or not rows[0]["ref"]:
            raise NotFound(f"there is no account {account_id} at its channel", param="account")
        row = rows[0]
        merchant = await store.read_merchant(tx, row["merchant_id"])
        request: Any = opening(row, merchant, "").request
        bound = {
            one["ref"]: one["id"]
            for one in await service.instruments_of(tx, row["merchant_id"])
            if one["channel_id"] == row["channel_id"] and one["state"] in ("verified", "default")
        }
        return _Question(await store.ask_account(tx, account_id), row, request, bound)


async def _record_banks(
    context: Context,
    tx: Tx,
    asked: _Question,
    seen: Sequence[BankSeen] | None,
    told_at: datetime | None,
    now: datetime,
) -> None:
    """A bank in place of another waits for approval; an instrument that the channel keeps no more is detached."""
    if seen is None:
        return
    row, actor = asked.row, context.actor.name
    was_connected = row["state"] in ("active", "restricted")
    is_told = told_at is not None and was_connected and told_at > row["created_at"]
    await service.record_banks(tx, row["id"], seen, is_told=is_told, at=now, actor=actor)
    gone = sorted(asked.bound[ref] for ref in asked.bound.keys() - {bank.ref for bank in seen})
    if gone:
        busy = await settlement_store.instruments_in_use(tx, gone)
        await service.detach_instruments(tx, [one for one in gone if one not in busy], at=now, actor=actor)
