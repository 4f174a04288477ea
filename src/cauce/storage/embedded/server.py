"""Owning the embedded server, or attaching to somebody else's.

`EmbeddedServer.start` takes the owner's lock if it is free: it then adopts the server that a killed owner left,
recovers it when it crashed, or starts it, and keeps it running until `stop`. When another process owns it, it waits
for that server to be ready and attaches.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from pathlib import Path
from typing import IO

from cauce.kernel.clock import monotonic_seconds
from cauce.kernel.errors import CauceError, Unavailable
from cauce.storage.embedded.account import choose_account
from cauce.storage.embedded.cluster import prepare_cluster
from cauce.storage.embedded.layout import DATABASE, Layout, make_socket_folder
from cauce.storage.embedded.leash import Leash
from cauce.storage.embedded.ownership import owner_of, write_owner
from cauce.storage.embedded.postmaster import START_TIMEOUT_SECONDS, Postmaster
from cauce.storage.embedded.processes import running_server, share_lock, try_lock
from cauce.storage.embedded.programs import ProgramFailed, Programs, install_programs, remove_superseded

log = logging.getLogger("cauce.storage.embedded")

_POLL_MILLISECONDS = 50
_WATCH_MILLISECONDS = 500
_RESTART_PAUSE_SECONDS = 2
_RESTARTS_MAX = 5


class EmbeddedServer:
    """A running server at `dsn`. `owned` says whether this process looks after it."""

    def __init__(
        self, layout: Layout, socket_folder: Path, lock: IO[bytes], postmaster: Postmaster | None = None
    ) -> None:
        self.dsn = layout.dsn(socket_folder)
        self.owned = postmaster is not None
        self._layout = layout
        self._socket_folder = socket_folder
        self._lock = lock
        self._postmaster = postmaster
        self._leash: Leash | None = None
        self._stopping = threading.Event()
        self._guard = threading.Lock()

    @classmethod
    def start(cls, home: Path, *, account: str = "", command: str = "cauce") -> EmbeddedServer:
        """The running server of `home`, started, adopted, recovered or attached to. Blocks until it is ready.

        `account` is whom it runs as when we are root (empty: chosen); `command` is what others are told about the
        owner. Raises a `SetupError` that says what to do, or `Unavailable` when an owner never gets it ready.
        """
        layout = Layout(home)
        layout.make()
        deadline = monotonic_seconds() + START_TIMEOUT_SECONDS
        while True:
            lock = try_lock(layout.lock)
            if lock is not None:
                return _own(layout, lock, account, command)
            attached = _attach(layout)
            if attached is not None:
                return attached
            if monotonic_seconds() > deadline:
                owner = owner_of(layout) or "another process"
                raise Unavailable(f"the database is owned by {owner}, which did not get it ready")
            time.sleep(_POLL_MILLISECONDS / 1000)

    @property
    def pid(self) -> int | None:
        """The process id of the server, None while it is down."""
        found = running_server(self._layout.data)
        return found.pid if found else None

    def stop(self) -> None:
        """Owner: stop the server. Attached: let go of it. May be called twice, from any thread."""
        self._stopping.set()
        with self._guard:
            if self._lock.closed:
                return
            if self._postmaster is not None:
                self._postmaster.stop()
                self._layout.owner.unlink(missing_ok=True)
            if self._leash is not None:
                self._leash.release()
            self._lock.close()
        atexit.unregister(self.stop)

    def __enter__(self) -> EmbeddedServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def look_after(self, leash: Leash) -> None:
        """Owner: keep the server alive until `stop`, which also happens when the interpreter ends."""
        self._leash = leash
        atexit.register(self.stop)
        threading.Thread(target=self._watch, name="cauce-postgres", daemon=True).start()

    def _watch(self) -> None:
        failures = 0
        while not self._stopping.wait(_RESTART_PAUSE_SECONDS if failures else _WATCH_MILLISECONDS / 1000):
            if self._postmaster is None or self._postmaster.running() is not None:
                continue
            if failures == _RESTARTS_MAX:
                log.critical("PostgreSQL ended %s times in a row and is left alone; see its log", failures)
                return
            failures = 0 if self._restart(self._postmaster) else failures + 1

    def _restart(self, postmaster: Postmaster) -> bool:
        with self._guard:
            if self._stopping.is_set():
                return True
            log.error("PostgreSQL has ended unexpectedly; starting it again")
            try:
                postmaster.start(self._socket_folder)
            except (CauceError, OSError):
                log.exception("PostgreSQL could not be started again")
                return False
        return True


def _own(layout: Layout, lock: IO[bytes], account_name: str, command: str) -> EmbeddedServer:
    """Become the owner: everything is undone if it does not succeed."""
    leash: Leash | None = None
    postmaster: Postmaster | None = None
    try:
        layout.attached.touch()
        write_owner(layout, command)
        account = choose_account(layout.data, account_name)
        programs = install_programs(layout.programs, account)
        prepare_cluster(layout, programs, account)
        leash = Leash(layout)
        postmaster = Postmaster(layout.data, programs, account, layout.start_log)
        socket_folder = _adopt(postmaster)
        if socket_folder is None:
            socket_folder = make_socket_folder(layout, account.uid, account.gid)
            postmaster.start(socket_folder)
            remove_superseded(layout.programs, programs)
        make_database(layout, layout.data, programs, socket_folder)
        server = EmbeddedServer(layout, socket_folder, lock, postmaster)
    except BaseException:
        if postmaster is not None:
            postmaster.stop()
        if leash is not None:
            leash.release()
        layout.owner.unlink(missing_ok=True)
        lock.close()
        raise
    server.look_after(leash)
    return server


def _adopt(postmaster: Postmaster) -> Path | None:
    """The socket folder of the server that an earlier owner left, once it is ready; None when none runs."""
    while (found := postmaster.running()) is not None:
        if found.ready and found.socket_folder is not None:
            log.warning("adopting PostgreSQL (process %s), whose owner is gone", found.pid)
            return found.socket_folder
        time.sleep(_POLL_MILLISECONDS / 1000)
    return None


def _attach(layout: Layout) -> EmbeddedServer | None:
    found = running_server(layout.data)
    if found is None or not found.ready or found.socket_folder is None or owner_of(layout) is None:
        return None
    return EmbeddedServer(layout, found.socket_folder, share_lock(layout.attached))


def make_database(layout: Layout, data: Path, programs: Programs, socket_folder: Path) -> None:
    """Make Cauce's database on the running server of `data`, unless an earlier start did."""
    made = data / "cauce.made"
    if made.exists():
        return
    environ = layout.program_environment(socket_folder)
    try:
        programs.run("createdb", "--maintenance-db=postgres", "--template=template0", DATABASE, environ=environ)
    except ProgramFailed as exc:
        if "already exists" not in exc.message:
            raise
    made.touch()
