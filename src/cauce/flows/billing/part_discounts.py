"""Discounts of a bill for a part of a period that has had its bill: a change, the rest after a pause, what a pause leaves owed.

Money off is of a whole period: of a part it takes off the part of it, so that it comes to the same however often a period is cut
(what it took off days that are given back goes back with them). A coupon for so many periods is not used up by such a bill;
one that works on one bill, and has not yet, works whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from cauce.kernel.calendar.periods import Period
from cauce.kernel.money import half_up
from cauce.pricing.proration import day_fraction
from cauce.reports.billing_run import Surroundings


def for_part(around: Surroundings, part: Period, whole: Period) -> Surroundings:
    """The same surroundings with discounts for `part` of the period `whole`, by days."""
    if not around.discounts:
        return around
    share = day_fraction(part, whole) if whole.start <= part.start < part.end <= whole.end else Fraction(1)
    return replace(around, discounts=tuple(_part_of(each, share) for each in around.discounts))


def single_use(around: Surroundings, used: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the `used` discounts that are over once they have worked."""
    once = {each["id"] for each in around.discounts if each["once"]}
    return tuple(each for each in used if each in once)


def _part_of(discount: Mapping[str, Any], share: Fraction) -> dict[str, Any]:
    if discount["amount_minor"] is None or discount["once"]:
        return dict(discount)
    return {**discount, "amount_minor": half_up(discount["amount_minor"] * share)}
