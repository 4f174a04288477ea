"""Stripe's webhook signature: HMAC-SHA256 over the timestamp and the raw body. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from cauce.gateway.errors import BadSignature, StaleNotice
from cauce.providers.stripe.limits import SIGNATURE_TOLERANCE_SECONDS

HEADER = "stripe-signature"


def signature(secret: str, stamp: int, body: bytes) -> str:
    """The hex digest for `<stamp>.<body>`; the whole secret, `whsec_` included, is the key."""
    return hmac.new(secret.encode(), str(stamp).encode() + b"." + body, hashlib.sha256).hexdigest()


def header(secret: str, stamp: int, body: bytes) -> str:
    """The header's text, for tests of the receiving side."""
    return f"t={stamp},v1={signature(secret, stamp, body)}"


def verify(given: str, body: bytes, secrets: Sequence[str], received_at: datetime) -> None:
    """Pass if one of `secrets` made one of the `v1` signatures and the stamp is near `received_at` (wall time).

    `BadSignature` otherwise, `StaleNotice` when only the time is wrong. Stripe's library takes any future stamp; we
    do not.
    """
    stamp, candidates = _parts(given)
    expected = [signature(secret, stamp, body) for secret in secrets if secret]
    # Every pair is compared, so that the time taken says nothing.
    matches = [hmac.compare_digest(mine, theirs) for mine in expected for theirs in candidates]
    if not any(matches):
        raise BadSignature("the notice is not signed with one of this endpoint's secrets")
    if abs(int(received_at.timestamp()) - stamp) > SIGNATURE_TOLERANCE_SECONDS.value:
        raise StaleNotice(f"the notice was signed at {stamp}, too far from now")


def _parts(given: str) -> tuple[int, list[str]]:
    stamp, candidates = -1, []
    for part in given.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t" and value.isdigit():
            stamp = int(value)
        elif name == "v1" and value.isascii():
            candidates.append(value)
    if stamp < 0 or not candidates:
        raise BadSignature("the signature header cannot be read")
    return stamp, candidates
