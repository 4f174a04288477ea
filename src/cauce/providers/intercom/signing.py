"""The signature on Intercom's notifications: HMAC-SHA1 of the raw body under the app's client secret. Pure.

It carries no time: what guards against replay is the notification's id, stored once, and its age.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from cauce.gateway.errors import BadSignature

HEADER = "x-hub-signature"


def header(secret: str, body: bytes) -> str:
    """The header's text."""
    return "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


def verify(given: str, body: bytes, secrets: Sequence[str]) -> None:
    """Pass if one of `secrets` signed `body`; `BadSignature` otherwise."""
    matches = [hmac.compare_digest(header(secret, body).encode(), given.encode()) for secret in secrets if secret]
    if not any(matches):
        raise BadSignature("the notification is not signed with this app's client secret")
