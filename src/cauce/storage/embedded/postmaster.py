"""One PostgreSQL server process: found if it runs, started if it does not, stopped, always by its data directory."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from cauce.kernel.clock import monotonic_seconds
from cauce.kernel.errors import SetupError
from cauce.storage.embedded.account import Account
from cauce.storage.embedded.layout import PORT
from cauce.storage.embedded.processes import PID_FILE, Running, pid_file_lines, pid_of, running_server
from cauce.storage.embedded.programs import Programs, clean_environment

log = logging.getLogger("cauce.storage.embedded")

START_TIMEOUT_SECONDS = 300
"""A start after a crash replays the log first; minutes are possible, and an answer comes as soon as it is ready."""

_ORPHANS_TIMEOUT_SECONDS = 30
_STOP_STEPS = ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))
_POLL_MILLISECONDS = 30


class ServerDidNotStart(SetupError):
    """The embedded PostgreSQL did not start."""

    code = "database_did_not_start"


@dataclass(slots=True)
class Postmaster:
    """The server of one data directory, as we start it."""

    data: Path
    programs: Programs
    account: Account
    start_log: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def running(self) -> Running | None:
        """The running server, or None."""
        if self._process is not None:
            self._process.poll()  # a dead child stays in the process table until it is asked for
        return running_server(self.data)

    def start(self, socket_folder: Path) -> None:
        """Start the server and wait until it is ready; `ServerDidNotStart` carries what it said."""
        deadline = monotonic_seconds() + _ORPHANS_TIMEOUT_SECONDS
        while not self._try_start(socket_folder):
            # Sessions of a server that was killed end by themselves; until then they hold its shared memory.
            if monotonic_seconds() > deadline or "shared memory" not in self.last_words():
                raise ServerDidNotStart(f"PostgreSQL did not start. It said:\n{self.last_words()}")
            time.sleep(_POLL_MILLISECONDS / 100)

    def stop(self) -> None:
        """Stop the server and take leave of the child process."""
        stop_postmaster(self.data)
        if self._process is not None:
            self._process.wait()

    def _try_start(self, socket_folder: Path) -> bool:
        _disown_stale_pid(self.data)
        _remove_stale_socket(socket_folder)
        options = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(socket_folder),
            "unix_socket_permissions": "0700",
        }
        with self.start_log.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                [self.programs.path("postgres"), "-D", str(self.data), *(f"--{k}={v}" for k, v in options.items())],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=clean_environment(),
                cwd="/",
                start_new_session=True,  # Ctrl-C in a terminal reaches us first
                **self.account.popen_arguments(),
            )
        return self._wait_until_ready(self._process)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = monotonic_seconds() + START_TIMEOUT_SECONDS
        while process.poll() is None:
            found = running_server(self.data)
            if found is not None and found.pid == process.pid and found.ready:
                return True
            if monotonic_seconds() > deadline:
                self.stop()
                raise ServerDidNotStart(
                    f"PostgreSQL was not ready after {START_TIMEOUT_SECONDS} s.\n{self.last_words()}"
                )
            time.sleep(_POLL_MILLISECONDS / 1000)
        return False

    def last_words(self) -> str:
        """The end of what the server wrote: while starting, and in its newest log."""
        files = [self.start_log, *sorted((self.data / "log").glob("*.log"), key=lambda file: file.stat().st_mtime)[-1:]]
        said = [file.read_bytes()[-2000:].decode(errors="replace").strip() for file in files if file.exists()]
        return "\n".join(words for words in said if words)


def stop_postmaster(data: Path) -> bool:
    """Stop the server of `data`: sessions are ended and the data made whole; harder when that takes too long.

    False when none ran.
    """
    found = running_server(data)
    if found is None:
        return False
    for number, timeout_seconds in _STOP_STEPS:
        try:
            os.kill(found.pid, number)
        except ProcessLookupError:
            return True
        if _gone_within(timeout_seconds, data, found.pid):
            return True
        log.warning("PostgreSQL (process %s) did not stop on %s", found.pid, signal.Signals(number).name)
    return True


def _gone_within(timeout_seconds: int, data: Path, pid: int) -> bool:
    deadline = monotonic_seconds() + timeout_seconds
    while monotonic_seconds() < deadline:
        found = running_server(data)
        if found is None or found.pid != pid:
            return True
        time.sleep(_POLL_MILLISECONDS / 1000)
    return False


def _disown_stale_pid(data: Path) -> None:
    """Let PostgreSQL ignore a `postmaster.pid` whose process id has gone to somebody else.

    Removing the file would also remove the check that no session of a crashed server still writes. PostgreSQL
    ignores the id of its own parent, that is us, and goes on to check the shared memory.
    """
    lines = pid_file_lines(data)
    if pid_of(lines) is None or running_server(data) is not None:
        return
    lines[0] = str(os.getpid())
    (data / PID_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _remove_stale_socket(socket_folder: Path) -> None:
    """Remove the socket of a server that is gone.

    Its lock file names a process id, which may have gone to somebody else, or to a dead process that nobody reaps.
    The folder serves one data directory alone, and whoever starts it holds the owner's lock and saw no server.
    """
    for name in (f".s.PGSQL.{PORT}.lock", f".s.PGSQL.{PORT}"):
        (socket_folder / name).unlink(missing_ok=True)
