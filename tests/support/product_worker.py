"""A worker of the whole product in a process of its own, that can be told to die at its n-th commit.

Run as `python -m tests.support.product_worker DSN HOME KEY PORT SANDBOX_URL DIE_AT AFTER`. The commit at which it dies
is counted in a subclass of `Database`; the product has no such places.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import cauce.app
from cauce.entrypoints.worker.loop import Worker
from cauce.settings import Settings
from tests.support.runtime import World
from tests.support.worker_process import DyingDatabase

LEASE_SECONDS = 2
_ROOT = Path(__file__).parents[2]


def start(product: World, die_at: int, *, after: bool) -> subprocess.Popen[bytes]:
    """A worker over the same database, key and simulators as `product`; it dies at commit `die_at` (0: never)."""
    settings = product.app.settings
    words = [sys.executable, "-m", "tests.support.product_worker", product.app.dsn, str(settings.home)]
    words += [settings.master_key[0].hex(), str(settings.bind_port), product.sandbox_url, str(die_at), str(int(after))]
    return subprocess.Popen(
        words, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


async def _work(words: list[str]) -> None:
    dsn, home, key, port, sandbox_url, die_at, after = words
    DyingDatabase.die_at, DyingDatabase.die_before = int(die_at), not int(after)
    cauce.app.Database = DyingDatabase  # type: ignore[misc]
    settings = Settings(
        home=Path(home), bind_port=int(port), master_key=(bytes.fromhex(key),), lease_seconds=LEASE_SECONDS
    )
    async with AsyncExitStack() as stack:
        app = await cauce.app.connect_app(settings, dsn, stack, sandbox_url=sandbox_url)
        worker = Worker(app.runtime, poll_millis=100)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
        await worker.run()


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1:]))
