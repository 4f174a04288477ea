"""`cauce split-rules`: the split rules, activated by a second person, and what one would have made of past orders."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.acting import OrgOption, PersonOption, in_org, plain

if TYPE_CHECKING:
    from cauce.flows.context import Context
    from cauce.flows.marketplace.simulate import Simulation

app = typer.Typer(help="Split rules: list, draft, activate, try over past orders.")

DayOption = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])]


@app.command("list")
def show_all(org: OrgOption = "") -> None:
    """List every version of every rule, newest first."""
    from cauce.marketplace.splits.store import list_rules

    async def work(context: Context) -> Any:
        async with context.transaction() as tx:
            return await list_rules(tx)

    rows = in_org("cauce split-rules", org, work)
    lines = [[row["id"], row["version"], row["name"], row["state"]] for row in rows]
    output.emit(plain(rows), *output.table(("rule", "version", "name", "state"), lines))


@app.command()
def draft(
    file: Annotated[Path, typer.Argument(help="The rule as JSON.")],
    rule: Annotated[str, typer.Option(help="The rule (spr_…) whose next version it is; left out: a new rule.")] = "",
    org: OrgOption = "",
    person: PersonOption = "",
) -> None:
    """Draft a rule, or the next version of one."""
    from cauce.flows.marketplace.merchants import draft_split_rule

    document = _document(file)
    rule_id, version = in_org(
        "cauce split-rules",
        org,
        lambda context: draft_split_rule(context, document, rule_id=rule or None),
        person=person,
    )
    output.emit({"split_rule": rule_id, "version": version}, f"{rule_id} version {version} is a draft.")


@app.command()
def activate(
    rule: Annotated[str, typer.Argument(help="The rule (spr_…).")],
    version: Annotated[int, typer.Argument(min=1)],
    person: PersonOption,
    org: OrgOption = "",
) -> None:
    """Make a draft the active version, as somebody else than who drafted it."""
    from cauce.flows.marketplace.merchants import activate_split_rule

    in_org("cauce split-rules", org, lambda context: activate_split_rule(context, rule, version), person=person)
    output.emit({"split_rule": rule, "version": version}, f"{rule} version {version} is active.")


@app.command()
def simulate(
    file: Annotated[Path, typer.Argument(help="The rule as JSON; nothing is kept of it.")],
    first: DayOption,
    until: DayOption,
    channel: Annotated[str, typer.Option(help="Only orders of this channel (ch_…).")] = "",
    org: OrgOption = "",
) -> None:
    """Divide past orders once more by a rule: sums by party before and after; the exit code is 1 when none fits it."""
    from datetime import UTC

    from cauce.flows.marketplace.simulate import simulate_rule
    from cauce.marketplace.splits.rules.parsing import parse_rule

    rule = parse_rule(_document(file))
    begin, end = first.replace(tzinfo=UTC), until.replace(tzinfo=UTC)
    found = in_org(
        "cauce split-rules", org, lambda context: simulate_rule(context, rule, begin, end, channel_id=channel)
    )
    rows = [[party, found.before[party], found.after[party]] for party in sorted({*found.before, *found.after})]
    output.emit(
        _simulated(found),
        f"{found.orders} orders, {found.changed} would be divided otherwise, {sum(found.refused.values())} refused.",
        *output.table(("party", "before", "after"), rows),
    )
    if found.orders and not found.after:
        raise typer.Exit(1)


def _simulated(found: Simulation) -> dict[str, Any]:
    return {
        "orders": found.orders,
        "has_more": found.is_cut,
        "changed": found.changed,
        "refused": dict(found.refused),
        "before_minor": dict(found.before),
        "after_minor": dict(found.after),
    }


def _document(file: Path) -> dict[str, Any]:
    import json

    from cauce.kernel.errors import InvalidRequest

    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise InvalidRequest(f"{file} holds no rule: {exc}", param="file") from exc
    return found
