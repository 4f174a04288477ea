"""What a command says: its answer on standard output, everything else on standard error.

An answer has two forms: data for programs (`--json`) and lines for people. A command states both at once with
`emit`; notes and progress exist for people only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_as_json: ContextVar[bool] = ContextVar("cauce_as_json", default=False)


@contextmanager
def mode(*, as_json: bool) -> Iterator[None]:
    """The form of answers within the block."""
    token = _as_json.set(as_json)
    try:
        yield
    finally:
        _as_json.reset(token)


def is_json() -> bool:
    """Whether the answer goes to a program."""
    return _as_json.get()


def emit(data: Any, *lines: str) -> None:
    """The answer: `data` as one JSON document, or `lines` for people."""
    if is_json():
        print(json.dumps(data, default=str, ensure_ascii=False, indent=2))
        return
    for line in lines:
        print(line)


def note(line: str) -> None:
    """Something people want to know meanwhile; nothing with `--json`."""
    if not is_json():
        print(line, file=sys.stderr, flush=True)


def error(code: str, message: str, fields: Mapping[str, object] | None = None) -> None:
    """A refusal or failure."""
    if is_json():
        print(
            json.dumps({"error": {"code": code, "message": message, **(fields or {})}}, default=str, ensure_ascii=False)
        )
    print(f"error: {message} [{code}]", file=sys.stderr)


def usage_error(exc: Any) -> None:
    """A command line that cannot be understood (any error of click's), with where to read on."""
    if type(exc).__name__ == "NoArgsIsHelpError":
        print(exc.format_message(), file=sys.stderr)
        return
    context = getattr(exc, "ctx", None)
    error("usage", f"{exc.format_message()} Try `{context.command_path if context else 'cauce'} --help`.")


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Aligned lines, headings first, for `emit`."""
    cells = [[str(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


@contextmanager
def progress(description: str, total: int | None = None) -> Iterator[Any]:
    """A progress bar on a terminal; call what it yields with the number of steps done since the last call."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=is_json() or not console.is_terminal) as bar:
        task = bar.add_task(description, total=total)
        yield lambda steps=1: bar.advance(task, steps)


@contextmanager
def progress_of(description: str) -> Iterator[Any]:
    """A progress bar on a terminal; call what it yields with how far it is and of how much."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=is_json() or not console.is_terminal) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
