"""The slice's tables: statements and their lines, runs, breaks, cases. Everything is written set-wise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from cauce.gateway.reporting import StatementLine
from cauce.kernel.ids import new_id
from cauce.marketplace.reconciliation.rules import DUE_AFTER, NewBreak
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)

AGAIN = "~again"
"""Marks the row key of a row that a file holds more than once."""


async def begin_statement(tx: Tx, channel_id: str, kind: str, day: date, at: datetime) -> Row:
    """The statement of one channel, kind and day: a new one, or the one that is there, locked."""
    row = await tx.row(QUERIES.begin_statement, tx.org, new_id("stm"), channel_id, kind, day, at)
    assert row is not None
    return row


async def clear_lines(tx: Tx, statement_id: int) -> None:
    """Forget the lines of a statement that comes again."""
    await tx.run(QUERIES.clear_lines, tx.org, statement_id)


async def insert_lines(tx: Tx, statement_id: int, lines: Sequence[StatementLine]) -> None:
    """Write lines. One whose row key is there already is written beside it, marked, and never posts anything."""
    left, turn = [(line.row_key, line) for line in lines], 1
    while left:
        written = await _insert_lines(tx, statement_id, left)
        doubled = []
        for row_key, line in left:
            if row_key in written:
                written.remove(row_key)
            else:
                doubled.append(line)
        turn += 1
        left = [(f"{line.row_key}{AGAIN}{turn}", line) for line in doubled]


async def _insert_lines(tx: Tx, statement_id: int, rows: Sequence[tuple[str, StatementLine]]) -> set[str]:
    lines = [line for _, line in rows]
    found = await tx.rows(
        QUERIES.insert_lines,
        tx.org,
        statement_id,
        [row_key for row_key, _ in rows],
        [line.kind.value for line in lines],
        [line.key for line in lines],
        [line.ref for line in lines],
        [line.order_ref for line in lines],
        [line.account_ref for line in lines],
        [line.amount.amount_minor for line in lines],
        [line.fee_minor for line in lines],
        [line.amount.currency for line in lines],
        [line.occurred_at for line in lines],
        [line.state for line in lines],
        [line.status.value for line in lines],
    )
    return {row["row_key"] for row in found}


async def missing_statements(tx: Tx, channel_id: str, before: date) -> list[Row]:
    """Statements of days before this one (`kind`, `day`) that were waited for and never taken in."""
    return await tx.rows(QUERIES.missing_statements, tx.org, channel_id, before)


async def told_by(tx: Tx, statement_id: int, after: str, rows_max: int) -> list[Row]:
    """What the rows of a statement tell of (`row_key`, `kind`, `key`), in order of their row keys."""
    return await tx.rows(QUERIES.told_by, tx.org, statement_id, after, rows_max)


async def rows_gone(tx: Tx, statement_id: int, rows: Sequence[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Kind and key of those of these (row key, kind, key) that a statement does not have."""
    found = await tx.rows(QUERIES.rows_gone, tx.org, statement_id, *_columns(rows, 3))
    return [(row["kind"], row["key"]) for row in found]


async def finish_statement(
    tx: Tx,
    statement_id: int,
    content_hash: bytes,
    lines: int,
    *,
    account_ref: str = "",
    opening_minor: int | None = None,
    closing_minor: int | None = None,
    map_version: str = "",
) -> None:
    """All lines are in; balances where the file states them."""
    facts = (account_ref, opening_minor, closing_minor, map_version)
    await tx.run(QUERIES.finish_statement, tx.org, statement_id, content_hash, lines, *facts)


async def previous_closing(tx: Tx, channel_id: str, account_ref: str, day: date) -> int | None:
    """How the last statement of this account before `day` closed, minor units."""
    found: int | None = await tx.value(QUERIES.previous_closing, tx.org, channel_id, account_ref, day)
    return found


async def statements(tx: Tx, channel_id: str = "", *, before: int = 0, rows_max: int = 50) -> list[Row]:
    """Statements that were taken in, newest first."""
    return await tx.rows(QUERIES.statement_page, tx.org, channel_id, before, rows_max)


async def last_days(tx: Tx, channel_id: str) -> dict[str, date]:
    """The latest day of which there is a statement, by kind."""
    return {row["kind"]: row["day"] for row in await tx.rows(QUERIES.last_days, tx.org, channel_id)}


async def read_terms(tx: Tx, channel_id: str) -> Row | None:
    """How a channel's statements are judged and read, where something was set."""
    return await tx.row(QUERIES.terms, tx.org, channel_id)


async def set_terms(
    tx: Tx, channel_id: str, fee_tolerances: Mapping[str, int], timing_days: int, accept_max_minor: int | None = None
) -> None:
    """Tolerances (fee type -> minor units), days that a difference may be a matter of the cut-off, and the largest
    difference that may be accepted (None: any).
    """
    await tx.run(QUERIES.set_terms, tx.org, channel_id, dict(fee_tolerances), timing_days, accept_max_minor)


async def set_csv_map(tx: Tx, channel_id: str, csv_map: Mapping[str, Any]) -> int:
    """How CSV statements of a channel are read from now on; the version of the map."""
    return int(await tx.value(QUERIES.set_csv_map, tx.org, channel_id, dict(csv_map)))


async def set_kinds(tx: Tx, rows: Sequence[tuple[int, str, str]]) -> None:
    """What bank lines turned out to be: (statement, row key, kind)."""
    await tx.run(QUERIES.set_kinds, tx.org, *_columns(rows, 3))


async def stopping_open(tx: Tx, channel_id: str, types: Sequence[str]) -> int:
    """How many open breaks of types that stop payouts a channel has."""
    return int(await tx.value(QUERIES.stopping_open, tx.org, channel_id, list(types)))


async def accepted_gap(tx: Tx, channel_id: str, key: str) -> bool:
    """Whether two persons accepted that this statement does not add up."""
    return bool(await tx.value(QUERIES.accepted_gap, tx.org, channel_id, key))


async def propose(tx: Tx, rows: Sequence[tuple[str, str]]) -> None:
    """What breaks probably belong to: (break, proposal)."""
    if rows:
        await tx.run(QUERIES.propose, tx.org, *_columns(rows, 2))


async def statements_matched(tx: Tx, statement_ids: Sequence[int]) -> None:
    """These statements were compared."""
    await tx.run(QUERIES.statement_matched, tx.org, list(statement_ids))


async def parsed_statements(tx: Tx, channel_id: str) -> list[Row]:
    """Statements that were not compared yet."""
    return await tx.rows(QUERIES.statements, tx.org, channel_id)


async def lines_without_key(tx: Tx, statement_ids: Sequence[int]) -> list[Row]:
    """Lines that carry no key of ours."""
    return await tx.rows(QUERIES.lines_without_key, tx.org, list(statement_ids))


async def lines_of_kinds(tx: Tx, statement_ids: Sequence[int], kinds: Sequence[str]) -> list[Row]:
    """Lines of certain kinds."""
    return await tx.rows(QUERIES.lines_of_kinds, tx.org, list(statement_ids), list(kinds))


async def set_keys(tx: Tx, rows: Sequence[tuple[int, str, str]]) -> None:
    """Our keys of lines that did not carry them: (statement, row key, key)."""
    await tx.run(QUERIES.set_keys, tx.org, *_columns(rows, 3))


async def rename_keys(tx: Tx, rows: Sequence[tuple[str, str]]) -> None:
    """Lines whose key became known: (what stood for it, our key)."""
    await tx.run(QUERIES.rename_keys, tx.org, *_columns(rows, 2))


async def last_journal(tx: Tx, channel_id: str) -> int:
    """Up to which journal the books of this channel were compared."""
    return int(await tx.value(QUERIES.last_journal, tx.org, channel_id))


async def insert_run(tx: Tx, *columns: object) -> None:
    """A run, in the order of the query's columns after the organization."""
    await tx.run(QUERIES.insert_run, tx.org, *columns)


async def lock_run(tx: Tx, run_id: str) -> Row | None:
    """The run, locked."""
    return await tx.row(QUERIES.lock_run, tx.org, run_id)


async def update_run(
    tx: Tx, run_id: str, state: str, *, closed_at: datetime | None = None, difference_minor: int | None = None
) -> None:
    """Write a run's state."""
    await tx.run(QUERIES.update_run, tx.org, run_id, state, closed_at, difference_minor)


async def critical_open(tx: Tx, channel_id: str) -> int:
    """How many critical breaks of a channel are open."""
    return int(await tx.value(QUERIES.critical_open, tx.org, channel_id))


async def insert_breaks(
    tx: Tx, run_id: str, channel_id: str, breaks: Sequence[NewBreak], at: datetime
) -> list[tuple[str, NewBreak]]:
    """Write breaks, each identity once; those that are new, with their ids."""
    ids = [new_id("brk") for _ in breaks]
    rows = await tx.rows(
        QUERIES.insert_breaks,
        tx.org,
        run_id,
        channel_id,
        ids,
        [one.type.value for one in breaks],
        [one.kind for one in breaks],
        [one.key for one in breaks],
        [one.order_id for one in breaks],
        [one.currency for one in breaks],
        [one.ours_minor for one in breaks],
        [one.theirs_minor for one in breaks],
        [one.amount_minor for one in breaks],
        [one.severity.value for one in breaks],
        at,
        [at + DUE_AFTER[one.severity] for one in breaks],
    )
    fresh = {row["id"] for row in rows if row["is_new"]}
    return [(key, one) for key, one in zip(ids, breaks, strict=True) if key in fresh]


async def open_breaks(tx: Tx, channel_id: str) -> list[Row]:
    """Breaks that wait for somebody."""
    return await tx.rows(QUERIES.open_breaks, tx.org, channel_id)


async def close_breaks(tx: Tx, ids: Sequence[str], resolution: str, by: str, at: datetime) -> None:
    """These differences are gone."""
    await tx.run(QUERIES.close_breaks, tx.org, list(ids), resolution, by, at)


async def retype_breaks(tx: Tx, channel_id: str, found_before: datetime) -> None:
    """Differences of timing that lasted too long are missing there."""
    await tx.run(QUERIES.retype_breaks, tx.org, channel_id, found_before)


async def lock_break(tx: Tx, break_id: str) -> Row | None:
    """The break, locked."""
    return await tx.row(QUERIES.lock_break, tx.org, break_id)


async def resolve_break(tx: Tx, break_id: str, *columns: Any) -> None:
    """Write (state, resolution, evidence, resolved_by, approved_by, resolved_at)."""
    await tx.run(QUERIES.resolve_break, tx.org, break_id, *columns)


async def insert_case(tx: Tx, *columns: Any) -> None:
    """A case: (id, cause, owner, severity, due_at, opened_at)."""
    await tx.run(QUERIES.insert_case, tx.org, *columns)


async def assign_breaks(tx: Tx, break_ids: Sequence[str], case_id: str) -> int:
    """Put open breaks into a case; how many were open."""
    return await tx.run(QUERIES.assign_breaks, tx.org, list(break_ids), case_id)


async def lock_case(tx: Tx, case_id: str) -> Row | None:
    """The case, locked."""
    return await tx.row(QUERIES.lock_case, tx.org, case_id)


async def update_case(tx: Tx, case_id: str, owner: str, closed_at: datetime | None) -> None:
    """Write who has a case, and when it was closed."""
    await tx.run(QUERIES.update_case, tx.org, case_id, owner, closed_at)


async def close_cases(tx: Tx, case_ids: Sequence[str], at: datetime) -> list[str]:
    """Close those of these cases that have no open break; which ones."""
    if not case_ids:
        return []
    return [row["id"] for row in await tx.rows(QUERIES.close_cases, tx.org, sorted(set(case_ids)), at)]


async def siblings(tx: Tx, break_ids: Sequence[str], channel_id: str) -> list[Row]:
    """The proposals of these breaks."""
    return await tx.rows(QUERIES.siblings, tx.org, list(break_ids), channel_id)


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
