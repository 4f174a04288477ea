"""Payments: the body of an order, the transaction that WeChat Pay answers, what the payer must do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cauce.gateway.collecting import ActionKind, Collection, CollectRequest, NextAction
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal
from cauce.providers.wechat.contract import Contract, Dialect
from cauce.providers.wechat.mapping.texts import (
    WIRE_CURRENCY,
    checked_key,
    fen,
    instant,
    plain_text,
    wire_time,
    yuan,
)

PAYER_SECONDS = 30  # how soon to ask again while the payer has not paid
DESCRIPTION_MAX = 127
ATTACH_MAX = 128
_OPEN = frozenset({"NOTPAY", "USERPAYING", "ACCEPT"})
_PAID = frozenset({"SUCCESS", "REFUND"})


def product_of(request: CollectRequest) -> str:
    """`jsapi` for a known payer, `h5` for a browser that says its address, else `native`: a QR code."""
    if request.payer_ref:
        return "jsapi"
    return "h5" if request.metadata.get("payer_client_ip") else "native"


def order_body(contract: Contract, request: CollectRequest) -> dict[str, Any]:
    """The body that starts a payment."""
    body: dict[str, Any] = {
        **_parties(contract, request.merchant_ref),
        "description": plain_text(request.description, DESCRIPTION_MAX) or request.order_ref,
        "out_trade_no": checked_key(request.key),
        "attach": plain_text(request.order_ref, ATTACH_MAX),
        "notify_url": without_query(request.notify_url or contract.notify_url),
        "amount": {"total": fen(request.amount), "currency": WIRE_CURRENCY},
        "settle_info": settle_info(request),
    }
    if request.expires_at is not None:
        body["time_expire"] = wire_time(request.expires_at)
    match product_of(request):
        case "jsapi":
            body["payer"] = {_openid_field(contract): request.payer_ref}
        case "h5":
            body["scene_info"] = scene_of(request)
    return body


def scene_of(request: CollectRequest) -> dict[str, Any]:
    """Where a browser is that pays on the vendor's page."""
    return {"payer_client_ip": request.metadata["payer_client_ip"], "h5_info": {"type": "Wap"}}


def settle_info(request: CollectRequest) -> dict[str, Any]:
    """Whether a payment is frozen for splitting, and what the platform will add to it."""
    added = {"subsidy_amount": request.subsidy_minor} if request.subsidy_minor else {}
    return {"profit_sharing": request.splits_later, **added}


def close_body(contract: Contract, merchant: str) -> dict[str, str]:
    """The body that closes an unpaid payment."""
    if contract.dialect is Dialect.DIRECT:
        return {"mchid": contract.mchid}
    return {"sp_mchid": contract.mchid, "sub_mchid": merchant}


def action_of(answer: Mapping[str, Any], invocation: str) -> NextAction | None:
    """What the payer must do; `invocation` is the signed call of a client that knows its payer."""
    if answer.get("code_url"):
        return NextAction(ActionKind.QR, str(answer["code_url"]))
    if answer.get("h5_url"):
        return NextAction(ActionKind.REDIRECT, str(answer["h5_url"]))
    return NextAction(ActionKind.PAGE_ELEMENT, invocation) if answer.get("prepay_id") else None


def collection_of(answer: Mapping[str, Any]) -> Outcome[Collection]:
    """A transaction as an outcome; fee and frozen amount are asked for separately."""
    state = str(answer.get("trade_state", ""))
    value = seen(answer)
    if state in _PAID:
        return Done(value)
    if state in _OPEN:
        return Pending(value, PAYER_SECONDS)
    refusal = Refusal.DECLINED if state == "PAYERROR" else Refusal.LIFECYCLE
    return Declined(state, refusal, str(answer.get("trade_state_desc") or state))


def seen(answer: Mapping[str, Any]) -> Collection:
    """What a transaction says of itself, whatever its state."""
    amount, payer = answer.get("amount") or {}, answer.get("payer") or {}
    return Collection(
        ref=transaction_of(answer),
        amount=yuan(amount.get("total")),
        paid_at=instant(answer.get("success_time")),
        payer_ref=str(payer.get("openid") or payer.get("sp_openid") or payer.get("sub_openid") or ""),
    )


def is_closed(answer: Mapping[str, Any]) -> bool:
    """Whether a transaction was closed before anybody paid it."""
    return answer.get("trade_state") in ("CLOSED", "REVOKED")


def is_refunded(answer: Mapping[str, Any]) -> bool:
    """Whether some of it went back, so that what is frozen no longer tells the fee."""
    return answer.get("trade_state") == "REFUND"


def transaction_of(answer: Mapping[str, Any]) -> str:
    """WeChat Pay's number of a paid transaction, or ""."""
    return str(answer.get("transaction_id") or "")


def unsplit_of(answer: Mapping[str, Any]) -> int:
    """What is still frozen, in fen, net of the fee."""
    return int(answer["unsplit_amount"])


def prepay_of(answer: Mapping[str, Any]) -> str:
    """The ticket of a payment that a client invokes, or ""."""
    return str(answer.get("prepay_id") or "")


def invocation_lines(appid: str, timestamp: str, nonce: str, prepay_id: str) -> bytes:
    """What the client's call is signed over: four lines, each ended."""
    return f"{appid}\n{timestamp}\n{nonce}\nprepay_id={prepay_id}\n".encode()


def invocation(appid: str, timestamp: str, nonce: str, prepay_id: str, signature: str) -> dict[str, str]:
    """The call that a page or mini program hands to the payer's client."""
    return {
        "appId": appid,
        "timeStamp": timestamp,
        "nonceStr": nonce,
        "package": f"prepay_id={prepay_id}",
        "signType": "RSA",
        "paySign": signature,
    }


def without_query(url: str) -> str:
    """A notify URL as the vendor takes it: no query, no fragment."""
    parts = urlsplit(url)
    return parts._replace(query="", fragment="").geturl()


def _parties(contract: Contract, merchant: str) -> dict[str, str]:
    if contract.dialect is Dialect.DIRECT:
        return {"appid": contract.appid, "mchid": contract.mchid}
    parties = {"sp_appid": contract.appid, "sp_mchid": contract.mchid, "sub_mchid": merchant}
    return {**parties, "sub_appid": contract.sub_appid} if contract.sub_appid else parties


def _openid_field(contract: Contract) -> str:
    if contract.dialect is Dialect.DIRECT:
        return "openid"
    return "sub_openid" if contract.sub_appid else "sp_openid"
