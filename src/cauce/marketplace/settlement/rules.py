"""Payout schedules and what a settlement pays: when the next run is, how much leaves, who must approve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from cauce.kernel.calendar.business import BusinessCalendar
from cauce.kernel.calendar.months import add_days
from cauce.kernel.calendar.zones import at_local_time, local_date, zone_of
from cauce.kernel.errors import Conflict, Forbidden, InvalidRequest, NotFound
from cauce.kernel.machine import BEGIN, Machine, Transition, steps

_SEARCH_DAYS_MAX = 800


class Interval(StrEnum):
    """How often a merchant is settled."""

    MANUAL = "manual"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class BadSchedule(InvalidRequest):
    """The payout schedule cannot be understood."""

    code = "bad_payout_schedule"


class UnknownPayout(NotFound):
    """There is no such payout."""

    code = "unknown_payout"


class PayoutNeedsSecondPerson(Forbidden):
    """A payout is approved by somebody else than who asked for it (K18)."""

    code = "payout_needs_second_person"


class PayoutsPaused(Conflict):
    """Payouts of this merchant are paused."""

    code = "payouts_paused"


class NothingToPayOut(Conflict):
    """The merchant has less withdrawable than this."""

    code = "nothing_to_pay_out"


class NoInstrument(Conflict):
    """The merchant has no verified payout instrument that may be used already (K3, K18)."""

    code = "no_payout_instrument"


PAYOUT = Machine(
    "payout",
    (
        "requested", "approved", "funds_reserved", "submitted", "processing", "paid", "returned", "failed", "unknown",
        "canceled",
    ),
    (
        *steps("request", (BEGIN,), "requested"),
        *steps("submit", (BEGIN, "requested", "approved", "funds_reserved"), "submitted"),
        *steps("approve", ("requested",), "approved"),
        *steps("wait", ("submitted", "unknown"), "processing"),
        *steps("lose", ("submitted", "processing"), "unknown"),
        *steps("pay", ("submitted", "processing", "unknown"), "paid"),
        *steps("fail", ("submitted", "processing", "unknown"), "failed"),
        *steps("cancel", ("requested",), "canceled"),
        Transition("return", "paid", "return", "returned"),
    ),
)  # fmt: skip


class Credit(NamedTuple):
    """Whose withdrawable money grew: a merchant at a channel in a currency."""

    merchant_id: str
    channel_id: str
    currency: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """When and how a merchant is settled. Weekdays count from Monday 0; month days 29 to 31 mean the last when absent.

    `delay_days` is T+N counted from each credit, in calendar or business days: a run pays none that is younger. Amounts are minor units of any currency.
    """

    interval: Interval = Interval.WEEKLY
    weekdays: frozenset[int] = frozenset({0})
    month_days: frozenset[int] = frozenset({1})
    delay_days: int = 0
    business_days: bool = False
    market: str = ""  # whose holidays count
    calendar: BusinessCalendar = field(default_factory=BusinessCalendar)
    cutoff: time = time(0)
    timezone: str = "UTC"
    minimum_minor: int = 1
    maximum_minor: int | None = None
    retained_minor: int = 0
    approval_over_minor: int | None = None

    def next_run(self, credited_at: datetime) -> datetime | None:
        """The first run that pays what was credited then; None for a manual schedule."""
        if self.interval is Interval.MANUAL:
            return None
        zone = zone_of(self.timezone)
        day = local_date(credited_at, zone)
        day = self.calendar.add(day, self.delay_days) if self.business_days else add_days(day, self.delay_days)
        for _ in range(_SEARCH_DAYS_MAX):
            if self._runs_on(day.weekday(), day.day, (add_days(day, 1)).day == 1):
                runs_on = self.calendar.on_or_after(day) if self.business_days else day
                instant = at_local_time(runs_on, self.cutoff, zone)
                if instant >= credited_at:
                    return instant
            day = add_days(day, 1)
        raise BadSchedule("the schedule has no run within two years", param="schedule")

    def on_open_day(self, run_at: datetime) -> datetime:
        """A run that fell on a day that is closed by now: at the cutoff of the next open one."""
        zone = zone_of(self.timezone)
        day = local_date(run_at, zone)
        if not self.business_days or self.calendar.is_open(day):
            return run_at
        return at_local_time(self.calendar.on_or_after(day), self.cutoff, zone)

    def next_after(self, run_at: datetime) -> datetime | None:
        """The run that follows a run, for money that has waited its days already."""
        return replace(self, delay_days=0).next_run(run_at + timedelta(seconds=1))

    def matures_before(self, run_at: datetime) -> datetime | None:
        """A run pays what was credited before this instant; None when it pays whatever there is (no delay)."""
        if not self.delay_days:
            return None
        zone = zone_of(self.timezone)
        runs_on = local_date(run_at, zone)
        day = add_days(runs_on, -self.delay_days)
        while self.business_days and self.calendar.add(day, self.delay_days) > runs_on:
            day = add_days(day, -1)
        return at_local_time(add_days(day, 1), time(0), zone)

    def _runs_on(self, weekday: int, month_day: int, is_last: bool) -> bool:
        if self.interval is Interval.DAILY:
            return True
        if self.interval is Interval.WEEKLY:
            return weekday in self.weekdays
        return month_day in self.month_days or (is_last and any(day > month_day for day in self.month_days))

    def payouts_of(self, balance_minor: int) -> list[int]:
        """The amounts that a run pays out of a balance; nothing below the minimum (it is carried over)."""
        amount = balance_minor - self.retained_minor
        if amount < max(self.minimum_minor, 1):
            return []
        if self.maximum_minor is None:
            return [amount]
        whole, rest = divmod(amount, self.maximum_minor)
        return [self.maximum_minor] * whole + ([rest] if rest >= max(self.minimum_minor, 1) else [])

    def needs_approval(self, amount_minor: int) -> bool:
        """Whether a second person must approve a payout of this amount."""
        return self.approval_over_minor is not None and amount_minor > self.approval_over_minor


DEFAULT = Schedule()


def parse_schedule(document: Mapping[str, Any]) -> Schedule:
    """A schedule from its stored or sent form; `BadSchedule` names what is wrong."""
    unknown = set(document) - {
        "interval", "weekdays", "month_days", "delay_days", "business_days", "cutoff", "timezone", "minimum_amount",
        "maximum_amount", "retained_balance", "approval_over", "calendar",
    }  # fmt: skip
    if unknown:
        raise BadSchedule(f"{sorted(unknown)[0]} is not a field of a payout schedule", param="schedule")
    try:
        schedule = Schedule(
            interval=Interval(document.get("interval", "weekly")),
            weekdays=frozenset(document.get("weekdays", [0])),
            month_days=frozenset(document.get("month_days", [1])),
            delay_days=document.get("delay_days", 0),
            business_days=document.get("business_days", False),
            market=document.get("calendar", ""),
            cutoff=time.fromisoformat(document.get("cutoff", "00:00")),
            timezone=document.get("timezone", "UTC"),
            minimum_minor=document.get("minimum_amount", 1),
            maximum_minor=document.get("maximum_amount"),
            retained_minor=document.get("retained_balance", 0),
            approval_over_minor=document.get("approval_over"),
        )
    except (TypeError, ValueError) as exc:
        raise BadSchedule(f"the payout schedule cannot be read: {exc}", param="schedule") from exc
    zone_of(schedule.timezone)
    if type(schedule.business_days) is not bool or not isinstance(schedule.market, str):
        raise BadSchedule("business_days is true or false, calendar the name of a market", param="schedule")
    bounds = (schedule.delay_days, schedule.minimum_minor, schedule.retained_minor, schedule.maximum_minor or 1)
    if any(type(one) is not int or one < 0 for one in bounds) or schedule.maximum_minor == 0:
        raise BadSchedule("days and amounts are whole numbers, not negative", param="schedule")
    if schedule.maximum_minor is not None and schedule.maximum_minor < schedule.minimum_minor:
        raise BadSchedule("the maximum of a payout is not below its minimum", param="schedule")
    if not schedule.weekdays <= set(range(7)) or not schedule.month_days <= set(range(1, 32)):
        raise BadSchedule("weekdays are 0 to 6, month days 1 to 31", param="schedule")
    return schedule
