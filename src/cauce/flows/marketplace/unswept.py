"""Commission that was swept to the platform's own bank and came back (T14 reversed), whoever tells first: notice or statement.

The journal's key is the sweep, so it returns once. The sweep is `failed`, and what it took can be swept again.
"""

from __future__ import annotations

from collections.abc import Sequence

from cauce.flows.context import Context
from cauce.flows.marketplace.sent_back import Returned
from cauce.gateway.collecting import FetchRequest, Operation
from cauce.gateway.outcome import Declined, Refusal
from cauce.gateway.reporting import Notice
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import Event, Holder
from cauce.ledger.recipes.payouts import fee_put_back
from cauce.ledger.rules import Item, require_posted
from cauce.marketplace.settlement import funding
from cauce.marketplace.settlement.funding import FUNDING, FundingKind
from cauce.storage.database import Row, Tx


async def sweep_told(context: Context, channel_id: str, notice: Notice) -> None:
    """A payout notice that is about the platform's own: one that was paid may fail for some days. The provider is asked first."""
    async with context.transaction() as tx:
        row = await _paid(tx, channel_id, notice.key)
    if row is None:
        return
    _, gateway = await context.gateway(channel_id)
    answer = await gateway.fetch(FetchRequest(Operation.FEE_SWEEP, row["id"], row["ref"] or notice.ref))
    if not isinstance(answer, Declined) or answer.refusal is Refusal.NOT_FOUND:
        return
    async with context.transaction() as tx:
        row = await _paid(tx, channel_id, notice.key)
        if row is not None:
            at, why = max(notice.occurred_at, row["paid_at"]), f"{answer.code}: {answer.message}"
            require_posted(await post(tx, await put_back(tx, [Returned(row, row["id"], why, at)])))


async def _paid(tx: Tx, channel_id: str, key: str) -> Row | None:
    rows = await sweeps(tx, channel_id, [key] if key else [])
    return next((row for row in rows.values() if row["state"] == "paid"), None)


async def sweeps(tx: Tx, channel_id: str, keys: Sequence[str]) -> dict[str, Row]:
    """Those of these that are sweeps of a channel, locked, by key."""
    rows = await funding.lock(tx, keys) if keys else []
    return {row["id"]: row for row in rows if row["channel_id"] == channel_id and row["kind"] == FundingKind.FEE_SWEEP}


async def put_back(tx: Tx, returned: Sequence[Returned]) -> list[Item]:
    """Paid sweeps are failed; T14 reversed of each, for the caller to post."""
    if not returned:
        return []
    items: list[Item] = []
    for one in returned:
        row = one.row
        event = Event(row["id"], row["id"], one.evidence, one.at)
        items.append(fee_put_back(Holder(row["channel_id"], row["currency"]), event, row["amount_minor"]))
    await funding.update(
        tx, [(one.row["id"], FUNDING.step(one.row["state"], "bounce"), "", one.failure, None) for one in returned]
    )
    return items
