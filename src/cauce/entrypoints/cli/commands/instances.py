"""`cauce instances`: the customers' instances, those with problems, and another try for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output

if TYPE_CHECKING:
    from cauce.app import App

app = typer.Typer(help="Instances of customers: list them, and ask a runner again.")

OrgOption = Annotated[str, typer.Option("--org", help="The organization (org_…); may be left out when there is one.")]
_SHOWN = ("id", "customer", "plan", "status", "wanted", "redirect_url", "delete_at", "failure")


@app.command("list")
def show(
    org: OrgOption = "",
    status: Annotated[str, typer.Option("--status", help="Only in this state, e.g. suspended.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only those whose latest operation failed.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="At most so many.")] = 100,
) -> None:
    """List instances, newest first."""
    from cauce.entrypoints.cli.application import chosen_org, run_with_app
    from cauce.reports import instances

    async def work(app: App) -> list[dict[str, Any]]:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        async with app.runtime.db.transaction(one.id) as tx:
            rows = await instances.page(tx, status=status, only_failed=failed, rows_max=limit)
        return [{name: row[name] for name in _SHOWN} for row in rows]

    rows = run_with_app("cauce instances list", work)
    cells = [["" if row[name] is None else row[name] for name in _SHOWN] for row in rows]
    output.emit(rows, *(output.table(_SHOWN, cells) if rows else ["There are no such instances."]))


@app.command()
def retry(
    instance: Annotated[str, typer.Argument(help="The instance (inst_…) whose latest operation failed.")],
    org: OrgOption = "",
) -> None:
    """Ask the runner once more what failed."""
    from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
    from cauce.flows.billing import provision_run
    from cauce.storage import audit

    async def work(app: App) -> None:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        context = app.runtime.context(one.id, actor=shell_actor(), cause="cli")
        await provision_run.retry(context, instance)
        async with context.transaction() as tx:
            await audit.record(tx, context.actor, "instance.retry", instance)

    run_with_app("cauce instances retry", work)
    output.emit({"instance": instance}, f"The runner of {instance} is asked again.")
