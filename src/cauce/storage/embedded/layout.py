"""Where the files of the embedded server are, and the private folder of its socket."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from cauce.kernel.errors import SetupError

PORT = 5432
"""Only part of the socket's name: nothing listens on TCP."""

USER = "cauce"
DATABASE = "cauce"

# unix(7): a socket's path holds 108 bytes with its end; macOS: 104. PostgreSQL appends `/.s.PGSQL.5432.lock`.
_FOLDER_LENGTH_MAX = 104 - len("/.s.PGSQL.5432.lock") - 1


class HomeUnusable(SetupError):
    """The home folder cannot hold the database."""

    code = "home_unusable"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths under one home folder."""

    home: Path

    @property
    def root(self) -> Path:
        """The folder of everything about the embedded server."""
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.root / "data"

    @property
    def fresh_data(self) -> Path:
        """The new data directory that an upgrade fills; whole when `data` is missing beside it."""
        return self.root / "data.fresh"

    @property
    def programs(self) -> Path:
        """Copies of the programs, one folder a version."""
        return self.root / "programs"

    @property
    def lock(self) -> Path:
        """Locked by the owner."""
        return self.root / "owner.lock"

    @property
    def attached(self) -> Path:
        """Locked, shared, by every process that attached."""
        return self.root / "attached.lock"

    @property
    def owner(self) -> Path:
        """Who the owner is, for messages."""
        return self.root / "owner.json"

    @property
    def password_file(self) -> Path:
        """The generated password of the database user."""
        return self.root / "password"

    @property
    def owner_log(self) -> Path:
        """What an owner without a terminal says."""
        return self.root / "owner.log"

    @property
    def start_log(self) -> Path:
        """What the programs said until the server's own log began."""
        return self.root / "start.log"

    def make(self) -> None:
        """Make the folders; `HomeUnusable` says what is in the way."""
        missing = [folder for folder in (self.root, *self.root.parents) if not folder.exists()]
        try:
            for folder in reversed(missing):
                folder.mkdir(exist_ok=True)
                if os.geteuid() == 0:
                    folder.chmod(0o755)  # whatever the umask says: the server's account must pass through
                elif folder.is_relative_to(self.home):
                    folder.chmod(0o700)
        except OSError as exc:
            raise HomeUnusable(
                f"{self.root} cannot be made: {exc.strerror}. Set CAUCE_HOME to a folder that you may write to."
            ) from exc
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise HomeUnusable(
                f"{self.root} is not writable for you. Set CAUCE_HOME to another folder, or change its owner."
            )

    def read_password(self) -> str:
        """The database password; `HomeUnusable` when this user may not know it."""
        try:
            return self.password_file.read_text(encoding="ascii").strip()
        except FileNotFoundError as exc:
            raise HomeUnusable(
                f"{self.password_file}, the database's password, is missing; put it back from your copy of {self.root}."
            ) from exc
        except OSError as exc:
            raise HomeUnusable(
                f"{self.password_file} cannot be read: {exc.strerror}. The database belongs to another user of this machine."
            ) from exc

    def program_environment(self, socket_folder: Path) -> dict[str, str]:
        """The variables by which PostgreSQL's client programs find the server."""
        return {"PGHOST": str(socket_folder), "PGPORT": str(PORT), "PGUSER": USER, "PGPASSWORD": self.read_password()}

    def dsn(self, socket_folder: Path, database: str = DATABASE) -> str:
        """The URL of a database on this server."""
        query = urlencode({"host": str(socket_folder), "port": str(PORT)})
        return f"postgresql://{USER}:{quote(self.read_password(), safe='')}@/{database}?{query}"


def make_socket_folder(layout: Layout, uid: int | None, gid: int | None) -> Path:
    """A folder for the socket that only `uid` (None: we) can enter, with a path short enough for a socket."""
    near = layout.root / "run"
    folder = near if len(os.fsencode(near)) <= _FOLDER_LENGTH_MAX else _short_folder(layout)
    owner = os.geteuid() if uid is None else uid
    try:
        folder.mkdir(mode=0o700)
        if uid is not None and gid is not None:
            os.chown(folder, uid, gid)
    except FileExistsError:
        pass
    except OSError as exc:
        raise HomeUnusable(f"{folder} cannot be made for the database's socket: {exc.strerror}") from exc
    found = folder.lstat()
    # Somebody else may have made a folder of this name in a shared place, to listen in.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise HomeUnusable(
            f"{folder} must be a folder with mode 0700 that belongs to user {owner}; remove it and start again."
        )
    return folder


def _short_folder(layout: Layout) -> Path:
    name = "cauce-" + hashlib.sha256(os.fsencode(layout.root.resolve())).hexdigest()[:12]
    candidates = [Path("/run")] if os.geteuid() == 0 else [Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp")]  # noqa: S108
    for place in (*candidates, Path("/tmp")):  # noqa: S108 - private folder, checked by the caller
        if place.is_dir() and os.access(place, os.W_OK) and len(os.fsencode(place / name)) <= _FOLDER_LENGTH_MAX:
            return place / name
    raise HomeUnusable("no folder is short enough for the database's socket; set CAUCE_HOME to a shorter path.")
