"""Amounts in another currency: by a rate, rounded once to the minor unit."""

from __future__ import annotations

from fractions import Fraction

from cauce.kernel.currencies import exponent_of
from cauce.kernel.money import half_up


def converted_minor(amount_minor: int, currency: str, into: str, rate: Fraction) -> int:
    """`amount_minor` of `currency` in minor units of `into`, half-up; one whole unit of `currency` is `rate` of `into`."""
    return half_up(amount_minor * rate * Fraction(10) ** (exponent_of(into) - exponent_of(currency)))
