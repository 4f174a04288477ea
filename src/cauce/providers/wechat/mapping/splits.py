"""Splits, returns and the end of an order: bodies, and what WeChat Pay says became of them.

A part's own key travels at the end of its description, because the vendor's answer names only account and amount
and two parts may agree in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cauce.gateway.outcome import Done, Outcome, Pending
from cauce.gateway.splitting import (
    Finished,
    FinishRequest,
    PartState,
    ReceiverKind,
    ReverseSplitRequest,
    SplitPart,
    SplitPartResult,
    SplitRequest,
    SplitResult,
    SplitReversal,
)
from cauce.kernel.errors import InvalidRequest
from cauce.providers.wechat import assumptions, limits
from cauce.providers.wechat.contract import Contract, Dialect
from cauce.providers.wechat.mapping.problems import failed
from cauce.providers.wechat.mapping.texts import checked_key, fen, finish_number, instant, plain_text, yuan

POLL_SECONDS = 2
RETURN_POLL_SECONDS = 60
DESCRIPTION_MAX = 80
_TAG = " #"
_PART_STATES = {
    "PENDING": PartState.PENDING,
    "ADJUST": PartState.PENDING,
    "SUCCESS": PartState.APPLIED,
    "CLOSED": PartState.CLOSED,
    "RETURNED": PartState.CLOSED,
}


class UnsendableSplit(InvalidRequest):
    """WeChat Pay does not take a split request of this form."""

    code = "unsendable_split"


def split_body(contract: Contract, request: SplitRequest) -> dict[str, Any]:
    """The body of a split; `UnsendableSplit` for what the vendor refuses whatever the money."""
    _check(contract, request)
    is_ecommerce = contract.dialect is Dialect.ECOMMERCE
    return {
        "appid": contract.appid,
        **({} if contract.dialect is Dialect.DIRECT else {"sub_mchid": request.merchant_ref}),
        "transaction_id": request.collection_ref,
        "out_order_no": checked_key(request.key),
        "receivers": [_receiver(contract, part) for part in request.parts],
        "finish" if is_ecommerce else "unfreeze_unsplit": request.finish,
    }


def split_of(answer: Mapping[str, Any], merchant: str) -> Outcome[SplitResult]:
    """A split request as an outcome; the vendor's own release leg to `merchant` is not a part."""
    legs: Sequence[Mapping[str, Any]] = answer.get("receivers") or []
    parts = tuple(_part(leg) for leg in legs if not _is_release(leg, merchant))
    state = answer.get("state") or answer.get("status")
    times = [at for leg in legs if (at := instant(leg.get("finish_time"))) is not None]
    if state == "CLOSED":
        return failed(str(answer.get("close_reason") or "CLOSED"))
    is_over = state == "FINISHED" and all(part.state is not PartState.PENDING for part in parts)
    is_released = is_over and len(parts) < len(legs)  # the vendor's own leg says that nothing is frozen any more
    finished_at = max(times) if is_over and times else None
    value = SplitResult(str(answer.get("order_id") or ""), parts, finished_at, 0 if is_released else None)
    return Done(value) if is_over else Pending(value, POLL_SECONDS)


def finish_body(contract: Contract, request: FinishRequest) -> dict[str, Any]:
    """The body that ends an order; its number is never that of a split."""
    return {
        **({} if contract.dialect is Dialect.DIRECT else {"sub_mchid": request.merchant_ref}),
        "transaction_id": request.collection_ref,
        "out_order_no": finish_number(request.key),
        "description": plain_text(request.description, DESCRIPTION_MAX) or "finish",
    }


def finished_of(answer: Mapping[str, Any]) -> Outcome[Finished]:
    """The end of an order as an outcome, with what went to its own merchant."""
    legs: Sequence[Mapping[str, Any]] = answer.get("receivers") or []
    released = answer.get("finish_amount")
    if released is None:
        released = sum(int(leg["amount"]) for leg in legs if leg.get("result") == "SUCCESS")
    is_over = (answer.get("state") or answer.get("status")) == "FINISHED"
    finished_at = next((at for leg in legs if (at := instant(leg.get("finish_time")))), None)
    value = Finished(str(answer.get("order_id") or ""), yuan(int(released)), finished_at if is_over else None)
    return Done(value) if is_over else Pending(value, POLL_SECONDS)


def return_body(contract: Contract, request: ReverseSplitRequest) -> dict[str, Any]:
    """The body of a return; without a receiver it is of the platform's own part."""
    return {
        **({} if contract.dialect is Dialect.DIRECT else {"sub_mchid": request.merchant_ref}),
        "out_order_no": checked_key(request.split_key),
        "out_return_no": checked_key(request.key),
        "return_mchid": request.receiver_ref or contract.mchid,
        "amount": fen(request.amount),
        "description": plain_text(request.description, DESCRIPTION_MAX) or "return",
    }


def return_of(answer: Mapping[str, Any]) -> Outcome[SplitReversal]:
    """A return as an outcome."""
    result = str(answer.get("result", ""))
    ref = str(answer.get("return_id") or answer.get("return_no") or "")
    finished_at: datetime | None = instant(answer.get("finish_time"))
    match result:
        case "SUCCESS":
            return Done(SplitReversal(ref, yuan(answer.get("amount")), finished_at))
        case "PROCESSING":
            return Pending(SplitReversal(ref, yuan(answer.get("amount"))), RETURN_POLL_SECONDS)
        case _:
            return failed(str(answer.get("fail_reason") or result))


def _check(contract: Contract, request: SplitRequest) -> None:
    limit = limits.RECEIVERS_PER_REQUEST_MAX
    if not 1 <= len(request.parts) <= limit.value:
        raise UnsendableSplit(f"a split names 1 to {limit.value} receivers, not {len(request.parts)}", param="parts")
    if any(part.amount_minor <= 0 for part in request.parts):
        raise UnsendableSplit("every part of a split is more than nothing", param="parts")
    receivers = [account_of(contract, part) for part in request.parts]
    if assumptions.duplicate_receivers_refused() and len(set(receivers)) < len(receivers):
        raise UnsendableSplit("a split names each receiver once: add up the parts of one receiver", param="parts")
    if not request.finish:
        return
    if assumptions.owner_part_needs_open_order() and request.merchant_ref in receivers:
        raise UnsendableSplit("a split that finishes the order has no part for its own merchant", param="finish")
    merchants = [account_of(contract, p) for p in request.parts if p.receiver_kind is not ReceiverKind.PERSON]
    if contract.dialect is Dialect.ECOMMERCE and not all(contract.is_platform(one) for one in merchants):
        raise UnsendableSplit("a split that finishes the order gives to the platform alone", param="finish")


def _receiver(contract: Contract, part: SplitPart) -> dict[str, Any]:
    account = "receiver_account" if contract.dialect is Dialect.ECOMMERCE else "account"
    tag = f"{_TAG}{part.key}"
    return {
        "type": kind_of(contract, part.receiver_kind),
        account: account_of(contract, part),
        "amount": part.amount_minor,
        "description": plain_text(part.description, DESCRIPTION_MAX - len(tag)) + tag,
    }


def account_of(contract: Contract, part: SplitPart) -> str:
    """The receiver's account; the platform's own part may leave it out."""
    return part.receiver_ref or (contract.mchid if part.receiver_kind is ReceiverKind.PLATFORM else "")


def kind_of(contract: Contract, kind: ReceiverKind) -> str:
    """WeChat Pay's word for a kind of receiver."""
    if kind is not ReceiverKind.PERSON:
        return "MERCHANT_ID"
    return "PERSONAL_SUB_OPENID" if contract.sub_appid else "PERSONAL_OPENID"


def _part(leg: Mapping[str, Any]) -> SplitPartResult:
    return SplitPartResult(
        key=str(leg.get("description") or "").rpartition(_TAG)[2] if _is_ours(leg) else "",
        receiver_ref=_account(leg),
        amount_minor=int(leg["amount"]),
        state=_PART_STATES.get(str(leg.get("result")), PartState.PENDING),
        ref=str(leg.get("detail_id") or ""),
        reason=str(leg.get("fail_reason") or ""),
    )


def _is_ours(leg: Mapping[str, Any]) -> bool:
    return _TAG in str(leg.get("description") or "")


def _is_release(leg: Mapping[str, Any], merchant: str) -> bool:
    return _account(leg) == merchant and not _is_ours(leg)


def _account(leg: Mapping[str, Any]) -> str:
    return str(leg.get("receiver_account") or leg.get("receiver_mchid") or leg.get("account") or "")
