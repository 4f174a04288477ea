"""Named queries: well formed, used, asked for by a name that exists, and kept to the slice's own tables and time."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

from tests.tidy.tree import Finding, Module, Tree, dotted

_HEADING = re.compile(r"^--\s*name:\s*(\S+)\s*$", re.MULTILINE)
_ANY_HEADING = r"(?m)^--\s*(?:name|part):.*$"
_PART = re.compile(r"^--\s*part:\s*(\S+)\s*$", re.MULTILINE)
_TABLE = re.compile(r"\b(?:from|join|into|update|only)\s+([a-z_]+)\.[a-z_]+", re.IGNORECASE)
_CLOCK = re.compile(
    r"\b(?:now\(\)|current_timestamp|current_date|localtimestamp|(?:clock|statement|transaction)_timestamp\(\))", re.I
)
_SHARED_SCHEMAS = frozenset({"storage", "directory", "pg_catalog"})
_ORG_TIME_TIERS = ("billing/", "marketplace/", "webhooks/")


def check_queries(tree: Tree) -> list[Finding]:
    """Headings, doubled names, names nobody asks for, names that are asked for in vain."""
    found: list[Finding] = []
    by_folder: dict[str, set[str]] = {}
    for path, text in tree.sql_files():
        names = _HEADING.findall(text)
        by_folder.setdefault(_folder(path), set()).update(names)
        if not names or not re.match(r"\s*(?:--[^\n]*\n\s*)*$", re.split(_ANY_HEADING, text)[0]):
            found.append(_sql_finding(path, 1, "query-heading", "every statement stands below `-- name: some_name`"))
        found += [
            _sql_finding(
                path, text[: part.start()].count("\n") + 1, "query-part-unused", f"no statement says {{{part[1]}}}"
            )
            for part in _PART.finditer(text)
            if f"{{{part[1]}}}" not in text
        ]
        for name in names:
            if names.count(name) > 1:
                found.append(_sql_finding(path, _line_of(text, name), "query-doubled", f"{name} is named twice"))
    asked, abroad = _asked(tree), _asked_abroad(tree)
    for folder, names in by_folder.items():
        inside = {
            name for place, used in asked.items() if place == folder or place.startswith(f"{folder}/") for name in used
        }
        found += [
            _sql_finding(folder, 1, "query-unused", f"nobody asks for {name}: remove it")
            for name in sorted(names - inside - abroad)
        ]
    return found + _asked_in_vain(tree, by_folder)


def check_query_tables(tree: Tree) -> list[Finding]:
    """A slice's queries touch its own tables; joins across slices live in `reports`."""
    schemas = {folder.name for folder in tree.slices()}
    found = []
    for path, text in tree.sql_files():
        own = next((f.name for f in tree.slices() if (tree.package / path).is_relative_to(f)), None)
        if own is None:
            continue
        for match in _TABLE.finditer(text):
            if match[1].lower() in schemas - _SHARED_SCHEMAS - {own}:
                message = f"{match[1]} is another slice's: join in reports, or let a flow hand the values in"
                found.append(_sql_finding(path, text.count("\n", 0, match.start()) + 1, "foreign-table", message))
    return found


def check_query_time(tree: Tree) -> list[Finding]:
    """A slice's queries take `now` as a parameter: an organization has its own time."""
    return [
        _sql_finding(path, text.count("\n", 0, match.start()) + 1, "wall-clock", f"{match[0]}: take the organization's now as a parameter")
        for path, text in tree.sql_files()
        if path.startswith(_ORG_TIME_TIERS)
        for match in _CLOCK.finditer(text)
    ]  # fmt: skip


def _asked(tree: Tree) -> dict[str, set[str]]:
    asked: dict[str, set[str]] = {}
    for module in tree.modules():
        names = {node.attr for node in ast.walk(module.syntax) if isinstance(node, ast.Attribute)}
        asked.setdefault(_folder(module.path), set()).update(names)
    return asked


def _asked_abroad(tree: Tree) -> set[str]:
    """Queries that another folder hands on by name, as a sweep does: `store.QUERIES.claim_due`."""
    return {
        node.attr
        for module in tree.modules()
        for node in ast.walk(module.syntax)
        if isinstance(node, ast.Attribute) and dotted(node.value).endswith(".QUERIES")
    }


def _asked_in_vain(tree: Tree, by_folder: dict[str, set[str]]) -> list[Finding]:
    found = []
    for module in tree.modules():
        known = by_folder.get(_folder(module.path))
        holders = _query_holders(module)
        if known is None or not holders:
            continue
        for node in ast.walk(module.syntax):
            if isinstance(node, ast.Attribute) and dotted(node.value) in holders and node.attr not in known | {"names"}:
                found.append(module.finding(node, "query-unknown", f"no query is named {node.attr}"))
    return found


def _query_holders(module: Module) -> set[str]:
    """Names bound to `load_queries(__package__...)` in this file."""
    return {
        dotted(target)
        for node in ast.walk(module.syntax)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and dotted(node.value.func).endswith("load_queries")
        and dotted(node.value.args[0]) == "__package__"
        for target in node.targets
    }


def _folder(path: str) -> str:
    return PurePosixPath(path).parent.as_posix()


def _line_of(text: str, name: str) -> int:
    return text[: text.rindex(f"name: {name}")].count("\n") + 1


def _sql_finding(path: str, line: int, rule: str, message: str) -> Finding:
    return Finding(f"src/cauce/{path}", line, rule, message)
