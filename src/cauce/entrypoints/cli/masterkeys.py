"""Changing `master.key`: a new key in front of the others, or only the first kept. The file is replaced as a whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence

from cauce.kernel.errors import Conflict
from cauce.settings import Settings, load_master_keys
from cauce.settings.masterkey import FILE_NAME

_KEY_BYTES = 32


class MasterKeyElsewhere(Conflict):
    """The master key comes from CAUCE_MASTER_KEY; put the new key in front of the old one there, then run this again."""

    code = "master_key_elsewhere"


def known(settings: Settings) -> tuple[bytes, ...]:
    """The master keys, the one in use first."""
    return load_master_keys(settings)


def prove_in_file(settings: Settings) -> None:
    """Raise `MasterKeyElsewhere` unless the keys are in the file, where they can be changed."""
    if settings.master_key:
        raise MasterKeyElsewhere()


def put_new_first(settings: Settings) -> None:
    """Make a new master key that is used from now on; the others still open what they have sealed."""
    _replace(settings, (secrets.token_bytes(_KEY_BYTES), *known(settings)))


def keep_first(settings: Settings) -> None:
    """Forget all but the key in use."""
    _replace(settings, known(settings)[:1])


def _replace(settings: Settings, keys: Sequence[bytes]) -> None:
    file = settings.home / FILE_NAME
    owner = file.stat()
    fresh = file.with_name(f".{FILE_NAME}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
        out.write("".join(f"{key.hex()}\n" for key in keys))
        out.flush()
        os.fsync(out.fileno())
    if os.geteuid() == 0:
        os.chown(fresh, owner.st_uid, owner.st_gid)
    fresh.replace(file)
    folder = os.open(settings.home, os.O_RDONLY)
    try:
        os.fsync(folder)  # the values sealed from now on need this very file
    finally:
        os.close(folder)
