"""The smallest face there can be: it counts, keeps money, sends callbacks and sets timers when asked to."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any

import msgspec

from cauce.providers.kit.simulator.books import Overdrawn
from cauce.providers.kit.simulator.callbacks import Callback
from cauce.providers.kit.simulator.face import Answer, Call, Face, Refused, Routed, Signed, json_answer
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.kit.simulator.timers import Timer

SECRET = b"toy secret"


def route(call: Call) -> Routed:
    tenant = call.headers.get("x-tenant", "")
    if not tenant:
        raise Refused(json_answer(401, {"error": "who are you"}))
    return Routed(tenant, call.path.strip("/").replace("/", "."))


def handle(tenant: Tenant, call: Call, routed: Routed) -> Answer:
    body: dict[str, Any] = msgspec.json.decode(call.body) if call.body else {}
    match routed.operation:
        case "pay":
            id = f"pay_{tenant.token(8)}"
            try:
                tenant.books.post(
                    tenant.now(), "pay", "eur", [(body["from"], -body["amount"]), ("shop", body["amount"])], id
                )
            except Overdrawn as exc:
                return json_answer(402, {"error": str(exc)})
            tenant.shelf("payment")[id] = {"id": id, "at": tenant.now().isoformat()}
            tenant.emit("paid", tenant.facts["notify_url"], {"id": id, "amount": body["amount"]})
            return json_answer(200, {"id": id})
        case "remind":
            tenant.later(body["seconds"], "remind", body["what"])
            return json_answer(200, {})
    return json_answer(404, {"error": "no such address"})


def fire(tenant: Tenant, timer: Timer) -> None:
    tenant.shelf("reminded")[timer.target] = {"at": tenant.now().isoformat()}
    tenant.emit("reminded", tenant.facts["notify_url"], {"what": timer.target})


def sign(tenant: Tenant, callback: Callback, at: datetime) -> Signed:
    body = msgspec.json.encode({"id": callback.id, "kind": callback.kind, "data": callback.payload})
    stamp = str(int(at.timestamp()))
    secret = b"wrong" if callback.flaw == "bad_signature" else SECRET
    digest = hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return Signed({"x-stamp": stamp, "x-signature": digest}, body)


def open_tenant(tenant: Tenant, registration: Any) -> None:
    tenant.facts.setdefault("notify_url", registration.get("notify_url", ""))


TOY = Face("toy", route, handle, sign, fire=fire, open=open_tenant, retry_seconds=(60, 600))
