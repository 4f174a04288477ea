"""Work in one organization from the shell, as the shell itself or as one of its members."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from cauce.flows.context import Context

OrgOption = Annotated[str, typer.Option("--org", help="The organization (org_…); may be left out when there is one.")]
PersonOption = Annotated[str, typer.Option("--person", help="The e-mail of the member who acts, an owner or admin.")]
_T = TypeVar("_T")


def in_org(command: str, org: str, work: Callable[[Context], Awaitable[_T]], *, person: str = "") -> _T:
    """Run `work` in the chosen organization, as this shell or as the member `person`, who must be an owner or admin."""
    from cauce.app import App
    from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
    from cauce.kernel.errors import Forbidden
    from cauce.storage.audit import Actor
    from cauce.storage.directory.people import Role, members

    async def main(app: App) -> _T:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
            actor = shell_actor()
            if person:
                roles = {row["email"]: row["role"] for row in await members(tx, one.id)}
                if roles.get(person) not in (Role.OWNER, Role.ADMIN):
                    raise Forbidden(f"{person} is no owner or admin of this organization", param="person")
                actor = Actor(f"person:{person}")
        return await work(app.runtime.context(one.id, actor=actor, cause="cli"))

    return run_with_app(command, main)


def plain(rows: Any) -> list[dict[str, Any]]:
    """Rows for `--json`: instants as text."""
    return [
        {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
        for row in rows
    ]
