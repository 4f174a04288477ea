"""Every route of the portal: found in the modules of `pages`, so a new page is a new file."""

from __future__ import annotations

import importlib
import pkgutil

from starlette.routing import BaseRoute

from cauce.entrypoints.portal import pages


def portal_routes() -> list[BaseRoute]:
    """The hosted pages; static files are served by the console's routes."""
    found: list[BaseRoute] = []
    for name in sorted(module.name for module in pkgutil.iter_modules(pages.__path__)):
        found += importlib.import_module(f"{pages.__name__}.{name}").routes
    return found
