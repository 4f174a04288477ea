"""Whom the server runs as: ourselves, or an unprivileged account when we are root."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cauce.kernel.errors import SetupError

CANDIDATES = ("cauce", "postgres", "nobody")


class AccountUnusable(SetupError):
    """PostgreSQL refuses to run as root and no account is there to run it."""

    code = "account_unusable"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this machine; `uid` and `gid` are None when it is our own."""

    name: str
    uid: int | None = None
    gid: int | None = None

    def popen_arguments(self) -> dict[str, Any]:
        """What `subprocess` needs to run a program as this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give a file or folder to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def choose_account(data: Path, wanted: str = "") -> Account:
    """Ourselves; as root the owner of existing `data`, else `wanted`, else the first candidate that exists."""
    if os.geteuid() != 0:
        return Account("you")
    if data.exists():
        return _owner_of(data)
    for name in [wanted] if wanted else CANDIDATES:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid == 0:
            raise AccountUnusable(f"{name} is root under another name, and PostgreSQL refuses to run as root.")
        return Account(found.pw_name, found.pw_uid, found.pw_gid)
    raise AccountUnusable(
        f"PostgreSQL refuses to run as root and none of {', '.join([wanted] if wanted else CANDIDATES)} exists. "
        "Make one (useradd --system cauce), name one in CAUCE_DATABASE_ACCOUNT, or start Cauce as an ordinary user."
    )


def _owner_of(data: Path) -> Account:
    owner = data.stat()
    if owner.st_uid == 0:
        raise AccountUnusable(
            f"{data} belongs to root, and PostgreSQL refuses to run as root. Give it back to the account that owned it "
            f"(chown -R postgres {data}), or to any unprivileged account."
        )
    try:
        name = pwd.getpwuid(owner.st_uid).pw_name
    except KeyError:
        name = str(owner.st_uid)
    return Account(name, owner.st_uid, owner.st_gid)
