"""Adapter of the kind about provider limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cauce.gateway import limits as g
from cauce.gateway.capabilities import Sourced
from cauce.gateway.errors import LimitExceeded
from cauce.providers.wechat import limits as wechat
from tests.cases.adapter import UnknownVocabulary, kind

COUNTED: dict[str, tuple[Sourced, type[LimitExceeded]]] = {
    "receivers_per_request": (wechat.RECEIVERS_PER_REQUEST_MAX, g.TooManyReceivers),
    "requests_per_order": (wechat.REQUESTS_PER_ORDER_MAX, g.TooManyRequests),
    "registered_receivers": (wechat.REGISTERED_RECEIVERS_MAX, g.TooManyRegistered),
    "returns_per_receiver": (wechat.RETURNS_PER_RECEIVER_MAX, g.TooManyReturns),
    "return_window_days": (wechat.RETURN_WINDOW_DAYS, g.ReturnWindowOver),
}

FREEZES = {
    "freeze_days_ecommerce": wechat.FREEZE_DAYS_ECOMMERCE,
    "freeze_days_ordinary": wechat.FREEZE_DAYS_ORDINARY,
}


def _allowed(check: Callable[[], None]) -> dict[str, Any]:
    try:
        check()
    except LimitExceeded as refusal:
        return {"allowed": False, "refused": refusal.code}
    return {"allowed": True}


@kind("provider_limit")
def _provider_limit(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    if inputs["provider"] != "wechat_pay":
        raise UnknownVocabulary(f"no limits of {inputs['provider']!r}")
    check = inputs["check"]
    if check in COUNTED:
        limit, refusal = COUNTED[check]
        return {"limit": limit.value, **_allowed(lambda: g.require_at_most(inputs["value"], limit, refusal))}
    if check in FREEZES:
        released = g.is_released(inputs["value"], FREEZES[check])
        return {"allowed": not released, "limit": FREEZES[check].value, "released_to": "payee" if released else None}
    if check == "returned_total":
        return _allowed(lambda: g.require_returns_within(inputs["shared_minor"], inputs["returns_minor"]))
    if check == "max_ratio":
        return {"allowed": True, "max_share": str(wechat.share_max(inputs["value"]))}
    raise UnknownVocabulary(f"no check {check!r}")
