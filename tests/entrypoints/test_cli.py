"""The command `cauce`: exit codes, JSON, settings shown, the life of the embedded database from the shell."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cauce.storage.migrations import series
from tests.support.embedded import REPOSITORY, server_pids, temporary_home
from tests.support.shell import cauce


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with temporary_home() as folder:
        yield folder


def test_a_wrong_command_line_ends_with_2_and_points_to_help(tmp_path: Path) -> None:
    for words in (("nonsense",), ("db", "nonsense"), ("db", "backup"), ("config", "show", "--nonsense")):
        answer = cauce(*words, home=tmp_path)
        assert answer.code == 2, words
        assert "--help" in answer.err
        assert answer.out == ""


def test_without_a_command_the_help_is_shown(tmp_path: Path) -> None:
    for words in ((), ("db",)):
        answer = cauce(*words, home=tmp_path)
        assert answer.code == 2
        assert "Commands" in answer.err


def test_a_refused_setting_ends_with_1_and_json_says_which(tmp_path: Path) -> None:
    answer = cauce("config", "show", "--json", home=tmp_path, environ={"CAUCE_NONSENSE": "1"})
    assert answer.code == 1
    assert answer.data["error"]["code"] == "unknown_setting"


def test_a_database_that_does_not_answer_ends_with_3(tmp_path: Path) -> None:
    answer = cauce(
        "db", "migrate", "--json", home=tmp_path, environ={"CAUCE_DATABASE_URL": "postgresql://u:p@127.0.0.1:9/x"}
    )
    assert answer.code == 3
    assert answer.data["error"]["code"] == "unavailable"
    assert cauce("db", "status", home=tmp_path).code == 3


def test_json_may_stand_anywhere(tmp_path: Path) -> None:
    first, last = cauce("--json", "config", "show", home=tmp_path), cauce("config", "show", "--json", home=tmp_path)
    assert first.data == last.data
    assert first.code == 0


def test_config_show_says_the_origin_and_hides_secrets(tmp_path: Path) -> None:
    (tmp_path / "cauce.toml").write_text("bind_port = 9999\n")
    url = "postgresql://me:hunter2@db.example/cauce"
    answer = cauce("config", "show", "--origin", home=tmp_path, cwd=tmp_path, environ={"CAUCE_DATABASE_URL": url})
    assert answer.code == 0
    lines = {line.split()[0]: line for line in answer.out.splitlines()}
    assert "9999" in lines["bind_port"]
    assert "cauce.toml" in lines["bind_port"]
    assert "db.example" in lines["database_url"]
    assert "environment CAUCE_DATABASE_URL" in lines["database_url"]
    assert "hunter2" not in answer.out


def test_an_old_python_is_told_what_it_lacks(tmp_path: Path) -> None:
    source = (REPOSITORY / "src" / "cauce" / "entrypoints" / "cli" / "main.py").read_text()
    head = source[: source.index("\nimport os")].replace("(3, 11)", "(99, 0)")
    script = tmp_path / "head.py"
    script.write_text(head)
    done = subprocess.run(["python3", str(script)], capture_output=True)
    assert done.returncode == 1
    assert b"needs Python" in done.stderr


def test_a_reader_that_stops_reading_is_no_error(tmp_path: Path) -> None:
    line = f"{_python()} -m cauce.entrypoints.cli.main config show | head -1; echo ${{PIPESTATUS[0]}}"
    environ = {"PYTHONPATH": str(REPOSITORY / "src"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", line], capture_output=True, env=environ, cwd=tmp_path)
    assert done.stdout.decode().split()[-1] == "0"
    assert done.stderr == b""


def _python() -> str:
    import sys

    return sys.executable


def test_the_database_from_start_to_stop(home: Path, tmp_path: Path) -> None:
    started = cauce("db", "start", "--json", home=home)
    assert started.code == 0, started.err
    assert started.data["owner"]["command"] == "cauce db start"
    assert server_pids(home) == [started.data["pid"]]
    again = cauce("db", "start", "--json", home=home)
    assert again.data["pid"] == started.data["pid"]
    status = cauce("db", "status", "--json", home=home)
    assert status.code == 0
    assert status.data["migrations_pending"] == [one.name for one in series()]
    migrated = cauce("db", "migrate", "--json", home=home)
    assert migrated.data["applied"] == [one.name for one in series()]
    assert cauce("db", "migrate", "--json", home=home).data["applied"] == []
    stopped = cauce("db", "stop", home=home)
    assert (stopped.code, stopped.out) == (0, "stopped\n"), stopped.err
    assert server_pids(home) == []
    assert cauce("db", "stop", home=home).out == "was not running\n"


def test_backup_and_restore_start_the_database_for_themselves(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "cauce.backup"
    assert cauce("db", "migrate", home=home).code == 0
    made = cauce("db", "backup", str(file), "--json", home=home)
    assert made.data == {"file": str(file), "size_bytes": file.stat().st_size}
    assert server_pids(home) == []
    refused = cauce("db", "restore", str(file), "--json", home=home)
    assert (refused.code, refused.data["error"]["code"]) == (1, "database_not_empty")
    assert cauce("db", "restore", str(file), "--replace", home=home).code == 0
    assert server_pids(home) == []


def test_starting_stopping_and_upgrading_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    for words in (("start",), ("stop",), ("upgrade",)):
        answer = cauce(
            "db", *words, "--json", home=tmp_path, environ={"CAUCE_DATABASE_URL": "postgresql://u:p@127.0.0.1:9/x"}
        )
        assert (answer.code, answer.data["error"]["code"]) == (1, "not_embedded")


def test_a_start_that_fails_says_why(home: Path) -> None:
    version = home / "postgres" / "data" / "PG_VERSION"
    mine = version.read_text()
    version.write_text("14\n")
    answer = cauce("db", "start", "--json", home=home)
    version.write_text(mine)
    assert answer.code == 1
    assert "cauce db upgrade" in answer.data["error"]["message"]


def test_every_command_has_a_sentence_of_help() -> None:
    pages = (REPOSITORY / "docs" / "reference" / "commands.md").read_text().split("\n## ")[1:]
    assert len(pages) >= 9
    assert [page.splitlines()[0] for page in pages if len(page.strip().splitlines()) < 3] == []
