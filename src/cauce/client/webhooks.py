"""Verifies what Cauce sends to a webhook endpoint. Needs the standard library alone.

    event = webhooks.read_event(secrets, request.headers, await request.body(), now=int(time.time()))

Give the raw bytes, before anything parses them. While a secret is rotated, give both. Keep the id of each event that
you have acted on: Cauce delivers at least once, and within the tolerance a copy of a delivery is genuine too.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

TOLERANCE_SECONDS = 5 * 60
"""So old, or so far in the future, a delivery may be: whoever recorded one cannot play it back later."""

_SECRET_PREFIX = "whsec_"  # noqa: S105 - the scheme's prefix, not a secret


class NotGenuine(Exception):
    """The delivery is not signed with one of these secrets, or is of another time: act on nothing."""


def read_event(
    secrets: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: int,
    tolerance_seconds: int = TOLERANCE_SECONDS,
) -> dict[str, Any]:
    """The event of a genuine delivery; `NotGenuine` otherwise. `now`: seconds since 1970."""
    given = {name.lower(): value for name, value in headers.items()}
    message_id, stamp, signatures = (given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not message_id or not stamp.isascii() or not stamp.isdigit():
        raise NotGenuine("the headers of a delivery are missing")
    if abs(now - int(stamp)) > tolerance_seconds:
        raise NotGenuine("the delivery is of another time")
    content = f"{message_id}.{stamp}.".encode() + body
    wanted = [_signature(secret, content) for secret in secrets]
    if not any(hmac.compare_digest(one.encode(), right) for one in signatures.split(" ") for right in wanted):
        raise NotGenuine("no signature fits")
    event: dict[str, Any] = json.loads(body)
    return event


def _signature(secret: str, content: bytes) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error as exc:
        raise NotGenuine("the secret is none of ours") from exc
    return b"v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
