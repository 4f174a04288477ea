"""Worker processes of a row: each prepares itself, says so, waits for the word, works, and says how much it did."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from cauce.entrypoints.heap import settle_heap

_ROOT = Path(__file__).parents[1]


async def start(module: str, *arguments: object) -> asyncio.subprocess.Process:
    """Run `python -m module arguments…` and wait until it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *map(str, arguments),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def run_out(processes: list[asyncio.subprocess.Process]) -> int:
    """Let the workers go at once; how much they did together before nothing was left."""
    said = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    return sum(int(out) for out, _ in said)


async def at_the_word(work: Callable[[], Awaitable[int]]) -> None:
    """The other side, in the worker process: everything is prepared; work when told to, and say how much was done."""
    settle_heap()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    sys.stdout.write(f"{await work()}\n")
