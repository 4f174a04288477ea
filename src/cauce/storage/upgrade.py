"""From one major version of PostgreSQL to the next: dump with the new programs, load into a fresh data directory.

The old server runs once more, from the copy of its programs that every start leaves under the home folder. Old data
is kept as `data-<major>` until somebody deletes it, so a failed upgrade has lost nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cauce.kernel.errors import SetupError
from cauce.storage.backup import back_up, restore
from cauce.storage.embedded.account import Account, choose_account
from cauce.storage.embedded.cluster import data_major, make_cluster, write_configuration
from cauce.storage.embedded.layout import Layout, make_socket_folder
from cauce.storage.embedded.ownership import OwnedElsewhere, owner_of, write_owner
from cauce.storage.embedded.postmaster import Postmaster, stop_postmaster
from cauce.storage.embedded.processes import try_lock
from cauce.storage.embedded.programs import Programs, install_programs, installed_programs, programs_at
from cauce.storage.embedded.server import make_database


class OldProgramsMissing(SetupError):
    """The programs of the old major version are not on this machine."""

    code = "old_programs_missing"


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The way that was gone; `kept` is where the old data is. Equal versions: there was nothing to do."""

    from_major: int | None
    to_major: int
    kept: Path | None


async def upgrade(home: Path, *, account_name: str = "", old_programs: Path | None = None) -> Upgraded:
    """Bring the data under `home` to the major version of the installed programs. The server must be stopped.

    `old_programs` is the `bin` folder of the old version, when the copy under the home folder is gone.
    """
    layout = Layout(home)
    layout.make()
    lock = try_lock(layout.lock)
    if lock is None:
        raise OwnedElsewhere(f"the database is owned by {owner_of(layout) or 'another process'}; stop that first")
    with lock:
        write_owner(layout, "cauce db upgrade")
        try:
            account = choose_account(layout.data, account_name)
            programs = install_programs(layout.programs, account)
            found = data_major(layout.data)
            if found is None or found == programs.major:
                return Upgraded(found, programs.major, None)
            if found > programs.major:
                raise SetupError(
                    f"the data is of PostgreSQL {found}, newer than this installation's {programs.major}; upgrade Cauce"
                )
            old = _old_programs(layout, found, account, old_programs)
            return Upgraded(found, programs.major, await _carry_over(layout, account, old, programs))
        finally:
            layout.owner.unlink(missing_ok=True)


def _old_programs(layout: Layout, major: int, account: Account, named: Path | None) -> Programs:
    found = programs_at(named, account) if named else installed_programs(layout.programs, major, account)
    if found is None or found.major != major:
        raise OldProgramsMissing(
            f"the upgrade must start PostgreSQL {major} once more, and its programs are not under {layout.programs}. "
            f"Install that version beside this one and name its folder: cauce db upgrade --programs "
            f"/usr/lib/postgresql/{major}/bin"
        )
    return found


async def _carry_over(layout: Layout, account: Account, old: Programs, new: Programs) -> Path:
    kept, fresh, dump = layout.root / f"data-{old.major}", layout.fresh_data, layout.root / "upgrade.dump"
    if kept.exists():
        raise SetupError(f"{kept}, from an earlier upgrade, is in the way; move it elsewhere")
    for data in (layout.data, fresh):
        stop_postmaster(data)
    shutil.rmtree(fresh, ignore_errors=True)
    dump.unlink(missing_ok=True)
    try:
        with _running(layout, layout.data, old, account) as dsn:
            back_up(dsn, dump, new)
        make_cluster(layout, fresh, new, account)
        write_configuration(fresh, account)
        with _running(layout, fresh, new, account) as dsn:
            await restore(dsn, dump, new)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    finally:
        dump.unlink(missing_ok=True)
    layout.data.rename(kept)
    fresh.rename(layout.data)  # killed before this line, the next start does it
    return kept


@contextmanager
def _running(layout: Layout, data: Path, programs: Programs, account: Account) -> Iterator[str]:
    """A server on `data` for the block; the URL of Cauce's database, made if it is missing."""
    postmaster = Postmaster(data, programs, account, layout.start_log)
    folder = make_socket_folder(layout, account.uid, account.gid)
    try:
        postmaster.start(folder)
        make_database(layout, data, programs, folder)
        yield layout.dsn(folder)
    finally:
        postmaster.stop()
