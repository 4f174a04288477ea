"""The control surface `/_sim/*` of one face: clock, timers, faults, callbacks, books, snapshots, the vendor's own verbs.

Every call names its tenant in the query (`?tenant=`); with one tenant only it may be left out. Everything answers
JSON. `POST /_sim/tenants/<name>` opens a tenant with the registration that `Provider.sandbox_channel` returned.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec

from cauce.providers.kit.simulator.callbacks import Rule
from cauce.providers.kit.simulator.clock import parse_instant, parse_span
from cauce.providers.kit.simulator.engine import Engine
from cauce.providers.kit.simulator.face import Answer, Call, json_answer
from cauce.providers.kit.simulator.faults import Fault
from cauce.providers.kit.simulator.tenant import Tenant

Verb = Callable[[Engine, Tenant, Mapping[str, str], dict[str, Any]], Awaitable[dict[str, Any]]]


class BadControl(Exception):
    """The control call cannot be understood."""


async def control(engine: Engine, call: Call, query: Mapping[str, str]) -> Answer:
    """Answer one call below `/_sim/`."""
    parts = call.path.removeprefix("/_sim/").strip("/").split("/")
    try:
        if parts[0] == "pages" and len(parts) > 1:
            return _page(engine, engine.tenant(parts[1]), call, query)
        body = msgspec.json.decode(call.body) if call.body else {}
        if parts[0] == "tenants":
            return json_answer(200, _tenants(engine, parts[1:], call.method, body))
        tenant = _chosen(engine, query)
        _note(engine, tenant, call, query)
        verb = _VERBS.get((call.method, parts[0]))
        if verb is not None:
            return json_answer(200, await verb(engine, tenant, {**query, "id": "/".join(parts[1:])}, body))
        answer = engine.face.control(tenant, "/".join(parts), body, call.base_url)
        engine.changed.add(tenant.name)
        engine.deliver_soon(tenant)
        return json_answer(200, answer)
    except KeyError as exc:
        return json_answer(404, {"error": f"there is no {exc.args[0] if exc.args else call.path}"})
    except (BadControl, ValueError, TypeError, msgspec.DecodeError) as exc:
        return json_answer(400, {"error": str(exc)})


def _note(engine: Engine, tenant: Tenant, call: Call, query: Mapping[str, str]) -> None:
    if call.method != "GET" and not call.path.startswith(("/_sim/snapshot", "/_sim/restore", "/_sim/reset")):
        engine.note("control", tenant, call, query=dict(query))


def _page(engine: Engine, tenant: Tenant, call: Call, query: Mapping[str, str]) -> Answer:
    _note(engine, tenant, call, query)
    answer = engine.face.page(tenant, call)
    engine.changed.add(tenant.name)
    engine.deliver_soon(tenant)
    return answer


def _chosen(engine: Engine, query: Mapping[str, str]) -> Tenant:
    if "tenant" in query:
        return engine.tenant(query["tenant"])
    if len(engine.tenants) == 1:
        return next(iter(engine.tenants.values()))
    raise BadControl("say which tenant: ?tenant=NAME")


def _tenants(engine: Engine, rest: list[str], method: str, body: dict[str, Any]) -> dict[str, Any]:
    if method == "POST" and rest:
        engine.open(rest[0], body)
    return {"tenants": sorted(engine.tenants)}


def clock_view(tenant: Tenant) -> dict[str, Any]:
    """The tenant's time as JSON: now, frozen or not, when its next timer is due."""
    due_at = tenant.timers.next_at()
    return {
        "now": tenant.now().isoformat(),
        "frozen": tenant.clock.frozen_at is not None,
        "next_timer_at": due_at.isoformat() if due_at else None,
    }


def wanted_instant(tenant: Tenant, body: Mapping[str, Any]) -> datetime:
    """The instant that a body `{"now": …}` or `{"advance": "14d"}` asks for."""
    if "now" in body:
        return parse_instant(body["now"])
    if "advance" in body:
        return tenant.now() + parse_span(body["advance"])
    raise BadControl('say {"now": "…"}, {"advance": "14d"} or {"follow": "wall"}')


async def _get_clock(_: Engine, tenant: Tenant, __: Mapping[str, str], ___: dict[str, Any]) -> dict[str, Any]:
    return clock_view(tenant)


async def _set_clock(engine: Engine, tenant: Tenant, _: Mapping[str, str], body: dict[str, Any]) -> dict[str, Any]:
    fired = 0
    if body.get("follow") == "wall":
        engine.follow_wall(tenant)
    else:
        fired = await engine.advance_to(tenant, wanted_instant(tenant, body))
    return {**clock_view(tenant), "fired": fired}


async def _get_timers(_: Engine, tenant: Tenant, __: Mapping[str, str], ___: dict[str, Any]) -> dict[str, Any]:
    return {**clock_view(tenant), "timers": tenant.timers.listed()}


async def _get_faults(_: Engine, tenant: Tenant, __: Mapping[str, str], ___: dict[str, Any]) -> dict[str, Any]:
    return {"faults": tenant.faults.dump()}


async def _add_faults(_: Engine, tenant: Tenant, __: Mapping[str, str], body: dict[str, Any]) -> dict[str, Any]:
    for fields in body.get("faults", [body]):
        tenant.faults.add(Fault(**fields))
    return {"faults": tenant.faults.dump()}


async def _clear_faults(_: Engine, tenant: Tenant, __: Mapping[str, str], ___: dict[str, Any]) -> dict[str, Any]:
    tenant.faults.clear()
    return {"faults": []}


async def _get_callbacks(_: Engine, tenant: Tenant, query: Mapping[str, str], __: dict[str, Any]) -> dict[str, Any]:
    return {"callbacks": tenant.callbacks.listed(query.get("kind", "*"))}


async def _steer_callbacks(
    engine: Engine, tenant: Tenant, query: Mapping[str, str], body: dict[str, Any]
) -> dict[str, Any]:
    match query["id"]:
        case "rules":
            tenant.callbacks.add_rule(Rule(**body))
        case "clear":
            tenant.callbacks.clear_rules()
        case "release":
            tenant.callbacks.release()
        case "flush":
            pass
        case id:
            callback = tenant.callbacks.queue(id)
            if callback is None:
                raise KeyError(id)
            callback.flaw = str(body.get("flaw", ""))
            callback.copies = int(body.get("copies", 1))
    await engine.quiet(tenant)
    return {"waiting": len(tenant.callbacks.ready)}


async def _get_books(_: Engine, tenant: Tenant, query: Mapping[str, str], __: dict[str, Any]) -> dict[str, Any]:
    account = query.get("account", "")
    view: dict[str, Any] = {"balances": tenant.books.balances(account), "wrong": tenant.books.check()}
    if query.get("postings", "") != "no":
        view["postings"] = [asdict(posting) for posting in tenant.books.postings(account)]
    return view


async def _get_state(_: Engine, tenant: Tenant, __: Mapping[str, str], ___: dict[str, Any]) -> dict[str, Any]:
    return tenant.dump()


async def _get_calls(_: Engine, tenant: Tenant, __: Mapping[str, str], ___: dict[str, Any]) -> dict[str, Any]:
    return {"calls": list(tenant.calls)}


async def _snapshot(engine: Engine, tenant: Tenant, _: Mapping[str, str], __: dict[str, Any]) -> dict[str, Any]:
    await engine.quiet(tenant)
    return {"snapshot": engine.snapshot(tenant)}


async def _restore(engine: Engine, tenant: Tenant, _: Mapping[str, str], body: dict[str, Any]) -> dict[str, Any]:
    engine.restore(tenant, body["snapshot"])
    return clock_view(tenant)


async def _reset(engine: Engine, tenant: Tenant, _: Mapping[str, str], __: dict[str, Any]) -> dict[str, Any]:
    engine.reset(tenant)
    return {}


_VERBS: dict[tuple[str, str], Verb] = {
    ("GET", "clock"): _get_clock,
    ("POST", "clock"): _set_clock,
    ("GET", "timers"): _get_timers,
    ("GET", "faults"): _get_faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "callbacks"): _get_callbacks,
    ("POST", "callbacks"): _steer_callbacks,
    ("GET", "books"): _get_books,
    ("GET", "state"): _get_state,
    ("GET", "calls"): _get_calls,
    ("POST", "snapshot"): _snapshot,
    ("POST", "restore"): _restore,
    ("POST", "reset"): _reset,
}
