"""Combined payments: one payer, one payment, several merchants' orders; bodies, and what WeChat Pay says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cauce.gateway.collecting import (
    CancelCombinedRequest,
    Collection,
    CollectRequest,
    CombinedCollection,
    CombinedRequest,
)
from cauce.gateway.outcome import Declined, Done, Outcome, Pending
from cauce.providers.wechat import assumptions
from cauce.providers.wechat.contract import Contract
from cauce.providers.wechat.mapping import payments
from cauce.providers.wechat.mapping.texts import WIRE_CURRENCY, checked_key, fen, plain_text, wire_time

DESCRIPTION_MAX = 128


def combined_body(contract: Contract, request: CombinedRequest) -> dict[str, Any]:
    """The body that starts one. What is said of the payer is the same in every part."""
    first = request.parts[0]
    body: dict[str, Any] = {
        "combine_appid": contract.appid,
        "combine_mchid": contract.mchid,
        "combine_out_trade_no": checked_key(request.key),
        "sub_orders": [_order(contract, part) for part in request.parts],
        "notify_url": payments.without_query(first.notify_url or contract.notify_url),
    }
    if first.expires_at is not None:
        body["time_expire"] = wire_time(first.expires_at)
    match payments.product_of(first):
        case "jsapi":
            body["combine_payer_info"] = {"openid": first.payer_ref}
        case "h5":
            body["scene_info"] = payments.scene_of(first)
    return body


def close_body(contract: Contract, request: CancelCombinedRequest) -> dict[str, object]:
    """The body that closes one."""
    orders = [(contract.mchid, merchant, checked_key(key)) for key, merchant in request.parts]
    return assumptions.combined_close_body(contract.appid, orders)


def orders_of(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The orders of a combined payment, each in the words of an order that was paid alone."""
    return [plain_order(part) for part in answer.get("sub_orders") or ()]


def plain_order(part: Mapping[str, Any]) -> dict[str, Any]:
    """One order of a combined payment in the words of an order that was paid alone."""
    return {**part, "amount": {"total": (part.get("amount") or {}).get("total_amount")}}


def key_of(order: Mapping[str, Any]) -> str:
    """Our number of one order."""
    return str(order["out_trade_no"])


def combined_of(found: Sequence[tuple[str, Outcome[Collection]]]) -> Outcome[CombinedCollection]:
    """All orders together: done when every one is, refused with the first that was, else still waited for."""
    refused = next((outcome for _, outcome in found if isinstance(outcome, Declined)), None)
    if refused is not None:
        return refused
    parts = tuple((key, each.value) for key, each in found if isinstance(each, Done | Pending))
    value = CombinedCollection(parts)
    if all(isinstance(outcome, Done) for _, outcome in found):
        return Done(value)
    return Pending(value, payments.PAYER_SECONDS)


def _order(contract: Contract, part: CollectRequest) -> dict[str, Any]:
    return {
        "mchid": contract.mchid,
        "sub_mchid": part.merchant_ref,
        "out_trade_no": checked_key(part.key),
        "attach": plain_text(part.order_ref, payments.ATTACH_MAX) or part.key,
        "description": plain_text(part.description, DESCRIPTION_MAX) or part.order_ref,
        "amount": {"total_amount": fen(part.amount), "currency": WIRE_CURRENCY},
        "settle_info": payments.settle_info(part),
    }
