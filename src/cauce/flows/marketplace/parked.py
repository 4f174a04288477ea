"""The mirror check order by order (K4), where the provider says what it still holds of each payment.

So many payments a day, the next day those behind them, in chunks; each question waits its turn in the channel's line.
A payment about whose order something is on its way, or whose freeze has ended, is left for the day after: what is asked
for or released is then in one of the two books and not yet in the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from cauce.flows.context import Context
from cauce.flows.marketplace.comparing import PARKED
from cauce.kernel.ids import new_id
from cauce.marketplace.reconciliation import daily, store
from cauce.marketplace.reconciliation import service as reconciliation
from cauce.marketplace.reconciliation.rules import BreakType, NewBreak
from cauce.marketplace.settlement.service import pause_channel, resume_channel
from cauce.reports import reconciliation as report
from cauce.storage.database import Row, Tx

PAYMENTS_A_DAY_MAX = 2_000
CHUNK = 50
MIRROR_KINDS = ("balance", PARKED)


async def check_parked(context: Context, channel_id: str, payments_max: int = PAYMENTS_A_DAY_MAX) -> dict[str, int]:
    """Compare what we hold in escrow of payments with what the provider says: the difference of each collection, if any.

    A difference pauses the channel's payouts; they go on when none is open any more.
    """
    async with context.transaction() as tx:
        now = await context.now(tx)
        after = await daily.parked_after(tx, channel_id)
        rows = await report.parked_collections(tx, channel_id, now, after, payments_max)
        known = [row["key"] for row in await store.open_breaks(tx, channel_id) if row["kind"] == PARKED]
        again = await report.parked_of(tx, channel_id, now, sorted(set(known) - {row["id"] for row in rows}))
        # The next day goes on behind these, and begins anew when all have been asked about.
        await daily.set_parked_after(tx, channel_id, rows[-1]["id"] if len(rows) == payments_max else "")
    wrong: dict[str, int] = {}
    asked = [*again, *rows]
    for start in range(0, len(asked), CHUNK):
        wrong |= await _chunk(context, channel_id, asked[start : start + CHUNK])
    async with context.transaction() as tx:
        await pause_or_resume(context, tx, channel_id)
    return wrong


async def _chunk(context: Context, channel_id: str, rows: Sequence[Row]) -> dict[str, int]:
    _, gateway = await context.gateway(channel_id)
    theirs: dict[str, int] = await gateway.parked(tuple(row["ref"] for row in rows))
    said = {row["id"]: theirs[row["ref"]] for row in rows if row["ref"] in theirs}
    before = {row["id"]: row["escrow_minor"] for row in rows}
    async with context.transaction() as tx:
        now = await context.now(tx)
        current = await report.parked_of(tx, channel_id, now, sorted(said))
        quiet = [row for row in current if row["escrow_minor"] == before[row["id"]]]  # nothing happened meanwhile
        breaks = [
            NewBreak(
                BreakType.BALANCE, PARKED, row["id"], row["currency"], row["escrow_minor"], said[row["id"]], row["order_id"]
            )
            for row in quiet
            if row["escrow_minor"] != said[row["id"]]
        ]  # fmt: skip
        actor = context.actor.name
        await reconciliation.keep_breaks(tx, new_id("run"), channel_id, breaks, at=now, actor=actor)
        equal = {row["id"] for row in quiet} - {one.key for one in breaks}
        gone = [row for row in await store.open_breaks(tx, channel_id) if row["kind"] == PARKED and row["key"] in equal]
        await reconciliation.close_vanished(tx, gone, at=now, actor=actor)
    return {one.key: one.amount_minor for one in breaks}


async def pause_or_resume(context: Context, tx: Tx, channel_id: str, *, is_wrong: bool = False) -> None:
    """Payouts of a channel stand while its balances differ, as a whole or of one payment (K4)."""
    open_rows = [row for row in await store.open_breaks(tx, channel_id) if row["kind"] in MIRROR_KINDS]
    if is_wrong or open_rows:
        await pause_channel(tx, channel_id, "custody_mismatch", await context.now(tx), by=context.actor.name)
    else:
        await resume_channel(tx, channel_id, "custody_mismatch")
