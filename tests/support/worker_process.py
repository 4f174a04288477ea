"""A real worker in a process of its own, over the toy's registry, that can be told to die at its n-th commit.

Run as `python -m tests.support.worker_process DSN [options]`; `WorkerProcess` starts one and can kill, stop and
resume it. The commit at which it dies is counted in a subclass of `Database`: the product has no such places.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import structlog

from cauce.entrypoints.worker.loop import Worker
from cauce.storage.database import Connection, Database
from tests.support import toy

_ROOT = Path(__file__).parents[2]


class DyingDatabase(Database):
    """Kills its process at the n-th commit, before or after it."""

    die_at = 0
    die_before = True
    commits = 0

    async def commit(self, connection: Connection) -> None:
        """Count, and die when it is time."""
        DyingDatabase.commits += 1
        fatal = DyingDatabase.commits == DyingDatabase.die_at
        if fatal and DyingDatabase.die_before:
            os.kill(os.getpid(), signal.SIGKILL)
        await super().commit(connection)
        if fatal:
            os.kill(os.getpid(), signal.SIGKILL)


class WorkerProcess:
    """One worker in a process of its own."""

    def __init__(
        self,
        dsn: str,
        *,
        lease_seconds: int = 2,
        die_at: int = 0,
        die_after: bool = False,
        without: str = "",
        concurrency: int = 8,
    ) -> None:
        words = [sys.executable, "-m", "tests.support.worker_process", dsn, "--lease", str(lease_seconds)]
        words += ["--die-at", str(die_at), "--without", without, "--concurrency", str(concurrency)]
        self._process = subprocess.Popen(
            [*words, *(["--die-after"] if die_after else [])],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )

    async def ready(self) -> None:
        """Until it has begun to work."""
        assert self._process.stdout is not None
        line = await asyncio.to_thread(self._process.stdout.readline)
        assert line == b"ready\n", f"the worker said {line!r} and ended with {self._process.poll()}"

    def is_alive(self) -> bool:
        """Whether the process exists (stopped or not)."""
        return self._process.poll() is None

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    async def wait(self, seconds: int = 30) -> int:
        """Until it ended by itself; its exit code."""
        return await asyncio.to_thread(self._process.wait, seconds)

    async def end(self) -> int:
        """SIGTERM, and its exit code."""
        if self.is_alive():
            self.thaw()
            self._process.terminate()
        try:
            return await self.wait()
        finally:
            self._process.kill()
            if self._process.stdout is not None:
                self._process.stdout.close()


async def _work(options: argparse.Namespace) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # nobody reads our standard output
    DyingDatabase.die_at, DyingDatabase.die_before = options.die_at, not options.die_after
    database = await DyingDatabase.connect(options.dsn, idle_seconds=options.lease)
    known = toy.registry(without=[kind for kind in options.without.split(",") if kind])
    async with toy.toy_runtime(options.dsn, database, registry=known, lease_seconds=options.lease) as runtime:
        worker = Worker(runtime, concurrency=options.concurrency, poll_millis=100)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
        print("ready", flush=True)
        await worker.run(stop_seconds=5)
    with contextlib.suppress(Exception):
        await database.close()


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dsn")
    parser.add_argument("--lease", type=int, default=2)
    parser.add_argument("--die-at", type=int, default=0)
    parser.add_argument("--die-after", action="store_true")
    parser.add_argument("--without", default="")
    parser.add_argument("--concurrency", type=int, default=8)
    asyncio.run(_work(parser.parse_args()))


if __name__ == "__main__":
    main()
