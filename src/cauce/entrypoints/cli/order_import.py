"""The import of order files at the shell: checked before it begins, a bar while it runs, a report of what was refused."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cauce.app import App
from cauce.channels.service import read_channel
from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
from cauce.flows.context import Context
from cauce.flows.marketplace.import_orders import ImportTerms, import_orders
from cauce.flows.marketplace.order_files import OrderFiles
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.splits.service import UnknownRule, active_rules

SHOWN_MAX = 20
"""How many refused orders the answer names; the file names all of them."""

_PAGE_ROWS = 1_000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Import:
    """What the command line says."""

    files: OrderFiles
    channel_id: str
    rule_id: str
    org: str = ""
    refused_file: Path | None = None
    again: bool = False


def imported(wanted: Import) -> dict[str, Any]:
    """Run the import to its end; what came of it."""

    async def work(app: App) -> dict[str, Any]:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, wanted.org)
        context = app.runtime.context(one.id, actor=shell_actor(), cause="cli")
        terms = await _terms(context, wanted)
        with output.progress_of("orders") as bar:
            found = await import_orders(context, wanted.files, terms, again=wanted.again, progress=bar)
        async with context.transaction() as tx:
            reasons = await order_store.refused_counts(tx, found.import_id)
            first = await order_store.refused_of(tx, found.import_id, rows_max=SHOWN_MAX)
        if wanted.refused_file is not None:
            await _write_refused(context, found.import_id, wanted.refused_file)
        return {
            "import": found.import_id,
            "read": found.read,
            "accepted": found.accepted,
            "refused": found.refused,
            "reasons": {row["code"]: row["orders"] for row in reasons},
            "first_refused": [
                {"order": row["external_id"], "code": row["code"], "reason": row["message"]} for row in first
            ],
        }

    return run_with_app("cauce import orders", work)


async def _terms(context: Context, wanted: Import) -> ImportTerms:
    """How the orders are taken; a channel or rule that does not exist is told before anything is read."""
    async with context.transaction() as tx:
        await read_channel(tx, wanted.channel_id)
        rules = await active_rules(tx, [wanted.rule_id])
    if wanted.rule_id not in rules:
        raise UnknownRule(f"there is no active split rule {wanted.rule_id}", param="rule")
    return ImportTerms(wanted.channel_id, rules[wanted.rule_id][1].currency, wanted.rule_id)


async def _write_refused(context: Context, import_id: str, file: Path) -> None:
    after = ""
    with file.open("w", newline="", encoding="utf-8") as written:
        writer = csv.writer(written)
        writer.writerow(["order", "code", "reason"])
        while True:
            async with context.transaction() as tx:
                rows = await order_store.refused_of(tx, import_id, after=after, rows_max=_PAGE_ROWS)
            writer.writerows([_plain(row["external_id"]), row["code"], _plain(row["message"])] for row in rows)
            if len(rows) < _PAGE_ROWS:
                return
            after = rows[-1]["external_id"]


def _plain(text: str) -> str:
    """Text that a spreadsheet would take for a formula gets a quote before it."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def told(data: dict[str, Any], file: Path | None) -> Sequence[str]:
    """The same for people."""
    lines = [f"{data['accepted']} of {data['read']} orders taken, {data['refused']} refused."]
    lines += [f"  {count} x {code}" for code, count in data["reasons"].items()]
    lines += [f"  {one['order']}: {one['reason']} [{one['code']}]" for one in data["first_refused"]]
    if data["refused"] > len(data["first_refused"]) and file is None:
        lines.append("  … --refused FILE writes all of them")
    if file is not None:
        lines.append(f"Every refused order with its reason: {file}")
    return lines
