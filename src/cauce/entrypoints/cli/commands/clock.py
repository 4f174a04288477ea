"""`cauce clock`: a sandbox's time: shown, frozen, sent forward, let run."""

from __future__ import annotations

import socket
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.session import current_settings
from cauce.kernel.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from cauce.app import App
    from cauce.storage.database import Tx
    from cauce.storage.directory.orgs import Org
    from cauce.storage.orgclock import Advance

app = typer.Typer(help="A sandbox's time: show, freeze, advance, run.")

OrgOption = Annotated[str, typer.Option("--org", help="The organization (org_…); may be left out when there is one.")]


@app.command()
def show(org: OrgOption = "") -> None:
    """Show the organization's time, and the advance that is under way."""
    from cauce.entrypoints.cli.application import chosen_org, run_with_app
    from cauce.storage import orgclock

    async def work(app: App) -> dict[str, Any]:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        async with app.runtime.db.transaction(one.id) as tx:
            now, advance = await orgclock.org_now(tx), await orgclock.latest_advance(tx)
            frozen = await orgclock.is_frozen(tx)
        return {"org": one.public_id, "mode": one.mode.value, "now": now, "frozen": frozen, "advance": advance}

    found = run_with_app("cauce clock show", work)
    state = "frozen" if found["frozen"] else "running"
    lines = [f"{found['org']} ({found['mode']}): {found['now'].isoformat()}, {state}"]
    if found["advance"] is not None:
        lines.append(_describe(found["advance"]))
    output.emit({**found, "advance": _data(found["advance"])}, *lines)


@app.command()
def freeze(
    org: OrgOption = "",
    at: Annotated[
        str, typer.Option("--at", help="An instant (ISO 8601), not in the clock's past; now when left out.")
    ] = "",
) -> None:
    """Stop a sandbox's clock."""
    from cauce.entrypoints.cli.durations import parse_instant
    from cauce.storage import orgclock

    instant = parse_instant(at) if at else None
    frozen_at = _change(org, "clock.freeze", lambda tx: orgclock.freeze(tx, instant))
    output.emit({"frozen_at": frozen_at}, f"The clock stands at {frozen_at.isoformat()}.")


@app.command("run")
def let_run(org: OrgOption = "") -> None:
    """Let a frozen clock run on from where it stands."""
    from cauce.storage import orgclock

    async def work(tx: Tx) -> datetime:
        await orgclock.unfreeze(tx)
        return await orgclock.org_now(tx)

    now = _change(org, "clock.run", work)
    output.emit({"now": now}, f"The clock runs on from {now.isoformat()}.")


@app.command()
def advance(
    length: Annotated[
        str, typer.Argument(help="How far: 90m, 36h, 30d, 2w, 6mo, 10y. Left out: go on with one begun.")
    ] = "",
    org: OrgOption = "",
    to: Annotated[str, typer.Option("--to", help="An instant (ISO 8601) instead of a length.")] = "",
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Stay until it arrives, or leave it to a worker.")
    ] = True,
) -> None:
    """Send a sandbox's clock forward: everything due on the way happens, in order.

    Where no worker is running, this command walks itself. It may be killed at any moment: `cauce clock advance`
    without a length goes on.
    """
    from cauce.entrypoints.cli.application import chosen_org, run_with_app
    from cauce.entrypoints.cli.walking import see_through

    if length and to:
        raise InvalidRequest("give a length or --to, not both", param="to")

    async def work(app: App) -> Advance:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        begun = await (_begin(app, one, length, to) if length or to else _under_way(app, one))
        if not wait:
            return begun
        output.note(f"from {begun.started_at.isoformat()} to {begun.target_at.isoformat()}; Ctrl-C stops watching")
        return await see_through(app.runtime, one.id, begun.id)

    ended = run_with_app("cauce clock advance", work, sandbox_url=_simulators())
    output.emit(_data(ended), _describe(ended))
    if ended.error is not None:
        raise typer.Exit(1)


async def _begin(app: App, one: Org, length: str, to: str) -> Advance:
    from cauce.entrypoints.cli.application import shell_actor
    from cauce.entrypoints.cli.durations import after, parse_instant
    from cauce.flows import clock
    from cauce.storage import orgclock

    async with app.runtime.db.transaction(one.id) as tx:
        now = await orgclock.org_now(tx)
    target = parse_instant(to) if to else after(now, length)
    return await clock.begin_advance(app.runtime.context(one.id, actor=shell_actor(), cause="cli"), target)


async def _under_way(app: App, one: Org) -> Advance:
    from cauce.storage import orgclock

    async with app.runtime.db.transaction(one.id) as tx:
        found = await orgclock.open_advance(tx)
    if found is None:
        raise NotFound("no advance is under way; say how far: `cauce clock advance 30d`")
    return found


def _change(org: str, action: str, change: Any) -> datetime:
    from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
    from cauce.storage import audit, orgclock

    async def work(app: App) -> datetime:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        async with app.runtime.db.transaction(one.id) as tx:
            before = await orgclock.org_now(tx)
            instant: datetime = await change(tx)
            await audit.record(tx, shell_actor(), action, one.public_id, before={"now": before}, after={"now": instant})
        return instant

    return run_with_app(f"cauce {action.replace('.', ' ')}", work)


def _simulators() -> str:
    """Where the simulators answer, or nothing when none run: then their timers stand still."""
    settings = current_settings()
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", settings.sandbox_port)) != 0:
            return ""
    return f"http://127.0.0.1:{settings.sandbox_port}"


def _data(found: Advance | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "id": found.id,
        "from": found.started_at,
        "to": found.target_at,
        "reached": found.reached_at,
        "steps": found.steps,
        "done_at": found.done_at,
        "error": found.error,
    }


def _describe(found: Advance) -> str:
    if found.error is not None:
        return f"The advance to {found.target_at.isoformat()} ended at {found.reached_at.isoformat()}: {found.error}"
    if found.done_at is not None:
        return f"The clock arrived at {found.reached_at.isoformat()} in {found.steps} steps."
    return f"On the way to {found.target_at.isoformat()}: {found.reached_at.isoformat()} after {found.steps} steps."
