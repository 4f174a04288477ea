"""Numbers of the outside world: each one in a `limits.py` says where it was read, and when."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.tidy.tree import Finding, Module, Tree, dotted

_DATE = re.compile(r"\b20\d\d-[01]\d(?:-[0-3]\d)?\b")
_WORD = re.compile(r"[^\W\d_]{3,}|https?://")


def check_limits(tree: Tree) -> list[Finding]:
    """Numbers in a `limits.py` without source and date, neither as a `Sourced` value nor in a comment beside or above."""
    return [
        module.finding(node, "limit-source", f"{ast.unparse(node)}: say where it was read, and when (read 2026-11)")
        for module in tree.modules()
        if module.parts[-1] == "limits"
        for statement in _statements(module.syntax)
        if not _is_explained(module, statement)
        for node in _bare_numbers(statement)
    ]


def _statements(body: ast.AST) -> Iterator[ast.stmt]:
    for node in ast.walk(body):
        if isinstance(node, ast.stmt) and not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If | ast.For | ast.With | ast.Try
        ):
            yield node


def _bare_numbers(node: ast.AST) -> Iterator[ast.Constant]:
    """Numbers outside `date(...)` and outside complete `Sourced(...)` values."""
    if isinstance(node, ast.Call):
        name = dotted(node.func).rpartition(".")[2]
        if name == "date" or (name == "Sourced" and _is_sourced(node)):
            return
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _bare_numbers(child)


def _is_sourced(call: ast.Call) -> bool:
    """All four parts are given (mypy holds their types), and a source that is spelt out here says something."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    texts = [value.value for value in given if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    return len(given) >= 4 and all(_WORD.search(text) for text in texts[1:])


def _is_explained(module: Module, statement: ast.stmt) -> bool:
    lines = module.text.splitlines()
    first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
    above = first
    while above and lines[above - 1].lstrip().startswith("#"):
        above -= 1
    comments = " ".join(line.partition("#")[2] for line in lines[above:last])
    return bool(_DATE.search(comments) and _WORD.search(comments))
