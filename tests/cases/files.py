"""Where cases come from: every `*.json` of the shared folder, the worked examples of its README, and `CAUCE_CASES`.

The shared folder stands beside the repository (`../shared/cases`). A folder that is not there yields no case, so a
lone checkout still runs; a folder named in `CAUCE_CASES` must exist.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = "cauce-cases/1"
REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = REPOSITORY.parent / "shared" / "cases"

_EXAMPLES = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Case:
    """One case as it stands in its file."""

    id: str
    kind: str
    tier: str
    options: dict[str, Any]
    inputs: dict[str, Any]
    expected: dict[str, Any]
    origin: str


def all_cases() -> list[Case]:
    """Every case of every folder, each once, in the order of files."""
    folders = [SHARED]
    if named := os.environ.get("CAUCE_CASES"):
        folders.append(Path(named))
        assert folders[-1].is_dir(), f"CAUCE_CASES names {named}, which is no folder"
    seen: dict[str, Case] = {}
    for folder in folders:
        for case in _folder_cases(folder):
            key = case.id if case.id not in seen or _same(seen[case.id], case) else f"{case.id}@{case.origin}"
            seen.setdefault(key, case)
    return list(seen.values())


def _folder_cases(folder: Path) -> list[Case]:
    found = [case for path in sorted(folder.glob("*.json")) for case in _file_cases(path)]
    readme = folder / "README.md"
    return found + (_examples(readme) if readme.is_file() else [])


def _file_cases(path: Path) -> list[Case]:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["format"] == FORMAT, f"{path.name} is of format {document['format']!r}, not {FORMAT}"
    return [_case(row, path.name) for row in document["cases"]]


def _examples(path: Path) -> list[Case]:
    blocks = _EXAMPLES.findall(path.read_text(encoding="utf-8"))
    rows = [json.loads(line) for block in blocks for line in block.splitlines() if line.startswith('{"id"')]
    return [_case(row, path.name) for row in rows]


def _case(row: dict[str, Any], origin: str) -> Case:
    return Case(row["id"], row["kind"], row["tier"], row["options"], row["inputs"], row["expected"], origin)


def _same(one: Case, other: Case) -> bool:
    return (one.kind, one.options, one.inputs, one.expected) == (
        other.kind,
        other.options,
        other.inputs,
        other.expected,
    )
