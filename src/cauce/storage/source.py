"""Where the database comes from: our own embedded server, or one that a URL names.

The doors open a source first and connect to its `dsn`; whoever opened it closes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cauce.storage.embedded import EmbeddedServer


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """`dsn` for the pool; `direct_dsn`, past any pooler, for migrations and LISTEN. `embedded` is None for a URL."""

    dsn: str
    direct_dsn: str
    embedded: EmbeddedServer | None = None

    def close(self) -> None:
        """Stop the embedded server if this process owns it."""
        if self.embedded is not None:
            self.embedded.stop()

    def __enter__(self) -> DatabaseSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_source(
    home: Path, *, url: str = "", direct_url: str = "", account: str = "", command: str = "cauce"
) -> DatabaseSource:
    """The database at `url`, or, when that is empty, the embedded server of `home`, running. Blocks until it runs."""
    if url:
        return DatabaseSource(url, direct_url or url)
    server = EmbeddedServer.start(home, account=account, command=command)
    return DatabaseSource(server.dsn, server.dsn, server)
