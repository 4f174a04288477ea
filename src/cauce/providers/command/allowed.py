"""Which programs a channel may run: those that the machine's owner put into one folder, by name, and no other.

Whoever may change channels must not gain the machine by it. So a channel names a file, never a path; the folder is the
installation's `commands`; and neither the file nor the folder may be writable by everybody.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import msgspec

from cauce.gateway.errors import ChannelSettingsError
from cauce.providers.command.limits import ARGUMENTS_MAX
from cauce.providers.kit.home import machine_folder

SAMPLE = "@sample"
"""In place of a name: the program that comes with this folder, for sandbox channels."""

SAMPLE_PROGRAM = Path(__file__).parent / "sample" / "program.py"
_VARIABLE = re.compile(r"INSTANCE_[A-Z0-9_]{1,60}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class NotAllowed(Exception):
    """The program is not there, or may not be run."""


def check_name(name: str, *, livemode: bool) -> str:
    """`name`, if a channel may be set up with it; `ChannelSettingsError` otherwise."""
    if name == SAMPLE and not livemode:
        return name
    if not _NAME.fullmatch(name):
        raise ChannelSettingsError("the program is the name of a file in the commands folder", param="program")
    return name


def arguments(text: str) -> tuple[str, ...]:
    """The further arguments, a JSON list of texts; `ChannelSettingsError` otherwise."""
    try:
        found = msgspec.json.decode(text or "[]", type=list[str])
    except msgspec.DecodeError as exc:
        raise ChannelSettingsError(f"the arguments are a JSON list of texts: {exc}", param="arguments") from exc
    if len(found) > ARGUMENTS_MAX.value or any("\0" in one for one in found):
        raise ChannelSettingsError(f"at most {ARGUMENTS_MAX.value} plain texts", param="arguments")
    return tuple(found)


def environment(text: str) -> dict[str, str]:
    """The variables given to the program, a JSON object of texts; `ChannelSettingsError` otherwise.

    All are named `INSTANCE_…`: others (`BASH_ENV`, `LD_PRELOAD`, `PYTHONPATH`) would change what the program is.
    """
    try:
        found = msgspec.json.decode(text or "{}", type=dict[str, str])
    except msgspec.DecodeError as exc:
        raise ChannelSettingsError("the environment is a JSON object of texts", param="environment") from exc
    bad = [name for name, value in found.items() if not _VARIABLE.fullmatch(name) or "\0" in value]
    if bad:
        raise ChannelSettingsError(f"{bad[0]!r} is not a variable like INSTANCE_TOKEN", param="environment")
    return found


def find(name: str) -> Path:
    """The file of a checked name; `NotAllowed` when it is missing, leads elsewhere, or is open to others' changes."""
    if name == SAMPLE:
        return SAMPLE_PROGRAM
    folder = machine_folder("commands")
    path = folder / name
    try:
        real, facts, around = path.resolve(strict=True), path.lstat(), folder.stat()
    except OSError as exc:
        raise NotAllowed(f"there is no program {name} in the commands folder") from exc
    if real != folder.resolve() / name or not stat.S_ISREG(facts.st_mode) or not os.access(path, os.X_OK):
        raise NotAllowed(f"{name} is not a plain executable file of the commands folder")
    if (facts.st_mode | around.st_mode) & stat.S_IWOTH or {facts.st_uid, around.st_uid} - {0, os.geteuid()}:
        raise NotAllowed(f"{name} or its folder may be changed by others")
    return path
