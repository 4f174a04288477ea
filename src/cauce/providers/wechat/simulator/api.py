"""The simulated WeChat Pay as a face: verify the caller's signature, do the operation, sign the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from cauce.providers.kit.simulator.face import Answer, Call, Face, Refused, Routed, json_answer
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat import signing
from cauce.providers.wechat.simulator import errors, notify, stage, timed
from cauce.providers.wechat.simulator.desk import Desk
from cauce.providers.wechat.simulator.errors import ApiError, bad_param
from cauce.providers.wechat.simulator.knobs import DEFAULTS, knob, turn
from cauce.providers.wechat.simulator.routes import Route, find

UNSIGNED = "statement.download"


def wechat_face() -> Face:
    """WeChat Pay's stand-in; see `kit.simulator.face.Face`."""
    callers: dict[str, str] = {}  # merchant number -> tenant: a request says only who calls

    def open_tenant(tenant: Tenant, registration: Mapping[str, Any]) -> None:
        _open(tenant, registration)
        callers[tenant.facts["mchid"]] = tenant.name

    def route(call: Call) -> Routed:
        parameters = signing.read_authorization(call.headers.get("authorization", ""))
        tenant = callers.get(parameters.get("mchid", ""))
        if tenant is None:
            raise Refused(ApiError(401, "SIGN_ERROR", "签名错误：商户号不存在").answer())
        found = find(call.method, unquote(_raw_path(call)))
        return Routed(tenant, found[0].operation if isinstance(found, tuple) else "unknown", found)

    return Face(
        name="wechat",
        route=route,
        handle=handle,
        sign=notify.sign,
        fire=timed.fire,
        accepts=lambda status, _: status in (200, 204),
        retry_seconds=notify.RETRY_SECONDS,
        open=open_tenant,
        error=errors.injected,
        spoil=notify.spoil,
        control=stage.control,
    )


def _open(tenant: Tenant, registration: Mapping[str, Any]) -> None:
    """A contract. The registration brings keys, numbers and addresses; `knobs` may come with it."""
    knobs = {name: value for name, value in dict(registration.get("knobs", {})).items() if name in DEFAULTS}
    tenant.facts.update({name: value for name, value in registration.items() if name != "knobs"})
    turn(tenant, knobs)
    facts = tenant.facts
    stage.open_merchant(tenant, facts["mchid"], facts.get("name", "platform"), parent="")


def handle(tenant: Tenant, call: Call, routed: Routed) -> Answer:
    """Do one operation; every answer but the file's is signed, refusals too."""
    try:
        _check_caller(tenant, call)
        _refuse_as_told(tenant, call, routed)
        answer = _perform(tenant, call, routed)
    except ApiError as error:
        answer = error.answer()
    if routed.operation == UNSIGNED:
        return answer
    return notify.signed_answer(tenant, answer, call.received_at, call.headers.get("wechatpay-serial", ""))


def _refuse_as_told(tenant: Tenant, call: Call, routed: Routed) -> None:
    """The fault `refused`: the vendor's own refusal, with the code and message of its `data`; nothing is done."""
    fault = tenant.faults.take(routed.operation, call.text(), {"refused"})
    if fault is not None:
        raise ApiError(fault.status, str(fault.data["code"]), str(fault.data["message"]))


def _perform(tenant: Tenant, call: Call, routed: Routed) -> Answer:
    found: tuple[Route, tuple[str, ...]] | int = routed.detail
    if isinstance(found, int):
        raise ApiError(found, "RESOURCE_NOT_EXISTS" if found == 404 else "METHOD_NOT_ALLOWED", "接口不存在")
    desk = Desk(
        tenant,
        body=_json(call) if call.method == "POST" else {},
        query=dict(parse_qsl(call.query)),
        ids=tuple(unquote(id) for id in found[1]),
        serial=call.headers.get("wechatpay-serial", ""),
        base_url=call.base_url,
        operation=routed.operation,
        path=unquote(_raw_path(call)),
    )
    result = found[0].handler(desk)
    if isinstance(result, Answer):
        return result
    return Answer(204) if result is None else json_answer(200, result)


def _json(call: Call) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(call.body, type=dict[str, Any])
    except msgspec.DecodeError as exc:
        raise bad_param("", "the body is no JSON object") from exc
    if any(value is None for value in body.values()):
        raise bad_param("", "null is not allowed: leave the field out")
    return body


def _check_caller(tenant: Tenant, call: Call) -> None:
    """401 unless the request carries the registered merchant's fresh signature over exactly these bytes."""
    given = signing.read_authorization(call.headers["authorization"])
    refusal = ApiError(401, "SIGN_ERROR", "签名错误，请检查后再试")
    if not {"nonce_str", "timestamp", "serial_no", "signature"} <= set(given) or not given["timestamp"].isdigit():
        raise refusal
    if given["serial_no"].upper() != tenant.facts["merchant_cert_serial"]:
        raise refusal
    skew = abs(int(call.received_at.timestamp()) - int(given["timestamp"]))
    target = _raw_path(call) + (f"?{call.query}" if call.query else "")
    message = signing.request_message(call.method, target, given["timestamp"], given["nonce_str"], call.body)
    is_genuine = signing.is_signed_by(tenant.facts["merchant_certificate"], message, given["signature"])
    if not is_genuine or skew > int(knob(tenant, "clock_skew_s")):
        raise refusal
    if not call.headers.get("user-agent"):
        raise bad_param("User-Agent", "is required")


def _raw_path(call: Call) -> str:
    """The path as it stood on the request line, below the address that the vendor's host stands for."""
    prefix = urlsplit(call.base_url).path
    return call.wire_path.partition("?")[0].removeprefix(prefix)
