"""WeChat Pay as a choice among channels."""

from __future__ import annotations

from cauce.gateway.choosing import FOUNDING, Offer, SolutionClass
from cauce.providers.wechat import limits

_SOURCE = "WeChat Pay, profit sharing guide, read 2026-11"
_SURFACES = frozenset({"wechat"})
_DEFAULT_SHARE_BPS = 3_000  # what a merchant has unless it applied for more; each merchant's own is read from the API

OFFERS = (
    Offer(
        "wechat",
        "WeChat Pay split (direct or service provider)",
        "wechat",
        SolutionClass.WECHAT_SPLIT,
        _SURFACES,
        _SOURCE,
        share_max_bps=_DEFAULT_SHARE_BPS,
        freeze_days=limits.FREEZE_DAYS_ORDINARY.value,
        receivers_max=limits.RECEIVERS_PER_REQUEST_MAX.value * limits.REQUESTS_PER_ORDER_MAX.value,
        lead_time_weeks=2,
        cost_level="low",
        said_then=f"only for official accounts and mini programs, at most 30 % to others ({FOUNDING})",
        rank=10,
    ),
    Offer(
        "wechat-ecommerce",
        "WeChat Pay ecommerce (second-level merchants)",
        "wechat",
        SolutionClass.WECHAT_SPLIT,
        _SURFACES,
        _SOURCE,
        share_max_bps=_DEFAULT_SHARE_BPS,
        freeze_days=limits.FREEZE_DAYS_ECOMMERCE.value,
        receivers_max=limits.RECEIVERS_PER_REQUEST_MAX.value * limits.REQUESTS_PER_ORDER_MAX.value,
        lead_time_weeks=4,
        cost_level="low",
        rank=12,
    ),
)
