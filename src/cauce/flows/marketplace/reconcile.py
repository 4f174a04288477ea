"""Reconciliation: the provider's statements are taken in, compared with our books in the database, and differences kept.

Fetch and compare are apart: lines are stored in chunks as they stream in, outside the transaction that compares. A
statement that comes again changes nothing unless its content changed. What only a statement can tell (the provider's
own release at the end of a freeze, its own settlements, returned payouts) is posted from its line first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from cauce.flows.context import Context
from cauce.flows.marketplace.evidence import post_from_lines
from cauce.flows.marketplace.statements import fetch_statements, proved_by, take_statement
from cauce.flows.marketplace.terms import terms_of
from cauce.kernel.ids import new_id
from cauce.marketplace.reconciliation import service as reconciliation
from cauce.marketplace.reconciliation import store
from cauce.marketplace.reconciliation.rules import BreakType, Compared, NewBreak, judge
from cauce.marketplace.settlement.service import pause_channel
from cauce.reports import reconciliation as report
from cauce.storage.database import Row, Tx

__all__ = ["Reconciled", "check_mirror", "fetch_statements", "reconcile", "take_statement", "yesterday"]

EARLY = timedelta(days=1)
"""A provider's day may end earlier than ours; what happened so shortly before the end comes in the next file."""
_BY_REF = "ref:"
"""Begins what stands in for our key on a line that carries only a number of the provider."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a run found: how many things each side named, and how many breaks are new."""

    run_id: str
    ours: int
    theirs: int
    breaks: int


async def reconcile(context: Context, channel_id: str, from_day: date, until_day: date) -> Reconciled:
    """Compare everything new on either side; orders paid in [from, until) are compared with their lines as well.

    Fetch first. Running it again with nothing new finds nothing new.
    """
    terms = (await terms_of(context.runtime, context.org_id, {channel_id}))[channel_id]
    async with context.transaction() as tx:
        now = await context.now(tx)
        statements = await store.parsed_statements(tx, channel_id)
        ids = [row["id"] for row in statements]
        await _find_keys(tx, channel_id, ids)
        await post_from_lines(context, tx, channel_id, ids)
    async with context.transaction() as tx:
        until_id = await report.last_journal(tx)
    async with context.transaction() as tx:
        after_id = await store.last_journal(tx, channel_id)
        run_id = new_id("run")
        learned = await _learn(tx, channel_id)
        kinds = sorted({each for one in terms.capabilities.statement_kinds for each in proved_by(one)})
        rows, ours, theirs = await report.compare(tx, channel_id, after_id, until_id, ids, kinds)
        compared = await _both_sides(tx, channel_id, [*learned, *((row["kind"], row["key"]) for row in rows)])
        cut_off = _start(until_day)
        breaks = judge(compared, cut_off=cut_off - EARLY)
        breaks += await _orders(tx, channel_id, _start(from_day), cut_off)
        fresh = await reconciliation.keep_breaks(tx, run_id, channel_id, breaks, at=now, actor=context.actor.name)
        await _look_again(context, tx, channel_id, cut_off - EARLY, now)
        await reconciliation.age_timing(tx, channel_id, now)
        await store.statements_matched(tx, ids)
        state = "breaks_open" if breaks else "balanced"
        lines = sum(row["lines"] for row in statements)
        await store.insert_run(
            tx, run_id, channel_id, _start(from_day), cut_off, after_id, until_id, lines, ours,
            max(ours, theirs) - len(breaks), len(breaks), state, now,
        )  # fmt: skip
    return Reconciled(run_id, ours, theirs, fresh)


def _start(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


async def _both_sides(tx: Tx, channel_id: str, wanted: Sequence[tuple[str, str]]) -> list[Compared]:
    """What both sides say of these things by all that is known now; equal ones are left out."""
    if not wanted:
        return []
    ours = await report.ours_by_key(tx, channel_id, wanted)
    theirs = await report.theirs_by_key(tx, channel_id, wanted)
    found = []
    for kind, key in dict.fromkeys(wanted):
        mine, said = ours.get((kind, key)), theirs.get((kind, key))
        ours_minor, theirs_minor = mine["amount"] if mine else None, said["amount"] if said else None
        if ours_minor == theirs_minor or (not ours_minor and not theirs_minor):
            continue
        one = mine or said
        assert one is not None
        found.append(
            Compared(
                kind,
                key,
                one["currency"],
                ours_minor,
                theirs_minor,
                mine["reference"] if mine and mine["reference"].startswith("ord_") else "",
                mine["at"] if mine else None,
                said["doubled"] if said else 0,
            )
        )
    return found


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


async def _look_again(context: Context, tx: Tx, channel_id: str, cut_off: datetime, now: datetime) -> None:
    """Breaks that are open: where the other side has arrived meanwhile, they close by themselves."""
    rows = [row for row in await store.open_breaks(tx, channel_id) if row["kind"] not in ("order", "balance")]
    still = await _both_sides(tx, channel_id, [(row["kind"], row["key"]) for row in rows])
    differs = {(one.kind, one.key): one for one in judge(still, cut_off=cut_off)}
    gone = [row for row in rows if (row["kind"], row["key"]) not in differs]
    await reconciliation.close_vanished(tx, gone, at=now, actor=context.actor.name)


async def _find_keys(tx: Tx, channel_id: str, statement_ids: Sequence[int]) -> None:
    """Our keys of lines that carry only the provider's numbers; what stands in for them where we know none."""
    rows = await store.lines_without_key(tx, statement_ids)
    if not rows:
        return
    refs = {row["ref"] for row in rows} | {row["order_ref"] for row in rows if row["kind"] == "release"}
    known = await report.keys_by_ref(tx, channel_id, sorted(refs - {""}))
    found = []
    for row in rows:
        key = known.get(row["ref"]) or row["key"]
        if not key and row["kind"] == "release":  # the provider's own release names the collection alone
            key = known.get(row["order_ref"], "")
        found.append((row["statement_id"], row["row_key"], key or _stand_in(row)))
    await store.set_keys(tx, found)


def _stand_in(row: Row) -> str:
    return f"{_BY_REF}{row['ref']}" if row["ref"] else f"row:{row['statement_id']}:{row['row_key']}"


async def _learn(tx: Tx, channel_id: str) -> list[tuple[str, str]]:
    """Lines that were strangers and whose number we know by now; what must be compared again."""
    strangers = [row for row in await store.open_breaks(tx, channel_id) if row["key"].startswith(_BY_REF)]
    refs = [row["key"].removeprefix(_BY_REF) for row in strangers]
    known = await report.keys_by_ref(tx, channel_id, refs) if refs else {}
    learned = [(row, known[ref]) for row, ref in zip(strangers, refs, strict=True) if ref in known]
    if learned:
        await store.rename_keys(tx, [(row["key"], key) for row, key in learned])
    return [(row["kind"], key) for row, key in learned]


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
        await pause_channel(tx, channel_id, "custody_mismatch" if wrong else "", ended="custody_mismatch")
    return {names.get(ref, ref): minor for (ref, _), minor in wrong.items()}


async def _owned(tx: Tx, channel_id: str, refs: dict[str, str]) -> dict[tuple[str, str], int]:
    """What the custody book says of each account number; "" is what the holder pools."""
    found: dict[tuple[str, str], int] = {}

    def add(ref: str, row: Row) -> None:
        found[(ref, row["currency"])] = found.get((ref, row["currency"]), 0) + row["minor"]

    for row in await report.custody(tx, channel_id):
        if row["owner"] in refs:
            add(refs[row["owner"]], row)
        elif row["owner"] != "escrow":
            add("", row)
    for row in await report.parked_by_owner(tx, channel_id):
        add(refs.get(row["owner_id"], ""), row)
    return found


def yesterday(now: datetime) -> date:
    """The last whole day, in UTC."""
    return (now - timedelta(days=1)).date()
