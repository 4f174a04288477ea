"""`cauce customers`: what is held about one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.acting import OrgOption, in_org

if TYPE_CHECKING:
    from cauce.flows.context import Context

app = typer.Typer(help="Customers.")


@app.callback()
def group() -> None:
    """Customers."""


@app.command()
def export(
    customer: Annotated[str, typer.Argument(help="The customer (cus_…).")],
    out: Annotated[Path, typer.Option("--out", help="The file to write; it must not be there yet.")],
    org: OrgOption = "",
) -> None:
    """Write everything that is held about a customer into one JSON file."""
    from cauce.flows import exporting
    from cauce.kernel.errors import InvalidRequest

    async def work(context: Context) -> int:
        begun = await exporting.begin_export(context, customer)
        size = 0
        with out.open("xb") as file:
            out.chmod(0o600)
            async for piece in exporting.write_export(begun):
                size += file.write(piece)
        return size

    if out.exists():
        raise InvalidRequest(f"{out} is there already", param="out")
    size = in_org("cauce customers export", org, work)
    output.emit({"customer": customer, "file": str(out), "bytes": size}, f"{out}: {size} bytes")
