"""`cauce doctor`: tries everything that Cauce depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.checks import EVERY, Check
from cauce.entrypoints.cli.checks.finding import Finding, problem
from cauce.entrypoints.cli.session import current_settings
from cauce.kernel.errors import SetupError
from cauce.settings import Settings

_MARKS = {"ok": "ok     ", "warning": "WARNING", "problem": "PROBLEM"}


def command() -> None:
    """Try everything that Cauce depends on, and say what is wrong and what to do; exit code 1 when there is a problem."""
    findings = _findings()
    lines = [line for one in findings for line in _lines(one)]
    problems = sum(one.level == "problem" for one in findings)
    lines.append("" if problems else "Nothing is in the way.")
    output.emit([asdict(one) for one in findings], *filter(None, lines))
    if problems:
        raise typer.Exit(1)


def _findings() -> list[Finding]:
    try:
        settings = current_settings()
    except SetupError as exc:
        return [problem("settings", exc.message, "Correct it; `docs/reference/settings.md` lists every setting.")]
    return examine(settings)


def examine(settings: Settings, checks: Sequence[Check] = EVERY) -> list[Finding]:
    """What the checks find, in their order."""
    return [finding for check in checks for finding in check(settings)]


def _lines(one: Finding) -> list[str]:
    said = [f"{_MARKS[one.level]}  {one.name}: {one.found}"]
    return [*said, f"         {one.advice}"] if one.advice else said
