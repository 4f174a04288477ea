"""Payouts that come back after they were paid (T13), whoever tells first: the provider's notice or its statement.

The journal's key is the payout, so a return is posted once. The payout is `returned`, and its merchant is settled again.
"""

from __future__ import annotations

from collections.abc import Sequence

from cauce.flows.context import Context
from cauce.flows.marketplace.pay_out import wait_for_bank
from cauce.flows.marketplace.sent_back import Returned
from cauce.flows.marketplace.unswept import sweep_told
from cauce.gateway.collecting import FetchRequest, Operation
from cauce.gateway.outcome import Declined, Refusal
from cauce.gateway.reporting import Notice
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import Event, Holder, withdrawable
from cauce.ledger.recipes.payouts import payout_returned
from cauce.ledger.rules import Item, require_posted
from cauce.marketplace.settlement import store
from cauce.marketplace.settlement.rules import PAYOUT, Credit
from cauce.marketplace.settlement.service import note_credits
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit


async def payout_told(context: Context, channel_id: str, notice: Notice) -> None:
    """The flow of payout notices: one that was paid may fail for some days. The provider is asked before money moves."""
    async with context.transaction() as tx:
        row = await _paid(tx, channel_id, notice)
    if row is None:
        await sweep_told(context, channel_id, notice)
        return
    _, gateway = await context.gateway(channel_id)
    answer = await gateway.fetch(
        FetchRequest(Operation.PAYOUT, row["id"], row["ref"] or notice.ref, merchant_ref=row["account_ref"])
    )
    if not isinstance(answer, Declined) or answer.refusal is Refusal.NOT_FOUND:
        return
    async with context.transaction() as tx:
        row = await _paid(tx, channel_id, notice)
        if row is not None:
            at = max(notice.occurred_at, row["paid_at"])
            one = Returned(row, row["id"], f"{answer.code}: {answer.message}", at)
            items = await take_back(context, tx, [one])
            if answer.refusal is Refusal.INSTRUMENT_INVALID:
                await wait_for_bank(context, tx, channel_id, [row["merchant_id"]])
            require_posted(await post(tx, items))


async def _paid(tx: Tx, channel_id: str, notice: Notice) -> Row | None:
    """The payout that a notice is about, locked, where it is paid."""
    key = notice.key or (await store.payouts_by_ref(tx, channel_id, [notice.ref])).get(notice.ref, "")
    rows = await store.lock_payouts(tx, [key])
    mine = [row for row in rows if row["channel_id"] == channel_id and row["state"] == "paid"]
    return mine[0] if mine else None


async def take_back(context: Context, tx: Tx, returned: Sequence[Returned]) -> list[Item]:
    """Paid payouts are returned and their merchants are due again; T13 of each, for the caller to post."""
    if not returned:
        return []
    updates, items, events, credits = [], [], [], {}
    for one in returned:
        row = one.row
        state = PAYOUT.step(row["state"], "return")
        holder = Holder(row["channel_id"], row["currency"])
        event = Event(row["id"], row["id"], one.evidence, one.at)
        items.append(payout_returned(holder, event, withdrawable(row["merchant_id"]), row["amount_minor"]))
        updates.append((row["id"], state, "", row["fee_minor"], one.failure, None, None, ""))
        data = {"merchant": row["merchant_id"], "amount": row["amount_minor"], "currency": row["currency"]}
        events.append(NewEvent("payout.returned", row["id"], one.at, {**data, "reason": one.failure}))
        credits[Credit(row["merchant_id"], row["channel_id"], row["currency"])] = one.at
    await store.update_payouts(tx, updates)
    await note_credits(tx, credits)
    await emit(tx, events, actor=context.actor.name)
    return list(items)
