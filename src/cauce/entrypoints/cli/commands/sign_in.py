"""`cauce sign-in`: a link that signs a person in to the console once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Annotated

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.session import current_settings, database_source
from cauce.kernel.clock import wall_now


def command(
    email: Annotated[str, typer.Argument(help="Whom the link signs in; made an owner when new.")],
    org: Annotated[str, typer.Option(help="The organization to look at (org_…); the oldest when left out.")] = "",
) -> None:
    """Print a link that signs a person in to the console once, within half an hour."""
    from cauce.app import connect_app
    from cauce.storage.directory import orgs, people

    settings = current_settings()

    async def main(dsn: str) -> str:
        async with AsyncExitStack() as stack:
            app = await connect_app(settings, dsn, stack)
            async with app.runtime.db.transaction() as tx:
                chosen = await orgs.find_org(tx, org) if org else await orgs.oldest_org(tx)
                person_id = await people.add_member(tx, chosen.id, email, people.Role.OWNER)
                return await people.make_link(tx, person_id, chosen.id, wall_now())

    with database_source(settings, "cauce sign-in") as source:
        token = asyncio.run(main(source.dsn))
    link = f"{settings.base_url}/sign-in?token={token}"
    output.emit({"link": link}, link)
