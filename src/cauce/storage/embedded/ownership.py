"""Who owns the server of a home folder, in words, and its state, without touching it."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from cauce.kernel.errors import Conflict
from cauce.storage.embedded.cluster import data_major
from cauce.storage.embedded.layout import Layout
from cauce.storage.embedded.postmaster import stop_postmaster
from cauce.storage.embedded.processes import command_line, running_server, try_lock

_LOOKS_AT_LOCK, _LOOK_MILLISECONDS = 100, 20


class OwnedElsewhere(Conflict):
    """Another process owns the database."""

    code = "database_owned_elsewhere"


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that looks after the server, and the command it was started with."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"`{self.command}` (process {self.pid})"


@dataclass(frozen=True, slots=True)
class Status:
    """The server of a home folder. `pid` None: it does not run; `major` None: there is no data yet."""

    pid: int | None
    ready: bool
    owner: Owner | None
    data: Path
    major: int | None
    socket_folder: Path | None


def status(home: Path) -> Status:
    """The state of the server of `home`, as far as this user may see it."""
    layout = Layout(home)
    found = running_server(layout.data)
    owner, major = owner_of(layout), data_major(layout.data)
    if found is None:
        return Status(None, False, owner, layout.data, major, None)
    return Status(found.pid, found.ready, owner, layout.data, major, found.socket_folder)


def stop_server(home: Path) -> bool:
    """Stop a server that has lost its owner; False when none runs, `OwnedElsewhere` when a process owns it."""
    layout = Layout(home)
    if not layout.lock.exists():
        return False
    lock = try_lock(layout.lock)
    for _ in range(_LOOKS_AT_LOCK):  # a process that ends loses its name a moment before it lets go of the lock
        if lock is not None or owner_of(layout) is not None:
            break
        time.sleep(_LOOK_MILLISECONDS / 1000)
        lock = try_lock(layout.lock)
    if lock is None:
        raise OwnedElsewhere(f"the database is owned by {owner_of(layout) or 'another process'}; stop that first")
    with lock:
        return stop_postmaster(layout.data)


def write_owner(layout: Layout, command: str) -> None:
    """Say that this process is the owner; called with the owner's lock held."""
    layout.owner.write_text(json.dumps({"pid": os.getpid(), "command": command}), encoding="utf-8")


def owner_of(layout: Layout) -> Owner | None:
    """Who owns the server; None when the owner is gone."""
    try:
        known = json.loads(layout.owner.read_text(encoding="utf-8"))
        owner = Owner(int(known["pid"]), str(known["command"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return owner if command_line(owner.pid) else None
