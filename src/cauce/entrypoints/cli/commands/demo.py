"""`cauce demo`: the main job on a fresh sandbox organization, told in plain words."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.session import current_settings
from cauce.settings import Settings

ORDERS_DEFAULT, SUBSCRIPTIONS_DEFAULT, CARDS_DEFAULT, MONTHS_DEFAULT = 2_500, 1_800, 200, 12


def command(
    once: Annotated[bool, typer.Option("--once", help="End by itself instead of leaving the console running.")] = False,
    generated: Annotated[int, typer.Option(min=10, help="Orders to generate per channel.")] = ORDERS_DEFAULT,
    subscriptions: Annotated[int, typer.Option(min=0, help="Subscriptions by bank transfer.")] = SUBSCRIPTIONS_DEFAULT,
    cards: Annotated[int, typer.Option(min=0, help="Subscriptions by card.")] = CARDS_DEFAULT,
    months: Annotated[int, typer.Option(min=1, help="Months that the subscriptions live.")] = MONTHS_DEFAULT,
    orders: Annotated[
        Path | None, typer.Option(help="Folder with orders.csv, items.csv and payments.csv to play instead.")
    ] = None,
    channel: Annotated[str, typer.Option(help="With --orders: the provider that holds the money.")] = "wechat",
) -> None:
    """Play both halves against simulators on a frozen clock, prove the books, leave the console running."""
    from cauce.entrypoints import processes

    failed = False

    async def main() -> None:
        nonlocal failed
        failed = not await (
            _orders(orders, channel, once=once)
            if orders
            else _stories((generated, subscriptions, cards, months), once=once)
        )

    processes.run(main)
    if failed:
        raise typer.Exit(1)


async def _stories(sizes: tuple[int, int, int, int], *, once: bool) -> bool:
    from cauce.entrypoints.demo.play import Sizes, playing
    from cauce.entrypoints.demo.year import Size

    orders, by_transfer, by_card, months = sizes
    played = Sizes(Size(by_transfer, by_card, months), orders)
    async with playing(_quiet(), output.note, sizes=played, progress=output.progress_of) as (stage, summary):
        verdict = "Everything agrees to the cent." if summary.holds else "Something does not agree."
        output.emit(
            summary.as_json(),
            f"{summary.orders} orders and {summary.invoices} invoices in {summary.seconds} seconds. {verdict}",
            f"{summary.orders // max(summary.market_seconds, 1)} orders and {summary.year.invoices_per_second if summary.year else 0} "
            f"invoices a second, from the first step to the last; {summary.memory_mib} MiB of memory beside PostgreSQL and the simulators.",
            *(f"Breaks at {provider}: {found}" for provider, found in summary.breaks.items()),
            *summary.differences,
            *summary.proof.findings,
        )
        if not once:
            await _leave_running(await stage.sign_in_link())
        return summary.holds


async def _orders(folder: Path, channel: str, *, once: bool) -> bool:
    from cauce.entrypoints.demo.play import playing_orders

    with output.progress_of("orders and days") as bar:
        async with playing_orders(_quiet(), output.note, folder, channel, bar) as (stage, result):
            output.emit(
                asdict(result),
                f"{result.orders} orders of {result.merchants} sellers in {result.seconds} seconds; {result.refused} refused.",
                f"Paid out {result.paid_out_minor}, refunded {result.refunded_minor} (minor units).",
                f"Trial balance {result.trial_balance_minor}; custody differs by {result.custody_difference_minor}.",
                f"{len(result.breaks)} breaks:",
                *(f"  {one['order_id']} {one['type']} {one['amount_minor']}" for one in result.breaks),
            )
            if not once:
                await _leave_running(await stage.sign_in_link())
            return not any(result.trial_balance_minor.values()) and result.custody_difference_minor == 0


def _quiet() -> Settings:
    """The settings in force, with the log reduced to warnings: the story is told on the same terminal."""
    settings = current_settings()
    return replace(settings, log_level="warning") if settings.log_level == "info" else settings


async def _leave_running(link: str) -> None:
    from cauce.entrypoints import processes

    output.note(f"Sign in: {link}")
    await processes.until_signalled()
