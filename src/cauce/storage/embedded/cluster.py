"""The data directory: made once, refused when another major version made it, configured anew at each start."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from cauce.kernel.errors import SetupError
from cauce.storage.embedded.account import Account
from cauce.storage.embedded.layout import USER, Layout
from cauce.storage.embedded.memory import machine_memory_bytes, tuning
from cauce.storage.embedded.programs import Programs

CONFIGURATION = "cauce.conf"

_FIXED = {
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "password_encryption": "'scram-sha-256'",
    "random_page_cost": "1.1",  # solid state: a random page costs hardly more than the next one
    "jit": "off",  # short statements: compiling costs more than it saves
    "logging_collector": "on",  # a file a weekday, each overwritten after a week
    "log_directory": "'log'",
    "log_filename": "'postgresql-%a.log'",
    "log_rotation_age": "'1d'",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
}


class WrongMajorVersion(SetupError):
    """The data directory was made by another major version of PostgreSQL."""

    code = "wrong_major_version"


def data_major(data: Path) -> int | None:
    """The major version that made the data directory; None when there is none yet."""
    try:
        return int((data / "PG_VERSION").read_text(encoding="ascii").strip())
    except FileNotFoundError:
        return None


def prepare_cluster(layout: Layout, programs: Programs, account: Account) -> None:
    """Make the data directory if it is missing, check that `programs` can read it, write the configuration."""
    if not layout.data.exists() and layout.fresh_data.exists():
        layout.fresh_data.rename(layout.data)  # an upgrade was killed between its last two steps
    found = data_major(layout.data)
    if found is None:
        make_cluster(layout, layout.data, programs, account)
    elif found != programs.major:
        raise WrongMajorVersion(
            f"the data under {layout.data} was made by PostgreSQL {found}, this installation has {programs.major}. "
            f"Nothing was changed. Either run `cauce db upgrade` (it keeps the old data beside the new), or go back to "
            f"the version of Cauce that brought PostgreSQL {found}.",
            found=found,
            wanted=programs.major,
        )
    write_configuration(layout.data, account)


def make_cluster(layout: Layout, data: Path, programs: Programs, account: Account) -> None:
    """initdb into a folder beside `data`, then rename: a data directory is whole or absent."""
    half = data.with_name(f"{data.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    password_copy = data.with_name(f"{data.name}.password")
    half.mkdir(mode=0o700)
    account.own(half)
    try:
        _write_private(password_copy, _password(layout), account)
        programs.run(
            "initdb", f"--pgdata={half}", f"--username={USER}", f"--pwfile={password_copy}",
            "--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--encoding=UTF8", "--no-instructions",
            *_locale(programs), account=account,
        )  # fmt: skip
        with (half / "postgresql.conf").open("a", encoding="utf-8") as out:
            out.write(
                f"\ninclude_if_exists = '{CONFIGURATION}'  # Cauce writes that file anew at each start\n"
                "# Your own settings belong below this line.\n"
            )
        half.rename(data)
    finally:
        password_copy.unlink(missing_ok=True)
        shutil.rmtree(half, ignore_errors=True)


def _locale(programs: Programs) -> list[str]:
    # The built-in provider (17 and newer) sorts by code point and never changes with the system's libraries.
    if programs.major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C"]


def write_configuration(data: Path, account: Account) -> None:
    """Write the settings that follow from this machine; owners add theirs below the include line."""
    settings = {**_FIXED, **tuning(machine_memory_bytes())}
    text = "# Written by Cauce at each start; edit postgresql.conf instead.\n"
    text += "".join(f"{name} = {value}\n" for name, value in settings.items())
    _write_private(data / CONFIGURATION, text, account)


def _password(layout: Layout) -> str:
    if not layout.password_file.exists():
        _write_private(layout.password_file, secrets.token_urlsafe(32), None)
    return layout.read_password()


def _write_private(path: Path, text: str, account: Account | None) -> None:
    half = path.with_name(f".{path.name}.half")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    if account is not None:
        account.own(half)
    half.rename(path)
