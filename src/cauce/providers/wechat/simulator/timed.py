"""What happens by itself at the simulated WeChat Pay when its clock gets there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.kit.simulator.timers import Timer
from cauce.providers.wechat.simulator import expiry, funds, refunds, returns, splits

_TIMERS: Mapping[str, Callable[[Tenant, str], None]] = {
    splits.TIMER: splits.conclude,
    refunds.TIMER: refunds.conclude,
    returns.TIMER_TIMEOUT: returns.timed_out,
    returns.TIMER_DECIDE: returns.decide,
    funds.TIMER: funds.conclude,
    expiry.TIMER: expiry.night,
}


def fire(tenant: Tenant, timer: Timer) -> None:
    """Do what a timer says."""
    _TIMERS[timer.name](tenant, timer.target)
