"""Where a new subscription's periods begin: at its own anchor, with the calendar, on a weekday, or with its customer's other one (V4, V6).

The days before its first full period are a stub, charged by the days of the full period that encloses it (V7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cauce.billing.catalog.rules import Plan
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.aligned import CALENDAR
from cauce.billing.subscriptions.rules import Subscription, schedule_of
from cauce.kernel.calendar.periods import Unit
from cauce.storage.database import Tx


async def align(tx: Tx, draft: Subscription, plan: Plan) -> Subscription:
    """The subscription, not written yet, with the alignment that its plan wants."""
    policy, interval = plan.policy, draft.interval
    if policy.alignment == "account":
        return with_account(draft, await subscriptions.live_of_customer(tx, draft.customer_id))
    if interval.unit is Unit.WEEK and policy.align_to_weekday is not None:
        return replace(draft, alignment=str(policy.align_to_weekday))
    if policy.alignment == "calendar":
        return replace(draft, alignment=CALENDAR, anchor_day=1 if interval.months else draft.anchor_day)
    return draft


def with_account(draft: Subscription, held: Sequence[Subscription]) -> Subscription:
    """The subscription on the day of the month, or of the week, of the oldest one held whose periods are of such a kind."""
    for other in held:
        first = schedule_of(other).first_full_start
        if draft.interval.months and other.interval.months:
            return replace(draft, anchor_day=other.anchor_day or first.day)
        if draft.interval.unit is Unit.WEEK and other.interval.unit is Unit.WEEK:
            return replace(draft, alignment=str(first.isoweekday()))
    return draft
