"""Running the command `cauce` as a person does: a process, its words, its exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.embedded import REPOSITORY, User

NO_SANDBOX_PORT = 1
"""Where no simulators listen: the default port may belong to somebody else on this machine."""


@dataclass(frozen=True)
class Answer:
    """What a command line led to."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


def cauce(
    *words: str, home: Path, user: User | None = None, cwd: Path | None = None, environ: Mapping[str, str] | None = None
) -> Answer:
    """Run `cauce words…` with the home folder `home` and more environment variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CAUCE_")}
    kept["CAUCE_SANDBOX_PORT"] = str(NO_SANDBOX_PORT)  # unless the caller says another, nobody's simulators
    command = [sys.executable, "-m", "cauce.entrypoints.cli.main", *words]
    done = subprocess.run(
        user.command(*command) if user else command,
        env={**kept, "PYTHONPATH": str(REPOSITORY / "src"), "CAUCE_HOME": str(home), **(environ or {})},
        cwd=cwd or "/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())
