"""Settings: where a value comes from, what is refused, what is never shown, and the page made from them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cauce.kernel.errors import SetupError
from cauce.settings import (
    InvalidSetting,
    Settings,
    UnknownSetting,
    describe,
    load_master_keys,
    load_settings,
    redacted,
    render_reference,
)
from cauce.settings.masterkey import MasterKeyUnusable

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "settings.md"


def write(folder: Path, text: str) -> Path:
    (folder / "cauce.toml").write_text(text)
    return folder


def test_the_environment_is_stronger_than_the_file_and_the_file_than_the_default(tmp_path: Path) -> None:
    cwd = write(tmp_path, 'bind_port = 9000\nbind_host = "0.0.0.0"\nmetrics = false\n')
    loaded = load_settings({"CAUCE_BIND_PORT": "9100", "PATH": "/bin"}, cwd)
    assert (loaded.settings.bind_port, loaded.settings.bind_host, loaded.settings.sandbox_port) == (
        9100,
        "0.0.0.0",
        8421,
    )
    assert loaded.settings.metrics is False
    assert loaded.origins["bind_port"] == "environment CAUCE_BIND_PORT"
    assert loaded.origins["bind_host"] == f"file {tmp_path / 'cauce.toml'}"
    assert loaded.origins["sandbox_port"] == "default"


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    loaded = load_settings({}, tmp_path)
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}
    assert (loaded.settings.bind_host, loaded.settings.bind_port) == ("127.0.0.1", 8420)


def test_a_misspelt_name_is_refused_and_the_nearest_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownSetting, match=r"CAUCE_BIND_PROT.*'bind_port'"):
        load_settings({"CAUCE_BIND_PROT": "1"}, tmp_path)
    with pytest.raises(UnknownSetting, match=r"cauce\.toml.*'lease_second'.*'lease_seconds'"):
        load_settings({}, write(tmp_path, "lease_second = 5\n"))


def test_names_that_tests_and_benchmarks_read_are_not_settings(tmp_path: Path) -> None:
    environ = {"CAUCE_TEST_POSTGRES_BIN": "/x", "CAUCE_CASES": "/y"}
    assert load_settings(environ, tmp_path).settings == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("CAUCE_BIND_PORT", "70000", "from 1 to 65535"),
        ("CAUCE_BIND_PORT", "8420.0", "whole number"),
        ("CAUCE_BIND_PORT", "-1", "whole number"),
        ("CAUCE_DATABASE_URL", "mysql://host/name", "postgresql://"),
        ("CAUCE_PUBLIC_URL", "example.com", "https://"),
        ("CAUCE_LOG_LEVEL", "loud", "debug, info"),
        ("CAUCE_METRICS", "perhaps", "true or false"),
        ("CAUCE_HOME", " ", "empty"),
        ("CAUCE_MASTER_KEY", "abc", "64 hexadecimal"),
    ],
)
def test_a_value_out_of_bounds_is_refused_in_words(variable: str, value: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=words) as refused:
        load_settings({variable: value}, tmp_path)
    assert variable in refused.value.message


def test_the_message_about_a_secret_does_not_repeat_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting) as refused:
        load_settings({"CAUCE_MASTER_KEY": "nearly-right-key"}, tmp_path)
    assert "nearly-right-key" not in refused.value.message


@pytest.mark.parametrize("text", ["bind_port = ", "bind_port = [1]", "[section]\nbind_port = 1"])
def test_a_file_that_is_not_flat_toml_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"cauce\.toml"):
        load_settings({}, write(tmp_path, text))


def test_a_named_file_must_exist_and_is_used(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="does not exist"):
        load_settings({"CAUCE_CONFIG": str(tmp_path / "other.toml")}, tmp_path)
    (tmp_path / "other.toml").write_text("lease_seconds = 30\n")
    assert load_settings({"CAUCE_CONFIG": str(tmp_path / "other.toml")}, tmp_path).settings.lease_seconds == 30


def test_secrets_show_neither_in_words_nor_in_a_traceback(tmp_path: Path) -> None:
    key = "ab" * 32
    environ = {"CAUCE_DATABASE_URL": "postgresql://me:hunter2@db.example/cauce", "CAUCE_MASTER_KEY": key}
    settings = load_settings(environ, tmp_path).settings
    shown = redacted("database_url", settings.database_url)
    assert "hunter2" not in shown
    assert "db.example/cauce" in shown
    assert redacted("database_url", "postgresql:///cauce?host=/run&password=hunter2").find("hunter2") == -1
    assert key[:8] not in redacted("master_key", settings.master_key)
    assert "hunter2" not in repr(settings)
    assert "\\xab" not in repr(settings)


def test_every_setting_has_a_unit_a_meaning_and_an_environment_variable() -> None:
    for one in describe():
        assert one.meaning.endswith("."), one.name
        assert one.unit or one.name in ("bind_host",), one.name
        assert one.variable == f"CAUCE_{one.name.upper()}"


def test_the_page_of_settings_is_the_one_the_code_makes() -> None:
    assert REFERENCE.read_text() == render_reference()


def test_the_base_url_is_where_a_browser_of_this_machine_finds_it() -> None:
    assert Settings().base_url == "http://127.0.0.1:8420"
    assert Settings(bind_host="0.0.0.0", bind_port=80).base_url == "http://127.0.0.1:80"
    assert Settings(bind_host="::1").base_url == "http://[::1]:8420"
    assert Settings(public_url="https://pay.example").base_url == "https://pay.example"


def test_the_master_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    first = load_master_keys(settings)
    assert load_master_keys(settings) == first
    assert [len(key) for key in first] == [32]
    assert stat.S_IMODE((tmp_path / "home" / "master.key").stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "home").iterdir()] == ["master.key"]


def test_old_master_keys_follow_the_one_in_use(tmp_path: Path) -> None:
    environ = {"CAUCE_MASTER_KEY": "11" * 32 + "," + "22" * 32}
    assert load_master_keys(load_settings(environ, tmp_path).settings) == (b"\x11" * 32, b"\x22" * 32)


@pytest.mark.parametrize(
    ("text", "mode", "words"), [("11" * 32, 0o644, "chmod 600"), ("", 0o600, "empty"), ("zz", 0o600, "64 hex")]
)
def test_a_master_key_that_is_open_or_damaged_is_refused(text: str, mode: int, words: str, tmp_path: Path) -> None:
    (tmp_path / "master.key").write_text(text)
    (tmp_path / "master.key").chmod(mode)
    with pytest.raises(MasterKeyUnusable, match=words):
        load_master_keys(Settings(home=tmp_path))
