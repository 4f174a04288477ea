"""Payouts that an operator stops: those of a channel, or those of one merchant; each until somebody lets them go on."""

from __future__ import annotations

from collections.abc import Sequence

from cauce.channels.service import read_channel
from cauce.flows.context import Context
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.merchants import store as merchants
from cauce.marketplace.settlement.rules import PayoutsPaused
from cauce.marketplace.settlement.service import (
    channel_pauses,
    merchant_pauses,
    pause_channel,
    pause_merchant,
    resume_channel,
    resume_merchant,
)
from cauce.storage import audit
from cauce.storage.database import Tx

OPERATOR = "operator"
REASON_LENGTH_MAX = 500


async def pause_payouts(context: Context, channel_id: str, *, paused: bool) -> None:
    """An operator stops every payout of a channel, or lets them go on; reasons that others gave stand beside his."""
    async with context.transaction() as tx:
        await read_channel(tx, channel_id)
        if paused:
            await pause_channel(tx, channel_id, OPERATOR, await context.now(tx), by=context.actor.name)
        else:
            await resume_channel(tx, channel_id, OPERATOR)
        await audit.record(tx, context.actor, _action(paused), channel_id)


async def pause_merchant_payouts(context: Context, merchant_id: str, *, paused: bool, reason: str = "") -> None:
    """Stop what one merchant is paid out, at every channel, or let it go on. He goes on selling and being credited; payouts
    that were sent before are not called back. The same again changes nothing.

    `reason` at most 500 characters. `NotFound`.
    """
    if len(reason) > REASON_LENGTH_MAX:
        raise InvalidRequest(f"a reason has at most {REASON_LENGTH_MAX} characters", param="reason")
    async with context.transaction() as tx:
        await merchants.lock_merchant(tx, merchant_id)
        if paused:
            changed = await pause_merchant(tx, merchant_id, reason, await context.now(tx), by=context.actor.name)
        else:
            changed = await resume_merchant(tx, merchant_id)
        if changed:
            after = {"reason": reason} if reason else {}
            await audit.record(tx, context.actor, _action(paused), merchant_id, after=after)


def _action(paused: bool) -> str:
    return "payouts.pause" if paused else "payouts.resume"


async def require_not_paused(tx: Tx, channel_ids: Sequence[str], merchant_ids: Sequence[str]) -> None:
    """`payouts_paused` while one of these channels or merchants is paid nothing out."""
    reasons = sorted({row["reason"] for row in await channel_pauses(tx, sorted(set(channel_ids)))})
    reasons += [OPERATOR] if await merchant_pauses(tx, sorted(set(merchant_ids))) else []
    if reasons:
        raise PayoutsPaused(f"payouts are paused: {', '.join(reasons)}", reason=reasons[0])
