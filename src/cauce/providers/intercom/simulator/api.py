"""Routes, credentials and rate limit of the stand-in.

A token is `tok_<tenant>_<secret>`. The 10-second windows of the rate limit run on wall time, so that a frozen clock
does not shut the door for ever; everything else follows the tenant's clock.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from cauce.providers.intercom import limits
from cauce.providers.intercom.simulator import companies, contacts, control, conversations, webhooks, workspace
from cauce.providers.intercom.simulator.desk import ApiError, Desk, Json, error_answer
from cauce.providers.kit.simulator.face import Answer, Call, Face, Refused, Routed, json_answer
from cauce.providers.kit.simulator.tenant import Tenant

Handler = Callable[[Desk], tuple[int, Json | None]]

_ROUTES: tuple[tuple[str, str, str, Handler], ...] = (
    ("POST", r"/contacts", "create_contact", contacts.create),
    ("POST", r"/contacts/search", "search_contacts", contacts.search),
    ("GET", r"/contacts/find_by_external_id/([^/]+)", "find_contact", contacts.find),
    ("GET", r"/contacts/([^/]+)", "get_contact", contacts.get),
    ("PUT", r"/contacts/([^/]+)", "update_contact", contacts.update),
    ("DELETE", r"/contacts/([^/]+)", "delete_contact", contacts.delete),
    ("POST", r"/contacts/([^/]+)/archive", "archive_contact", contacts.archive),
    ("POST", r"/contacts/([^/]+)/unarchive", "unarchive_contact", contacts.unarchive),
    ("POST", r"/contacts/([^/]+)/tags", "tag_contact", contacts.tag),
    ("DELETE", r"/contacts/([^/]+)/tags/([^/]+)", "untag_contact", contacts.untag),
    ("POST", r"/contacts/([^/]+)/notes", "note_contact", contacts.note),
    ("GET", r"/contacts/([^/]+)/subscriptions", "list_subscriptions", contacts.subscriptions),
    ("POST", r"/contacts/([^/]+)/subscriptions", "subscribe", contacts.subscribe),
    ("DELETE", r"/contacts/([^/]+)/subscriptions/([^/]+)", "unsubscribe", contacts.unsubscribe),
    ("POST", r"/contacts/([^/]+)/companies", "join_company", companies.join),
    ("DELETE", r"/contacts/([^/]+)/companies/([^/]+)", "leave_company", companies.leave),
    ("POST", r"/companies", "upsert_company", companies.upsert),
    ("POST", r"/events", "track_event", companies.track),
    ("GET", r"/events", "list_events", companies.events),
    ("POST", r"/messages", "send_message", workspace.message),
    ("POST", r"/tags", "find_tag", workspace.tag),
    ("GET", r"/data_attributes", "list_attributes", workspace.attributes),
    ("POST", r"/data_attributes", "create_attribute", workspace.create_attribute),
    ("GET", r"/subscription_types", "subscription_types", workspace.subscription_types),
    ("GET", r"/me", "me", workspace.me),
    ("GET", r"/admins", "admins", workspace.admins),
)
_COMPILED = tuple((method, re.compile(path), name, handler) for method, path, name, handler in _ROUTES)
_WIDGET = re.compile(r"/widget/app_([^/]+?)(/script)?")
_FACTS = ("access_token", "client_secret", "messenger_secret", "webhook_url", "app_id", "requests_per_minute")


@dataclass(frozen=True, slots=True)
class _Asked:
    handler: Handler | None
    ids: tuple[str, ...] = ()
    token: str = ""


def intercom_face() -> Face:
    """Intercom's stand-in; see `kit.simulator.face.Face`."""
    return Face(
        name="intercom",
        route=route,
        handle=handle,
        sign=webhooks.sign,
        retry_seconds=webhooks.RETRY_SECONDS,
        open=open_tenant,
        error=_error,
        control=control.control,
        page=control.page,
    )


def open_tenant(tenant: Tenant, registration: Mapping[str, Any]) -> None:
    """A workspace with the app's credentials."""
    tenant.facts.update({name: registration[name] for name in _FACTS if name in registration})


def route(call: Call) -> Routed:
    """Name the workspace by its token and the operation by method and path."""
    widget = _WIDGET.fullmatch(call.path)
    if widget is not None:
        return Routed(widget[1], "widget_script" if widget[2] else "widget", _Asked(None))
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    name = token.removeprefix("tok_").rpartition("_")[0]
    if scheme != "Bearer" or not token.startswith("tok_") or not name:
        raise Refused(error_answer(401, "unauthorized", "Access Token Invalid"))
    for method, path, operation, handler in _COMPILED:
        found = path.fullmatch(call.path)
        if found is not None and method == call.method:
            return Routed(name, operation, _Asked(handler, tuple(unquote(id) for id in found.groups()), token))
    raise Refused(error_answer(404, "not_found", f"no route for {call.method} {call.path}"))


def handle(tenant: Tenant, call: Call, routed: Routed) -> Answer:
    """Do one operation and answer as Intercom would."""
    asked: _Asked = routed.detail
    if routed.operation == "widget":
        return conversations.widget(tenant, call)
    if routed.operation == "widget_script":
        return Answer(200, _launcher(call).encode(), "text/javascript; charset=utf-8")
    assert asked.handler is not None
    if not hmac.compare_digest(asked.token.encode(), str(tenant.facts.get("access_token", "")).encode()):
        return error_answer(401, "unauthorized", "Access Token Invalid")
    headers, is_over = _count(tenant, call)
    if is_over:
        refused = error_answer(429, "rate_limit_exceeded", "Exceeded rate limit")
        return Answer(429, refused.body, headers=headers)
    try:
        body = msgspec.json.decode(call.body) if call.body else {}
        if not isinstance(body, dict):
            raise ApiError(400, "bad_request", "the body must be an object")
        status, answer = asked.handler(Desk(tenant, asked.ids, dict(parse_qsl(call.query)), body))
    except ApiError as error:
        body = {"type": "error.list", "request_id": f"req_{tenant.token(12)}", "errors": [error.body]}
        return json_answer(error.status, body, headers)
    except msgspec.DecodeError:
        return error_answer(400, "bad_request", "the body is not JSON")
    return Answer(status, headers=headers) if answer is None else json_answer(status, answer, headers)


def _count(tenant: Tenant, call: Call) -> tuple[dict[str, str], bool]:
    """The rate limit's headers, and whether this request is beyond it."""
    most = limits.window(int(tenant.facts.get("requests_per_minute", limits.REQUESTS_PER_MINUTE.value)))
    seconds = limits.WINDOW_SECONDS.value
    number = int(call.received_at.timestamp()) // seconds
    window = tenant.facts.setdefault("window", [0, 0])
    window[:] = [number, window[1] + 1] if window[0] == number else [number, 1]
    headers = {
        "x-ratelimit-limit": str(most),
        "x-ratelimit-remaining": str(max(most - window[1], 0)),
        "x-ratelimit-reset": str((number + 1) * seconds),
    }
    return headers, bool(window[1] > most)


def _launcher(call: Call) -> str:
    """A launcher of our own with the vendor's command surface: it opens the chat page in a frame."""
    page = msgspec.json.encode(f"{call.base_url}{call.path.removesuffix('/script')}").decode()
    return (
        "(function(){var page="
        + page
        + ",frame=null;function show(on){if(!frame&&on){frame=document.createElement('iframe');"
        "frame.title='Chat';frame.id='intercom-frame';var s=window.intercomSettings||{},t=s.intercom_user_jwt;"
        "frame.src=page+(t?'?token='+encodeURIComponent(t):'');document.body.appendChild(frame)}"
        "if(frame){frame.hidden=!on}}"
        "window.Intercom=function(c){if(c==='show'||c==='showNewMessage'||c==='boot'){show(true)}"
        "if(c==='hide'){show(false)}if(c==='shutdown'&&frame){frame.remove();frame=null}}})();"
    )


def _error(kind: str, status: int) -> Answer:
    code = {"rate_limited": "rate_limit_exceeded", "unknown_tenant": "unauthorized"}.get(kind, "server_error")
    return error_answer(status, code, "told to fail")
