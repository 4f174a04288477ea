"""S19 and S27: every line that any test logs is looked at; one with a secret or a person's address fails its test."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

SECRETS = re.compile(
    r"\b(?:sk|rk|whsec|pk)_[A-Za-z0-9_]{12,}"  # providers' keys, our endpoints' secrets
    r"|\bcauce_(?:test|live|sandbox)_\w{12,}|\bBearer [\w.-]{12,}"  # our own keys
    r"|\beyJ[\w-]{10,}\.[\w-]{10,}\."  # signed tokens
    r"|\b4\d{15}\b|\b5[1-5]\d{14}\b"  # card numbers
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
PERSONS = re.compile(r"[\w.+-]+(?:@|%40)[\w-]+\.[\w.]+")
"""Addresses of people: nothing of them stands in the line of a request."""


class Leaked(AssertionError):
    """A line of the log shows what it must not."""


def scan(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor for tests: raises `Leaked`, and leaves the line as it is."""
    for name, value in line.items():
        if name == "exc_info":
            continue
        if SECRETS.search(str(value)):
            raise Leaked(f"{line.get('event')}: {name} holds a secret")
        if line.get("event") == "http.request" and PERSONS.search(str(value)):
            raise Leaked(f"{line.get('event')}: {name} names a person")
    return line
