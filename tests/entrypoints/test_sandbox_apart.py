"""The simulators in a process of their own: served while somebody holds them, and never longer."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import httpx2
import pytest

from cauce.entrypoints.processes import sandbox_url
from cauce.entrypoints.sandbox.apart import simulators_apart
from cauce.settings import Settings
from tests.entrypoints.stage import free_port

_HOLDER = """
import asyncio, sys
from pathlib import Path
from cauce.entrypoints.sandbox.apart import simulators_apart
from cauce.settings import Settings

async def hold():
    async with simulators_apart(Settings(home=Path(sys.argv[1]), sandbox_port=int(sys.argv[2]))):
        print("served", flush=True)
        await asyncio.sleep(3_600)

asyncio.run(hold())
"""


async def is_served(settings: Settings) -> bool:
    async with httpx2.AsyncClient(trust_env=False) as http:
        try:
            answer = await http.get(f"{sandbox_url(settings)}/_sim/faces")
        except httpx2.TransportError:
            return False
    return "stripe" in answer.text


async def test_they_are_served_for_the_block_and_a_taken_port_is_said(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, sandbox_port=free_port())
    async with simulators_apart(settings):
        assert await is_served(settings)
        with pytest.raises(OSError, match=str(settings.sandbox_port)):
            async with simulators_apart(settings):
                pytest.fail("two on one port")
    assert not await is_served(settings)


async def test_they_end_with_a_holder_that_is_killed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, sandbox_port=free_port())
    words = ("-c", _HOLDER, str(tmp_path), str(settings.sandbox_port))
    holder = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=PIPE)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"served\n"
    assert await is_served(settings)
    holder.kill()
    await holder.wait()
    async with asyncio.timeout(60):
        while await is_served(settings):
            await asyncio.sleep(0.05)
