"""Reconciliation: the provider's statements are taken in, compared with our books in the database, and differences kept.

Fetch and compare are apart: lines are stored in chunks as they stream in, outside the transaction that compares. A
statement that comes again changes nothing unless its content changed. What only a statement can tell (the provider's
own release at the end of a freeze, its own settlements, returned payouts) is posted from its line first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

from cauce.flows.context import Context
from cauce.flows.instruct import ASK_JOB
from cauce.flows.marketplace.bounced import LOOK_JOB
from cauce.flows.marketplace.comparing import EARLY, both_sides, find_keys, learn, look_again
from cauce.flows.marketplace.evidence import post_from_lines
from cauce.flows.marketplace.mirror import check_mirror
from cauce.flows.marketplace.proposals import propose_matches
from cauce.flows.marketplace.statements import fetch_statements, proved_by, take_statement
from cauce.flows.marketplace.terms import terms_of
from cauce.kernel.ids import new_id
from cauce.marketplace.reconciliation import service as reconciliation
from cauce.marketplace.reconciliation import store
from cauce.marketplace.reconciliation.rules import STOPPING, BreakType, NewBreak, judge
from cauce.marketplace.settlement.service import pause_channel, resume_channel
from cauce.reports import reconciliation as report
from cauce.storage import jobs
from cauce.storage.database import Tx
from cauce.storage.jobs import NewJob

__all__ = ["Reconciled", "check_mirror", "fetch_statements", "reconcile", "take_statement", "yesterday"]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a run found: how many things each side named, and how many breaks are new."""

    run_id: str
    ours: int
    theirs: int
    breaks: int


async def reconcile(context: Context, channel_id: str, from_day: date, until_day: date) -> Reconciled:
    """Compare everything new on either side; orders paid in [from, until) are compared with their lines as well.

    Ours are compared up to the end of the provider's last day that is over: what happened since is left for the run
    of its own day. Fetch first. Running it again with nothing new finds nothing new.
    """
    terms = (await terms_of(context.runtime, context.org_id, {channel_id}))[channel_id]
    async with context.transaction() as tx:
        now = await context.now(tx)
        statements = await store.parsed_statements(tx, channel_id)
        ids = [row["id"] for row in statements]
        await find_keys(tx, channel_id, ids)
        await post_from_lines(context, tx, channel_id, ids)
    ahead = terms.capabilities.statement_offset_hours
    zone = timezone(timedelta(hours=ahead.value if ahead else 0))
    cut_off = _start(min(until_day, now.astimezone(zone).date()), zone)
    async with context.transaction() as tx:
        until_id = await report.last_journal(tx)
    proved = {each for one in terms.capabilities.statement_kinds for each in proved_by(one)}
    proved |= {each for row in statements for each in proved_by(row["kind"])}
    async with context.transaction() as tx:
        after_id = await store.last_journal(tx, channel_id)
        run_id, tolerances = new_id("run"), await reconciliation.tolerances(tx, channel_id)
        wanted = await learn(tx, channel_id)
        differing, ours, theirs = await report.compare(tx, channel_id, after_id, until_id, ids, sorted(proved), cut_off)
        wanted += differing
        wanted += await report.unbooked(tx, ids, sorted(proved))
        compared = await both_sides(tx, channel_id, wanted)
        breaks = judge(compared, cut_off=cut_off - EARLY, tolerances=tolerances)
        breaks += await _orders(tx, channel_id, _start(from_day, zone), cut_off)
        fresh = await reconciliation.keep_breaks(tx, run_id, channel_id, breaks, at=now, actor=context.actor.name)
        await look_again(context, tx, channel_id, cut_off - EARLY, now, tolerances, run_id)
        await reconciliation.age_timing(tx, channel_id, now, tolerances.timing_days)
        await propose_matches(tx, channel_id)
        await _stop_payouts(context, tx, channel_id, now)
        await _ask_again(tx, channel_id, breaks, now)
        await store.statements_matched(tx, ids)
        until_id = await report.compared_until(tx, after_id, until_id, cut_off)
        state = "breaks_open" if breaks else "balanced"
        lines = sum(row["lines"] for row in statements)
        await store.insert_run(
            tx, run_id, channel_id, min(_start(from_day, zone), cut_off), cut_off, after_id, until_id, lines, ours,
            max(ours, theirs) - len(breaks), len(breaks), state, now,
        )  # fmt: skip
        await reconciliation.close_settled_runs(tx, channel_id, at=now, actor=context.actor.name)
    return Reconciled(run_id, ours, theirs, fresh)


async def _stop_payouts(context: Context, tx: Tx, channel_id: str, now: datetime) -> None:
    """Money left that nobody ordered, or a payout that was paid is not: nothing more goes out until it is resolved."""
    if await store.stopping_open(tx, channel_id, [one.value for one in STOPPING]):
        await pause_channel(tx, channel_id, "transit_break", now, by=context.actor.name)
    else:
        await resume_channel(tx, channel_id, "transit_break")


async def _ask_again(tx: Tx, channel_id: str, breaks: Sequence[NewBreak], now: datetime) -> None:
    """What the provider has and we do not, but asked for: find out by its key; the answer posts it.

    So with refunds that came back: they may have failed after they were final.
    """
    keys = [one.key for one in breaks if one.type is BreakType.MISSING_HERE]
    known = await report.instructions_named(tx, channel_id, keys) if keys else {}
    open_keys = sorted({row["key"] for row in known.values() if row["state"] not in ("succeeded", "declined")})
    work = [NewJob(ASK_JOB, now, {"key": key}, key=f"ask:{key}") for key in open_keys]
    back = [one.key for one in breaks if one.kind == "refund" and one.ours_minor and one.theirs_minor == 0]
    work += [NewJob(LOOK_JOB, now, {"key": key}, key=f"ask:{key}") for key in back]
    await jobs.enqueue(tx, work)


def _start(day: date, zone: timezone) -> datetime:
    return datetime.combine(day, time.min, zone)


async def _orders(tx: Tx, channel_id: str, from_at: datetime, until_at: datetime) -> list[NewBreak]:
    return [
        NewBreak(
            BreakType.AMOUNT,
            "order",
            row["external_id"] or row["id"],
            row["currency"],
            row["total_minor"],
            row["collected_minor"],
            row["id"],
        )
        for row in await report.orders_mismatched(tx, channel_id, from_at, until_at)
    ]


def yesterday(now: datetime) -> date:
    """The last whole day, in UTC."""
    return (now - timedelta(days=1)).date()
