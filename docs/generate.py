"""Writes the pages of `docs/reference` that are made from the code: `make docs`, or `python -m docs.generate`."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from docs.recipes import render_recipes
from tests.tidy.errors import error_classes, inherited
from tests.tidy.routes import routes
from tests.tidy.tree import Tree

from cauce.entrypoints.api.app import openapi_file
from cauce.kernel.events import CATALOGUE
from cauce.settings import render_reference

ROOT = Path(__file__).resolve().parent.parent
OPENAPI = ROOT / "docs" / "openapi.json"
COMMAND_MODULE = "cauce.entrypoints.cli.main"
_BY_HAND = "This page is made from the code by `make docs`; do not edit it."


def pages(tree: Tree) -> dict[str, str]:
    """File name -> text of every generated page."""
    return {
        "events.md": render_events(CATALOGUE),
        "errors.md": render_errors(tree),
        "settings.md": render_reference(),
        "commands.md": render_commands(command_tree()),
        "routes.md": render_routes(tree),
        "recipes.md": render_recipes(),
    }


def render_events(catalogue: dict[str, str]) -> str:
    """One table per noun."""
    lines = ["# Events", "", _BY_HAND, ""]
    lines += ["Every event is stored in the transaction of its effect, numbered per object, and delivered to webhook"]
    lines += ["endpoints in that order. Which field of an event means what: [concepts](../concepts.md)."]
    noun = ""
    for name, meaning in catalogue.items():
        if name.partition(".")[0] != noun:
            noun = name.partition(".")[0]
            lines += ["", f"## {noun}", "", "| type | meaning |", "|---|---|"]
        lines.append(f"| `{name}` | {meaning} |")
    return "\n".join(lines) + "\n"


def render_errors(tree: Tree) -> str:
    """One section per code, so that a problem's `type` can point at it."""
    every = error_classes(tree)
    lines = ["# Errors", "", _BY_HAND, ""]
    lines += [
        "A refusal is an RFC 9457 problem. Switch on its `code`: it is stable; the message is for people. A retryable"
    ]
    lines += ["problem may go away by itself: send the same request again, with the same `Idempotency-Key`."]
    for one in sorted(every, key=lambda error: str(error.own.get("code"))):
        status, retryable = inherited(one, "http_status", every), inherited(one, "retryable", every)
        lines += ["", f"## {one.own.get('code')}", ""]
        lines += [
            f"`{one.own.get('code')}` · HTTP {status} · {'retryable' if retryable else 'not retryable'}",
            "",
            one.message,
        ]
    return "\n".join(lines) + "\n"


def render_routes(tree: Tree) -> str:
    """One row per path and method."""
    lines = ["# Routes", "", _BY_HAND, "", "| method | path | what it does |", "|---|---|---|"]
    lines += [f"| {one.method} | `{one.path}` | {one.summary} |" for one in routes(tree)]
    return "\n".join(lines) + "\n"


def render_commands(root: Any) -> str:
    """One section per command with its arguments and options."""
    lines = ["# Commands", "", _BY_HAND, ""]
    if root is None:
        return "\n".join([*lines, "There is no command yet."]) + "\n"
    lines += ["`cauce --help` and `cauce COMMAND --help` show the same."]
    for name, command in walk_commands(root):
        lines += ["", f"## `{name}`", "", _sentence(command)]
        rows = [_parameter(one) for one in command.params if not getattr(one, "hidden", False)]
        if rows:
            lines += ["", "| argument | meaning |", "|---|---|", *rows]
    return "\n".join(lines) + "\n"


def command_tree() -> Any:
    """The command `cauce`, or None while there is no such door."""
    if importlib.util.find_spec(COMMAND_MODULE) is None:
        return None
    module = importlib.import_module(COMMAND_MODULE)
    found = next((one for one in vars(module).values() if isinstance(one, typer.Typer)), None)
    assert found is not None, f"{COMMAND_MODULE} holds no typer application"
    return typer.main.get_command(found)


def walk_commands(command: Any, name: str = "cauce") -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its whole name; groups are only walked through."""
    children: dict[str, Any] = getattr(command, "commands", {})
    if not children or getattr(command, "invoke_without_command", False):
        yield name, command
    for child_name, child in sorted(children.items()):
        if not child.hidden:
            yield from walk_commands(child, f"{name} {child_name}")


def _sentence(command: Any) -> str:
    return " ".join((command.help or command.short_help or "").split())


def _parameter(one: Any) -> str:
    names = (
        ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
        if one.opts[0][:1] == "-"
        else f"`{one.name}`"
    )
    meaning = " ".join((getattr(one, "help", None) or "").split())
    return f"| {names} | {meaning} |".replace("|  |", "| |")


def main() -> None:
    """Write every page that is out of date."""
    folder = ROOT / "docs" / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(Tree(ROOT)).items():
        (folder / name).write_text(text, encoding="utf-8")
    OPENAPI.write_text(openapi_file(), encoding="utf-8")


if __name__ == "__main__":
    main()
