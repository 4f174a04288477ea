"""When a delivery is tried again, when an endpoint is given up, and the signed form of a message."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cauce.kernel.errors import Conflict, InvalidRequest

ATTEMPTS_MAX = 22
"""Tries of one delivery: with the waits of `storage.jobs` (doubling from seconds to six hours) three days in all."""

GIVE_UP_AFTER = timedelta(days=3)
TIMEOUT_SECONDS = 10
ANSWER_CHARACTERS_MAX = 500
SECRET_PREFIX = "whsec_"  # noqa: S105 - the scheme's prefix, not a secret
_URL_LENGTH_MAX = 2_000
API_VERSION = "v1"
"""The form of an event. Fields may be added to it; one that is taken away or means something else makes another version."""

_ACTORS = {
    "person": "user", "cli": "user", "key": "api_key", "customer": "customer", "help_desk": "provider", "automation": "automation",
}  # fmt: skip
_CAUSES = {"request": "idempotency_key", "job": "job"}


class ForbiddenAddress(InvalidRequest):
    """Webhooks go to public addresses only."""

    code = "forbidden_address"


def is_given_up(failing_since: datetime, now: datetime) -> bool:
    """Whether an endpoint has failed without a break for too long."""
    return now - failing_since >= GIVE_UP_AFTER


class EndpointOff(Conflict):
    """The endpoint is switched off: enable it first."""

    code = "endpoint_disabled"


def event_body(event: Mapping[str, Any], *, org: str, livemode: bool) -> dict[str, Any]:
    """An event as webhooks and the API show it; `event` has the columns of the outbox."""
    return {
        "id": event["public_id"],
        "object": "event",
        "api_version": API_VERSION,
        "type": event["type"],
        "created_at": event["occurred_at"],
        "timestamp": event["occurred_at"],
        "org": org,
        "livemode": livemode,
        "object_id": event["object_id"],
        "customer_id": event["customer_id"],
        "sequence": event["sequence"],
        "data": event["data"],
        "previous": event["previous"],
        "actor": _actor(event["actor"]),
        "cause": _cause(event["cause"]),
    }


def _actor(name: str) -> dict[str, str | None]:
    """Who did it: `type` user, api_key, customer, provider, automation or system, and whose id, where there is one."""
    kind, _, id = name.partition(":")
    return {"type": _ACTORS.get(kind, "system"), "id": id or None}


def _cause(cause: str | None) -> dict[str, str] | None:
    """What led to it: the idempotency key of a request, a job, or the door through which somebody came."""
    if not cause:
        return None
    kind, _, id = cause.partition(":")
    return {_CAUSES[kind]: id} if id and kind in _CAUSES else {"door": cause}


def check_url(url: str, *, loopback_allowed: bool) -> str:
    """`url` if it may be called in principle: http(s), a host, no user, port given or not; else `ForbiddenAddress`."""
    parts = urlsplit(url)
    if len(url) > _URL_LENGTH_MAX or parts.scheme not in ("https", "http") or not parts.hostname:
        raise ForbiddenAddress(f"{url!r} is not an http(s) address", param="url")
    if parts.username is not None or parts.password is not None:
        raise ForbiddenAddress("put no credentials into the address; the signature proves who sends", param="url")
    if parts.scheme == "http" and not loopback_allowed:
        raise ForbiddenAddress("a live endpoint must use https", param="url")
    return url


def check_addresses(addresses: Sequence[str], *, loopback_allowed: bool) -> None:
    """Raise `ForbiddenAddress` unless every resolved address is public (or the own machine, where that is allowed)."""
    for text in addresses:
        address = ipaddress.ip_address(text)
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        if address.is_loopback and loopback_allowed:
            continue
        if not address.is_global or address.is_multicast:
            raise ForbiddenAddress(f"{text} is not a public address", param="url")


def signed_headers(secrets: Sequence[str], message_id: str, sent_at: datetime, body: bytes) -> Mapping[str, str]:
    """The Standard Webhooks headers; one signature per active secret while a rotation overlaps."""
    timestamp = str(int(sent_at.timestamp()))
    content = f"{message_id}.{timestamp}.".encode() + body
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(secret, content) for secret in secrets),
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
