"""`cauce scenarios`: nine businesses as data: list them, show one, draft its rule, play it on a simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output

if TYPE_CHECKING:
    from cauce.app import App
    from cauce.entrypoints.demo.scenarios import Outcome

app = typer.Typer(help="Nine businesses as data: a split rule, sample orders, the cents that each party must get.")

NameArgument = Annotated[str, typer.Argument(help="The scenario; `cauce scenarios list` names them.")]


@app.command("list")
def show_all() -> None:
    """List the scenarios and the hard case that each proves."""
    from cauce.marketplace.splits.scenarios import scenarios

    data = [{"name": one.name, "title": one.title, "proves": one.proves} for one in scenarios().values()]
    output.emit(data, *output.table(("name", "proves"), [[one["name"], one["proves"]] for one in data]))


@app.command()
def show(name: NameArgument) -> None:
    """Show a scenario's rule, merchants, orders and expected cents as JSON."""
    import json

    import msgspec

    from cauce.marketplace.splits.scenarios import scenario

    found = msgspec.to_builtins(scenario(name))
    output.emit(found, json.dumps(found, indent=2, ensure_ascii=False))


@app.command()
def apply(
    name: NameArgument,
    currency: Annotated[str, typer.Option(help="The currency of the rule, as eur.")],
    org: Annotated[str, typer.Option("--org", help="The organization (org_…); may be left out.")] = "",
) -> None:
    """Draft a scenario's split rule; a second person activates it."""
    from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
    from cauce.flows.marketplace.merchants import draft_split_rule
    from cauce.marketplace.splits.scenarios import scenario

    document = scenario(name).document(currency)

    async def work(app: App) -> tuple[str, int]:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        context = app.runtime.context(one.id, actor=shell_actor(), cause="cli")
        return await draft_split_rule(context, document)

    rule_id, version = run_with_app("cauce scenarios apply", work)
    output.emit({"split_rule": rule_id, "version": version}, f"{rule_id} version {version} is a draft.")


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="The scenario, or all.")] = "all",
    channel: Annotated[str, typer.Option("--channel", help="The provider whose simulator plays.")] = "wechat",
    option: Annotated[
        list[str] | None, typer.Option("--option", help="Which of its contracts, as dialect=partner at WeChat Pay.")
    ] = None,
) -> None:
    """Play scenarios on a provider's simulator in a fresh sandbox organization; exit code 1 when a cent differs."""
    import asyncio
    from datetime import UTC, datetime

    from cauce.entrypoints.cli.session import current_settings
    from cauce.entrypoints.demo.scenarios import play
    from cauce.entrypoints.demo.stage import open_stage
    from cauce.marketplace.splits.scenarios import scenario, scenarios

    options = {name: value for name, _, value in (one.partition("=") for one in option or ())}
    chosen = list(scenarios().values()) if name == "all" else [scenario(name)]

    async def work() -> list[Outcome]:
        begin = datetime(2026, 1, 15, 9, tzinfo=UTC)
        async with open_stage(current_settings(), f"Scenarios on {channel}", begin, output.note) as stage:
            return await play(stage, channel, chosen, **options)

    found = asyncio.run(work())
    output.emit([_data(one) for one in found], *(_line(one) for one in found))
    if not all(one.holds for one in found):
        raise typer.Exit(1)


def _data(one: Outcome) -> dict[str, Any]:
    return {
        "scenario": one.scenario, "order": one.order, "expected": one.expected, "got": one.got, "refused": one.refused,
        "holds": one.holds,
    }  # fmt: skip


def _line(one: Outcome) -> str:
    if one.refused:
        return f"{'ok' if one.holds else 'WRONG'}  {one.order}: refused when planned: {one.refused}"
    return f"{'ok' if one.holds else 'WRONG'}  {one.order}: {one.got}" + ("" if one.holds else f", not {one.expected}")
