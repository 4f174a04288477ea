"""`cauce config`: the settings in force."""

from __future__ import annotations

from typing import Annotated

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.session import loaded_settings
from cauce.settings import describe, redacted

app = typer.Typer(help="Settings: what is in force and where it came from.")


@app.callback()
def _config() -> None:
    """Settings: what is in force and where it came from."""


@app.command()
def show(
    origin: Annotated[bool, typer.Option("--origin", help="Also say where each value came from.")] = False,
) -> None:
    """Print every setting with its value; secrets are replaced by dots."""
    loaded = loaded_settings()
    rows = []
    for one in describe():
        value = redacted(one.name, getattr(loaded.settings, one.name))
        rows.append({"name": one.name, "value": value, "origin": loaded.origins[one.name], "unit": one.unit})
    shown = ("name", "value", "origin") if origin else ("name", "value")
    data = [{key: row[key] for key in (*shown, "unit")} for row in rows]
    output.emit(data, *output.table(shown, [[row[key] for key in shown] for row in rows]))
