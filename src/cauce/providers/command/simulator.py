"""Where the sample program has its requests done: keeps instances, does one id once, answers as told.

`POST /_sim/answer` sets what the next request is answered, `/_sim/instances` lists, and a page shows one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any

import msgspec

from cauce.providers.kit.simulator.callbacks import Callback
from cauce.providers.kit.simulator.face import Answer, Call, Face, Refused, Routed, Signed, json_answer
from cauce.providers.kit.simulator.tenant import Tenant

_STATES = {"suspend": "suspended", "deprovision": "deleted"}


def command_face() -> Face:
    """The sample program's machine room; see `kit.simulator.face.Face`."""
    return Face(name="command", route=route, handle=handle, sign=_sign, control=control, page=page)


def route(call: Call) -> Routed:
    """`POST /run/<tenant>`; the operation is the hook's name."""
    _, _, name = call.path.partition("/run/")
    try:
        operation = str(msgspec.json.decode(call.body)["type"])
    except (msgspec.DecodeError, KeyError, TypeError):
        raise Refused(json_answer(400, {"error": "not a request"})) from None
    if call.method != "POST" or not name or "/" in name:
        raise Refused(json_answer(404, {"error": "no such address"}))
    return Routed(name, operation)


def handle(tenant: Tenant, call: Call, routed: Routed) -> Answer:
    """Do one request, once per id and stage."""
    request = msgspec.json.decode(call.body)
    done, once = tenant.shelf("done"), f"{request['id']}.{routed.operation}"
    if once not in done:
        done[once] = _do(tenant, call, request)
    return json_answer(200, done[once])


def _do(tenant: Tenant, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    told = tenant.facts.setdefault("answers", [])
    if told:
        answer: dict[str, Any] = told.pop(0)
        return answer
    stage, _, verb = request["type"].partition("_")
    if stage == "pre":
        return {}
    if stage == "automation":
        tenant.shelf("automation")[request["id"]] = request["data"]
        return {}
    id = request["instance_id"]
    kept = tenant.shelf("instance").setdefault(id, {"operations": 0})
    kept.update(state=_STATES.get(verb, "ready"), data=request["data"], operations=kept["operations"] + 1)
    url = f"{call.base_url}/_sim/pages/{tenant.name}/{id}"
    return {"redirect_url": url, "instance_id": f"local_{id}", "fields": {"state": kept["state"]}}


def control(tenant: Tenant, verb: str, body: Mapping[str, Any], _: str) -> dict[str, Any]:
    """Say what is answered next; list."""
    match verb:
        case "answer":
            tenant.facts.setdefault("answers", []).append(dict(body))
            return {}
        case "instances":
            return {"instances": tenant.shelf("instance")}
        case "automations":
            return {"automations": tenant.shelf("automation")}
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
    return Signed({}, b"")  # programs answer and never call
