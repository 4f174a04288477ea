"""When a trial ends, when its end is told, and whose trial it was. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cauce.billing.subscriptions.rules import Subscription, begin_term, local_day, move_trial
from cauce.kernel.calendar.zones import same_time_after, zone_of
from cauce.kernel.errors import InvalidRequest
from cauce.pricing.trials import TrialOnChange, trial_end

TRIAL_DAYS_MAX = 3_650


class BadTrialEnd(InvalidRequest):
    """A trial ends in the future, within 3650 days, at an instant with its offset from UTC."""

    code = "bad_trial_end"


def checked_end(end: datetime, now: datetime) -> datetime:
    """The same instant in UTC; `BadTrialEnd` when it is past, too far, or no instant."""
    if end.tzinfo is None or not now < end <= now + timedelta(days=TRIAL_DAYS_MAX):
        raise BadTrialEnd(param="trial_end")
    return end.astimezone(UTC)


def days_later(subscription: Subscription, at: datetime, days: int) -> datetime:
    """The end of a trial of `days` local dates from `at`: the same local time of day (V26)."""
    return same_time_after(at, days, zone_of(subscription.timezone))


def begin_trial(subscription: Subscription, at: datetime, end: datetime) -> Subscription:
    """In trial from `at` until `end`."""
    return move_trial(replace(begin_term(subscription, at), status="trialing", trial_start=at), end)


def end_on_change(
    subscription: Subscription, old_days: int, new_days: int, how: TrialOnChange, at: datetime
) -> datetime | None:
    """When the trial ends once it is of another plan, whose trial has `new_days` (S4); None: as before.

    An end that was agreed on for this customer (not the old plan's `old_days`) stays; so does the old end where the new
    plan's days would be over: a change never ends a trial.
    """
    begun, end = subscription.trial_start, subscription.trial_end
    if begun is None or end is None or how is TrialOnChange.KEEP or end != days_later(subscription, begun, old_days):
        return None
    first = local_day(subscription, begun)
    last = trial_end(first, new_days, changed_on=local_day(subscription, at), on_change=how)
    moved = days_later(subscription, begun, (last - first).days)
    return moved if at < moved != end else None


def notice_instants(
    subscription: Subscription, days_before: tuple[int, ...], now: datetime
) -> list[tuple[str, datetime]]:
    """When `trial_will_end` is told: so many local days before the end, at once when that has passed (D3)."""
    if subscription.trial_end is None:
        return []
    zone = zone_of(subscription.timezone)
    told = [(days, same_time_after(subscription.trial_end, -days, zone)) for days in days_before]
    return [(f"trial_will_end:{days}", max(instant, now)) for days, instant in told]


def email_identity(email: str) -> str:
    """An address as one person's identity: lower case, no `+tag`, no dots where the mailbox ignores them."""
    name, _, host = email.strip().lower().rpartition("@")
    name = name.split("+", 1)[0]
    if host in ("gmail.com", "googlemail.com"):
        name, host = name.replace(".", ""), "gmail.com"
    return f"email:{name}@{host}"
