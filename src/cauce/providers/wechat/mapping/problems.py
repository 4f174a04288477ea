"""Refusals of WeChat Pay as outcomes: first the HTTP status, then the code, then the words of the message.

Messages come with half- or full-width punctuation, so only text without punctuation is compared. What may be sent
again later under the same number is `Unknown` that says so: whoever asks finds that the number was never seen, and sends again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cauce.gateway.outcome import Declined, Refusal, Unknown

RETRY_SECONDS = 60  # split orders are ready about 60 s after payment
THROTTLED_SECONDS = 2
ASK_SECONDS = 5
_PUNCTUATION = re.compile(r"[\W_]+")

_LATER = object()
_BY_WORDS: tuple[tuple[str, str, object], ...] = (
    # (operation or "*", words of the message, what follows)
    ("split", "分账接收方与原请求不一致", Refusal.DUPLICATE),
    ("*", "订单处理中", _LATER),
    ("*", "暂时无法分账", _LATER),
    ("*", "分账补贴还未到账", _LATER),
    ("split", "分账接收方关系不存在", Refusal.PARTY_MISMATCH),
    ("split", "分账金额超出最大分账比例", Refusal.LIMIT_EXCEEDED),
    ("split", "请求分账的交易模式和下单的交易模式不匹配", Refusal.CONFIG),
    ("*", "分账金额不足", Refusal.INSUFFICIENT_FUNDS),
    ("*", "分账金额为0", Refusal.INSUFFICIENT_FUNDS),
    ("reverse_split", "回退方未开通分账回退功能", Refusal.FORBIDDEN),
    ("reverse_split", "回退方不存在", Refusal.PARTY_MISMATCH),
    ("reverse_split", "超过可回退期限", Refusal.FORBIDDEN),
    ("*", "可用余额不足", Refusal.INSUFFICIENT_FUNDS),
    ("*", "账户余额不足", Refusal.INSUFFICIENT_FUNDS),
    ("refund", "申请退款金额大于剩余未分账金额", Refusal.LIFECYCLE),
    ("refund", "超过退款期限", Refusal.FORBIDDEN),
    ("refund", "申请退款金额超过可退金额", Refusal.FORBIDDEN),
    ("open_account", "请确认分账接收方是否存在", Refusal.IDENTITY_MISMATCH),
    ("open_account", "分账接收商户全称不匹配", Refusal.IDENTITY_MISMATCH),
    ("open_account", "微信用户姓名与实名不一致", Refusal.IDENTITY_MISMATCH),
    ("open_account", "商户已添加的分账接收方个数过多", Refusal.LIMIT_EXCEEDED),
)
_BY_CODE: Mapping[str, Refusal] = {
    "SIGN_ERROR": Refusal.SIGNATURE,
    "NO_AUTH": Refusal.CONFIG,
    "APPID_MCHID_NOT_MATCH": Refusal.CONFIG,
    "MCH_NOT_EXISTS": Refusal.CONFIG,
    "NOT_ENOUGH": Refusal.INSUFFICIENT_FUNDS,
    "RULE_LIMIT": Refusal.LIMIT_EXCEEDED,
    "USER_ACCOUNT_ABNORMAL": Refusal.METHOD_INVALID,
    "OUT_TRADE_NO_USED": Refusal.DUPLICATE,
    "ORDER_CLOSED": Refusal.LIFECYCLE,
    "ORDERPAID": Refusal.LIFECYCLE,
    "RESOURCE_NOT_EXISTS": Refusal.NOT_FOUND,
    "ORDER_NOT_EXIST": Refusal.NOT_FOUND,
}
_BY_STATUS: Mapping[int, Refusal] = {
    400: Refusal.INVALID_REQUEST,
    401: Refusal.SIGNATURE,
    403: Refusal.FORBIDDEN,
    404: Refusal.NOT_FOUND,
    405: Refusal.INVALID_REQUEST,
}
_FAILED_PARTS: Mapping[str, Refusal] = {
    "ACCOUNT_ABNORMAL": Refusal.PARTY_MISMATCH,
    "PAYER_ACCOUNT_ABNORMAL": Refusal.LIFECYCLE,
    "TIME_OUT_CLOSED": Refusal.LIFECYCLE,
    "BALANCE_NOT_ENOUGH": Refusal.INSUFFICIENT_FUNDS,
    "INVALID_REQUEST": Refusal.INVALID_REQUEST,
}
ALREADY_PAID = "ORDERPAID"


def refused(operation: str, status: int, body: Mapping[str, Any]) -> Declined | Unknown:
    """What an answer that is no success means for `operation` (a value of `gateway.collecting.Operation`)."""
    code, message = str(body.get("code", "")), str(body.get("message", ""))
    shown = f"{status} {code} {message}".strip()
    if status == 429:
        return Unknown(shown, THROTTLED_SECONDS, is_undone=True, code=code)
    if status not in _BY_STATUS:  # 202 (repeat it), 5xx and whatever a proxy says
        return Unknown(shown, ASK_SECONDS)
    words = _words(message)
    for concerned, text, follows in _BY_WORDS if status in (400, 403) else ():
        if concerned in ("*", operation) and _words(text) in words:
            if isinstance(follows, Refusal):
                return Declined(code, follows, message)
            return Unknown(shown, RETRY_SECONDS, is_undone=True, code=code)
    return Declined(code, _BY_CODE.get(code, _BY_STATUS[status]), message)


def failed(reason: str) -> Declined:
    """A return, refund or withdrawal that WeChat Pay accepted and then could not make."""
    return Declined(reason, _FAILED_PARTS.get(reason, Refusal.DECLINED), f"WeChat Pay could not do it: {reason}")


def _words(text: str) -> str:
    return _PUNCTUATION.sub("", text)
