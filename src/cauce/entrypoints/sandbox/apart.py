"""Starts the simulators in a process of their own, so that theirs and the product's work use two cores.

They end with their standard input, a pipe that only the starting process holds: they never outlive it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cauce.settings import Settings


@asynccontextmanager
async def simulators_apart(settings: Settings) -> AsyncIterator[None]:
    """The simulators of these settings, for the block. `OSError` when they cannot be served."""
    own = {**os.environ, "CAUCE_HOME": str(settings.home), "CAUCE_SANDBOX_PORT": str(settings.sandbox_port)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cauce.entrypoints.cli.main", "sandbox", "--while-open",
        stdin=PIPE, stdout=PIPE, env=own, start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    try:
        if (
            not await process.stdout.readline()
        ):  # else it says where they are; why they are not, it has told the terminal
            raise OSError(f"the simulators could not be served on port {settings.sandbox_port}")
        yield
    finally:
        process.stdin.close()
        await process.wait()
