"""The registry: one folder an instance, with its record, where it runs, and its customer's data.

    <folder>/<instance>/record.json    what `mapping` keeps; outlives everything, holds no personal data once deleted
    <folder>/<instance>/running.json   address and boot name of its process; a process whose name is not here ends itself
    <folder>/<instance>/data/          what the customer made in it

Any process may work with it: each instance has a lock file, and files are replaced whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

_RETRY_PER_SECOND = 20


class Registry:
    """The instances of one channel, below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def home(self, instance_id: str) -> Path:
        """The folder of one instance; the id was checked."""
        return self.folder / instance_id

    def record(self, instance_id: str) -> dict[str, Any] | None:
        """What is known of it."""
        return _read(self.home(instance_id) / "record.json")

    def running(self, instance_id: str) -> dict[str, Any] | None:
        """Where it was started last: `boot`, `port`, `pid`."""
        return _read(self.home(instance_id) / "running.json")

    def keep(self, instance_id: str, record: dict[str, Any]) -> None:
        """Write its record; with state `deleted` its process and its data go."""
        home = self.home(instance_id)
        (home / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(home / "record.json", record)
        if record["state"] == "deleted":
            self.stop(instance_id)
            shutil.rmtree(home / "data", ignore_errors=True)

    def stop(self, instance_id: str) -> None:
        """Let its process end itself, within about a second."""
        (self.home(instance_id) / "running.json").unlink(missing_ok=True)

    def listed(self) -> list[dict[str, Any]]:
        """Every instance that exists: its record, with `port` (0 when it was never started)."""
        found = []
        for path in sorted(self.folder.glob("*/record.json")):
            record = _read(path)
            if record is not None and record["state"] != "deleted":
                found.append({**record, "port": (self.running(path.parent.name) or {}).get("port", 0)})
        return found

    @asynccontextmanager
    async def locked(self, instance_id: str, wait_seconds: int) -> AsyncIterator[None]:
        """Hold the instance's lock for the block; TimeoutError when somebody else does not let go."""
        lock = await asyncio.to_thread(_open_lock, self.folder, instance_id)
        try:
            for _ in range(wait_seconds * _RETRY_PER_SECOND):
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                await asyncio.sleep(1 / _RETRY_PER_SECOND)
            else:
                raise TimeoutError(f"somebody else works on {instance_id}")
            yield
        finally:
            os.close(lock)


def _open_lock(folder: Path, instance_id: str) -> int:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(folder / f"{instance_id}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        return None
    return found


def _replace(path: Path, value: dict[str, Any]) -> None:
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(value))
    draft.replace(path)
