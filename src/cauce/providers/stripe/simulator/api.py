"""The simulated Stripe as a face: who calls, which operation, idempotent replay, errors as Stripe words them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cauce.providers.kit.simulator.face import Answer, Call, Face, Refused, Routed, json_answer
from cauce.providers.kit.simulator.faults import Fault
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.stripe.simulator import events, hooks, pages, stage, timed
from cauce.providers.stripe.simulator.desk import Desk
from cauce.providers.stripe.simulator.errors import StripeError, injected
from cauce.providers.stripe.simulator.forms import parse_form
from cauce.providers.stripe.simulator.params import checked
from cauce.providers.stripe.simulator.routes import PUBLIC, Route, find
from cauce.providers.stripe.simulator.views import public, render

KEY_LIVES_SECONDS = 24 * 3600
KEY_LENGTH_MAX = 255


@dataclass(frozen=True, slots=True)
class _Asked:
    route: Route
    ids: tuple[str, ...]
    public: bool


def stripe_face() -> Face:
    """Stripe's stand-in; see `kit.simulator.face.Face`."""
    return Face(
        name="stripe",
        route=route,
        handle=handle,
        sign=events.sign,
        fire=timed.fire,
        retry_seconds=events.RETRY_SECONDS,
        open=open_tenant,
        error=injected,
        control=stage.control,
        page=pages.page,
        opens_unknown=True,
    )


def open_tenant(tenant: Tenant, registration: Mapping[str, Any]) -> None:
    """A platform account. The registration may bring the address and secrets of its webhook endpoints, and fees."""
    for name in ("fee_bps", "fee_fixed_minor", "base_url"):
        if name in registration:
            tenant.facts[name] = registration[name]
    url = registration.get("webhook_url")
    if url:
        for id, secret, connect in (
            ("we_account", registration["webhook_secret"], False),
            ("we_connect", registration["connect_webhook_secret"], True),
        ):
            hooks.add(tenant, url, secret, list(registration.get("enabled_events", ["*"])), connect=connect, id=id)


def route(call: Call) -> Routed:
    """Name the platform by its key and the operation by method and path."""
    key = _api_key(call)
    head, _, rest = key.partition("_")
    mode, _, name = rest.partition("_")
    if head not in ("sk", "rk", "pk") or mode not in ("test", "live") or not name:
        raise Refused(StripeError(401, "Invalid API Key provided.", type="invalid_request_error").answer())
    version = call.headers.get("stripe-version", events.API_VERSION)
    if version != events.API_VERSION:
        raise Refused(StripeError(400, f"Invalid Stripe API version: {version}").answer())
    found = find(call.method, call.path.rstrip("/"))
    if found is None:
        text = f"Unrecognized request URL ({call.method}: {call.path})."
        raise Refused(StripeError(404, text).answer())
    if head == "pk" and found[0].operation not in PUBLIC:
        text = "This API call cannot be made with a publishable API key."
        raise Refused(StripeError(401, text, code="secret_key_required").answer())
    return Routed(name, found[0].operation, _Asked(*found, public=head == "pk"))


def _api_key(call: Call) -> str:
    scheme, _, value = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return base64.b64decode(value).decode("utf-8", "replace").partition(":")[0]
    if value:
        return value
    given = parse_form(call.query if call.method == "GET" else call.body.decode("utf-8", "replace"))
    return str(given.get("key", ""))  # how a page's script sends its publishable key


def handle(tenant: Tenant, call: Call, routed: Routed) -> Answer:
    """Do one operation and answer as Stripe would."""
    asked: _Asked = routed.detail
    request_id = f"req_{tenant.token(14)}"
    headers = {"request-id": request_id, "stripe-version": events.API_VERSION}
    try:
        desk = _desk(tenant, call, routed, request_id)
        if tenant.facts.get("rate_limit") and _over_limit(tenant, call):
            raise StripeError(429, "Too many requests.", code="rate_limit")
        if call.method != "POST" or not desk.key:
            return _run(desk, asked, headers)
        return _once(desk, call, asked, {**headers, "idempotency-key": desk.key})
    except StripeError as error:
        return StripeError.answer(_shown(error), headers)


def _desk(tenant: Tenant, call: Call, routed: Routed, request_id: str) -> Desk:
    asked: _Asked = routed.detail
    account = call.headers.get("stripe-account", "")
    if account and account not in tenant.shelf("account"):
        text = f"The provided key does not have access to account '{account}'."
        raise StripeError(403, text, code="account_invalid")
    given = parse_form(call.query if call.method in ("GET", "DELETE") else call.body.decode("utf-8", "replace"))
    given.pop("key", None)
    key = call.headers.get("idempotency-key", "")
    if len(key) > KEY_LENGTH_MAX:
        raise StripeError(400, "The idempotency key is too long.", type="idempotency_error")
    tenant.facts["base_url"] = call.base_url
    return Desk(
        tenant,
        account,
        checked(given, asked.route.params),
        asked.ids,
        key,
        request_id,
        call.base_url,
        routed.operation,
        call.text(),
        asked.public,
    )


def _run(desk: Desk, asked: _Asked, headers: dict[str, str]) -> Answer:
    try:
        result = asked.route.handler(desk)
        shown = result if result.get("object") == "list" else render(desk.tenant, result, desk.params.get("expand", []))
        return json_answer(200, shown, headers)
    except StripeError as error:
        return StripeError.answer(_shown(error), headers)


def _shown(error: StripeError) -> StripeError:
    error.body = public(error.body)
    return error


def _once(desk: Desk, call: Call, asked: _Asked, headers: dict[str, str]) -> Answer:
    """Run under an idempotency key, or replay what that key saw before."""
    shelf = desk.tenant.shelf("_idempotency")
    scope = f"{desk.account}|{desk.key}"
    print_ = _fingerprint(call, desk)
    seen = shelf.get(scope)
    if seen is not None and seen["at"] > desk.now - KEY_LIVES_SECONDS:
        if seen["fingerprint"] != print_:
            text = "Keys for idempotent requests can only be used with the same parameters they were first used with."
            raise StripeError(400, text, type="idempotency_error")
        replayed = {**headers, "idempotent-replayed": "true", "original-request": seen["request_id"]}
        return Answer(seen["status"], seen["body"].encode(), headers=replayed)
    if desk.fault("conflict") is not None:
        text = "There is currently another in-progress request using this idempotency key."
        raise StripeError(409, text, code="idempotency_key_in_use")
    stored_error = desk.fault("stored_error")
    answer = _run(desk, asked, headers) if stored_error is None else _stored_error(desk, asked, headers, stored_error)
    if answer.status != 429:
        shelf[scope] = {
            "fingerprint": print_,
            "status": answer.status,
            "body": answer.body.decode(),
            "at": desk.now,
            "request_id": desk.request_id,
        }
    return answer


def _stored_error(desk: Desk, asked: _Asked, headers: dict[str, str], fault: Fault) -> Answer:
    """A 500 that Stripe keeps and replays; with `execute` in its data the operation was done all the same."""
    if fault.data.get("execute"):
        _run(desk, asked, headers)
    error = injected("error_after", fault.status)
    return Answer(error.status, error.body, headers=headers)


def _fingerprint(call: Call, desk: Desk) -> str:
    shape = msgspec.json.encode([call.method, call.path, desk.account, desk.params], order="sorted")
    return hashlib.sha256(shape).hexdigest()


def _over_limit(tenant: Tenant, call: Call) -> bool:
    """More than `rate_limit` requests within one wall second."""
    second = int(call.received_at.timestamp())
    window = tenant.facts.setdefault("rate_window", [0, 0])
    window[:] = [second, window[1] + 1] if window[0] == second else [second, 1]
    over: bool = window[1] > tenant.facts["rate_limit"]
    return over
