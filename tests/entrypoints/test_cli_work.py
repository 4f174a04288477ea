"""`cauce org`, `keys`, `clock` and `jobs` from the shell, a killed advance among them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cauce.channels.service import SEND_JOB
from cauce.entrypoints.cli.durations import after, parse_instant
from cauce.kernel.errors import InvalidRequest
from cauce.storage import jobs, sealing
from cauce.storage.database import Database
from cauce.storage.directory import keys
from cauce.storage.jobs import NewJob
from cauce.storage.sealing import Sealer
from tests.support.embedded import REPOSITORY
from tests.support.shell import NO_SANDBOX_PORT, Answer, cauce
from tests.support.toy import DAWN, make_org

Run = Callable[..., Answer]


@pytest.fixture
def run(dsn: str, tmp_path: Path) -> Run:
    """Runs `cauce …` on the test's database."""
    return lambda *words: cauce(*words, home=tmp_path, environ={"CAUCE_DATABASE_URL": dsn})


async def test_organizations_are_made_listed_and_named_where_there_are_several(run: Run) -> None:
    assert "cauce org create" in run("org", "list").out
    first = run(
        "org", "create", "Río", "--timezone", "Europe/Madrid", "--frozen-at", "2030-01-01T00:00:00Z", "--json"
    ).data
    assert (first["mode"], first["timezone"]) == ("sandbox", "Europe/Madrid")
    shown = run("clock", "show", "--json").data
    assert (shown["org"], shown["now"], shown["frozen"]) == (first["id"], "2030-01-01 00:00:00+00:00", True)
    live = run("org", "create", "Mar", "--live", "--json").data
    assert [one["mode"] for one in run("org", "list", "--json").data] == ["sandbox", "live"]
    assert run("clock", "show").code == 1  # which of the two?
    assert run("clock", "freeze", "--org", live["id"]).code == 1  # it has the wall clock


async def test_keys_are_made_rotated_revoked_and_never_shown_again(database: Database, run: Run) -> None:
    org = await make_org(database)
    made = run("keys", "create", "shop", "--scope", "read", "--scope", "billing:write", "--json").data
    rotated = run("keys", "rotate", made["id"], "--overlap", "0", "--json").data
    assert run("keys", "rotate", made["id"]).code == 1
    async with database.transaction() as tx:
        holder = await keys.authenticate(tx, rotated["secret"], datetime.now(UTC))
        with pytest.raises(keys.BadKey):
            await keys.authenticate(tx, made["secret"], datetime.now(UTC))
    assert (holder.org_id, holder.scopes) == (org.id, frozenset({"read", "billing:write"}))
    assert run("keys", "revoke", rotated["id"]).code == 0
    listed = run("keys", "list")
    assert made["id"] in listed.out and made["secret"] not in listed.out + run("keys", "list", "--json").out


async def test_the_master_key_is_rotated_and_the_old_one_forgotten(
    database: Database, run: Run, tmp_path: Path
) -> None:
    org = await make_org(database)
    assert run("keys", "seal-rotate").code == 0  # makes the file
    old = bytes.fromhex((tmp_path / "master.key").read_text().strip())
    async with database.transaction(org.id) as tx:
        for n in range(3):
            await sealing.put(tx, Sealer.of(old), f"ch_{n}", "secret", f"value {n}")
    answer = run("keys", "seal-rotate", "--new", "--forget-old", "--json").data
    (new,) = [bytes.fromhex(line) for line in (tmp_path / "master.key").read_text().split()]
    assert new != old
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600
    assert (answer["rewrapped"], answer["values_by_key"]) == (3, {sealing.key_id(new): 3})
    async with database.transaction(org.id) as tx:
        assert await sealing.get(tx, Sealer.of(new), "ch_1") == {"secret": "value 1"}


async def test_a_key_from_the_environment_is_not_rotated_behind_its_owners_back(
    database: Database, dsn: str, tmp_path: Path
) -> None:
    await make_org(database)
    environ = {"CAUCE_DATABASE_URL": dsn, "CAUCE_MASTER_KEY": "ab" * 32}
    assert cauce("keys", "seal-rotate", "--new", home=tmp_path, environ=environ).code == 1
    assert cauce("keys", "seal-rotate", home=tmp_path, environ=environ).code == 0


async def test_a_clock_is_sent_forward_frozen_and_let_run(database: Database, run: Run) -> None:
    org = await make_org(database)
    await _timers(database, org.id, 5)
    assert run("clock", "advance").code == 1  # nothing is under way
    ended = run("clock", "advance", "30d", "--json")
    assert ended.code == 0, ended.err
    assert ended.data["reached"] == "2030-01-31 00:00:00+00:00"
    assert await _left(database, org.id) == 0
    assert run("clock", "freeze", "--at", "2030-01-30T00:00:00Z").code == 1  # never back
    assert run("clock", "freeze", "--at", "2030-02-01T00:00:00Z").code == 0
    assert run("clock", "run").code == 0
    assert run("clock", "show", "--json").data["frozen"] is False
    assert run("clock", "advance", "--to", "2031-01-01T00:00:00+00:00").code == 0


async def test_an_advance_whose_terminal_was_killed_goes_on(
    database: Database, dsn: str, tmp_path: Path, run: Run
) -> None:
    org = await make_org(database)
    await _timers(database, org.id, 600)
    walking = subprocess.Popen(
        [sys.executable, "-m", "cauce.entrypoints.cli.main", "clock", "advance", "30d"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), "CAUCE_HOME": str(tmp_path), "CAUCE_DATABASE_URL": dsn,
             "CAUCE_SANDBOX_PORT": str(NO_SANDBOX_PORT)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while await _left(database, org.id) > 550:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    walking.kill()
    walking.wait()
    left = await _left(database, org.id)
    assert 0 < left < 600
    shown = run("clock", "show", "--json").data
    assert shown["advance"]["done_at"] is None
    assert run("clock", "advance", "1d").code == 1  # one at a time
    ended = run("clock", "advance", "--json")
    assert ended.code == 0, ended.err
    assert ended.data["reached"] == "2030-01-31 00:00:00+00:00"
    assert await _left(database, org.id) == 0


async def test_how_far_the_billing_run_is(database: Database, run: Run) -> None:
    await make_org(database)
    assert run("billing", "progress", "--follow", "--json").data == {
        "due": 0, "oldest_due_at": None, "parked": 0, "done": 0, "done_minute": 0, "seconds_left": 0,
    }  # fmt: skip
    assert "time left" in run("billing", "progress").out


async def test_buried_jobs_are_listed_with_their_reason_and_retried(database: Database, run: Run) -> None:
    org = await make_org(database)
    async with database.transaction(org.id) as tx:
        await jobs.enqueue(tx, [NewJob("x", DAWN, {"secret": "not shown"}), NewJob("y", DAWN)])
    async with database.transaction(org.id) as tx:
        (job,) = await jobs.claim(tx, [org.id], ["x"], 1)
        await jobs.fail(tx, job, "no luck", DAWN, attempts_max=1)
    (row,) = run("jobs", "list", "--state", "buried", "--json").data
    assert (row["kind"], row["error"]) == ("x", "no luck")
    assert run("jobs", "retry", "999").code == 1
    assert run("jobs", "retry", str(row["id"]), "--json").data == {"jobs": 1}
    listed = run("jobs", "list", "--json")
    assert [one["state"] for one in listed.data] == ["waiting", "waiting"]
    assert "not shown" not in listed.out


@pytest.mark.parametrize(
    ("length", "end"),
    [
        ("90m", "2030-01-31T01:30:00+00:00"), ("36h", "2030-02-01T12:00:00+00:00"), ("30d", "2030-03-02T00:00:00+00:00"),
        ("2w", "2030-02-14T00:00:00+00:00"), ("1mo", "2030-02-28T00:00:00+00:00"), ("13mo", "2031-02-28T00:00:00+00:00"),
        ("10y", "2040-01-31T00:00:00+00:00"), ("0d", "2030-01-31T00:00:00+00:00"),
    ],
)  # fmt: skip
def test_lengths_of_time(length: str, end: str) -> None:
    assert after(DAWN + timedelta(days=30), length) == datetime.fromisoformat(end)


@pytest.mark.parametrize("length", ["", "30", "d", "-1d", "1.5h", "9999999d", "9999y"])
def test_lengths_that_are_none(length: str) -> None:
    with pytest.raises(InvalidRequest):
        after(DAWN, length)


def test_instants_have_an_offset() -> None:
    assert parse_instant("2030-01-01T08:00:00+08:00") == DAWN
    for wrong in ("tomorrow", "2030-01-01T00:00:00"):
        with pytest.raises(InvalidRequest):
            parse_instant(wrong)


async def _timers(database: Database, org_id: int, count: int) -> None:
    """Work at `count` instants of the month: jobs of a real kind about nothing."""
    step = timedelta(days=29) / count
    async with database.transaction(org_id) as tx:
        await jobs.enqueue(tx, [NewJob(SEND_JOB, DAWN + step * (n + 1), {"key": f"none_{n}"}) for n in range(count)])


async def _left(database: Database, org_id: int) -> int:
    async with database.transaction(org_id) as tx:
        return sum(row["jobs"] for row in await jobs.depth(tx) if row["kind"] == SEND_JOB)
