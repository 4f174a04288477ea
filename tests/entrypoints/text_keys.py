"""Which texts the pages use: whole keys, and the beginnings of keys that are put together from data."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cauce.entrypoints

DOORS = Path(cauce.entrypoints.__file__).parent
_IN_TEMPLATE = re.compile(r"""\bt\(\s*(["'])([a-z_0-9.]+)\1\s*([+,)])""")
_KEY = re.compile(r"[a-z_]+\.[a-z_0-9.]+>?")


@dataclass
class Used:
    """Keys and beginnings of keys, each with a file that uses it."""

    keys: dict[str, str] = field(default_factory=dict)
    beginnings: dict[str, str] = field(default_factory=dict)


def used() -> Used:
    """Every key of templates and pages."""
    found = Used()
    for door in ("web", "console", "portal"):
        for path in sorted((DOORS / door).rglob("*.html")):
            for match in _IN_TEMPLATE.finditer(path.read_text(encoding="utf-8")):
                (found.beginnings if match[3] == "+" else found.keys)[match[2]] = path.name
        for path in sorted((DOORS / door).rglob("*.py")):
            for node in _texts(ast.parse(path.read_text(encoding="utf-8"))):
                _take(node, path.name, found)
    return found


def _take(node: ast.expr, where: str, found: Used) -> None:
    if isinstance(node, ast.JoinedStr):
        first = node.values[0] if node.values else None
        if isinstance(first, ast.Constant) and re.fullmatch(r"[a-z_]+\.([a-z_]+\.)?", str(first.value)):
            found.beginnings[str(first.value)] = where
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_key(node.value):
        found.keys[node.value.rstrip(">")] = where


def _is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None and not text.endswith(".typ")  # the name of a document's file


def _texts(tree: ast.AST) -> Iterator[ast.expr]:
    """Every string of a module but docstrings, names of audit lines, file names and codes."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("name", "param"):
            skipped.add(id(node.value))
        if isinstance(node, ast.Assign) and any(getattr(one, "id", "") in ("PROPOSED", "code") for one in node.targets):
            skipped.add(id(node.value))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "record":
            skipped.update(id(argument) for argument in node.args)
        if isinstance(node, ast.JoinedStr):
            skipped.update(id(part) for part in node.values)
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.JoinedStr | ast.Constant)
        if is_text and id(node) not in skipped and not _is_path(node):
            assert isinstance(node, ast.expr)
            yield node


def _is_path(node: ast.AST) -> bool:
    value = getattr(node, "value", None)
    return (isinstance(value, str) and value.endswith((".html", ".js", ".json", ".sql", ".entrypoints.web"))) or (
        isinstance(value, str) and value.startswith("cauce.")
    )
