"""Callbacks: sealed with the APIv3 key and signed like answers, with the public key or a platform certificate."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from cauce.providers.kit.simulator.callbacks import Callback
from cauce.providers.kit.simulator.face import Answer, Signed
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat import signing
from cauce.providers.wechat.simulator.desk import at_text
from cauce.providers.wechat.simulator.knobs import knob

RETRY_SECONDS = (
    15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600,
)  # fmt: skip
"""Pauses between tries, 24 h 4 min in all (WeChat Pay, callbacks, basic rules, read 2026-11)."""

_SUMMARIES = {"TRANSACTION.SUCCESS": "支付成功", "REFUND.SUCCESS": "退款成功", "PROFITSHARING.SUCCESS": "分账"}


def notify(tenant: Tenant, event: str, original: str, url: str, plain: Mapping[str, Any]) -> None:
    """Send a callback; nothing when the merchant gave no address."""
    if not url:
        return
    id = f"EV-{tenant.digits(19)}"
    payload = {"event": event, "original": original, "plain": dict(plain), "nonce": tenant.token(12)}
    tenant.emit(event, url, payload, id)


def sign(tenant: Tenant, callback: Callback, at: datetime) -> Signed:
    """The wire form of a callback."""
    payload = callback.payload
    is_split = payload["original"] == "profitsharing"
    associated = knob(tenant, "split_aad") if is_split else payload["original"]
    event = "TRANSACTION.SUCCESS" if is_split and knob(tenant, "callback_wrong_event_type") else payload["event"]
    key = tenant.facts["api_v3_key"].encode()
    sealed = signing.seal(key, payload["nonce"], msgspec.json.encode(payload["plain"]), associated)
    body = msgspec.json.encode(
        {
            "id": callback.id,
            "create_time": at_text(callback.created_at),
            "resource_type": "encrypt-resource",
            "event_type": event,
            "summary": _SUMMARIES.get(payload["event"], payload["event"]),
            "resource": {
                "original_type": payload["original"],
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": base64.b64encode(sealed).decode(),
                "associated_data": associated,
                "nonce": payload["nonce"],
            },
        }
    )
    headers = signature_headers(tenant, body, at, _callback_key(tenant, callback.id), callback.id)
    if callback.flaw == "bad_signature":
        headers["Wechatpay-Signature"] = spoilt(headers["Wechatpay-Signature"])
    if callback.flaw == "signtest":
        headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]
    return Signed({"content-type": "application/json", **headers}, body)


def _callback_key(tenant: Tenant, id: str) -> str:
    """Which key signs a callback: the migration mixes both kinds by percent."""
    share = hashlib.sha256(id.encode()).digest()[0] * 100 // 256
    return "public_key" if share < knob(tenant, "public_key_percent") else "certificate"


def answer_key(tenant: Tenant, request_serial: str) -> str:
    """Which key signs an answer: the one that the request names, else the certificate where there is one."""
    forced = knob(tenant, "response_serial")
    if forced:
        return str(forced)
    if request_serial == tenant.facts["public_key_id"]:
        return "public_key"
    return "certificate" if knob(tenant, "certificates_offered") else "public_key"


def signed_answer(tenant: Tenant, answer: Answer, at: datetime, request_serial: str) -> Answer:
    """An answer with WeChat Pay's signature over its raw body."""
    request_id = tenant.token(24)
    at -= timedelta(seconds=knob(tenant, "answer_age_seconds"))
    headers = signature_headers(tenant, answer.body, at, answer_key(tenant, request_serial), request_id)
    return Answer(
        answer.status, answer.body, answer.media_type, {**answer.headers, **headers, "Request-Id": request_id}
    )


def signature_headers(tenant: Tenant, body: bytes, at: datetime, key: str, nonce_of: str) -> dict[str, str]:
    """The signature headers over `body`, made with the named key as of wall time `at`."""
    facts = tenant.facts
    private, serial = (
        (facts["public_key_private"], facts["public_key_id"])
        if key == "public_key"
        else (facts["certificate_private"], facts["certificate_serial"])
    )
    timestamp = str(int(at.timestamp()))
    nonce = hashlib.sha256(nonce_of.encode()).hexdigest()[:32]
    headers = {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": signing.sign(private, signing.answer_message(timestamp, nonce, body)),
        "Wechatpay-Serial": "0" * 40 if knob(tenant, "unknown_serial") else serial,
    }
    if not knob(tenant, "omit_signature_type"):
        headers["Wechatpay-Signature-Type"] = signing.SCHEME
    return headers


def spoilt(signature: str) -> str:
    """The same signature with its first bytes changed."""
    return ("AAAA" if not signature.startswith("AAAA") else "BBBB") + signature[4:]


def spoil(answer: Answer) -> Answer:
    """An answer whose signature does not fit."""
    headers = dict(answer.headers)
    headers["Wechatpay-Signature"] = spoilt(headers.get("Wechatpay-Signature", "AAAA"))
    return Answer(answer.status, answer.body, answer.media_type, headers)
