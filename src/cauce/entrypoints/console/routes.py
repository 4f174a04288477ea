"""Every route of the console: found in the modules of `pages`, so a new page is a new file."""

from __future__ import annotations

import importlib
import pkgutil

from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from cauce.entrypoints.console import pages


def console_routes() -> list[BaseRoute]:
    """The console's pages and the static files that they share with the portal."""
    found: list[BaseRoute] = [Mount("/static", StaticFiles(packages=[("cauce.entrypoints.web", "static")]))]
    for name in sorted(module.name for module in pkgutil.iter_modules(pages.__path__)):
        found += importlib.import_module(f"{pages.__name__}.{name}").routes
    return found
