"""The numbers of WeChat Pay profit sharing, each with its source and the day it was read.

The share cap of a merchant is not among them: it is read from the provider per merchant and never hard-coded.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

from cauce.gateway.capabilities import Sourced

_READ = date(2026, 11, 2)
_SPLIT = "WeChat Pay, profit sharing guide, pay.weixin.qq.com/doc/v3/partner/4012525463 (2025-12-12)"
_RETURN = "WeChat Pay, profit sharing returns, pay.weixin.qq.com/wiki/doc/apiv3_partner/apis/chapter8_1_3.shtml"
_REFUND = "WeChat Pay, refunds, pay.weixin.qq.com/doc/v3/merchant/4014547102 (2025-11-17)"
_SDK = "wechatpay-apiv3/wechatpay-go v0.2.21 (2025-07-07), profit sharing service comments"

RECEIVERS_PER_REQUEST_MAX = Sourced(50, "receivers", _SPLIT, _READ)
REQUESTS_PER_ORDER_MAX = Sourced(50, "requests", _SPLIT, _READ)
REGISTERED_RECEIVERS_MAX = Sourced(20_000, "receivers", _SPLIT, _READ)
REGISTERED_RECEIVERS_COOL_DOWN_HOURS = Sourced(24, "hours", _SPLIT, _READ)
SPLIT_DELAY_SECONDS_MIN = Sourced(60, "seconds", _SPLIT, _READ)
SAME_ORDER_INTERVAL_SECONDS_MIN = Sourced(1, "seconds", _SPLIT, _READ)

FREEZE_DAYS_ORDINARY = Sourced(30, "days", _SPLIT, _READ)
FREEZE_DAYS_ECOMMERCE = Sourced(180, "days", _SPLIT, _READ)

RETURN_WINDOW_DAYS = Sourced(180, "days", _RETURN, _READ)
RETURNS_PER_SPLIT_MAX = Sourced(50, "returns", _RETURN, _READ)
RETURNS_PER_RECEIVER_MAX = Sourced(20, "returns", _SDK, _READ)
RETURN_TIMEOUT_DAYS = Sourced(5, "days", _RETURN, _READ)

REFUND_WINDOW_DAYS = Sourced(365, "days", _REFUND, _READ)
REFUNDS_PER_ORDER_MAX = Sourced(50, "refunds", _REFUND, _READ)
REFUNDS_PER_SECOND_MAX = Sourced(150, "requests per second", _REFUND, _READ)

SPLITS_PER_SECOND_DIRECT_MAX = Sourced(300, "requests per second", _SPLIT, _READ)
SPLITS_PER_SECOND_ECOMMERCE_MAX = Sourced(2_000, "requests per second", _SPLIT, _READ)

ORDERS_PER_PAYMENT_MAX = Sourced(
    50, "orders", "wechatpay-apiv3/wechatpay-go v0.2.21 (2025-07-07), sub_orders of combined payments", _READ
)
SUBSIDY_MAX = Sourced(
    500_000, "fen", "wechatpay-apiv3/wechatpay-go v0.2.21 (2025-07-07), comments of settle_info.subsidy_amount", _READ
)

PAYMENT_EXPIRY_DAYS = Sourced(7, "days", "WeChat Pay, orders, pay.weixin.qq.com/doc/v3/merchant/4012791856", _READ)
BILL_KEPT_MONTHS = Sourced(3, "months", "WeChat Pay, bills, pay.weixin.qq.com/doc/v3/merchant/4012791871", _READ)
NOTICE_ANSWER_SECONDS = Sourced(5, "seconds", "WeChat Pay, callbacks, basic rules (2024-07)", _READ)

# Bills of a day are ready at 10:00 of the next day in Shanghai (WeChat Pay, bills, read 2026-11).
BILL_READY_HOUR = 10

BILL_OFFSET_HOURS = Sourced(8, "hours", "WeChat Pay, bills: the day of a bill is that of Shanghai", _READ)

# Numbers minted by the caller: 6 to 32 characters inside every limit of the vendor's pages, read 2026-11.
KEY_LENGTH_MAX = 32

# WeChat Pay states ratios in ten-thousandths of the order (`max_ratio` 3000 is 30 %), read 2026-11.
RATIO_DENOMINATOR = 10_000


def share_max(max_ratio: int) -> Fraction:
    """The share cap that the provider's `max_ratio` states, as a part of the order."""
    return Fraction(max_ratio, RATIO_DENOMINATOR)
