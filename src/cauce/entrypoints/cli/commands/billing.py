"""`cauce billing`: how far the billing run is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.acting import OrgOption, in_org

if TYPE_CHECKING:
    from cauce.flows.context import Context
    from cauce.reports.run_progress import RunProgress

app = typer.Typer(help="The billing run: how far it is.")


@app.callback()
def billing() -> None:
    """The billing run: how far it is."""


@app.command()
def progress(
    org: OrgOption = "",
    follow: Annotated[
        bool, typer.Option("--follow", help="Look again every second, until nothing is due any more.")
    ] = False,
) -> None:
    """What is due, what was billed in the last hour and minute, what was parked, how long the rest takes."""

    async def work(context: Context) -> RunProgress:
        found = await _look(context)
        if follow:
            before, total = found.done, found.due
            with output.progress_of("Renewals") as bar:
                while found.due:
                    total = max(total, found.due)
                    bar(total - found.due, total)
                    await asyncio.sleep(1)
                    found = await _look(context)
                bar(total, total)
            output.note(f"{max(found.done - before, 0):,} invoices written meanwhile.")
        return found

    found = in_org("cauce billing progress", org, work)
    left = "–" if found.seconds_left is None else f"{found.seconds_left} s"
    names = ("due", "oldest_due_at", "parked", "done", "done_minute", "seconds_left")
    data = {name: getattr(found, name) for name in names}
    lines = output.table(
        ("due", "parked", "last hour", "last minute", "time left"),
        [(found.due, found.parked, found.done, found.done_minute, left)],
    )
    output.emit(data, *lines)


async def _look(context: Context) -> RunProgress:
    from cauce.kernel.clock import wall_now
    from cauce.reports.run_progress import run_progress

    async with context.transaction() as tx:
        return await run_progress(tx, await context.now(tx), wall_now())
