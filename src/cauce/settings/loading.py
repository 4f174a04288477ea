"""Reading settings: the environment over `cauce.toml` over defaults, and nothing that is not listed."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any

from cauce.kernel.errors import SetupError
from cauce.settings.values import Settings

PREFIX = "CAUCE_"
CONFIG_FILE = "cauce.toml"
RESERVED = ("CAUCE_CONFIG", "CAUCE_CASES", "CAUCE_TEST_", "CAUCE_BENCH_")
"""Names (or, ending in `_`, beginnings) of variables that are read elsewhere: the file's own place, tests, benchmarks."""


class UnknownSetting(SetupError):
    """A setting with this name does not exist."""

    code = "unknown_setting"


class InvalidSetting(SetupError):
    """A setting has a value that it cannot have."""

    code = "invalid_setting"


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings and, for each name, where its value came from: `default`, an environment variable or a file."""

    settings: Settings
    origins: dict[str, str]


def load_settings(environ: Mapping[str, str], cwd: Path) -> LoadedSettings:
    """The settings from `environ` over the file `CAUCE_CONFIG` or `cwd`/cauce.toml over defaults.

    Raises `UnknownSetting` for a name that does not exist and `InvalidSetting` for a value out of bounds.
    """
    named = environ.get("CAUCE_CONFIG")
    file = Path(named).expanduser() if named else cwd / CONFIG_FILE
    from_file = _read_file(file, must_exist=bool(named))
    known = {one.name: one for one in fields(Settings)}
    _refuse_unknown(environ, from_file, known, file)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, one in known.items():
        variable = PREFIX + name.upper()
        if variable in environ:
            raw, origins[name] = environ[variable], f"environment {variable}"
        elif name in from_file:
            raw, origins[name] = from_file[name], f"file {file}"
        else:
            origins[name] = "default"
            continue
        values[name] = _parse(one, raw, origins[name])
    return LoadedSettings(Settings(**values), origins)


def _read_file(file: Path, *, must_exist: bool) -> dict[str, str]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        if must_exist:
            raise SetupError(f"CAUCE_CONFIG names {file}, which does not exist") from exc
        return {}
    except OSError as exc:
        raise SetupError(f"{file} cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SetupError(f"{file} is not valid TOML: {exc}") from exc
    for name, value in content.items():
        if not isinstance(value, str | int | bool):
            raise InvalidSetting(f"{file}: {name} must be a text, a whole number, true or false")
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in content.items()}


def _refuse_unknown(
    environ: Mapping[str, str], from_file: Mapping[str, str], known: Mapping[str, object], file: Path
) -> None:
    for name in from_file:
        if name not in known:
            raise UnknownSetting(f"{file}: there is no setting {name!r}{_nearest(name, known)}")
    for variable in environ:
        reserved = any(variable == name or (name.endswith("_") and variable.startswith(name)) for name in RESERVED)
        if variable.startswith(PREFIX) and not reserved and variable[len(PREFIX) :].lower() not in known:
            name = variable[len(PREFIX) :].lower()
            raise UnknownSetting(f"environment: there is no setting {variable}{_nearest(name, known)}")


def _nearest(name: str, known: Mapping[str, object]) -> str:
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]!r}?" if found else "; `cauce config show` lists them"


def _parse(one: Field[Any], raw: str, origin: str) -> Any:
    try:
        return one.metadata["parse"](raw)
    except ValueError as exc:
        shown = "" if one.metadata["secret"] else f" (it is {raw!r})"
        raise InvalidSetting(f"{origin}: {one.name} {exc}{shown}") from exc
