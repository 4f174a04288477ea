"""The mirror check: the custody book against the provider's own balances, merchant by merchant (K4).

In the platform's own balance lie its commission and, with a card provider, what subscriptions brought.
"""

from __future__ import annotations

from cauce.flows.context import Context
from cauce.flows.marketplace.breaks import undo_write_offs
from cauce.flows.marketplace.parked import pause_or_resume
from cauce.flows.marketplace.terms import terms_of
from cauce.kernel.ids import new_id
from cauce.marketplace.reconciliation import service as reconciliation
from cauce.marketplace.reconciliation import store, written_off
from cauce.marketplace.reconciliation.rules import BreakType, NewBreak
from cauce.reports import reconciliation as report
from cauce.storage.database import Row, Tx


async def check_mirror(context: Context, channel_id: str) -> dict[str, int]:
    """The custody book against the provider's own balances: the difference of each merchant ("" the platform), if any.

    A difference pauses the channel's payouts (K4); without any they go on. Ask when nothing is on its way.
    """
    async with context.transaction() as tx:
        refs = await report.merchant_refs(tx, channel_id)
    _, gateway = await context.gateway(channel_id)
    theirs: dict[tuple[str, str], int] = {}
    for sub in await gateway.balances(("", *refs.values())):
        key = (sub.account_ref, sub.balance.currency)
        theirs[key] = theirs.get(key, 0) + sub.balance.amount_minor
    async with context.transaction() as tx:
        ours = await _owned(tx, channel_id, refs)
        now = await context.now(tx)
        terms = (await terms_of(context.runtime, context.org_id, {channel_id}))[channel_id]
        if terms.has_owner:  # what reaches the platform's own account there has left the custody book
            theirs = {key: minor for key, minor in theirs.items() if key[0]}
        keys = {*ours, *theirs}
        names = {ref: merchant for merchant, ref in refs.items()}
        wrong = {key: theirs.get(key, 0) - ours.get(key, 0) for key in keys if theirs.get(key, 0) != ours.get(key, 0)}
        breaks = [
            NewBreak(
                BreakType.BALANCE, "balance", names.get(ref, ref) or "platform", currency, ours.get((ref, currency), 0),
                theirs.get((ref, currency), 0),
            )
            for ref, currency in sorted(wrong)
        ]  # fmt: skip
        run_id = new_id("run")
        await reconciliation.keep_breaks(tx, run_id, channel_id, breaks, at=now, actor=context.actor.name)
        still = {(one.key, one.currency) for one in breaks}
        open_rows = [row for row in await store.open_breaks(tx, channel_id) if row["kind"] == "balance"]
        gone = [row for row in open_rows if (row["key"], row["currency"]) not in still]
        await reconciliation.close_vanished(tx, gone, at=now, actor=context.actor.name)
        losses = [row for row in await written_off.written_off(tx, channel_id) if row["kind"] == "balance"]
        await undo_write_offs(context, tx, channel_id, losses, breaks, run_id, now)
        await pause_or_resume(context, tx, channel_id, is_wrong=bool(wrong))
    return {names.get(ref, ref): minor for (ref, _), minor in wrong.items()}


async def _owned(tx: Tx, channel_id: str, refs: dict[str, str]) -> dict[tuple[str, str], int]:
    """What our books say of each account number; "" is what the holder pools."""
    found: dict[tuple[str, str], int] = {}

    def add(ref: str, row: Row) -> None:
        found[(ref, row["currency"])] = found.get((ref, row["currency"]), 0) + row["minor"]

    for row in await report.custody(tx, channel_id):
        if row["owner"] in refs:
            add(refs[row["owner"]], row)
        elif row["owner"] != "escrow":
            add("", row)
    for row in await report.payouts_under_way(tx, channel_id):
        found[("", row["currency"])] = found.get(("", row["currency"]), 0) - row["minor"]
    for row in await report.parked_by_owner(tx, channel_id):
        add(refs.get(row["owner_id"], ""), row)
    return found
