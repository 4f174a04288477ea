"""When the end of a trial is told, and whose trial it was. Pure."""

from __future__ import annotations

from datetime import datetime

from cauce.billing.subscriptions.rules import Subscription
from cauce.kernel.calendar.zones import same_time_after, zone_of


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
