"""Events: written for every change, listable for 30 days, sent signed to the webhook endpoints that want them."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from cauce.providers.kit.simulator.callbacks import Callback
from cauce.providers.kit.simulator.face import Signed
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.stripe.simulator.views import public

API_VERSION = "2026-10-28.endive"
HORIZON_DAYS = 30  # protocols/stripe.md §1.10, read 2026-11
RETRY_SECONDS = (600, 7200, 21600)  # the sandbox profile: some tries over a few hours


def emit(
    tenant: Tenant, type: str, obj: dict[str, Any], previous: dict[str, Any] | None, *, request_id: str, key: str
) -> None:
    """Write an event with a snapshot of `obj` and queue it for each endpoint; `previous` are old values of an update."""
    now = int(tenant.now().timestamp())
    account = obj.get("_account", "")
    endpoints = [e for e in tenant.shelf("webhook_endpoint").values() if _wants(e, type, account)]
    data = {"object": public(obj), **({"previous_attributes": previous} if previous is not None else {})}
    event = {
        "id": f"evt_{tenant.token(24)}",
        "object": "event",
        "created": now,
        "livemode": False,
        "_account": account,
        "api_version": API_VERSION,
        "type": type,
        "request": {"id": request_id or None, "idempotency_key": key or None},
        "pending_webhooks": len(endpoints),
        "_delivered": not endpoints,
        "_data": msgspec.json.encode(data).decode(),
        **({"account": account} if account else {}),
    }
    shelf = tenant.shelf("event")
    shelf[event["id"]] = event
    _forget_old(shelf, now)
    for endpoint in endpoints:
        tenant.emit(
            type, endpoint["url"], {"event": event["id"], "endpoint": endpoint["id"]}, f"{event['id']}.{endpoint['id']}"
        )


def _wants(endpoint: dict[str, Any], type: str, account: str) -> bool:
    if endpoint["status"] != "enabled" or endpoint["_connect"] != bool(account):
        return False
    return any(fnmatchcase(type, pattern) for pattern in endpoint["enabled_events"])


def _forget_old(shelf: dict[str, dict[str, Any]], now: int) -> None:
    while shelf and (oldest := next(iter(shelf.values())))["created"] < now - HORIZON_DAYS * 86400:
        del shelf[oldest["id"]]


def view(event: dict[str, Any]) -> dict[str, Any]:
    """The event as Stripe sends it."""
    return {**public(event), "data": msgspec.json.decode(event["_data"])}


def sign(tenant: Tenant, callback: Callback, at: datetime) -> Signed:
    """The delivery of one event to one endpoint, signed with every secret of the endpoint that is still valid."""
    event = tenant.shelf("event").get(callback.payload["event"])
    endpoint = tenant.shelf("webhook_endpoint").get(callback.payload["endpoint"])
    body = msgspec.json.encode(view(event) if event else {"id": callback.payload["event"], "object": "event"})
    secrets = endpoint["_secrets"] if endpoint else [""]
    if callback.flaw == "bad_signature":
        secrets = [secret + "wrong" for secret in secrets]
    stamp = int(at.timestamp())
    signatures = [f"v1={signature(secret, stamp, body)}" for secret in secrets]
    headers = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "stripe-signature": ",".join([f"t={stamp}", *signatures]),
    }
    return Signed(headers, body)


def signature(secret: str, stamp: int, body: bytes) -> str:
    """HMAC-SHA256 in hex over `<stamp>.<body>`; the simulator's own, apart from the adapter's."""
    return hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
