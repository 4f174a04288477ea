"""Find the provider folders: every package beside `kit` that exports `PROVIDER`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import cauce.providers
from cauce.gateway.provider import Provider


@cache
def installed() -> dict[str, Provider]:
    """Provider name -> `PROVIDER`, sorted by name."""
    found: dict[str, Provider] = {}
    for module in sorted(pkgutil.iter_modules(cauce.providers.__path__), key=lambda m: m.name):
        if module.ispkg and module.name != "kit":
            provider = getattr(importlib.import_module(f"cauce.providers.{module.name}"), "PROVIDER", None)
            if isinstance(provider, Provider):
                found[provider.name] = provider
    return found
