"""Processes that own or attach to an embedded server, so that a test can kill them.

Run as a program, this module starts the embedded server of a home folder, prints what it got as one line of JSON,
and stops it when its standard input ends.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

REPOSITORY = Path(__file__).parents[2]
_PATIENCE_SECONDS = 40


@dataclass
class OwnerProcess:
    """A process that holds `EmbeddedServer.start(home)`."""

    process: subprocess.Popen[bytes]
    owned: bool
    server_pid: int
    dsn: str

    def kill(self) -> None:
        """kill -9: nothing of the process runs any more."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Let it end in order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(timeout=_PATIENCE_SECONDS) == 0


@dataclass(frozen=True)
class User:
    """Whom a test runs Cauce as: us, or, when we are root, an ordinary user."""

    name: str

    def command(self, *words: str) -> list[str]:
        """A command line that runs `words` as this user."""
        if self.name == "self":
            return list(words)
        account = pwd.getpwnam(self.name)
        # Nothing but reading is kept of root's power: a checkout and a Python under /root are closed to others.
        return [
            "setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups",
            "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search", *words,
        ]  # fmt: skip

    def run(self, home: Path) -> OwnerProcess:
        """Start or attach to the server of `home`."""
        environ = {**os.environ, "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'src'}", "HOME": str(home)}
        process = subprocess.Popen(
            self.command(sys.executable, "-m", "tests.support.embedded", str(home)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environ, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the owner process ended with {process.wait()}"
        said = json.loads(line)
        return OwnerProcess(process, said["owned"], said["server_pid"], said["dsn"])


def users() -> list[User]:
    """Every kind of user that this test run can be."""
    return [User("self"), *([User("nobody")] if os.geteuid() == 0 and shutil.which("setpriv") else [])]


@contextmanager
def temporary_home(user: User = User("self"), *, under: str = "/tmp") -> Iterator[Path]:
    """A home folder that belongs to `user`; every server left in it is killed at the end."""
    folder = Path(mkdtemp(prefix="ch-", dir=under))
    folder.chmod(0o755)
    if user.name != "self":
        os.chown(folder, pwd.getpwnam(user.name).pw_uid, -1)
    try:
        yield folder
    finally:
        for pid in server_pids(folder):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not server_pids(folder))
        shutil.rmtree(folder, ignore_errors=True)


def server_pids(home: Path) -> list[int]:
    """The postmasters whose data is under `home`.

    A child wears its postmaster's command line for a moment after it was forked, and an orphan until it notices; so
    only what two looks in a row agree on counts.
    """
    seen = _servers(home)
    for _ in range(20):
        time.sleep(0.2)
        again = _servers(home)
        if again == seen:
            break
        seen = again
    return seen


def _servers(home: Path) -> list[int]:
    return sorted(pid for pid, line in _command_lines() if str(home) in line and "/bin/postgres -D" in line)


def leash_pids(home: Path) -> list[int]:
    """The leashes of servers under `home`."""
    return [pid for pid, line in _command_lines() if str(home) in line and "embedded.leash" in line]


def _command_lines() -> Iterator[tuple[int, str]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                yield int(folder.name), (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that must become true; fails after a long time."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.05)


def _main(home: Path) -> None:
    from cauce.storage.embedded import EmbeddedServer

    with EmbeddedServer.start(home, command="a test") as server:
        print(json.dumps({"owned": server.owned, "server_pid": server.pid, "dsn": server.dsn}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
