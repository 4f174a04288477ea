"""When a failed payment is tried again: at the hour that worked last, never at night where the customer lives (H1, H4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cauce.billing.payments.rules import Recovery, next_try

FAILED = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "failed", "last", "expected"),
    [
        ("UTC", "2026-01-15T09:30", None, "2026-01-16T09:30"),  # the hour of the failure
        ("UTC", "2026-01-15T09:30", "2025-12-15T17:05", "2026-01-16T17:05"),  # the hour that worked last
        ("UTC", "2026-01-15T03:00", None, "2026-01-16T08:00"),  # too early: at eight
        ("UTC", "2026-01-15T21:00", None, "2026-01-17T08:00"),  # too late: the next morning
        ("Asia/Shanghai", "2026-01-15T02:00", None, "2026-01-16T02:00"),  # ten in the morning there
        ("Asia/Shanghai", "2026-01-15T20:00", None, "2026-01-17T00:00"),  # four at night there: at eight
        ("America/New_York", "2026-03-07T14:00", None, "2026-03-08T13:00"),  # nine o'clock on both sides of the change
    ],
)
def test_a_retry_comes_at_a_civil_hour(zone: str, failed: str, last: str | None, expected: str) -> None:
    policy = Recovery(timezone=zone)
    instant, succeeded = datetime.fromisoformat(failed + "+00:00"), last and datetime.fromisoformat(last + "+00:00")
    assert next_try(policy, 0, instant, succeeded or None) == datetime.fromisoformat(expected + "+00:00")


def test_the_days_between_tries_are_those_of_the_policy_and_they_end() -> None:
    policy, at, days = Recovery(), FAILED, []
    for tries in range(5):
        following = next_try(policy, tries, at)
        if following is None:
            break
        at = following
        days.append((at - FAILED) // timedelta(days=1))
    assert days == [1, 3, 5, 7]


def test_no_zone_and_no_hour_leads_back_in_time_or_into_the_night() -> None:
    for zone in ("Pacific/Apia", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Chatham", "UTC"):
        for hour in range(24):
            at = datetime(2026, 3, 28, hour, tzinfo=UTC)
            for policy in (Recovery(timezone=zone), Recovery(retry_days=(0,), timezone=zone)):
                following = next_try(policy, 0, at)
                assert following is not None and following > at
                if policy.retry_days[0]:
                    assert 8 <= following.astimezone(ZoneInfo(zone)).hour < 21
