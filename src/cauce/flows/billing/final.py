"""What subscriptions that end or rest in the middle of a period still owe: their use so far, and fees billed in arrears.

Fees count the days before the day of the end (V9). Use counts that day too, for it was used: so does the minimum that
belongs to it. The days whose use is billed here are remembered, so a return on the same day bills none twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from cauce.billing.subscriptions.rules import Subscription, local_day
from cauce.billing.subscriptions.running import counts_from, running_period
from cauce.flows.billing.bills import Tariff, compose
from cauce.flows.billing.issue import Batch, load_billed, load_tariff
from cauce.flows.billing.part_discounts import for_part
from cauce.kernel.calendar.months import add_days
from cauce.kernel.calendar.periods import Period, SchedulePeriod
from cauce.reports.billing_run import Surroundings, used_between
from cauce.storage.database import Tx


async def bill_rest(
    tx: Tx,
    ending: Sequence[Subscription],
    at: datetime,
    batch: Batch,
    *,
    with_pending: bool = True,
    served_until: Mapping[str, tuple[date, datetime]] | None = None,
) -> dict[str, Subscription]:
    """Bill what locked subscriptions owe of their running periods at `at`; they then count use from the next day on.

    `with_pending`: also what waits for the next invoice. `served_until`: the first day without service, by subscription,
    and the instant of its end, where they are not those of `at`. One that rests owes what waits alone. Nothing owed makes no
    invoice. All of them are given back.
    """
    if with_pending:
        await _bill_waiting(tx, [one for one in ending if one.pause_reason == "requested"], at, batch)
    counted = {one.id: days for one in ending if (days := _uncounted(one, at)) is not None}
    owing = [one for one in ending if one.id in counted]
    if not owing:
        return {one.id: one for one in ending}
    arounds = await load_billed(tx, list(counted))
    used = await used_between(tx, [(one, days.period.start, days.period.end) for one, days in counted.items()])
    arounds = {one: replace(arounds[one], used=used.get((one, days.period.start), {})) for one, days in counted.items()}
    until = {one: days.period.end for one, days in counted.items()}
    tariff = await load_tariff(tx, owing, [arounds[one.id] for one in owing], until=until, stop=at)
    for one in owing:
        served = (served_until or {}).get(one.id, (local_day(one, at), at))
        _bill(one, arounds[one.id], tariff, counted[one.id], at, batch, served, with_pending=with_pending)
    return {one.id: replace(one, usage_from=until[one.id]) if one.id in until else one for one in ending}


async def _bill_waiting(tx: Tx, resting: Sequence[Subscription], at: datetime, batch: Batch) -> None:
    """What waits for the next invoice of subscriptions that end while they rest: no other invoice would come."""
    arounds = await load_billed(tx, [one.id for one in resting]) if resting else {}
    owing = [one for one in resting if arounds[one.id].pending]
    if not owing:
        return
    tariff = await load_tariff(tx, owing, [arounds[one.id] for one in owing])
    for one in owing:
        bill = compose(one.id, arounds[one.id], tariff, advance=None, arrears=None)
        batch.bill(one, arounds[one.id], bill, at, reason="final")


def _uncounted(one: Subscription, at: datetime) -> SchedulePeriod | None:
    """The days of the running period, that of `at` included, whose use is not billed yet."""
    since, running = counts_from(one), running_period(one)
    if since is None or running is None or one.status not in ("active", "past_due"):
        return None
    until = min(add_days(local_day(one, at), 1), running.period.end)
    return SchedulePeriod(running.index, Period(since, until), running.full) if since < until else None


def _bill(
    one: Subscription,
    around: Surroundings,
    tariff: Tariff,
    counted: SchedulePeriod,
    at: datetime,
    batch: Batch,
    served_until: tuple[date, datetime],
    *,
    with_pending: bool,
) -> None:
    running, (day, until) = running_period(one), served_until
    assert running is not None
    if one.id in tariff.clocks:  # by seconds, something of the first day was served too
        day = max(day, add_days(running.period.start, 1))
    served = None
    if day > running.period.start:
        served = SchedulePeriod(running.index, Period(running.period.start, min(day, running.period.end)), running.full)
    if not with_pending:  # it goes on after a pause: each part has its part of the discounts
        around = for_part(around, Period(running.period.start, min(day, running.period.end)), running.full)
    bill = compose(
        one.id, around, tariff, advance=None, arrears=served, counted=counted, with_pending=with_pending, until=until
    )  # fmt: skip
    if bill.priced.lines:
        batch.bill(one, around, bill, at, reason="final")
