"""Documentation: every setting, command, route, event type and error code stands on its page of `docs/reference`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.tidy.tree import Finding, Tree

REFERENCE = "docs/reference"


def undocumented(tree: Tree, page: str, kind: str, names: Iterable[str]) -> list[Finding]:
    """Names that the page does not show as code."""
    path = tree.root / REFERENCE / page
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [
        Finding(f"{REFERENCE}/{page}", 1, f"undocumented-{kind}", f"{name} is missing: run `make docs`")
        for name in names
        if f"`{name}`" not in text
    ]


def stale_pages(tree: Tree, pages: Mapping[str, str]) -> list[Finding]:
    """Generated pages whose file says something else than the code."""
    found = []
    for page, text in pages.items():
        path = tree.root / REFERENCE / page
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            message = "differs from what the code says: run `make docs`"
            found.append(Finding(f"{REFERENCE}/{page}", 1, "stale-page", message))
    return found
