"""Reconciliation at the shell: statements fetched or read from a file, compared, and the open differences as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from cauce.app import App
from cauce.channels.service import list_channels, read_channel
from cauce.entrypoints.bank_statements import take_file
from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
from cauce.flows.context import Context
from cauce.flows.marketplace.reconcile import fetch_statements, reconcile
from cauce.flows.marketplace.terms import terms_of
from cauce.gateway.capabilities import Can
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import major_text
from cauce.marketplace.reconciliation import store
from cauce.marketplace.settlement.service import channel_pauses
from cauce.providers.kit.bankfiles import Format, parse_csv_map
from cauce.reports import marketplace as report

DAYS_MAX = 92
DAYS_DEFAULT = 3
SHOWN_MAX = 200
"""How many differences people are shown; `--json` names all of them."""

_BY_ENDING = {
    ".csv": Format.CSV,
    ".sta": Format.MT940,
    ".mt940": Format.MT940,
    ".940": Format.MT940,
    ".xml": Format.CAMT053,
}
_SHOWN = ("break", "channel", "type", "severity", "of", "key", "ours", "theirs", "currency", "found")


@dataclass(frozen=True, slots=True)
class File:
    """A bank's statement in a file."""

    path: Path
    format: str = ""
    map_file: Path | None = None
    day: date | None = None

    def kind(self) -> Format:
        """Its format, as said or by the ending of its name."""
        try:
            return Format(self.format) if self.format else _BY_ENDING[self.path.suffix.lower()]
        except (KeyError, ValueError) as exc:
            raise InvalidRequest(f"--format is one of {', '.join(Format)}", param="format") from exc


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says; days are UTC, [from, until)."""

    channels: Sequence[str]
    from_day: date | None
    until_day: date | None
    file: File | None
    fetch: bool
    org: str


def reconciled(wanted: Wanted) -> dict[str, Any]:
    """Do it; the runs, and every difference that is open."""

    async def work(app: App) -> dict[str, Any]:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, wanted.org)
        context = app.runtime.context(one.id, actor=shell_actor(), cause="cli")
        channels = await _channels(context, wanted)
        uploaded = await _upload(context, channels, wanted.file) if wanted.file else None
        first, until = await _days(context, wanted, uploaded)
        runs = [await _run(context, channel_id, first, until, wanted) for channel_id in channels]
        breaks = [each for channel_id in channels for each in await _open(context, channel_id)]
        async with context.transaction() as tx:
            pauses = [
                {"channel": row["channel_id"], "reason": row["reason"]} for row in await channel_pauses(tx, channels)
            ]
        return {"from": first, "until": until, "file": uploaded, "runs": runs, "breaks": breaks, "pauses": pauses}

    return run_with_app("cauce reconcile", work)


async def _channels(context: Context, wanted: Wanted) -> list[str]:
    async with context.transaction() as tx:
        if wanted.channels:
            return [(await read_channel(tx, channel_id))["id"] for channel_id in wanted.channels]
        rows = await list_channels(tx)
    terms = await terms_of(context.runtime, context.org_id, {row["id"] for row in rows})
    return sorted(one for one, each in terms.items() if Can.REPORTS in each.capabilities.can)


async def _days(context: Context, wanted: Wanted, uploaded: dict[str, Any] | None) -> tuple[date, date]:
    async with context.transaction() as tx:
        today = (await context.now(tx)).date()
    until = wanted.until_day or today
    first = wanted.from_day or until - timedelta(days=DAYS_DEFAULT)
    if uploaded is not None and wanted.from_day is None:
        first = min(first, date.fromisoformat(uploaded["day"]))
    if first >= until or (wanted.fetch and (until - first).days > DAYS_MAX):
        raise InvalidRequest(f"a run covers 1 to {DAYS_MAX} days", param="from")
    return first, until


async def _upload(context: Context, channels: Sequence[str], file: File) -> dict[str, Any]:
    if len(channels) != 1:
        raise InvalidRequest("say with --channel whose statement the file is", param="channel")
    try:
        data = file.path.read_bytes()
        csv_map = yaml.safe_load(file.map_file.read_text(encoding="utf-8-sig")) if file.map_file else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise InvalidRequest(f"a file cannot be read: {exc}", param="file") from exc
    if csv_map is not None:
        parse_csv_map(csv_map)
        async with context.transaction() as tx:
            await store.set_csv_map(tx, channels[0], csv_map)
    return await take_file(context, channels[0], file.kind(), data, day=file.day)


async def _run(context: Context, channel_id: str, first: date, until: date, wanted: Wanted) -> dict[str, Any]:
    terms = (await terms_of(context.runtime, context.org_id, {channel_id}))[channel_id]
    lines, days = 0, (until - first).days
    if wanted.fetch and Can.REPORTS in terms.capabilities.can:
        with output.progress(f"statements of {channel_id}", total=days) as bar:
            for n in range(days):
                lines += await fetch_statements(context, channel_id, [first + timedelta(days=n)])
                bar()
    done = await reconcile(context, channel_id, first, until)
    return {
        "run": done.run_id,
        "channel": channel_id,
        "new_lines": lines,
        "ours": done.ours,
        "theirs": done.theirs,
        "new_breaks": done.breaks,
    }


async def _open(context: Context, channel_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    before: str | None = None
    while True:
        async with context.transaction() as tx:
            rows = await report.breaks(tx, channel_id, before=before)
        found += [_data(row) for row in rows]
        if len(rows) < report.ROWS_MAX:
            return found
        before = rows[-1]["id"]


def _data(row: Any) -> dict[str, Any]:
    names = (
        "id", "channel_id", "type", "severity", "state", "kind", "key", "order_id", "order_number", "currency", "ours_minor",
        "theirs_minor", "amount_minor", "case_id", "due_at", "found_at",
    )  # fmt: skip
    return {name: row[name] for name in names}


def told(found: dict[str, Any]) -> list[str]:
    """The same for people."""
    lines = []
    if found["file"] is not None:
        lines.append(f"The file of {found['file']['day']} brought {found['file']['new_lines']} new lines.")
    for run in found["runs"]:
        lines.append(
            f"{run['channel']}: {run['new_lines']} new lines, {run['ours']} of ours and {run['theirs']} of theirs "
            f"compared, {run['new_breaks']} new breaks."
        )
    lines += [f"{one['channel']} pays nothing out: {one['reason']}." for one in found["pauses"]]
    breaks = found["breaks"]
    if not breaks:
        return [*lines, "Nothing differs."]
    rows = [
        (
            one["id"], one["channel_id"], one["type"], one["severity"], one["kind"], one["order_number"] or one["key"],
            _amount(one, "ours_minor"), _amount(one, "theirs_minor"), one["currency"].upper(), one["found_at"].date(),
        )
        for one in breaks[:SHOWN_MAX]
    ]  # fmt: skip
    more = [f"… and {len(breaks) - SHOWN_MAX} more (--json names all)"] if len(breaks) > SHOWN_MAX else []
    return [*lines, *output.table(_SHOWN, rows), *more]


def _amount(one: dict[str, Any], side: str) -> str:
    return "-" if one[side] is None else major_text(one[side], one["currency"])
