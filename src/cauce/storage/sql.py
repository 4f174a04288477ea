"""Named SQL: each store's statements stand in `queries.sql` beside it, never in Python strings.

A file holds statements, each headed by `-- name: some_name` and ended by the next heading. Comments between the
heading and the statement explain it to the reader and are sent along. What several statements of a file share stands once,
below `-- part: some_part` before the first of them, and they say `{some_part}` where it belongs.
"""

from __future__ import annotations

import re
from functools import reduce
from importlib import resources

_HEADING = re.compile(r"^--\s*(name|part):\s*([a-z][a-z0-9_]*)\s*$", re.MULTILINE)


class Queries:
    """The statements of one file as attributes; an unknown name fails when it is first read."""

    def __init__(self, origin: str, text: str) -> None:
        self._origin = origin
        pieces = _HEADING.split(text)
        names = pieces[2::3]
        duplicates = {name for name in names if names.count(name) > 1}
        assert not duplicates, f"{origin}: {sorted(duplicates)} named twice"
        parts: dict[str, str] = {}
        self._statements: dict[str, str] = {}
        for kind, name, body in zip(pieces[1::3], names, pieces[3::3], strict=True):
            into = parts if kind == "part" else self._statements
            into[name] = reduce(
                lambda whole, part: whole.replace(f"{{{part[0]}}}", part[1]), parts.items(), body.strip()
            )

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
