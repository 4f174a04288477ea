"""What the operating system knows: which server runs on a data directory, and who holds a lock.

PostgreSQL writes `postmaster.pid` into the data directory: process id, data directory, start time, port, socket
folder, address, shared memory key, status, one a line. A process counts as the server only if its command line
names the data directory, for after a crash the id may belong to anybody.
"""

from __future__ import annotations

import fcntl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PID_FILE = "postmaster.pid"


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs: `ready` once it takes connections at `socket_folder`."""

    pid: int
    socket_folder: Path | None
    ready: bool


def running_server(data: Path) -> Running | None:
    """The server that runs on `data`, whoever started it; None when none runs."""
    lines = pid_file_lines(data)
    pid = pid_of(lines)
    if pid is None or str(data) not in command_line(pid):
        return None
    return Running(pid, Path(lines[4]) if len(lines) > 4 and lines[4] else None, "ready" in lines[7:8])


def pid_file_lines(data: Path) -> list[str]:
    """The lines of `postmaster.pid`, none when there is no such file."""
    try:
        return [line.strip() for line in (data / PID_FILE).read_text(encoding="utf-8").splitlines()]
    except OSError:
        return []


def pid_of(lines: list[str]) -> int | None:
    """The process id in the lines of `postmaster.pid`."""
    return int(lines[0]) if lines and lines[0].isdigit() else None


def command_line(pid: int) -> str:
    """The command line of a process; empty when there is no such process, or only what a dead one leaves."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
    done = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)  # noqa: S603, S607
    return done.stdout.decode(errors="replace").strip()


def try_lock(path: Path) -> IO[bytes] | None:
    """The exclusive lock on `path`, held until it is closed or the process dies; None when somebody has it."""
    file = path.open("ab")
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def share_lock(path: Path) -> IO[bytes]:
    """A shared lock on `path`, held until it is closed or the process dies."""
    file = path.open("ab")
    fcntl.flock(file.fileno(), fcntl.LOCK_SH)
    return file
