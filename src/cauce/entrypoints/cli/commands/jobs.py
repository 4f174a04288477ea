"""`cauce jobs`: what waits, what was given up, and another try for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output
from cauce.kernel.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from cauce.app import App

app = typer.Typer(help="Jobs: list what waits or was given up, and retry.")

OrgOption = Annotated[str, typer.Option("--org", help="The organization (org_…); may be left out when there is one.")]
_STATES = ("waiting", "blocked", "leased", "buried")
_SHOWN = ("id", "kind", "key", "state", "attempts", "due_at", "try_at", "error")


@app.command("list")
def show(
    org: OrgOption = "",
    state: Annotated[list[str] | None, typer.Option("--state", help=f"{', '.join(_STATES)}; may be repeated.")] = None,
    after: Annotated[int, typer.Option("--after", help="Only jobs behind this number.")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="At most so many.")] = 100,
) -> None:
    """List jobs in order of enqueueing; `buried` ones wait for `cauce jobs retry`."""
    from cauce.entrypoints.cli.application import chosen_org, run_with_app
    from cauce.storage import jobs

    states = tuple(state or _STATES)
    if unknown := set(states) - set(_STATES):
        raise InvalidRequest(
            f"there is no state {', '.join(sorted(unknown))}; there are {', '.join(_STATES)}", param="state"
        )

    async def work(app: App) -> list[dict[str, Any]]:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        async with app.runtime.db.transaction(one.id) as tx:
            rows = await jobs.page(tx, states=states, after_id=after, rows_max=limit)
        return [{name: row[name] for name in _SHOWN} for row in rows]

    rows = run_with_app("cauce jobs list", work)
    cells = [["" if row[name] is None else row[name] for name in _SHOWN] for row in rows]
    output.emit(rows, *(output.table(_SHOWN, cells) if rows else ["There are no such jobs."]))


@app.command()
def retry(
    job: Annotated[int, typer.Argument(help="The number of a buried job.")] = 0,
    org: OrgOption = "",
    every: Annotated[bool, typer.Option("--all", help="Every buried job of the organization.")] = False,
) -> None:
    """Let a buried job try again, from its first try."""
    from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
    from cauce.storage import audit, jobs

    if bool(job) == every:
        raise InvalidRequest("name one buried job, or say --all", param="job")

    async def work(app: App) -> int:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        async with app.runtime.db.transaction(one.id) as tx:
            count = await jobs.revive(tx, job or None)
            if job and not count:
                raise NotFound(f"there is no buried job {job}")
            await audit.record(tx, shell_actor(), "job.retry", str(job or "all"), after={"jobs": count})
        return count

    count = run_with_app("cauce jobs retry", work)
    output.emit({"jobs": count}, f"{count} job(s) wait for another try.")
