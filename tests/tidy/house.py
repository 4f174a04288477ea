"""All checks together over one checkout: what `make check` runs."""

from __future__ import annotations

from docs.generate import command_tree, pages, walk_commands

from tests.tidy import documentation, errors, folders, numbers, queries, routes, sizes, words
from tests.tidy.tree import Check, Finding, Tree
from tests.tidy.work import Handled, check_work

CHECKS: tuple[Check, ...] = (
    sizes.check_sizes,
    sizes.check_names,
    words.check_floats,
    words.check_clock,
    words.check_print,
    words.check_sql_text,
    words.check_kernel_imports,
    folders.check_slices,
    folders.check_providers,
    folders.check_vendor_names,
    folders.check_migrations,
    queries.check_queries,
    queries.check_query_tables,
    queries.check_query_time,
    numbers.check_limits,
    errors.check_error_codes,
)


def check_house(tree: Tree) -> list[Finding]:
    """Every finding in this checkout, in the order of files."""
    found = [finding for check in CHECKS for finding in check(tree)]
    return sorted([*found, *check_work(tree, registered()), *check_documentation(tree)])


def registered() -> Handled:
    """The registry and the catalogue of the running code."""
    from cauce.flows.registry import REGISTRY
    from cauce.kernel.events import CATALOGUE

    sweeps = [kind.sweep.name for kind in REGISTRY.sweeps]
    follow_ups = {**REGISTRY.events, "*": tuple(REGISTRY.every_event)}
    return Handled(REGISTRY.jobs, sweeps, follow_ups, CATALOGUE)


def check_documentation(tree: Tree) -> list[Finding]:
    """What the reference pages lack, name by name; then whole pages that are out of date."""
    from cauce.kernel.events import CATALOGUE
    from cauce.settings import describe

    command = command_tree()
    named = {
        "event": ("events.md", list(CATALOGUE)),
        "error": ("errors.md", [str(one.own["code"]) for one in errors.error_classes(tree) if "code" in one.own]),
        "setting": ("settings.md", [one.name for one in describe()]),
        "route": ("routes.md", [one.path for one in routes.routes(tree)]),
        "command": ("commands.md", [name for name, _ in walk_commands(command)] if command else []),
    }
    found = [
        finding
        for kind, (page, names) in named.items()
        for finding in documentation.undocumented(tree, page, kind, names)
    ]
    return found or documentation.stale_pages(tree, pages(tree))
