"""The four-party offers as choices among channels: the platform instructs, the named bank holds and moves the money."""

from __future__ import annotations

from dataclasses import replace

from cauce.gateway.choosing import FOUNDING, Offer, SolutionClass

_SAME = f"lower cost, some compliance risk ({FOUNDING})"
_E_ACCOUNT = Offer(
    "e-account",
    "E-account (Yi account)",
    "custody",
    SolutionClass.FOUR_PARTY,
    frozenset({"wechat", "alipay", "web", "card"}),
    "published market comparison, read 2026-11; no wire format is public",
    receivers_max=5_000,
    lead_time_weeks=6,
    development_effort="none",
    cost_level="low",
    compliance="some_risk",
    opens_accounts="e-account",
    manual_work=True,
    said_then=_SAME,
    rank=40,
)

OFFERS = (
    _E_ACCOUNT,
    replace(
        _E_ACCOUNT, name="e-clearing", title="E-clearing (Yi clearing)", custody_bank="China Merchants Bank", rank=41
    ),
    replace(_E_ACCOUNT, name="jufutong", title="Jufutong", custody_bank="Fubon Huayi Bank", rank=42),
    replace(_E_ACCOUNT, name="zhifutong", title="Zhifutong", opens_accounts="physical account", rank=43),
)
