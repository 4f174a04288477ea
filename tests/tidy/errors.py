"""The error tree read from the source: every class below `CauceError`, with its code, status and message."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tests.tidy.tree import Finding, Module, Tree, dotted

ROOT = "CauceError"


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """One class of the tree."""

    name: str
    module: Module
    node: ast.ClassDef
    bases: tuple[str, ...]
    own: dict[str, object]
    message: str


def error_classes(tree: Tree) -> list[ErrorClass]:
    """Every class that derives from the root, however deep, in the order of the files."""
    every = [_describe(module, node) for module in tree.modules() for node in _classes(module)]
    family = {ROOT}
    while True:
        grown = family | {one.name for one in every if family & set(one.bases)}
        if grown == family:
            return [one for one in every if one.name in family and (one.name == ROOT or family & set(one.bases))]
        family = grown


def inherited(one: ErrorClass, key: str, every: list[ErrorClass]) -> object:
    """The value of a class variable, its own or the nearest ancestor's."""
    if key in one.own:
        return one.own[key]
    parents = [parent for parent in every if parent.name in one.bases]
    return inherited(parents[0], key, every) if parents else None


def check_error_codes(tree: Tree) -> list[Finding]:
    """One class per situation: each has a code of its own, shared with nobody, and a sentence that is its message."""
    found = []
    owners: dict[object, str] = {}
    for one in error_classes(tree):
        code = one.own.get("code")
        if code is None:
            found.append(one.module.finding(one.node, "error-code", f"{one.name} has no code of its own"))
        elif code in owners:
            found.append(one.module.finding(one.node, "error-code", f"{code} is the code of {owners[code]} already"))
        else:
            owners[code] = one.name
        if not one.message:
            message = f"{one.name} has no docstring, which is its message"
            found.append(one.module.finding(one.node, "error-message", message))
    return found


def _classes(module: Module) -> list[ast.ClassDef]:
    return [node for node in ast.walk(module.syntax) if isinstance(node, ast.ClassDef)]


def _describe(module: Module, node: ast.ClassDef) -> ErrorClass:
    own: dict[str, object] = {}
    for statement in node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(value, ast.Constant):
            own.update({target.id: value.value for target in targets if isinstance(target, ast.Name)})
    bases = tuple(dotted(base).rpartition(".")[2] for base in node.bases)
    return ErrorClass(node.name, module, node, bases, own, " ".join((ast.get_docstring(node) or "").split()))
