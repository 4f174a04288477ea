"""A customer's own instance runner, as far as we see it: takes signed hooks, keeps instances, answers.

It verifies with the same secret, does one message id once, and answers with the address of a page that shows the
instance. `POST /_sim/answer` sets what the next hook is answered (`{"veto": …}`, any JSON), `/_sim/instances` lists.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

import msgspec

from cauce.providers.hook import signing
from cauce.providers.hook.limits import SIGNATURE_AGE_SECONDS
from cauce.providers.kit.simulator.callbacks import Callback
from cauce.providers.kit.simulator.face import Answer, Call, Face, Refused, Routed, Signed, json_answer
from cauce.providers.kit.simulator.tenant import Tenant

_STATES = {
    "provision": "ready",
    "change": "ready",
    "restore": "ready",
    "reactivate": "ready",
    "suspend": "suspended",
    "deprovision": "deleted",
}


def hook_face() -> Face:
    """The runner's stand-in; see `kit.simulator.face.Face`."""
    return Face(name="hook", route=route, handle=handle, sign=_sign, open=open_tenant, control=control, page=page)


def open_tenant(tenant: Tenant, registration: Mapping[str, Any]) -> None:
    """A runner with the secret that its channel signs with."""
    if "secret" in registration:
        tenant.facts["secret"] = registration["secret"]


def route(call: Call) -> Routed:
    """`POST /run/<tenant>`; the operation is the hook's name."""
    _, _, name = call.path.partition("/run/")
    if call.method != "POST" or not name or "/" in name:
        raise Refused(json_answer(404, {"error": "no such address"}))
    try:
        operation = str(msgspec.json.decode(call.body)["type"])
    except (msgspec.DecodeError, KeyError, TypeError):
        raise Refused(json_answer(400, {"error": "not a hook"})) from None
    return Routed(name, operation)


def handle(tenant: Tenant, call: Call, routed: Routed) -> Answer:
    """Do one hook, once per message id."""
    message_id, stamp = (call.headers.get(name, "") for name in ("webhook-id", "webhook-timestamp"))
    mine = {signing.signature(key, message_id, stamp, call.body) for key in signing.keys(tenant.facts["secret"])}
    given = call.headers.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(one, other) for one in mine for other in given if other.isascii()):
        return json_answer(401, {"error": "wrong signature"})
    age_seconds = abs(int(call.received_at.timestamp()) - int(stamp))
    if age_seconds > SIGNATURE_AGE_SECONDS.value:
        return json_answer(401, {"error": "signed too long ago"})
    seen = tenant.shelf("delivered")
    if message_id not in seen:
        seen[message_id] = _do(tenant, call, routed.operation)
    return json_answer(200, seen[message_id])


def _do(tenant: Tenant, call: Call, operation: str) -> dict[str, Any]:
    told = tenant.facts.setdefault("answers", [])
    if told:
        answer: dict[str, Any] = told.pop(0)
        return answer
    stage, _, verb = operation.partition("_")
    if stage == "pre":
        return {}
    hook = msgspec.json.decode(call.body)
    kept = tenant.shelf("instance").setdefault(hook["instance_id"], {"operations": 0})
    kept.update(state=_STATES[verb], data=hook["data"], operations=kept["operations"] + 1)
    url = f"{call.base_url}/_sim/pages/{tenant.name}/{hook['instance_id']}"
    return {"redirect_url": url, "instance_id": f"run_{hook['instance_id']}", "fields": {"state": kept["state"]}}


def control(tenant: Tenant, verb: str, body: Mapping[str, Any], _: str) -> dict[str, Any]:
    """The runner's own verbs."""
    match verb:
        case "answer":
            tenant.facts.setdefault("answers", []).append(dict(body))
            return {}
        case "instances":
            return {"instances": tenant.shelf("instance")}
        case _:
            raise KeyError(verb)


def page(tenant: Tenant, call: Call) -> Answer:
    """One instance, as its customer would see it."""
    kept = tenant.shelf("instance").get(call.path.rpartition("/")[2])
    if kept is None:
        return Answer(404, b"no such instance", "text/plain")
    shown = escape(msgspec.json.encode(kept["data"]).decode())
    text = f"<!doctype html><title>Instance</title><h1>{escape(kept['state'])}</h1><pre>{shown}</pre>"
    return Answer(200, text.encode(), "text/html; charset=utf-8")


def _sign(_: Tenant, __: Callback, ___: datetime) -> Signed:
    return Signed({}, b"")  # a runner answers and never calls
