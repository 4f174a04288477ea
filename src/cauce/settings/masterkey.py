"""The master key: 32 bytes that seal credentials at rest, from its setting or from a file made on first use.

The file stands in the home folder, readable by its owner alone, and apart from the database: whoever steals a
backup cannot open what is sealed in it, and whoever loses the file cannot either.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cauce.kernel.errors import SetupError
from cauce.settings.parsing import keys as parse_keys
from cauce.settings.values import Settings

FILE_NAME = "master.key"
_KEY_BYTES = 32


class MasterKeyUnusable(SetupError):
    """The master key cannot be read or made."""

    code = "master_key_unusable"


def load_master_keys(settings: Settings) -> tuple[bytes, ...]:
    """The master keys of 32 bytes, the one in use first; makes `master.key` (mode 0600) when there is no key yet.

    Keys after the first open what was sealed before a change of key. Raises `MasterKeyUnusable`.
    """
    if settings.master_key:
        return settings.master_key
    file = settings.home / FILE_NAME
    try:
        if not file.exists():
            _make(file)
        return read_master_keys(file)
    except OSError as exc:
        raise MasterKeyUnusable(f"{file} cannot be used: {exc.strerror}; check who owns {settings.home}") from exc


def read_master_keys(file: Path) -> tuple[bytes, ...]:
    """The keys in a key file, the one in use first; `MasterKeyUnusable` when it is open to others or damaged."""
    if file.stat().st_mode & 0o077:
        raise MasterKeyUnusable(f"{file} can be read by others; run: chmod 600 {file}")
    try:
        found = parse_keys(file.read_text(encoding="ascii"))
    except ValueError as exc:
        raise MasterKeyUnusable(f"{file} does not hold 64 hexadecimal digits; restore it from your copy") from exc
    if not found:
        raise MasterKeyUnusable(f"{file} is empty; restore it from your copy")
    return found


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{FILE_NAME}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
        out.write(secrets.token_hex(_KEY_BYTES) + "\n")
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(fresh, file)  # fails if another process was first, and then its key is the key
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
