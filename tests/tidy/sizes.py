"""Sizes: a module has at most 300 lines, a function at most 50; what is longer stands in `ratchet.toml` and may only shrink."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

from tests.tidy.tree import Finding, Tree

MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 50
NO_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "misc"})
RATCHET = Path(__file__).with_name("ratchet.toml")


def check_sizes(tree: Tree, ratchet_file: Path = RATCHET) -> list[Finding]:
    """Too long modules and functions, and ratchet entries that are no longer true."""
    allowed = _read(ratchet_file)
    found: list[Finding] = []
    seen: dict[str, int] = {}
    for module in tree.modules():
        lines = module.text.count("\n") + (not module.text.endswith("\n"))
        if lines > MODULE_LINES_MAX:
            seen[module.path] = lines
            if lines > allowed.get(module.path, MODULE_LINES_MAX):
                message = (
                    f"{lines} lines, at most {MODULE_LINES_MAX}: make it a package of the same name, split by noun"
                )
                found.append(module.finding(1, "module-size", message))
        for node in ast.walk(module.syntax):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                key, length = f"{module.path}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    seen[key] = length
                    if length > allowed.get(key, FUNCTION_LINES_MAX):
                        message = f"{node.name} has {length} lines, at most {FUNCTION_LINES_MAX}: keep branches here, move leaves out"
                        found.append(module.finding(node, "function-size", message))
    for key, length in allowed.items():
        if seen.get(key, 0) < length:
            message = f"{key} has {seen.get(key, 'few enough')} lines now: lower or remove the entry ({length})"
            found.append(Finding(ratchet_file.name, 1, "ratchet", message))
    return found


def check_names(tree: Tree) -> list[Finding]:
    """Modules that are named after nothing, and modules that do not say what they are."""
    found = []
    for module in tree.modules():
        if NO_NAMES & set(module.parts):
            found.append(module.finding(1, "module-name", "name it after the noun it holds"))
        if ast.get_docstring(module.syntax) is None:
            found.append(module.finding(1, "module-docstring", "begin with one paragraph: what this is, and why here"))
    return found


def _read(ratchet_file: Path) -> dict[str, int]:
    table = tomllib.loads(ratchet_file.read_text(encoding="utf-8")) if ratchet_file.exists() else {}
    return {**table.get("modules", {}), **table.get("functions", {})}
