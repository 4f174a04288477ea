"""Folders: what a slice and a provider consist of, how migrations are numbered, where a vendor may be named."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.tidy.tree import Finding, Tree, imported

_MIGRATION = re.compile(r"(\d{4})_[a-z]+(?:_[a-z0-9]+)+\.sql")
_PROVIDER_PARTS = ("gateway", "mapping", "limits")
_GENERIC_VENDORS = frozenset({"hook", "command", "custody", "smtp"})  # also words of the language
_OWN_SHAPE = {"ledger": "one database function is its store and `posting` its only door"}
_NO_VENDOR_TIERS = frozenset(
    {
        "kernel",
        "gateway",
        "pricing",
        "storage",
        "ledger",
        "billing",
        "marketplace",
        "channels",
        "webhooks",
        "reports",
        "flows",
    }
)


def check_slices(tree: Tree) -> list[Finding]:
    """A slice begins with its rules; once it keeps anything it has store, queries and service too."""
    found = []
    for folder in tree.slices():
        if not _is_begun(folder) or folder.name in _OWN_SHAPE:
            continue
        wanted = ["rules"]
        if any(_has(folder, name) for name in ("store", "service")) or (folder / "queries.sql").exists():
            wanted += ["store", "service"]
            if not (folder / "queries.sql").exists() and not list((folder / "store").glob("*.sql")):
                found.append(_missing(tree, folder, "slice-files", "queries.sql"))
        found += [_missing(tree, folder, "slice-files", f"{name}.py") for name in wanted if not _has(folder, name)]
    return found


def check_providers(tree: Tree) -> list[Finding]:
    """A provider that speaks, or has a stand-in that does, exports PROVIDER and has all its files.

    A folder may begin with pure parts (numbers, names, signatures): it is found by nobody until then.
    """
    found = []
    for folder in tree.vendors():
        exports = re.search(r"\bPROVIDER\b", (folder / "__init__.py").read_text(encoding="utf-8"))
        if not exports and not any(_has(folder, name) for name in ("gateway", "simulator")):
            continue
        found += [
            _missing(tree, folder, "provider-files", f"{name}.py") for name in _PROVIDER_PARTS if not _has(folder, name)
        ]
        for name in ("README.md", "fixtures"):
            if not (folder / name).exists():
                found.append(_missing(tree, folder, "provider-files", name))
        if not exports:
            message = "exports no PROVIDER, so nobody finds it"
            found.append(Finding(tree.relative(folder / "__init__.py"), 1, "provider-files", message))
    return found


def check_vendor_names(tree: Tree) -> list[Finding]:
    """Vendors imported outside their folder, or named by a string below the doors."""
    vendors = {folder.name for folder in tree.vendors()}
    found = []
    for module in tree.modules():
        home = module.parts[1] if module.parts[0] == "providers" and len(module.parts) > 1 else ""
        for node, name in imported(module):
            vendor = name.split(".")[2] if name.startswith("cauce.providers.") else ""
            if vendor in vendors and vendor != home:
                message = f"{vendor} is known in its own folder alone; ask for a capability"
                found.append(module.finding(node, "vendor-named", message))
        if module.parts[0] in _NO_VENDOR_TIERS:
            found += [
                module.finding(node, "vendor-named", f"{node.value!r} is known in its own folder alone")
                for node in ast.walk(module.syntax)
                if isinstance(node, ast.Constant) and node.value in vendors - _GENERIC_VENDORS
            ]
    return found


def check_migrations(tree: Tree) -> list[Finding]:
    """Migrations are `NNNN_verb_noun.sql`, numbered from 1 without gap or double."""
    folder = tree.package / "migrations"
    found, numbers = [], []
    for path in sorted(folder.glob("*.sql")):
        if path.name == "schema.sql":  # what they make, for readers
            continue
        match = _MIGRATION.fullmatch(path.name)
        if match is None:
            found.append(Finding(tree.relative(path), 1, "migration-name", "name it NNNN_verb_noun.sql"))
        else:
            numbers.append(int(match[1]))
    for index, number in enumerate(numbers, start=1):
        if number != index:
            message = f"number {index:04} is missing or doubled"
            found.append(Finding(tree.relative(folder), 1, "migration-number", message))
            break
    return found


def _is_begun(folder: Path) -> bool:
    return any(path.name not in ("__init__.py", "__pycache__") for path in folder.iterdir())


def _has(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()


def _missing(tree: Tree, folder: Path, rule: str, name: str) -> Finding:
    return Finding(tree.relative(folder), 1, rule, f"{name} is missing")
