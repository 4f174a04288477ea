"""What both sides say of the same thing, by all that is known now; and which line belongs to which key of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from cauce.flows.context import Context
from cauce.flows.marketplace.breaks import undo_write_offs
from cauce.gateway.collecting import Operation
from cauce.gateway.reporting import LineKind
from cauce.marketplace.reconciliation import service as reconciliation
from cauce.marketplace.reconciliation import store
from cauce.marketplace.reconciliation import written_off as accepted
from cauce.marketplace.reconciliation.rules import Compared, Tolerances, judge
from cauce.reports import reconciliation as report
from cauce.storage.database import Row, Tx

BY_REF = "ref:"
"""Begins what stands in for our key on a line that carries only a number of the provider."""

EARLY = timedelta(days=1)
"""A provider's day may end earlier than ours; what happened so shortly before the end comes in the next file."""

OF_COMMAND = "instruction"
"""A command that its provider refused because it knows another amount or party."""

PARKED = "parked"
"""What the provider says that it still holds of one payment."""

BY_HAND = ("order", "balance", PARKED, "statement", OF_COMMAND)
"""Kinds of break that no later line can explain."""

_BANK_KINDS = {
    (Operation.COLLECT.value, False): LineKind.COLLECTION,
    (Operation.REFUND.value, True): LineKind.REFUND,
    (Operation.PAYOUT.value, True): LineKind.PAYOUT,
    (Operation.PAYOUT.value, False): LineKind.PAYOUT_RETURN,
}
"""(operation of the instruction, is a debit) -> what a bank line with its number records."""


async def both_sides(tx: Tx, channel_id: str, wanted: Sequence[tuple[str, str]]) -> list[Compared]:
    """What both sides say of these (kind, key); equal ones are left out."""
    wanted = list(dict.fromkeys(wanted))
    if not wanted:
        return []
    ours = await report.ours_by_key(tx, channel_id, wanted)
    theirs = await report.theirs_by_key(tx, channel_id, wanted)
    lone = [key for kind, key in wanted if (kind, key) not in ours]
    known = await report.instructions_named(tx, channel_id, lone) if lone else {}
    found = []
    for kind, key in wanted:
        mine, said = ours.get((kind, key)), theirs.get((kind, key))
        one = _compared(kind, key, mine, said, known.get(key))
        if one is not None:
            found.append(one)
    return found


def _compared(kind: str, key: str, mine: Row | None, said: Row | None, instruction: Row | None) -> Compared | None:
    ours_minor, theirs_minor = mine["amount"] if mine else None, said["amount"] if said else None
    status = said["status"] if said and said["status"] != "booked" else ""
    if (ours_minor == theirs_minor and not status) or (not ours_minor and not theirs_minor):
        return None
    one = mine or said
    assert one is not None
    return Compared(
        kind,
        key,
        one["currency"],
        ours_minor,
        theirs_minor,
        order_id=mine["reference"] if mine and mine["reference"].startswith("ord_") else "",
        ours_at=mine["at"] if mine else None,
        doubled=said["doubled"] if said else 0,
        their_status=status,
        our_state=instruction["state"] if instruction else "",
        is_debit=bool(said and said["is_debit"]),
    )


async def find_keys(tx: Tx, channel_id: str, statement_ids: Sequence[int]) -> None:
    """Our keys of lines that carry only the provider's numbers; what stands in for them where we know none.

    A line of a bank says only that money moved: which of our instructions moved it tells what it records.
    """
    rows = await store.lines_without_key(tx, statement_ids)
    if not rows:
        return
    refs = {row["ref"] for row in rows} | {row["order_ref"] for row in rows if row["kind"] == "release"}
    known = await report.keys_by_ref(tx, channel_id, sorted(refs - {""}))
    strays = [name for row in rows if row["kind"] == "other" for name in (row["key"], row["ref"]) if name]
    asked = await report.instructions_named(tx, channel_id, strays) if strays else {}
    found, kinds = [], []
    for row in rows:
        key = known.get(row["ref"]) or row["key"]
        if not key and row["kind"] == "release":  # the provider's own release names the collection alone
            key = known.get(row["order_ref"], "")
        if row["kind"] == "other":
            key, kind = _bank_line(row, asked)
            if kind is not None:
                kinds.append((row["statement_id"], row["row_key"], kind.value))
        found.append((row["statement_id"], row["row_key"], key or _stand_in(row)))
    await store.set_keys(tx, found)
    await store.set_kinds(tx, kinds)


def _bank_line(row: Row, asked: Mapping[str, Row]) -> tuple[str, LineKind | None]:
    instruction = asked.get(row["key"]) or asked.get(row["ref"])
    if instruction is None:
        return row["key"], None
    return instruction["key"], _BANK_KINDS.get((instruction["operation"], row["amount_minor"] < 0))


def _stand_in(row: Row) -> str:
    return f"{BY_REF}{row['ref']}" if row["ref"] else f"row:{row['statement_id']}:{row['row_key']}"


async def learn(tx: Tx, channel_id: str) -> list[tuple[str, str]]:
    """Lines that were strangers and whose number we know by now; what must be compared again."""
    differing = [*await store.open_breaks(tx, channel_id), *await accepted.written_off(tx, channel_id)]
    strangers = [row for row in differing if row["key"].startswith(BY_REF)]
    refs = [row["key"].removeprefix(BY_REF) for row in strangers]
    known = await report.keys_by_ref(tx, channel_id, refs) if refs else {}
    learned = [(row, known[ref]) for row, ref in zip(strangers, refs, strict=True) if ref in known]
    if learned:
        await store.rename_keys(tx, [(row["key"], key) for row, key in learned])
    return [(row["kind"], key) for row, key in learned]


async def look_again(
    context: Context, tx: Tx, channel_id: str, cut_off: datetime, now: datetime, tolerances: Tolerances, run_id: str
) -> None:
    """Breaks that are open: where the other side has arrived meanwhile, they close by themselves.

    So do those that were accepted; what was written off for them is taken back.
    """
    losses = [row for row in await accepted.written_off(tx, channel_id) if row["kind"] not in BY_HAND]
    compared = await both_sides(tx, channel_id, [(row["kind"], row["key"]) for row in losses])
    found = judge(compared, cut_off=cut_off)  # a tolerance granted later does not bring money
    await undo_write_offs(context, tx, channel_id, losses, found, run_id, now)
    rows = [row for row in await store.open_breaks(tx, channel_id) if row["kind"] not in BY_HAND]
    still = await both_sides(tx, channel_id, [(row["kind"], row["key"]) for row in rows])
    differs = {(one.kind, one.key) for one in judge(still, cut_off=cut_off, tolerances=tolerances)}
    gone = [row for row in rows if (row["kind"], row["key"]) not in differs]
    await reconciliation.close_vanished(tx, gone, at=now, actor=context.actor.name)
