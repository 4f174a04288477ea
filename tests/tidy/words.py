"""Words with a home: floats, bare rounding, clocks, printing, SQL text. Outside it they are findings."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

from tests.tidy.tree import Finding, Module, Tree, dotted, imported

FLOAT_HOMES = {"kernel/clock.py": "seconds of a clock that only differences are taken of"}
CLOCK_HOMES = {"kernel/clock.py": "the one reader of the clock"}
PRINT_HOME = "entrypoints/cli/"
SQL_HOMES = {
    "storage/database.py": "BEGIN with the context, COMMIT, ROLLBACK, SET ROLE",
    "storage/migrations.py": "the lock timeout of a migration",
    "storage/waking.py": "LISTEN and NOTIFY",
}

CLOCK_READERS = frozenset(
    {f"time.{name}" for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")}
    | {f"time.{name}" for name in ("localtime", "gmtime", "strftime", "ctime")}
    | {f"datetime.{name}" for name in ("now", "utcnow", "today")}
    | {f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")}
    | {"date.today", "datetime.date.today"}
)
PRINTERS = frozenset({"print", "rich.print", "typer.echo", "click.echo", "sys.stdout.write", "sys.stderr.write"})

_SQL = re.compile(
    r"\s*(?:"
    r"(?i:select\s.*\sfrom\s|select\s+\w+(?:\.\w+)?\(|insert\s+into\s|delete\s+from\s|update\s+\S+\s+set\s|with\s+\w+\s+as\s*\()"
    r"|SELECT\s|CREATE\s+(?:TABLE|INDEX|UNIQUE|ROLE|SCHEMA|DATABASE|FUNCTION|POLICY|EXTENSION|TEMP|OR\s+REPLACE)\b"
    r"|(?:ALTER|DROP)\s+(?:TABLE|INDEX|ROLE|SCHEMA|DATABASE|FUNCTION|POLICY|EXTENSION|SYSTEM)\b"
    r"|BEGIN\b\s*(?:;|$)|COMMIT\s*;?$|ROLLBACK\s*;?$|SET\s+(?:LOCAL|ROLE|SESSION)\s|LISTEN\s|NOTIFY\s|TRUNCATE\s|COPY\s+\w+"
    r"|GRANT\s|REVOKE\s|LOCK\s+TABLE\s|VACUUM\b|ANALYZE\b|CALL\s+\w+\()",
    re.DOTALL,
)


def check_floats(tree: Tree) -> list[Finding]:
    """Floats in any form, and `round()` without a stated policy."""
    found = []
    for module in tree.modules():
        refusals = {id(node) for call in _calls(module, "isinstance") for node in ast.walk(call)}
        for node in ast.walk(module.syntax):
            is_name = isinstance(node, ast.Name) and node.id == "float" and id(node) not in refusals
            is_value = isinstance(node, ast.Constant) and isinstance(node.value, float | complex)
            if (is_name or is_value) and module.path not in FLOAT_HOMES:
                message = "no floats: integers of minor units, basis points or Fraction"
                found.append(module.finding(node, "float", message))
        for call in _calls(module, "round"):
            message = "say which rounding: floor, half_up or allocate, and who gets the remainder"
            found.append(module.finding(call, "bare-round", message))
    return found


def check_clock(tree: Tree) -> list[Finding]:
    """Readers of the wall clock outside `kernel/clock.py`."""
    found = []
    for module in tree.modules():
        if module.path in CLOCK_HOMES:
            continue
        message = "only kernel/clock.py reads the clock; take `now` as an argument"
        for node in ast.walk(module.syntax):
            if isinstance(node, ast.Attribute) and dotted(node) in CLOCK_READERS:
                found.append(module.finding(node, "wall-clock", message))
        for node, name in imported(module):
            if name in CLOCK_READERS:
                found.append(module.finding(node, "wall-clock", message))
    return found


def check_print(tree: Tree) -> list[Finding]:
    """Printing outside the terminal's door."""
    return [
        module.finding(node, "print", "only entrypoints/cli prints; elsewhere use the log")
        for module in tree.modules()
        if not module.path.startswith(PRINT_HOME)
        for node in ast.walk(module.syntax)
        if isinstance(node, ast.Call) and dotted(node.func) in PRINTERS
    ]


def check_sql_text(tree: Tree) -> list[Finding]:
    """SQL in Python strings, whole or built from parts."""
    found = []
    for module in tree.modules():
        if module.path in SQL_HOMES:
            continue
        docstrings = module.docstrings()
        for node in ast.walk(module.syntax):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
            if is_text and _SQL.match(node.value):
                message = "SQL stands in a named query beside the store, never in Python"
                found.append(module.finding(node, "sql-text", message))
    return found


def check_kernel_imports(tree: Tree) -> list[Finding]:
    """Anything in the kernel that is neither the standard library nor the kernel."""
    found = []
    for module in tree.modules():
        if module.parts[0] != "kernel":
            continue
        for node, name in imported(module):
            if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("cauce.kernel"):
                message = f"the kernel knows the standard library alone, not {name}"
                found.append(module.finding(node, "kernel-imports", message))
    return found


def _calls(module: Module, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(module.syntax):
        if isinstance(node, ast.Call) and dotted(node.func) == name:
            yield node
