"""A source tree as the checks see it: its files, their syntax, and what is found wrong in them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One breach: where, of which rule, and what to do about it."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file of the product."""

    path: str
    """Relative to the package: `billing/catalog/rules.py`."""
    text: str
    syntax: ast.Module

    @property
    def parts(self) -> tuple[str, ...]:
        """Folder names and the file's own name without suffix."""
        return Path(self.path).with_suffix("").parts

    def finding(self, node: ast.AST | int, rule: str, message: str) -> Finding:
        """A finding at a node or line of this file."""
        return Finding(f"src/cauce/{self.path}", node if isinstance(node, int) else _line(node), rule, message)

    def docstrings(self) -> set[int]:
        """The ids of the string nodes that are docstrings or stand alone as a comment."""
        return {
            id(node.value)
            for node in ast.walk(self.syntax)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        }


def _line(node: ast.AST) -> int:
    line: int = getattr(node, "lineno", 1)
    return line


class Tree:
    """A checkout at `root`: the package in `src/cauce`, the pages in `docs`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.package = root / "src" / "cauce"

    def modules(self) -> list[Module]:
        """Every Python file of the package, by path."""
        return [_parse(self.package, path) for path in sorted(self.package.rglob("*.py"))]

    def sql_files(self) -> Iterator[tuple[str, str]]:
        """Path below the package and text of every SQL file that is not a migration."""
        for path in sorted(self.package.rglob("*.sql")):
            relative = path.relative_to(self.package)
            if relative.parts[0] != "migrations":
                yield relative.as_posix(), path.read_text(encoding="utf-8")

    def slices(self) -> list[Path]:
        """The folder of every slice that is there."""
        nested = [path for tier in ("billing", "marketplace") for path in sorted((self.package / tier).glob("*/"))]
        alone = [self.package / name for name in ("ledger", "channels", "webhooks")]
        return [path for path in (*alone, *nested) if _is_package(path)]

    def vendors(self) -> list[Path]:
        """The folder of every provider that is there."""
        found = sorted((self.package / "providers").glob("*/"))
        return [path for path in found if _is_package(path) and path.name != "kit"]

    def relative(self, path: Path) -> str:
        """A path as findings name it."""
        return path.relative_to(self.root).as_posix()


Check = Callable[[Tree], list[Finding]]


def _is_package(path: Path) -> bool:
    return (path / "__init__.py").is_file()


@cache
def _parse_text(path: str, text: str) -> Module:
    return Module(path, text, ast.parse(text))


def _parse(package: Path, path: Path) -> Module:
    return _parse_text(path.relative_to(package).as_posix(), path.read_text(encoding="utf-8"))


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute chain; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def imported(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Every absolute module name that a file imports, at any depth."""
    for node in ast.walk(module.syntax):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node, node.module
            for alias in node.names:
                yield node, f"{node.module}.{alias.name}"
