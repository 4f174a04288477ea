"""Every event of the catalogue is emitted somewhere: a name that nothing emits is a promise to those who wait for it."""

from __future__ import annotations

import ast
from pathlib import Path

from cauce.kernel.events import CATALOGUE

SOURCE = Path(__file__).parents[2] / "src" / "cauce"
EMITTERS = ("billing", "marketplace", "ledger", "webhooks", "channels", "flows", "storage")
LISTENERS = (
    "billing/outreach/defaults.py",
    "flows/outreach/telling.py",
    "flows/automation_steps.py",
    "flows/outreach/amounts.py",
)
NOT_YET: dict[str, str] = {
    "payment.canceled": "attempts are not canceled",
    "refund.canceled": "refunds are not canceled",
    "usage.recorded": "an event beside each usage event would double their cost",
    "provider.mismatch_found": "told as break.opened",
}
"""What nothing emits yet, and why. May only become shorter."""


def _told(path: Path) -> set[str]:
    """Events that a module can name: whole, or as `f"noun.{verb}"` with the verb beside it."""
    tree = ast.parse(path.read_text())
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    nouns = {
        first.value[:-1]
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        and isinstance(first := node.values[0], ast.Constant)
        and isinstance(first.value, str)
        and first.value.endswith(".")
    }
    return {one for one in CATALOGUE if one in texts or (one.split(".")[0] in nouns and one.split(".")[1] in texts)}


def test_every_event_of_the_catalogue_is_emitted_somewhere() -> None:
    emitted: set[str] = set()
    for tier in EMITTERS:
        for path in (SOURCE / tier).rglob("*.py"):
            if path.relative_to(SOURCE).as_posix() not in LISTENERS:
                emitted |= _told(path)
    silent = set(CATALOGUE) - emitted
    assert silent == set(NOT_YET), f"emit or take out {silent - set(NOT_YET)}; now emitted: {set(NOT_YET) - silent}"
