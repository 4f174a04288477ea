"""Endpoints with their sealed secrets, inside the caller's transaction."""

from __future__ import annotations

import base64
import secrets as random_source
from collections.abc import Sequence
from datetime import datetime

from cauce.kernel.errors import InvalidRequest
from cauce.kernel.events import CATALOGUE
from cauce.kernel.ids import new_id
from cauce.storage import sealing
from cauce.storage.database import Tx
from cauce.storage.sealing import Sealer
from cauce.webhooks import store
from cauce.webhooks.rules import SECRET_PREFIX, check_url

CURRENT, PREVIOUS = "secret", "previous_secret"
_SECRET_BYTES = 24


async def create_endpoint(
    tx: Tx, sealer: Sealer, url: str, event_types: Sequence[str], now: datetime, *, loopback_allowed: bool
) -> tuple[str, str]:
    """(endpoint id, its signing secret, shown once). `event_types` empty: every type."""
    check_url(url, loopback_allowed=loopback_allowed)
    unknown = sorted(set(event_types) - set(CATALOGUE))
    if unknown:
        raise InvalidRequest(f"there is no event type {unknown[0]}", param="event_types")
    endpoint_id = new_id("we")
    await store.insert_endpoint(tx, endpoint_id, url, event_types, now)
    secret = _make_secret()
    await sealing.put(tx, sealer, endpoint_id, CURRENT, secret)
    return endpoint_id, secret


async def rotate_secret(tx: Tx, sealer: Sealer, endpoint_id: str, overlap_until: datetime) -> str:
    """A new signing secret; the old one signs along until `overlap_until` (wall time)."""
    await store.read_endpoint(tx, endpoint_id)
    old = await sealing.get(tx, sealer, endpoint_id, [CURRENT])
    await sealing.put(tx, sealer, endpoint_id, PREVIOUS, old[CURRENT], expires_at=overlap_until)
    secret = _make_secret()
    await sealing.put(tx, sealer, endpoint_id, CURRENT, secret)
    return secret


async def secrets_of(tx: Tx, sealer: Sealer, endpoint_id: str) -> list[str]:
    """The secrets that sign now, the current one first."""
    found = await sealing.get(tx, sealer, endpoint_id, [CURRENT, PREVIOUS])
    return [found[name] for name in (CURRENT, PREVIOUS) if name in found]


def _make_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(random_source.token_bytes(_SECRET_BYTES)).decode()
