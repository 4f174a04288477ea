"""The embedded server through the lives of its owners: started, attached to, killed, adopted, recovered, refused."""

from __future__ import annotations

import asyncio
import os
import pwd
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from cauce.storage.embedded import (
    AccountUnusable,
    EmbeddedServer,
    HomeUnusable,
    OwnedElsewhere,
    ProgramsUnusable,
    WrongMajorVersion,
    status,
    stop_server,
)
from cauce.storage.embedded.memory import tuning
from tests.support.embedded import User, leash_pids, server_pids, temporary_home, users, wait_until

MIB = 1024 * 1024
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root meets this")


@pytest.fixture(scope="module", params=users(), ids=lambda user: user.name)
def user(request: pytest.FixtureRequest) -> User:
    """Whom Cauce runs as: us (root in CI) and an ordinary user."""
    chosen: User = request.param
    return chosen


@pytest.fixture(scope="module")
def home(user: User) -> Iterator[Path]:
    """One home for the tests of one user; each test starts the server and leaves it stopped."""
    with temporary_home(user) as folder:
        yield folder


async def remember(dsn: str, word: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS remembered (word text PRIMARY KEY)")
    await connection.execute("INSERT INTO remembered VALUES ($1)", word)
    await connection.close()


async def remembers(dsn: str, word: str) -> bool:
    connection = await asyncpg.connect(dsn)
    found = await connection.fetchval("SELECT EXISTS (SELECT FROM remembered WHERE word = $1)", word)
    await connection.close()
    return bool(found)


async def test_the_server_listens_on_a_private_socket_alone_and_asks_for_the_password(user: User, home: Path) -> None:
    owner = user.run(home)
    connection = await asyncpg.connect(owner.dsn)
    assert await connection.fetchval("SHOW listen_addresses") == ""
    assert await connection.fetchval("SHOW shared_buffers") != "128MB" or os.sysconf("SC_PHYS_PAGES") * 4096 < 600 * MIB
    await connection.close()
    folder = Path(parse_qs(urlsplit(owner.dsn).query)["host"][0])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (home / "postgres" / "password").stat().st_mode & 0o777 == 0o600
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(owner.dsn.replace(urlsplit(owner.dsn).password or "", "guess"))
    hba = (home / "postgres" / "data" / "pg_hba.conf").read_text()
    assert {line.split()[-1] for line in hba.splitlines() if line and not line.startswith("#")} == {"scram-sha-256"}
    owner.stop()
    assert server_pids(home) == []


async def test_the_server_never_runs_as_root(user: User, home: Path) -> None:
    owner = user.run(home)
    assert owner.owned
    uid = Path(f"/proc/{owner.server_pid}").stat().st_uid
    assert uid != 0
    if user.name != "self":
        assert uid == pwd.getpwnam(user.name).pw_uid
    owner.stop()


async def test_a_second_process_attaches_and_leaves_without_a_trace(user: User, home: Path) -> None:
    owner = user.run(home)
    second = user.run(home)
    assert (owner.owned, second.owned) == (True, False)
    assert second.server_pid == owner.server_pid
    second.stop()
    assert server_pids(home) == [owner.server_pid]
    await remember(owner.dsn, "after the second left")
    owner.stop()
    assert server_pids(home) == []
    assert leash_pids(home) == []


async def test_of_many_that_start_at_once_one_owns_and_the_others_attach(user: User, home: Path) -> None:
    everybody = await asyncio.gather(*(asyncio.to_thread(user.run, home) for _ in range(4)))
    assert sorted(one.owned for one in everybody) == [False, False, False, True]
    assert len({one.server_pid for one in everybody}) == 1
    for one in sorted(everybody, key=lambda one: one.owned):
        one.stop()
    assert server_pids(home) == []


async def test_a_killed_owner_leaves_no_server_behind(user: User, home: Path) -> None:
    owner = user.run(home)
    await remember(owner.dsn, "before the kill")
    owner.kill()
    wait_until(lambda: not server_pids(home) and not leash_pids(home))
    again = user.run(home)
    assert again.owned
    assert await remembers(again.dsn, "before the kill")
    again.stop()


async def test_the_next_owner_adopts_the_server_of_a_killed_one(user: User, home: Path) -> None:
    owner = user.run(home)
    for pid in leash_pids(home):
        os.kill(pid, signal.SIGKILL)  # or it might be faster than we are
    owner.kill()
    next_owner = user.run(home)
    assert next_owner.owned
    assert next_owner.server_pid == owner.server_pid
    next_owner.stop()
    assert server_pids(home) == []


async def test_everything_killed_at_once_is_recovered(user: User, home: Path) -> None:
    owner = user.run(home)
    await remember(owner.dsn, "durable")
    for pid in leash_pids(home):
        os.kill(pid, signal.SIGKILL)
    owner.kill()
    os.kill(owner.server_pid, signal.SIGKILL)
    again = user.run(home)
    assert again.server_pid != owner.server_pid
    assert server_pids(home) == [again.server_pid]
    assert await remembers(again.dsn, "durable")
    again.stop()


async def test_a_killed_server_is_started_again_by_its_owner(user: User, home: Path) -> None:
    owner = user.run(home)
    await remember(owner.dsn, "before the crash")
    os.kill(owner.server_pid, signal.SIGKILL)
    wait_until(lambda: (status(home).pid or owner.server_pid) != owner.server_pid and status(home).ready)
    assert await remembers(owner.dsn, "before the crash")
    owner.stop()
    assert server_pids(home) == []


async def test_whoever_is_attached_keeps_the_server_of_a_killed_owner(user: User, home: Path) -> None:
    owner = user.run(home)
    second = user.run(home)
    owner.kill()
    await remember(second.dsn, "still there")
    with pytest.raises(asyncpg.UniqueViolationError):
        await remember(second.dsn, "still there")
    second.stop()
    wait_until(lambda: not server_pids(home))


async def test_a_process_id_that_went_to_somebody_else_does_not_stop_the_start(user: User, home: Path) -> None:
    stale = home / "postgres" / "data" / "postmaster.pid"
    user.run(home).stop()
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n1\n5432\n/nowhere\n\n        0         0\nready\n")
    os.chown(stale, stale.parent.stat().st_uid, stale.parent.stat().st_gid)
    assert status(home).pid is None
    owner = user.run(home)
    assert server_pids(home) == [owner.server_pid]
    owner.stop()


async def test_a_server_without_owner_can_be_stopped_and_one_with_an_owner_is_left_alone(
    user: User, home: Path
) -> None:
    owner = user.run(home)
    with pytest.raises(OwnedElsewhere, match="a test"):
        stop_server(home)
    for pid in leash_pids(home):
        os.kill(pid, signal.SIGKILL)
    owner.kill()
    assert stop_server(home)
    assert server_pids(home) == []
    assert not stop_server(home)


def test_data_of_another_major_version_is_refused_with_instructions_and_left_alone(user: User, home: Path) -> None:
    user.run(home).stop()
    version = home / "postgres" / "data" / "PG_VERSION"
    mine = version.read_text()
    version.write_text("14\n")
    before = sorted((file.name, file.stat().st_mtime_ns) for file in version.parent.iterdir())
    with pytest.raises(WrongMajorVersion, match="cauce db upgrade"):
        EmbeddedServer.start(home)
    assert sorted((file.name, file.stat().st_mtime_ns) for file in version.parent.iterdir()) == before
    assert status(home).major == 14
    version.write_text(mine)
    user.run(home).stop()


async def test_a_long_home_path_gets_its_socket_in_a_short_place() -> None:
    with temporary_home() as folder:
        home = folder / ("long-" * 20)
        with EmbeddedServer.start(home) as server:
            socket_folder = Path(parse_qs(urlsplit(server.dsn).query)["host"][0])
            assert not socket_folder.is_relative_to(home)
            assert socket_folder.stat().st_mode & 0o777 == 0o700
            await remember(server.dsn, "reached")
        socket_folder.rmdir()


@as_root
def test_a_home_that_the_account_cannot_reach_is_explained() -> None:
    with temporary_home() as folder:
        folder.chmod(0o700)
        with pytest.raises(ProgramsUnusable, match="CAUCE_HOME"):
            EmbeddedServer.start(folder / "home")


@as_root
def test_an_account_that_does_not_exist_is_named() -> None:
    with temporary_home() as folder, pytest.raises(AccountUnusable, match="no-such-account"):
        EmbeddedServer.start(folder, account="no-such-account")


@as_root
def test_data_that_belongs_to_root_is_refused() -> None:
    with temporary_home() as folder:
        (folder / "postgres" / "data").mkdir(parents=True)
        with pytest.raises(AccountUnusable, match="chown"):
            EmbeddedServer.start(folder)


def test_a_home_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomeUnusable, match="CAUCE_HOME"):
        EmbeddedServer.start(tmp_path / "file" / "home")


@pytest.mark.parametrize(
    ("memory_mib", "shared_buffers"), [(512, "128MB"), (128, "64MB"), (4096, "1024MB"), (262144, "8192MB")]
)
def test_shared_buffers_are_a_quarter_of_the_memory_within_bounds(memory_mib: int, shared_buffers: str) -> None:
    assert tuning(memory_mib * MIB)["shared_buffers"] == shared_buffers
