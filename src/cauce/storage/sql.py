"""Named SQL: each store's statements stand in `queries.sql` beside it, never in Python strings.

A file holds statements, each headed by `-- name: some_name` and ended by the next heading. Comments between the
heading and the statement explain it to the reader and are sent along.
"""

from __future__ import annotations

import re
from importlib import resources

_HEADING = re.compile(r"^--\s*name:\s*([a-z][a-z0-9_]*)\s*$", re.MULTILINE)


class Queries:
    """The statements of one file as attributes; an unknown name fails when it is first read."""

    def __init__(self, origin: str, text: str) -> None:
        self._origin = origin
        parts = _HEADING.split(text)
        names = parts[1::2]
        duplicates = {name for name in names if names.count(name) > 1}
        assert not duplicates, f"{origin}: {sorted(duplicates)} named twice"
        self._statements = {name: body.strip() for name, body in zip(names, parts[2::2], strict=True)}

    def __getattr__(self, name: str) -> str:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(f"{self._origin} has no query named {name!r}") from None

    def names(self) -> list[str]:
        """Every query name, in the order of the file."""
        return list(self._statements)


def load_queries(package: str, file_name: str = "queries.sql") -> Queries:
    """The named statements of `file_name` in `package` (a dotted name, usually `__package__`)."""
    text = resources.files(package).joinpath(file_name).read_text(encoding="utf-8")
    return Queries(f"{package}/{file_name}", text)
