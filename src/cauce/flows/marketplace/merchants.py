"""Merchants: made, connected to channels (opened there where they bring no account), their payout instruments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from cauce.flows.context import Context
from cauce.flows.marketplace.daily import begin_daily
from cauce.flows.marketplace.planning import require_own_account
from cauce.flows.marketplace.terms import terms_of
from cauce.marketplace.merchants import service
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.marketplace.settlement.holidays import Holiday
from cauce.marketplace.settlement.rules import Credit
from cauce.marketplace.settlement.service import assign_schedule, change_holidays, create_schedule
from cauce.marketplace.splits.service import activate_rule, draft_rule
from cauce.storage import audit


async def create_merchants(context: Context, new: Sequence[NewMerchant]) -> list[str]:
    """Make merchants, all at once; the id of each. One whose external id is known already keeps its id."""
    async with context.transaction() as tx:
        return await service.create_merchants(tx, new, at=await context.now(tx), actor=context.actor.name)


async def connect_merchants(context: Context, new: Sequence[NewAccount]) -> dict[str, str]:
    """Connect merchants to channels; the new account's id by merchant. `pooled_money` for an account of the platform's own."""
    terms = await terms_of(context.runtime, context.org_id, {one.channel_id for one in new})
    for one in new:
        if one.ref in terms[one.channel_id].capabilities.platform_refs:
            require_own_account(one.ref, terms[one.channel_id])
    async with context.transaction() as tx:
        await begin_daily(context, tx, {one.channel_id for one in new})
        return await service.connect_merchants(tx, new, at=await context.now(tx), actor=context.actor.name)


async def draft_split_rule(
    context: Context, document: Mapping[str, Any], *, rule_id: str | None = None
) -> tuple[str, int]:
    """The next version of a split rule as a draft; its id and version."""
    async with context.transaction() as tx:
        return await draft_rule(tx, document, actor=context.actor.name, at=await context.now(tx), rule_id=rule_id)


async def activate_split_rule(context: Context, rule_id: str, version: int) -> None:
    """A second person makes a draft the active version."""
    async with context.transaction() as tx:
        await activate_rule(tx, rule_id, version, actor=context.actor.name)


async def create_payout_schedule(
    context: Context, name: str, document: Mapping[str, Any], *, is_default: bool = False
) -> str:
    """A payout schedule; its id."""
    async with context.transaction() as tx:
        return await create_schedule(tx, name, document, at=await context.now(tx), is_default=is_default)


async def change_market_holidays(
    context: Context, market: str, days: Sequence[Holiday], removed: Sequence[date] = ()
) -> int:
    """Change the holidays of a market ("": of schedules that name none); how many settlements wait for the next open day."""
    async with context.transaction() as tx:
        moved = await change_holidays(tx, market, days, removed)
        after = {"set": [one.day.isoformat() for one in days], "removed": [day.isoformat() for day in removed]}
        await audit.record(tx, context.actor, "holidays.change", market, after=after)
    return moved


async def assign_payout_schedule(context: Context, credit: Credit, schedule_id: str) -> None:
    """Give one merchant at one channel and currency a schedule of his own."""
    async with context.transaction() as tx:
        await assign_schedule(tx, credit, schedule_id, at=await context.now(tx))
        after = {"channel": credit.channel_id, "currency": credit.currency, "schedule": schedule_id}
        await audit.record(tx, context.actor, "payouts.schedule", credit.merchant_id, after=after)
