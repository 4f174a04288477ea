"""Webhook endpoints and the list of events at the simulated Stripe."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.stripe.simulator import events
from cauce.providers.stripe.simulator.desk import Desk, Obj, merge_metadata, update_fields
from cauce.providers.stripe.simulator.errors import StripeError, missing
from cauce.providers.stripe.simulator.params import LISTED, flag, params
from cauce.providers.stripe.simulator.views import listed

CREATE = params("url! enabled_events!:list api_version connect:bool description metadata:map")
UPDATE = params("url enabled_events:list disabled:bool description metadata:map")
LIST = params(LISTED)
LIST_EVENTS = params(f"{LISTED} type types:list delivery_success")
NONE = params("")


def create(desk: Desk) -> Obj:
    """POST /v1/webhook_endpoints: the answer alone carries the secret."""
    given = desk.params
    if given.get("api_version", events.API_VERSION) != events.API_VERSION:
        raise StripeError(400, f"Invalid API version: {given['api_version']}", param="api_version")
    secret = f"whsec_{desk.tenant.token(32)}"
    endpoint = add(desk.tenant, given["url"], secret, given["enabled_events"], connect=bool(given.get("connect")))
    endpoint["description"] = given.get("description")
    merge_metadata(endpoint, given.get("metadata"))
    return {**endpoint, "secret": secret}


def add(tenant: Tenant, url: str, secret: str, enabled: list[str], *, connect: bool, id: str = "") -> Obj:
    """An endpoint with a secret that is known beforehand."""
    id = id or f"we_{tenant.token(24)}"
    endpoint: dict[str, Any] = {
        "id": id,
        "object": "webhook_endpoint",
        "api_version": events.API_VERSION,
        "created": int(tenant.now().timestamp()),
        "description": None,
        "enabled_events": enabled,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
        "_connect": connect,
        "_secrets": [secret],
        "_account": "",
    }
    tenant.shelf("webhook_endpoint")[id] = endpoint
    return endpoint


def update(desk: Desk) -> Obj:
    """POST /v1/webhook_endpoints/{id}."""
    endpoint = desk.get("webhook_endpoint", desk.id)
    update_fields(endpoint, desk.params, ("url", "enabled_events", "description"))
    if "disabled" in desk.params:
        endpoint["status"] = "disabled" if flag(desk.params["disabled"]) else "enabled"
    return endpoint


def retrieve(desk: Desk) -> Obj:
    """GET /v1/webhook_endpoints/{id}."""
    return desk.get("webhook_endpoint", desk.id)


def list_all(desk: Desk) -> Obj:
    """GET /v1/webhook_endpoints."""
    return listed(desk.tenant, desk.all("webhook_endpoint"), desk.params, "/v1/webhook_endpoints")


def delete(desk: Desk) -> Obj:
    """DELETE /v1/webhook_endpoints/{id}."""
    endpoint = desk.get("webhook_endpoint", desk.id)
    del desk.tenant.shelf("webhook_endpoint")[endpoint["id"]]
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def retrieve_event(desk: Desk) -> Obj:
    """GET /v1/events/{id}, 30 days back."""
    event = desk.find("event", desk.id)
    if event is None or event["created"] < desk.now - events.HORIZON_DAYS * 86400:
        raise missing("event", desk.id)
    return events.view(event)


def list_events(desk: Desk) -> Obj:
    """GET /v1/events, by type, time and whether every delivery succeeded."""
    given = desk.params
    if given.get("type") and given.get("types"):
        raise StripeError(400, "You may only specify one of type, types.", code="parameters_exclusive", param="type")
    patterns = given.get("types") or ([given["type"]] if given.get("type") else ["*"])
    delivered = given.get("delivery_success")
    oldest = desk.now - events.HORIZON_DAYS * 86400
    items = [
        e
        for e in desk.all("event")
        if e["created"] >= oldest
        and any(fnmatchcase(e["type"], p) for p in patterns)
        and (delivered is None or _delivered(desk.tenant, e) == flag(delivered))
    ]
    page = listed(desk.tenant, items, given, "/v1/events")
    shelf = desk.tenant.shelf("event")
    page["data"] = [{**item, **events.view(shelf[item["id"]])} for item in page["data"]]
    return page


def _delivered(tenant: Tenant, event: Obj) -> bool:
    sent = (tenant.callbacks.get(f"{event['id']}.{e}") for e in tenant.shelf("webhook_endpoint"))
    return all(callback.state == "delivered" for callback in sent if callback is not None)
