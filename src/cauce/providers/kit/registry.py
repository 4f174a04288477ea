"""Find the provider folders: every package beside `kit` that exports `PROVIDER`, and what they offer."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from functools import cache

import cauce.providers
from cauce.gateway.choosing import Offer
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


@cache
def offers() -> tuple[Offer, ...]:
    """What the folders' `facts.py` offer to whoever must choose a channel, in the order of the folders."""
    found: list[Offer] = []
    for module in sorted(pkgutil.iter_modules(cauce.providers.__path__), key=lambda m: m.name):
        name = f"cauce.providers.{module.name}.facts"
        if module.ispkg and importlib.util.find_spec(name) is not None:
            found += importlib.import_module(name).OFFERS
    return tuple(found)
