"""Refunds and withdrawals: bodies and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cauce.gateway.accounts import Payout, PayoutRequest
from cauce.gateway.collecting import Refund, RefundRequest
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal
from cauce.providers.wechat.contract import Contract, Dialect
from cauce.providers.wechat.mapping.payments import without_query
from cauce.providers.wechat.mapping.problems import failed
from cauce.providers.wechat.mapping.texts import (
    WIRE_CURRENCY,
    checked_key,
    fen,
    instant,
    plain_text,
    withdrawal_number,
    yuan,
)

POLL_SECONDS = 60
REASON_MAX = 80
REMARK_MAX = 56
FROM_ACCOUNT = "refund_from"
"""Metadata of a refund request: `available` forces the merchant's available money."""


def refund_body(contract: Contract, request: RefundRequest) -> dict[str, Any]:
    """The body of a refund."""
    body: dict[str, Any] = {
        "transaction_id": request.collection_ref,
        "out_refund_no": checked_key(request.key),
        "notify_url": without_query(request.notify_url or contract.notify_url),
        "amount": {
            "refund": fen(request.amount),
            "total": fen(request.collected),
            "currency": WIRE_CURRENCY,
        },
    }
    if not request.collection_ref:
        del body["transaction_id"]
        body["out_trade_no"] = checked_key(request.collection_key)
    if request.reason:
        body["reason"] = plain_text(request.reason, REASON_MAX)
    if request.metadata.get(FROM_ACCOUNT) == "available":
        body["funds_account"] = "AVAILABLE"
    if contract.dialect is not Dialect.DIRECT:
        body["sub_mchid"] = request.merchant_ref
    if contract.dialect is Dialect.ECOMMERCE:
        body["sp_appid"] = contract.appid
    return body


def refund_of(answer: Mapping[str, Any]) -> Outcome[Refund]:
    """A refund as an outcome. The ecommerce dialect's first answer has no status: it was accepted."""
    amount = answer.get("amount") or {}
    status = str(answer.get("status") or "PROCESSING")
    value = Refund(
        ref=str(answer.get("refund_id") or ""),
        amount=yuan(amount.get("refund")),
        finished_at=instant(answer.get("success_time")),
        fee_returned_minor=int(amount.get("refund_fee") or 0),
    )
    match status:
        case "SUCCESS":
            return Done(value)
        case "CLOSED" | "CLOSE":
            return Declined(status, Refusal.DECLINED, "the refund was closed; nothing went back to the payer")
        case "ABNORMAL":
            # The payer's account takes no money: an operator sends it elsewhere, so the refund stays open.
            return Pending(value, POLL_SECONDS)
        case _:
            return Pending(value, POLL_SECONDS)


def withdrawal_body(request: PayoutRequest) -> dict[str, Any]:
    """The body of a withdrawal of a second-level merchant."""
    body: dict[str, Any] = {
        "sub_mchid": request.account_ref,
        "out_request_no": withdrawal_number(request.key),
        "amount": fen(request.amount),
    }
    if request.description:
        body["remark"] = plain_text(request.description, REMARK_MAX)
    return body


def withdrawal_of(answer: Mapping[str, Any]) -> Outcome[Payout]:
    """A withdrawal as an outcome; the first answer of a request has no status."""
    status = str(answer.get("status") or "INIT")
    value = Payout(
        ref=str(answer.get("withdraw_id") or ""),
        amount=yuan(answer.get("amount")),
        paid_at=instant(answer.get("update_time")) if status == "SUCCESS" else None,
    )
    match status:
        case "SUCCESS":
            return Done(value)
        case "CREATE_SUCCESS" | "INIT":
            return Pending(value, POLL_SECONDS)
        case _:
            return failed(str(answer.get("reason") or status))
