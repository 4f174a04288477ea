"""`cauce demo`: the main job on a fresh sandbox organization, told in plain words."""

from __future__ import annotations

from typing import Annotated

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.session import current_settings

ORDERS_DEFAULT = 40


def command(
    once: Annotated[bool, typer.Option("--once", help="End by itself instead of leaving the console running.")] = False,
    orders: Annotated[int, typer.Option("--generated", help="Orders to generate per channel.")] = ORDERS_DEFAULT,
) -> None:
    """Play both halves against simulators on a frozen clock, prove the books, leave the console running."""
    from cauce.entrypoints import processes
    from cauce.entrypoints.demo.play import playing

    settings = current_settings()
    failed = False

    async def main() -> None:
        nonlocal failed
        async with playing(settings, output.note, orders=orders) as (stage, summary):
            failed = not summary.holds
            verdict = "Everything agrees to the cent." if summary.holds else "Something does not agree."
            output.emit(
                summary.as_json(),
                f"{summary.orders} orders in {summary.seconds} seconds. {verdict}",
                *summary.differences,
                *summary.proof.findings,
            )
            if not once:
                output.note(f"Sign in: {await stage.sign_in_link()}")
                await processes.until_signalled()

    processes.run(main)
    if failed:
        raise typer.Exit(1)
