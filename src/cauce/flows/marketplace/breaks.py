"""What people do about differences: cases, resolutions with evidence and two persons, proposals confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.flows.context import Context
from cauce.flows.marketplace.evidence import evidence_of
from cauce.kernel.errors import Conflict
from cauce.ledger.posting import post
from cauce.ledger.recipes.corrections import debit_borne, fee_corrected
from cauce.ledger.recipes.custody import Event, Holder
from cauce.ledger.recipes.differences import difference_written_off, write_off_reversed
from cauce.ledger.rules import require_posted
from cauce.marketplace.reconciliation import service, store, written_off
from cauce.marketplace.reconciliation.corrections import proving_line
from cauce.marketplace.reconciliation.rules import (
    STOPPING,
    BreakType,
    NewBreak,
    Severity,
    Template,
    UnknownBreak,
    check_template,
    loss_of,
)
from cauce.marketplace.settlement.service import resume_channel
from cauce.storage import audit
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit


class NothingToConfirm(Conflict):
    """No match is proposed for this break."""

    code = "no_match_proposed"


async def resolve_break(
    context: Context,
    tx: Tx,
    break_id: str,
    trigger: str,
    resolution: str,
    evidence: str,
    *,
    by: str,
    approved_by: str = "",
    template: str = "",
) -> None:
    """End a break (`explain`; `correct` and `accept` with a second person); payouts that it stopped go on.

    What is accepted is written off in the platform's own book (T26), where money is missing or too much at the holder.
    What is corrected by a `template` is posted with the statement's line as its evidence.

    `unknown_break`, `illegal_transition`, `resolution_needs_two`, `invalid_request` without resolution or evidence,
    `correction_does_not_fit`, `journal_refused` when the platform's fee at the holder does not cover it.
    """
    now = await context.now(tx)
    row = await service.resolve(tx, break_id, trigger, resolution, evidence, by=by, approved_by=approved_by, at=now)
    if template:
        await _correct(tx, row, check_template(template, trigger, row["type"], row["theirs_minor"]), now)
    if trigger == "accept":
        await _write_off(tx, row, evidence, now)
    await service.close_finished_cases(tx, [row["case_id"]] if row["case_id"] else [], at=now, actor=context.actor.name)
    await service.close_settled_runs(tx, row["channel_id"], at=now, actor=context.actor.name)
    if not await store.stopping_open(tx, row["channel_id"], [one.value for one in STOPPING]):
        await resume_channel(tx, row["channel_id"], "transit_break")


async def _correct(tx: Tx, row: Row, template: Template, at: datetime) -> None:
    line = await proving_line(tx, row)
    event = Event(row["id"], row["order_id"] or row["id"], evidence_of(line), at)
    holder = Holder(row["channel_id"], row["currency"])
    if template is Template.FEE_DIFFERENCE:
        journals = fee_corrected(holder, event, row["amount_minor"])
    else:
        journals = debit_borne(holder, event, abs(row["theirs_minor"]))
    require_posted(await post(tx, journals))


async def _write_off(tx: Tx, row: Row, evidence: str, at: datetime) -> None:
    loss = loss_of(row["kind"], BreakType(row["type"]), row["ours_minor"], row["theirs_minor"])
    if loss:
        times = await written_off.write_off(tx, row["id"], loss)
        holder = Holder(row["channel_id"], row["currency"])
        require_posted(await post(tx, [difference_written_off(holder, _event(row, times, evidence, at), loss)]))


def _event(row: Row, times: int, evidence: str, at: datetime) -> Event:
    """One acceptance of a difference: it may be accepted again when it differs by another amount later."""
    key = row["id"] if times == 1 else f"{row['id']}:{times}"
    return Event(key, row["order_id"] or row["id"], evidence, at)


async def undo_write_offs(
    context: Context, tx: Tx, channel_id: str, rows: Sequence[Row], found: Sequence[NewBreak], run_id: str, at: datetime
) -> None:
    """Take back what was written off for `rows` (T26 undone) where the other side has arrived: `found` is what differs now.

    The same thing that differs by another amount is open again; what does not differ any more is closed.
    """
    now_differs = {(one.kind, one.key, one.currency): one for one in found}
    changed: list[tuple[str, bool, int | None, int | None]] = []
    journals, events = [], []
    for row in rows:
        one = now_differs.get((row["kind"], row["key"], row["currency"]))
        if one is not None and (one.ours_minor, one.theirs_minor) == (row["ours_minor"], row["theirs_minor"]):
            continue
        again = one is not None and one.type == row["type"]
        amounts = (one.ours_minor, one.theirs_minor) if one is not None else (None, None)
        changed.append((row["id"], again, *amounts))
        event = _event(row, row["write_offs"], run_id, at)
        journals.append(write_off_reversed(Holder(channel_id, row["currency"]), event, row["written_off_minor"]))
        if again and one is not None:
            data = {"type": one.type.value, "key": one.key, "amount": one.amount_minor}
            events.append(NewEvent("break.opened", row["id"], at, data))
        else:
            events.append(NewEvent("break.resolved", row["id"], at, {"state": "closed"}))
    if changed:
        await written_off.undo(tx, changed, at=at, actor=context.actor.name)
        await emit(tx, events, actor=context.actor.name)
        require_posted(await post(tx, journals))


async def confirm_match(context: Context, break_id: str) -> list[str]:
    """A person confirms that these differences are two halves of one thing: all of them are explained; which ones."""
    async with context.transaction() as tx:
        row = await store.lock_break(tx, break_id)
        if row is None:
            raise UnknownBreak(f"there is no break {break_id}", param="break")
        if not row["proposal"]:
            raise NothingToConfirm(param="break")
        shape, _, names = row["proposal"].partition(" ")
        together = sorted({break_id, *names.split(",")})
        others = await store.siblings(tx, names.split(","), row["channel_id"])
        together = sorted(
            {*together, *(one for each in others for one in each["proposal"].partition(" ")[2].split(","))}
        )
        for one in together:
            said = f"matched {shape} with {', '.join(name for name in together if name != one)}"
            await resolve_break(context, tx, one, "explain", said, f"proposal {shape}", by=context.actor.name)
        await audit.record(tx, context.actor, "break.confirm_match", break_id, after={"together": together})
    return together


async def close_run(context: Context, run_id: str) -> None:
    """A person closes a run although differences that are not critical are open: they stay open. `critical_breaks_open`."""
    async with context.transaction() as tx:
        await service.close_run(tx, run_id, at=await context.now(tx), actor=context.actor.name)
        await audit.record(tx, context.actor, "reconciliation.close", run_id)


async def open_case(context: Context, break_ids: Sequence[str], cause: str, owner: str, severity: Severity) -> str:
    """Group open breaks of one cause under an owner, due by their severity; the case's id."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        case_id = await service.open_case(tx, break_ids, cause, owner, severity, at=now)
        await audit.record(tx, context.actor, "case.open", case_id, after={"cause": cause, "owner": owner})
    return case_id


async def assign_case(context: Context, case_id: str, owner: str) -> None:
    """Give a case to somebody else."""
    async with context.transaction() as tx:
        before = await service.assign_case(tx, case_id, owner)
        await audit.record(tx, context.actor, "case.assign", case_id, before={"owner": before}, after={"owner": owner})
