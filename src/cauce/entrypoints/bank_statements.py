"""A bank statement file at any door: read, checked, taken in under its account and day."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import date

from cauce.flows.context import Context
from cauce.flows.marketplace.statements import BANK, take_statement
from cauce.gateway.errors import BadStatement
from cauce.gateway.reporting import StatementFacts, StatementLine
from cauce.marketplace.reconciliation import store
from cauce.providers.kit.bankfiles import CsvMap, Format, parse_csv_map, read_file


async def take_file(
    context: Context, channel_id: str, file_format: Format, data: bytes, *, day: date | None = None
) -> dict[str, object]:
    """Take in one file; its account, day and how many lines are new (0: known already).

    `day` is needed where the file holds no line. `BadStatement`, `BalanceGap` when it does not add up: nothing posts.
    """
    async with context.transaction() as tx:
        row = await store.read_terms(tx, channel_id)
    csv_map = parse_csv_map(row["csv_map"]) if row is not None and row["csv_map"] else None
    looked = StatementFacts()
    on = day or _last_day(data, file_format, looked, csv_map)
    if on is None:
        raise BadStatement("the file holds no line: say which day it is of", param="day")
    facts = StatementFacts()
    version = str(row["map_version"]) if row is not None and file_format is Format.CSV else ""
    kind = f"{BANK}/{looked.account_ref}" if looked.account_ref else BANK
    lines = read_file(data, file_format, facts, csv_map)
    count = await take_statement(context, channel_id, kind, on, _each(lines), facts=facts, map_version=version)
    return {"account": facts.account_ref, "day": on.isoformat(), "kind": kind, "new_lines": count}


def _last_day(data: bytes, file_format: Format, facts: StatementFacts, csv_map: CsvMap | None) -> date | None:
    """The latest booking day; a file that does not add up is refused later, when it can be told of."""
    last: date | None = None
    try:
        for line in read_file(data, file_format, facts, csv_map):
            last = max(last or line.occurred_at.date(), line.occurred_at.date())
    except BadStatement as exc:
        if type(exc) is BadStatement or last is None:
            raise
    return last


async def _each(lines: Iterable[StatementLine]) -> AsyncIterator[StatementLine]:
    for line in lines:
        yield line
