"""The HTTP routes read from the source: decorators of routers and plain `Route(...)` entries."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tests.tidy.tree import Module, Tree, dotted

_METHODS = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})
_ROUTE_CLASSES = frozenset({"Route", "WebSocketRoute"})


@dataclass(frozen=True, slots=True, order=True)
class FoundRoute:
    """One route: its path with the router's prefix, its method, its handler's first sentence."""

    path: str
    method: str
    summary: str
    source: str
    line: int


def routes(tree: Tree) -> list[FoundRoute]:
    """Every route of the REST door, by path and method."""
    return sorted(
        route
        for module in tree.modules()
        if module.path.startswith("entrypoints/api/")
        for route in (*_decorated(module), *_listed(module))
    )


def _decorated(module: Module) -> Iterator[FoundRoute]:
    prefixes = _prefixes(module)
    for node in ast.walk(module.syntax):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
                path = _text(decorator.args[0]) if decorator.args else None
                if decorator.func.attr in _METHODS and path is not None and path[:1] in ("/", ""):
                    prefix = prefixes.get(dotted(decorator.func.value), "")
                    yield FoundRoute(
                        prefix + path, decorator.func.attr.upper(), _sentence(node), module.path, node.lineno
                    )


def _listed(module: Module) -> Iterator[FoundRoute]:
    functions = {
        node.name: node for node in ast.walk(module.syntax) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for node in ast.walk(module.syntax):
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in _ROUTE_CLASSES and node.args:
            path = _text(node.args[0])
            if path is None:
                continue
            handler = functions.get(dotted(node.args[1]).rpartition(".")[2]) if len(node.args) > 1 else None
            summary = _sentence(handler) if handler else ""
            for method in _methods(node):
                yield FoundRoute(path, method, summary, module.path, node.lineno)


def _methods(call: ast.Call) -> list[str]:
    for keyword in call.keywords:
        if keyword.arg == "methods" and isinstance(keyword.value, ast.List | ast.Tuple | ast.Set):
            return [text for text in map(_text, keyword.value.elts) if text]
    return ["GET"]


def _prefixes(module: Module) -> dict[str, str]:
    found = {}
    for node in ast.walk(module.syntax):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            prefix = next((_text(keyword.value) for keyword in node.value.keywords if keyword.arg == "prefix"), None)
            found.update({dotted(target): prefix or "" for target in node.targets})
    return found


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _sentence(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
