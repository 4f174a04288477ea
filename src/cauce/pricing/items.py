"""Charge items out of schedules and changes: what a subscription hands to the pipeline.

References are built from the subscription item and the dates of the service, so the same stretch of service has
the same reference in a preview, in a retry and on the invoice, and can be billed only once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from cauce.kernel.calendar.periods import Period, Schedule
from cauce.pricing.changes import PlanChange
from cauce.pricing.lines import ChargeItem, LineKind
from cauce.pricing.proration import Basis, fraction_of
from cauce.pricing.schedule import Billing, billable_periods


def reference(ref: str, kind: LineKind, period: Period) -> str:
    """The stable reference of a stretch of service: item, kind of line, first day, end."""
    return f"{ref}:{kind.value}:{period.start}:{period.end}"


def recurring_items(
    item: ChargeItem,
    schedule: Schedule,
    billing: Billing,
    target: date,
    *,
    billed_through: date | None = None,
    pause: Period | None = None,
    basis: Basis = Basis.DAY,
) -> Iterable[ChargeItem]:
    """One copy of `item` per billable period at `target` that starts on or after `billed_through`, stubs prorated."""
    for each in billable_periods(schedule, billing, target, since=billed_through):
        for piece in each.period.without(pause) if pause else [each.period]:
            fraction = fraction_of(piece, each.full, basis, schedule.interval)
            yield replace(item, ref=reference(item.ref, item.kind, piece), period=piece, fraction=fraction)


def change_items(old: ChargeItem, new: ChargeItem, change: PlanChange) -> list[ChargeItem]:
    """The credit for the unused part of `old` and the charge for `new`; without one whose fraction is zero."""
    found = []
    if change.credit_fraction:
        unused = Period(change.effective, change.old_period.end)
        found.append(
            replace(
                old,
                ref=reference(old.ref, LineKind.PRORATION_CREDIT, unused),
                kind=LineKind.PRORATION_CREDIT,
                period=unused,
                fraction=change.credit_fraction,
                credit=True,
                discountable=False,
            )
        )
    if change.debit_fraction:
        ahead = Period(change.effective, change.new_period.end)
        kind = LineKind.RECURRING if change.debit_fraction == 1 else LineKind.PRORATION_DEBIT
        found.append(
            replace(new, ref=reference(new.ref, kind, ahead), kind=kind, period=ahead, fraction=change.debit_fraction)
        )
    return found
