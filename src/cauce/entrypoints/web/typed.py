"""What people type into forms, read strictly: amounts in major units with a point or a comma."""

from __future__ import annotations

from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import parse_major


def minor_units(typed: str, currency: str) -> int:
    """Minor units of an amount above zero: ("10,50", "eur") -> 1050. Thousands are not separated."""
    words = typed.strip().replace(",", ".")
    amount_minor = parse_major(words, currency)
    if amount_minor <= 0:
        raise InvalidRequest("an amount is above zero", param="amount")
    return amount_minor
