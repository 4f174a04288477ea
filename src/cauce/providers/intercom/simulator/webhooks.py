"""Notifications: the envelope, and the signature on it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from cauce.providers.intercom import signing
from cauce.providers.intercom.simulator.desk import Json
from cauce.providers.kit.simulator.callbacks import Callback
from cauce.providers.kit.simulator.face import Signed
from cauce.providers.kit.simulator.tenant import Tenant

RETRY_SECONDS = (60,)


def emit(tenant: Tenant, topic: str, item: Json) -> None:
    """Notify the app of `topic`, if it gave an address."""
    url = tenant.facts.get("webhook_url")
    if not url:
        return
    at, id = int(tenant.now().timestamp()), f"notif_{tenant.token(20)}"
    payload = {
        "type": "notification_event",
        "app_id": tenant.facts.get("app_id", ""),
        "id": id,
        "topic": topic,
        "created_at": at,
        "delivery_attempts": 1,
        "first_sent_at": at,
        "data": {"type": "notification_event_data", "item": item},
    }
    tenant.emit(topic, url, payload)


def sign(tenant: Tenant, callback: Callback, _: datetime) -> Signed:
    """The wire form; the signature carries no time."""
    body = msgspec.json.encode(callback.payload)
    secret = tenant.facts.get("client_secret", "")
    key = f"{secret}-not" if callback.flaw == "bad_signature" else secret
    return Signed({"content-type": "application/json", signing.HEADER: signing.header(key, body)}, body)
