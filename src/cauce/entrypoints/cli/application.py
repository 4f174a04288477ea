"""A command that works with the application: its database attached or started, its runtime, the chosen organization."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

from cauce.app import App, connect_app
from cauce.entrypoints import logs
from cauce.entrypoints.cli.session import current_settings, database_source
from cauce.kernel.errors import InvalidRequest
from cauce.storage.audit import Actor
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import Org, find_org, list_orgs, oldest_org

_T = TypeVar("_T")
Work = Callable[[App], Awaitable[_T]]


def run_with_app(command: str, work: Work[_T], *, sandbox_url: str = "") -> _T:
    """Run `work` with the application of this shell's settings. `sandbox_url`: where simulators answer, if they do."""
    settings = current_settings()
    logs.configure(settings)

    async def main(dsn: str) -> _T:
        async with AsyncExitStack() as stack:
            return await work(await connect_app(settings, dsn, stack, sandbox_url=sandbox_url))

    with database_source(settings, command) as source:
        return asyncio.run(main(source.dsn))


async def chosen_org(tx: Tx, public_id: str) -> Org:
    """The organization that was named, or the only one there is."""
    if public_id:
        return await find_org(tx, public_id)
    if len(await list_orgs(tx)) > 1:
        raise InvalidRequest("there are several organizations; name one with --org (`cauce org list`)", param="org")
    return await oldest_org(tx)


def shell_actor() -> Actor:
    """Who types: the account of this shell, for the audit trail."""
    return Actor(f"cli:{os.environ.get('SUDO_USER') or os.environ.get('USER') or os.getuid()}")
