"""Write the first draft of a provider folder: a small, complete vendor that passes the conformance suite as it is.

The draft speaks a plain JSON protocol of its own and brings its simulator. Whoever connects a real vendor replaces one
file after another, from `limits` and `mapping` to the simulator, and keeps the suite green on the way.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template

from cauce.kernel.errors import Conflict, InvalidRequest

_NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")


class ProviderExists(Conflict):
    """There is a folder of that name already."""

    code = "provider_exists"


def generate(name: str, target_dir: Path) -> Path:
    """Write the folder `target_dir/name`; its path. `name` is lower case. In the folder of providers it is installed at once."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(f"{name!r} is not a name like «acme_pay»", param="name")
    folder = target_dir / name
    if folder.exists():
        raise ProviderExists(f"{folder} exists already", param="name")
    title = name.replace("_", " ").title()
    words = {"name": name, "Title": title, "Class": title.replace(" ", "")}
    for template in sorted(files(__package__).joinpath("templates").iterdir(), key=lambda entry: entry.name):
        path = folder.joinpath(*template.name.removesuffix(".txt").split("--"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(template.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
    return folder
