"""Finds the commands: every module of `commands` is one, so a new command is a new file and nothing else.

A module has either `app`, a `typer.Typer` with several commands under the module's name, or `command`, one function.
A trailing underscore is dropped from the name (`import_.py` is `cauce import`), others become hyphens. Modules are
imported for every command line: import what is heavy inside the functions.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import typer

from cauce.entrypoints.cli import commands


def register_commands(app: typer.Typer) -> None:
    """Add every module of `commands` to `app`, in alphabetical order."""
    for name in sorted(found.name for found in pkgutil.iter_modules(commands.__path__)):
        _register(app, name.rstrip("_").replace("_", "-"), importlib.import_module(f"{commands.__name__}.{name}"))


def _register(app: typer.Typer, name: str, module: ModuleType) -> None:
    if isinstance(getattr(module, "app", None), typer.Typer):
        app.add_typer(module.app, name=name, no_args_is_help=True)
        return
    assert callable(getattr(module, "command", None)), f"{module.__name__} has neither `app` nor `command`"
    app.command(name)(module.command)
