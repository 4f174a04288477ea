"""The settings themselves: name, unit, meaning, default, and whether the value is a secret."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cauce.settings.parsing import Parser, choice, flag, keys, path, text, url, whole

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("auto", "text", "json")


def _setting(
    default: Any, parse: Parser, meaning: str, *, unit: str = "", secret: bool = False, shown: str | None = None
) -> Any:
    metadata = {"parse": parse, "meaning": meaning, "unit": unit, "secret": secret, "shown": shown}
    if callable(default):
        return field(default_factory=default, metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


def default_home() -> Path:
    """Where data goes when nothing says otherwise: `/var/lib/cauce` for root, `~/.local/share/cauce` for anybody else."""
    if os.geteuid() == 0:
        return Path("/var/lib/cauce")
    return Path.home() / ".local" / "share" / "cauce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process; see `describe` for meanings and units."""

    home: Path = _setting(  # noqa: RUF009 - a dataclass field
        default_home,
        path,
        "Folder of everything that Cauce keeps on this machine: the embedded database, the master key, logs.",
        unit="path",
        shown="`~/.local/share/cauce`; root: `/var/lib/cauce`",
    )
    database_url: str = _setting(
        "",
        url("postgresql", "postgres"),
        "Your own PostgreSQL (15 or newer) as `postgresql://user:password@host:5432/name`. "
        "Empty: Cauce starts its own under the home folder.",
        unit="URL",
        secret=True,
        shown="empty",
    )
    database_direct_url: str = _setting(
        "",
        url("postgresql", "postgres"),
        "The same database past a connection pooler, for migrations and LISTEN. Empty: the database URL.",
        unit="URL",
        secret=True,
        shown="empty",
    )
    database_account: str = _setting(
        "",
        text,
        "Account that the embedded server runs as when Cauce is started by root. "
        "Empty: the first of `cauce`, `postgres`, `nobody` that exists.",
        unit="account name",
        shown="empty",
    )
    database_connections_max: int = _setting(
        16, whole(2, 1000), "Connections to the database that one process opens at most.", unit="connections"
    )
    bind_host: str = _setting("127.0.0.1", text, "Address that the web server listens on.", unit="address")
    bind_port: int = _setting(8420, whole(1, 65535), "Port that the web server listens on.", unit="TCP port")
    sandbox_port: int = _setting(
        8421, whole(1, 65535), "Port, on 127.0.0.1, of the simulators of the sandbox.", unit="TCP port"
    )
    public_url: str = _setting(
        "",
        url("https", "http"),
        "Address under which customers and payment providers reach this installation: links and notice URLs start "
        "with it. Empty: made of bind host and port.",
        unit="URL",
        shown="empty",
    )
    master_key: tuple[bytes, ...] = _setting(
        (),
        keys,
        "Key that seals credentials in the database; after a change, the old ones follow, separated by commas. Empty: "
        "read from `master.key` in the home folder, made there on first use. Without it sealed values are lost: keep a "
        "copy apart from the backups.",
        unit="64 hexadecimal digits",
        secret=True,
        shown="empty",
    )
    log_level: str = _setting("info", choice(*LOG_LEVELS), "Least severity that is logged.", unit="|".join(LOG_LEVELS))
    log_format: str = _setting(
        "auto",
        choice(*LOG_FORMATS),
        "Form of log lines; `auto` is text on a terminal and JSON elsewhere.",
        unit="|".join(LOG_FORMATS),
    )
    worker_concurrency: int = _setting(
        8, whole(1, 256), "Jobs that one worker process works on at once; notices and questions have 100.", unit="jobs"
    )
    lease_seconds: int = _setting(
        60,
        whole(5, 3600),
        "How long a worker owns a claimed job without a sign of life; after that another may take it.",
        unit="seconds",
    )
    stop_seconds: int = _setting(
        20, whole(1, 600), "How long a stopping process waits for the work in hand.", unit="seconds"
    )
    metrics: bool = _setting(True, flag, "Whether `/metrics` answers.", unit="true or false")

    @property
    def base_url(self) -> str:
        """The public URL, or the one made of bind host and port; without a slash at the end."""
        if self.public_url:
            return self.public_url
        host = "127.0.0.1" if self.bind_host in ("0.0.0.0", "::") else self.bind_host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.bind_port}"
