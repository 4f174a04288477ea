"""A subscription as a value, and the pure steps of its life: terms, periods, trials, what it waits for.

Every boundary is a local date from the remembered anchor at a remembered local time of day; the instant at which
something is due is made from them last, so a clock change moves no money (V3, V4). Functions return the changed
subscription; who may take a step says `machine`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

from cauce.billing.subscriptions.aligned import aligned_schedule
from cauce.kernel.calendar.months import add_days
from cauce.kernel.calendar.periods import Interval, Schedule, SchedulePeriod, interval_of
from cauce.kernel.calendar.zones import at_local_time, local_date, zone_of
from cauce.kernel.errors import Conflict, InvalidRequest

RENEW, TRIAL_END = "renew", "trial_end"
QUOTE_END, INCOMPLETE_END, UNPAID_END, RESUME, RETENTION_END = (
    "quote_end", "incomplete_end", "unpaid_end", "resume", "retention_end",
)  # fmt: skip
QUOTE_DAYS = 30
UPCOMING_DAYS, UPCOMING_DAYS_YEARLY = 7, 30


class TrialUsed(Conflict):
    """This customer has had a trial of the product."""

    code = "trial_used"


class MethodRequired(Conflict):
    """The plan's trial begins only with a payment method on file."""

    code = "payment_method_required"


class BadQuantity(InvalidRequest):
    """A quantity is a decimal of zero or more."""

    code = "bad_quantity"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One contract. Dates are local to `timezone`; `version` counts writes.

    `upcoming_at`: when the invoice of the next renewal is told; None once it was. `usage_from`: use of days before it is
    billed already, though the running period began earlier. `access_kept`: it is complete and keeps what it gave. `alignment`: "" (its own anchor), "calendar", or the weekday
    ("1" Monday to "7") on which its weeks begin.
    """

    id: str
    customer_id: str
    plan_id: str
    product_id: str
    status: str
    currency: str
    timezone: str
    term: int
    interval_unit: str
    interval_count: int
    anchor_on: date
    anchor_day: int | None
    anchor_time: time
    created_at: datetime
    period_index: int = -1
    period_start: date | None = None
    period_end: date | None = None
    collection: str = "charge"
    net_days: int = 0
    method_id: str | None = None
    trial_start: datetime | None = None
    trial_end: datetime | None = None
    cancel_at_period_end: bool = False
    cancellation: str = ""
    cancel_reason: str = ""
    pause_reason: str = ""
    paused_on: date | None = None
    resume_at: datetime | None = None
    periods_max: int | None = None
    pending_invoice_id: str | None = None
    mrr_minor: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)
    due_kind: str | None = None
    due_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    upcoming_at: datetime | None = None
    usage_from: date | None = None
    access_kept: bool = False
    alignment: str = ""
    version: int = 1

    @property
    def interval(self) -> Interval:
        """How long a period is."""
        return interval_of(self.interval_unit, self.interval_count)


@dataclass(frozen=True, slots=True)
class Item:
    """One price of a subscription and how many of it; its phases begin on `phases_from`, None: when it is first billed."""

    id: str
    subscription_id: str
    price_id: str
    quantity: Decimal
    options: dict[str, Any] = field(default_factory=dict)
    adjust_minor: int = 0
    adjust_percent: Decimal = Decimal(0)
    phases_from: date | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One taken step, for the history."""

    before: Subscription | None
    after: Subscription
    trigger: str
    at: datetime
    reason: str = ""


def schedule_of(subscription: Subscription) -> Schedule:
    """The periods of the present term."""
    one = subscription
    return aligned_schedule(one.anchor_on, one.interval, one.anchor_day, one.alignment)


def period_of(subscription: Subscription, index: int) -> SchedulePeriod:
    """Period `index` (from 0, a leading stub included) of the present term."""
    return _period(
        subscription.anchor_on,
        subscription.interval_unit,
        subscription.interval_count,
        subscription.anchor_day,
        subscription.alignment,
        index,
    )


@lru_cache(maxsize=65_536)
def _period(
    anchor_on: date, unit: str, count: int, anchor_day: int | None, alignment: str, index: int
) -> SchedulePeriod:
    return aligned_schedule(anchor_on, interval_of(unit, count), anchor_day, alignment).period(index)


def instant_of(subscription: Subscription, day: date) -> datetime:
    """The instant of the anchor's local time on `day`."""
    return _instant(day, subscription.anchor_time, subscription.timezone)


@lru_cache(maxsize=65_536)
def _instant(day: date, clock: time, timezone: str) -> datetime:
    return at_local_time(day, clock, zone_of(timezone))


def local_day(subscription: Subscription, instant: datetime) -> date:
    """The subscription's date at an instant."""
    return local_date(instant, zone_of(subscription.timezone))


@dataclass(frozen=True, slots=True)
class Entered:
    """The period that a subscription is in from now on; the renewal is due at `due_at`, its end, told at `upcoming_at`."""

    id: str
    period_index: int
    period_start: date
    period_end: date
    due_at: datetime
    upcoming_at: datetime


def entered(subscription: Subscription, index: int) -> Entered:
    """What changes when the subscription goes on to period `index`."""
    period = period_of(subscription, index).period
    return Entered(
        subscription.id,
        index,
        period.start,
        period.end,
        instant_of(subscription, period.end),
        upcoming_of(subscription, period.start, period.end),
    )


def upcoming_of(subscription: Subscription, start: date, end: date) -> datetime:
    """When the renewal at `end` is told: 7 days before, 30 where a period is a year or longer; never before `start`."""
    return instant_of(subscription, max(upcoming_day(subscription, end), start))


def upcoming_day(subscription: Subscription, end: date) -> date:
    """The day on which a renewal at `end` is told."""
    return add_days(end, -(UPCOMING_DAYS_YEARLY if subscription.interval.months >= 12 else UPCOMING_DAYS))


def renews_at_end(subscription: Subscription) -> Subscription:
    """The subscription in the period that it names, due for renewal at its end."""
    start, end = subscription.period_start, subscription.period_end
    assert start is not None and end is not None
    upcoming_at = upcoming_of(subscription, start, end)
    return replace(subscription, due_kind=RENEW, due_at=instant_of(subscription, end), upcoming_at=upcoming_at)


def enter_period(subscription: Subscription, index: int) -> Subscription:
    """The subscription in period `index`, due for renewal at its end."""
    now = entered(subscription, index)
    return replace(
        subscription,
        period_index=index,
        period_start=now.period_start,
        period_end=now.period_end,
        due_kind=RENEW,
        due_at=now.due_at,
        upcoming_at=now.upcoming_at,
    )


def begin_term(subscription: Subscription, at: datetime) -> Subscription:
    """The subscription anchored at `at` (its local date and time of day), nothing billed yet."""
    local = at.astimezone(zone_of(subscription.timezone))
    return replace(
        subscription,
        anchor_on=local.date(),
        anchor_time=local.time().replace(microsecond=0, tzinfo=None),
        period_index=-1,
        period_start=None,
        period_end=None,
        upcoming_at=None,
    )


def move_trial(subscription: Subscription, end: datetime) -> Subscription:
    """The trial ends at `end`; the first period is anchored there."""
    return replace(begin_term(subscription, end), trial_end=end, due_kind=TRIAL_END, due_at=end)


def wait_for(subscription: Subscription, kind: str, at: datetime) -> Subscription:
    """Nothing happens before `at`, when `kind` is due."""
    return replace(subscription, due_kind=kind, due_at=at, upcoming_at=None)


def end(subscription: Subscription, status: str, at: datetime) -> Subscription:
    """Ended as `canceled` or `expired`: nothing is due, no flag is left, no revenue recurs."""
    return replace(
        subscription,
        status=status,
        due_kind=None,
        due_at=None,
        upcoming_at=None,
        cancel_at_period_end=False,
        pause_reason="",
        paused_on=None,
        resume_at=None,
        pending_invoice_id=None,
        mrr_minor=0,
        ended_at=at,
    )


def pause(subscription: Subscription, reason: str, day: date, due_kind: str, due_at: datetime | None) -> Subscription:
    """Paused since `day`; `due_at` None: until somebody resumes it. When the next invoice is to be told stays, in case."""
    return replace(
        subscription,
        status="paused",
        pause_reason=reason,
        paused_on=day,
        due_kind=due_kind,
        due_at=due_at,
        upcoming_at=subscription.upcoming_at if due_kind == RESUME else None,
        resume_at=due_at if due_kind == RESUME else None,
        mrr_minor=0,
    )


def is_complete(subscription: Subscription) -> bool:
    """True when a fixed term has had all its periods."""
    return subscription.periods_max is not None and subscription.period_index + 1 >= subscription.periods_max


def payable_on(subscription: Subscription, issued_on: date) -> date:
    """The day by which an invoice of `issued_on` is to be paid."""
    return add_days(issued_on, subscription.net_days)
