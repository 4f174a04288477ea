"""Where providers that act on this machine keep their files: below the home folder of the installation."""

from __future__ import annotations

import os
from pathlib import Path


def machine_folder(name: str) -> Path:
    """The folder `name` in the installation's home (`CAUCE_HOME`, see the settings); it need not exist."""
    given = os.environ.get("CAUCE_HOME", "")
    if given:
        return Path(given).expanduser().resolve() / name
    home = Path("/var/lib/cauce") if os.geteuid() == 0 else Path.home() / ".local" / "share" / "cauce"
    return home / name
