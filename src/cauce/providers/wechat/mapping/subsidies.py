"""Subsidies of the platform to payments of second-level merchants: bodies, and what WeChat Pay says became of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cauce.gateway.funding import Funded, SubsidyRequest
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal
from cauce.providers.wechat import assumptions
from cauce.providers.wechat.mapping.problems import failed
from cauce.providers.wechat.mapping.texts import checked_key, fen, instant, plain_text, yuan

DESCRIPTION_MAX = 80


def create_body(request: SubsidyRequest) -> dict[str, Any]:
    """The body that adds a subsidy."""
    number = {"out_subsidy_no": checked_key(request.key)} if assumptions.subsidy_number_is_its_key() else {}
    return {**_named(request), "amount": fen(request.amount), **number}


def return_body(request: SubsidyRequest) -> dict[str, Any]:
    """The body that takes one back, wholly or in part."""
    return {**_named(request), "amount": fen(request.amount), "out_order_no": checked_key(request.key)}


def cancel_body(request: SubsidyRequest) -> dict[str, Any]:
    """The body that says that none will come."""
    return _named(request)


def subsidy_of(answer: Mapping[str, Any], request: SubsidyRequest) -> Outcome[Funded]:
    """What became of one; a subsidy that went back by itself (`REFUND`) is none."""
    result = str(answer.get("result") or "")
    if result == "SUCCESS":
        ref = str(answer.get("subsidy_id") or answer.get("subsidy_refund_id") or "")
        amount = yuan(answer["amount"]) if "amount" in answer else request.amount
        if amount != request.amount:
            return Declined(result, Refusal.AMOUNT_MISMATCH, f"{amount.amount_minor} were moved")
        return Done(Funded(ref, amount, instant(answer.get("success_time"))))
    return failed(result or "FAIL")


def _named(request: SubsidyRequest) -> dict[str, Any]:
    return {
        "sub_mchid": request.merchant_ref,
        "transaction_id": request.collection_ref,
        "description": plain_text(request.description, DESCRIPTION_MAX) or "subsidy",
    }
