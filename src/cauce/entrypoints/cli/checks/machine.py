"""The machine: Python, packages, PostgreSQL's programs, and whether process 1 does its duty."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
import zoneinfo
from pathlib import Path

import cauce.storage.embedded as embedded
from cauce.entrypoints.cli.checks.finding import Finding, ok, problem, warning
from cauce.kernel.errors import SetupError
from cauce.settings import Settings

PYTHON_MIN = (3, 11)

# Leaves a process behind, which then belongs to process 1, and prints its id.
_ORPHAN = """
import subprocess, sys
print(subprocess.Popen([sys.executable, "-I", "-S", "-c", ""]).pid)
"""
_REAP_MILLISECONDS = 5000  # some inits look around once a second or two
_POLL_MILLISECONDS = 50


def check_python(_: Settings) -> list[Finding]:
    """The version of Python."""
    return [judge_python(sys.version_info[:2])]


def judge_python(version: tuple[int, ...]) -> Finding:
    """Whether a version of Python, such as (3, 11), is new enough."""
    said = ".".join(map(str, version))
    if version < PYTHON_MIN:
        wanted = ".".join(map(str, PYTHON_MIN))
        return problem("python", f"Python {said} is too old", f"Install Python {wanted} or newer and Cauce with it.")
    return ok("python", f"Python {said}, {platform.system()} {platform.machine()}")


def check_packages(_: Settings) -> list[Finding]:
    """Packages with compiled parts or data, which a broken installation misses first."""
    try:
        import asyncpg  # noqa: F401
        import cryptography.hazmat.bindings._rust  # noqa: F401
        import typst  # noqa: F401

        zoneinfo.ZoneInfo("Asia/Shanghai")
    except (ImportError, zoneinfo.ZoneInfoNotFoundError) as exc:
        advice = "Install Cauce again on this machine, with this Python: python -m pip install --force-reinstall cauce"
        return [problem("packages", f"a package does not work here: {exc}", advice)]
    return [ok("packages", "compiled packages and time zones are there")]


def check_programs(settings: Settings) -> list[Finding]:
    """Whether the PostgreSQL that came with Cauce runs on this machine."""
    try:
        found = embedded.client_programs()
    except SetupError as exc:
        if settings.database_url:
            advice = "Needed for `cauce db backup` and `restore` alone; your own PostgreSQL's programs do that too."
            return [warning("programs", exc.message, advice)]
        return [problem("programs", exc.message, "See above, or set CAUCE_DATABASE_URL to a PostgreSQL of your own.")]
    return [ok("programs", f"PostgreSQL {found.version} runs here")]


def check_init(_: Settings, patience_milliseconds: int = _REAP_MILLISECONDS) -> list[Finding]:
    """Whether process 1 collects dead processes: in a container without an init it does not."""
    if not Path("/proc/self/stat").exists():
        return []
    done = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-I", "-S", "-c", _ORPHAN], capture_output=True, check=False
    )
    orphan = Path(f"/proc/{done.stdout.decode().strip() or 'none'}/stat")
    for _try in range(patience_milliseconds // _POLL_MILLISECONDS):
        if not orphan.exists():
            return [ok("init", "process 1 collects dead processes")]
        time.sleep(_POLL_MILLISECONDS / 1000)
    return [
        warning(
            "init",
            "process 1 does not collect dead processes: this looks like a container without an init",
            "Start the container with an init (docker run --init; in compose: init: true). Otherwise the remains of "
            "PostgreSQL's processes fill the process table in the long run.",
        )
    ]
