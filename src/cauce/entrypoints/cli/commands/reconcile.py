"""`cauce reconcile`: the holders' statements against our books, from the shell or a timer."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from cauce.entrypoints.cli import output


def command(
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", help="A channel (ch_…), repeatable; every one that reports if none."),
    ] = None,
    from_day: Annotated[
        str, typer.Option("--from", help="The first day (UTC); three days before the end if left out.")
    ] = "",
    until_day: Annotated[str, typer.Option("--until", help="The day after the last one; today if left out.")] = "",
    file: Annotated[
        Path | None, typer.Option("--file", help="A bank's statement to take in first (CSV, MT940, camt.053).")
    ] = None,
    file_format: Annotated[
        str, typer.Option("--format", help="csv, mt940 or camt053; by the file's name if left out.")
    ] = "",
    map_file: Annotated[
        Path | None, typer.Option("--map", help="How CSV statements of the channel are read from now on (YAML).")
    ] = None,
    day: Annotated[str, typer.Option("--day", help="The day of a file that holds no line.")] = "",
    fetch: Annotated[bool, typer.Option("--fetch/--no-fetch", help="Get the providers' statements first.")] = True,
    org: Annotated[
        str, typer.Option("--org", help="The organization (org_…); may be left out when there is one.")
    ] = "",
) -> None:
    """Take in statements, compare them with the books, print what differs. The same again changes nothing.

    Exit code 1 while a difference is open that is not a matter of the cut-off, or a statement is missing.
    """
    from cauce.entrypoints.cli.reconciling import File, Wanted, reconciled, told

    upload = File(file, file_format, map_file, _day(day)) if file else None
    found = reconciled(Wanted(channel or [], _day(from_day), _day(until_day), upload, fetch, org))
    output.emit(found, *told(found))
    is_missing = any(one["reason"] == "statement_missing" for one in found["pauses"])
    if is_missing or any(one["type"] != "timing" for one in found["breaks"]):
        raise typer.Exit(1)


def _day(text: str) -> date | None:
    from cauce.kernel.errors import InvalidRequest

    try:
        return date.fromisoformat(text) if text else None
    except ValueError as exc:
        raise InvalidRequest(f"{text!r} is no day like 2026-03-31", param="day") from exc
