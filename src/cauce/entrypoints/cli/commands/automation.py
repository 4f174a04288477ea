"""`cauce automation`: the process inventory, modes of steps, and the tasks that wait for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output
from cauce.kernel.errors import InvalidRequest

if TYPE_CHECKING:
    from cauce.app import App

app = typer.Typer(help="Process inventory: what each step costs by hand, and which go by themselves.")

OrgOption = Annotated[str, typer.Option("--org", help="The organization (org_…); may be left out when there is one.")]
_SHOWN = ("step", "occasion", "mode", "runs", "by_hand", "open_tasks", "minutes_each", "failures", "minutes_saved")
_TASK = ("id", "step", "mode", "customer", "object_id", "at")


@app.command("list")
def show(org: OrgOption = "") -> None:
    """List every step of the last 30 days, the one that costs most time by hand first."""
    from cauce.entrypoints.cli.application import chosen_org, run_with_app
    from cauce.flows.inventory import inventory

    async def work(app: App) -> list[dict[str, Any]]:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        lines = await inventory(app.runtime.context(one.id))
        return [{name: getattr(line, name) for name in _SHOWN} for line in lines]

    rows = run_with_app("cauce automation list", work)
    output.emit(rows, *output.table(_SHOWN, [[row[name] for name in _SHOWN] for row in rows]))


@app.command("set")
def switch(
    step: Annotated[str, typer.Argument(help="The step, as `cauce automation list` names it.")],
    mode: Annotated[str, typer.Argument(help="manual, assisted or automatic.")],
    org: OrgOption = "",
    plan: Annotated[str, typer.Option("--plan", help="For this plan alone; left out: for all.")] = "",
) -> None:
    """Say who does a step: a person, the product after approval, or the product by itself."""
    from cauce.billing.relations.rules import Mode
    from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
    from cauce.flows import automation
    from cauce.storage import audit

    try:
        chosen = Mode(mode)
    except ValueError as exc:
        raise InvalidRequest(f"there is no mode {mode}; there are {', '.join(Mode)}", param="mode") from exc

    async def work(app: App) -> None:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        context = app.runtime.context(one.id, actor=shell_actor(), cause="cli")
        await automation.set_mode(context, step, chosen, plan)
        async with context.transaction() as tx:
            await audit.record(tx, context.actor, "automation.set_mode", step, after={"mode": mode, "plan": plan})

    run_with_app("cauce automation set", work)
    output.emit({"step": step, "mode": mode, "plan": plan}, f"{step} is {mode} from now on.")


@app.command()
def tasks(
    org: OrgOption = "",
    step: Annotated[str, typer.Option("--step", help="Only of this step.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="At most so many.")] = 100,
) -> None:
    """List the steps that wait for a person."""
    from cauce.entrypoints.cli.application import chosen_org, run_with_app
    from cauce.reports import automation

    async def work(app: App) -> list[dict[str, Any]]:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        async with app.runtime.db.transaction(one.id) as tx:
            rows = await automation.tasks(tx, step=step, rows_max=limit)
        return [{name: row[name] for name in _TASK} for row in rows]

    rows = run_with_app("cauce automation tasks", work)
    cells = [["" if row[name] is None else row[name] for name in _TASK] for row in rows]
    output.emit(rows, *(output.table(_TASK, cells) if rows else ["Nothing waits for a person."]))


@app.command()
def do(
    task: Annotated[str, typer.Argument(help="The task (tsk_…).")],
    org: OrgOption = "",
    minutes: Annotated[int | None, typer.Option("--minutes", min=0, help="How long it took you.")] = None,
) -> None:
    """Let the step of one task go on."""
    from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
    from cauce.flows import automation
    from cauce.storage import audit

    async def work(app: App) -> bool:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        context = app.runtime.context(one.id, actor=shell_actor(), cause="cli")
        went_on = await automation.release(context, task, minutes=minutes)
        async with context.transaction() as tx:
            await audit.record(tx, context.actor, "task.do", task, after={"went_on": went_on})
        return went_on

    went_on = run_with_app("cauce automation do", work)
    told = f"The step of {task} goes on." if went_on else f"{task} is not to be done any more; it was dropped."
    output.emit({"task": task, "went_on": went_on}, told)
