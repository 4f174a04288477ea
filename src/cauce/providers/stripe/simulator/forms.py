"""Stripe's way of nesting in forms and query strings: `a[b]=1`, `a[0]=x`, `a[]=x` become dictionaries and lists.

Pure. Bodies carry literal brackets, query strings percent-encoded ones; both are accepted.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

_PART = re.compile(r"\[([^\]]*)\]")


def parse_form(text: str) -> dict[str, Any]:
    """The nested parameters in `text`; values stay text."""
    nested: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        head = key.split("[", 1)[0]
        _put(nested, [head, *_PART.findall(key[len(head) :])], value)
    return {name: _lists(value) for name, value in nested.items()}


def _put(target: dict[str, Any], path: list[str], value: str) -> None:
    for name in path[:-1]:
        name = name or str(len(target))
        inner = target.get(name)
        if not isinstance(inner, dict):
            inner = target[name] = {}
        target = inner
    target[path[-1] or str(len(target))] = value


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(item) for name, item in value.items()}
    if inner and all(name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
