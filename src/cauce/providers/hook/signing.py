"""The signature of Standard Webhooks: HMAC-SHA256 over message id, timestamp and raw body. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from cauce.gateway.errors import ChannelSettingsError
from cauce.providers.hook.limits import SECRETS_MAX

PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)


def keys(secrets: str) -> tuple[bytes, ...]:
    """The keys in a comma-separated list of `whsec_…` secrets, newest first; `ChannelSettingsError` for a malformed one.

    Several are active while one is being exchanged: each message then carries a signature by each.
    """
    found = [_key(secret.strip()) for secret in secrets.split(",") if secret.strip()]
    if not 0 < len(found) <= SECRETS_MAX.value:
        raise ChannelSettingsError(f"give one to {SECRETS_MAX.value} secrets", param="secret")
    return tuple(found)


def headers(signing_keys: Sequence[bytes], message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """The three headers that prove who sends `body`, and when (wall time)."""
    stamp = str(int(sent_at.timestamp()))
    signatures = [signature(key, message_id, stamp, body) for key in signing_keys]
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": " ".join(signatures)}


def signature(key: bytes, message_id: str, stamp: str, body: bytes) -> str:
    """`v1,<base64>` for `<id>.<stamp>.<body>`."""
    content = f"{message_id}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ChannelSettingsError("a webhook secret is whsec_ and base64", param="secret") from exc
    if not secret.startswith(PREFIX) or len(key) not in _KEY_BYTES:
        raise ChannelSettingsError("a webhook secret is whsec_ and 24 to 64 bytes in base64", param="secret")
    return key
