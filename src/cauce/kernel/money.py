"""Money: an integer of minor units and a currency. Never a float, never two currencies in one sum.

`Money(1050, "eur")` is 10.50 EUR. Inside hot code and SQL the same value travels as `amount_minor` beside a
currency; this class is for edges, rules and messages, where a mistake is made first.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from cauce.kernel.currencies import exponent_of
from cauce.kernel.errors import InvalidRequest

AMOUNT_MAX_MINOR = 2**63 - 1
"""What a PostgreSQL bigint holds; a larger amount is refused, never wrapped."""


class CurrencyMismatch(InvalidRequest):
    """Amounts of two currencies cannot be added or compared."""

    code = "currency_mismatch"


class AmountOutOfRange(InvalidRequest):
    """The amount is larger than the ledger can hold."""

    code = "amount_out_of_range"


@dataclass(frozen=True, slots=True)
class Money:
    """`amount_minor` of `currency` (lower-case ISO 4217). Signed; 64 bits."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:
            raise InvalidRequest(f"an amount is an integer of minor units, not {self.amount_minor!r}", param="amount")
        if abs(self.amount_minor) > AMOUNT_MAX_MINOR:
            raise AmountOutOfRange(param="amount")
        exponent_of(self.currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.amount_minor + self._same(other).amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount_minor - self._same(other).amount_minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount_minor < self._same(other).amount_minor

    def __le__(self, other: Money) -> bool:
        return self.amount_minor <= self._same(other).amount_minor

    def __bool__(self) -> bool:
        return self.amount_minor != 0

    def __str__(self) -> str:
        return f"{major_text(self.amount_minor, self.currency)} {self.currency.upper()}"

    def _same(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be combined", param="currency")
        return other


def half_up(exact: Fraction | Decimal | int) -> int:
    """`exact` rounded to an integer, halves away from zero: the default rounding of Cauce (V2, C5)."""
    value = Fraction(exact)
    magnitude = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return magnitude if value >= 0 else -magnitude


def half_even(exact: Fraction | Decimal | int) -> int:
    """`exact` rounded to an integer, halves to the even neighbour (an option per legal entity)."""
    value = Fraction(exact)
    floor, rest = divmod(value.numerator, value.denominator)
    doubled = 2 * rest
    return floor + (1 if doubled > value.denominator or (doubled == value.denominator and floor % 2) else 0)


def major_text(amount_minor: int, currency: str) -> str:
    """The amount in major units with the currency's number of decimals: (1050, "eur") -> "10.50"."""
    exponent = exponent_of(currency)
    sign = "-" if amount_minor < 0 else ""
    whole, rest = divmod(abs(amount_minor), 10**exponent)
    return f"{sign}{whole}.{rest:0{exponent}d}" if exponent else f"{sign}{whole}"


def parse_major(text: str, currency: str) -> int:
    """Minor units of a decimal text in major units: ("10.5", "eur") -> 1050. More decimals than the currency has are refused."""
    try:
        exact = Fraction(Decimal(text)) * Fraction(10) ** exponent_of(currency)
    except (ArithmeticError, ValueError) as exc:
        raise InvalidRequest(f"{text!r} is not an amount", param="amount") from exc
    if exact.denominator != 1:
        raise InvalidRequest(f"{text} has more decimals than {currency.upper()} allows", param="amount")
    return exact.numerator
