"""The page of the reference product's flaws names a test for each of the 29, and every test that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/flaws.md").read_text(encoding="utf-8")
ROWS = {row[0]: row[1] for row in re.findall(r"^\| (S\d+) \| .*? \| (.*) \|$", PAGE, re.MULTILINE)}


def test_each_of_the_29_flaws_has_a_row_with_a_test() -> None:
    assert list(ROWS) == [f"S{number}" for number in range(1, 30)]
    assert [flaw for flaw, shown_by in ROWS.items() if "`tests/" not in shown_by] == []


def test_every_test_that_the_page_names_exists() -> None:
    missing = []
    for named in re.findall(r"`((?:tests|benchmarks)/[^`]+)`", PAGE):
        path, _, name = named.partition("::")
        found = ROOT / path
        if not found.exists() or (name and not re.search(rf"def {name}\b", found.read_text(encoding="utf-8"))):
            missing.append(named)
    assert missing == []
