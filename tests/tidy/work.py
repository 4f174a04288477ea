"""Names of work: every job, sweep and event name that the code uses has its place in the registry and the catalogue."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from tests.tidy.tree import Finding, Module, Tree, dotted

_JOB_MAKER = "NewJob"
_EVENT_MAKER = "NewEvent"
_SWEEP_MAKER = "Sweep"
REGISTRY_PATH = "src/cauce/flows/registry.py"


@dataclass(frozen=True, slots=True)
class Handled:
    """What the registry handles and what the catalogue knows."""

    jobs: Collection[str]
    sweeps: Collection[str]
    event_flows: Mapping[str, tuple[str, ...]]
    catalogue: Collection[str]


def check_work(tree: Tree, handled: Handled) -> list[Finding]:
    """Jobs and sweeps that nobody handles, events that are not in the catalogue, follow-ups that do not exist."""
    found = []
    for module in tree.modules():
        for node, name in _made(module, _JOB_MAKER):
            if name not in handled.jobs:
                found.append(module.finding(node, "job-unhandled", f"{name} has no handler in flows/registry.py"))
        for node, name in _made(module, _SWEEP_MAKER):
            if name not in handled.sweeps:
                found.append(module.finding(node, "sweep-unhandled", f"{name} has no flow in flows/registry.py"))
        for node, name in _made(module, _EVENT_MAKER):
            if name not in handled.catalogue:
                found.append(module.finding(node, "event-unknown", f"{name} is not in kernel/events.py"))
    for event, kinds in handled.event_flows.items():
        if event != "*" and event not in handled.catalogue:
            found.append(Finding(REGISTRY_PATH, 1, "event-unknown", f"{event} is not in kernel/events.py"))
        for kind in kinds:
            if kind not in handled.jobs:
                found.append(Finding(REGISTRY_PATH, 1, "job-unhandled", f"{event} wants {kind}, which has no handler"))
    return found


def _made(module: Module, maker: str) -> Iterator[tuple[ast.AST, str]]:
    """The first argument of every call of `maker`, where it is a literal or a constant of this file."""
    constants = {
        target.id: node.value.value
        for node in module.syntax.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(module.syntax):
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == maker:
            named = [keyword.value for keyword in node.keywords if keyword.arg in ("kind", "type", "name")]
            first = node.args[0] if node.args else named[0] if named else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield node, first.value
            elif isinstance(first, ast.Name) and isinstance(constants.get(first.id), str):
                yield node, str(constants[first.id])
