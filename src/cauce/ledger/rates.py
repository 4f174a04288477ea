"""Book rates: what one unit of a currency is worth in the organization's book currency, day by day, with its source.

A rate is put down once and never changed, so that what was valued by it can be computed again. It stands for its day
and the few after it on which nobody publishes one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from cauce.kernel.currencies import exponent_of
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.pricing.exchange import converted_minor
from cauce.storage import audit
from cauce.storage.audit import Actor
from cauce.storage.database import Row, Tx
from cauce.storage.directory.orgs import change_settings, read_org
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "rates.sql")
RATE_DAYS_MAX = 7
"""How long a rate stands when no newer one is put down: a week bridges weekends and holidays."""
RATES_MAX = 10_000
"""The most rates that are put down at once."""


class RateIsSet(Conflict):
    """Another rate stands for that currency and day, and rates are never changed."""

    code = "rate_is_set"


class OtherBookCurrency(Conflict):
    """The books are valued in another currency."""

    code = "other_book_currency"


class NoRate(Conflict):
    """A book rate is missing."""

    code = "no_book_rate"


@dataclass(frozen=True, slots=True)
class BookRate:
    """One unit of `currency` is `rate` units of the book currency from `valid_on` on, as `source` says."""

    currency: str
    valid_on: date
    rate: Decimal
    source: str

    def __post_init__(self) -> None:
        exponent_of(self.currency)
        if not self.rate.is_finite() or not Decimal("1e-12") <= self.rate <= Decimal("1e12"):
            raise InvalidRequest(f"{self.rate} is no rate: it lies between 1e-12 and 1e12", param="rate")
        if not self.source.strip():
            raise InvalidRequest("a rate names its source", param="source")


async def book_currency(tx: Tx) -> str:
    """The currency in which this organization values its books, "" while nobody has said."""
    return str((await read_org(tx, tx.org)).settings.get("book_currency", ""))


async def put_rates(tx: Tx, base: str, rates: Sequence[BookRate], actor: Actor) -> None:
    """Put rates down; the first ones make `base` the book currency. The same again changes nothing.

    Raises `RateIsSet` for another rate on a day that has one, `OtherBookCurrency`.
    """
    exponent_of(base)
    if not 0 < len(rates) <= RATES_MAX:
        raise InvalidRequest(f"between 1 and {RATES_MAX} rates at once", param="rates")
    if any(one.currency == base for one in rates):
        raise InvalidRequest(f"{base} is the book currency: it has no rate", param="currency")
    if len({(one.currency, one.valid_on) for one in rates}) != len(rates):
        raise InvalidRequest("two rates for one currency and day", param="rates")
    known = await book_currency(tx)
    if known not in ("", base):
        raise OtherBookCurrency(f"the books are valued in {known}", param="base")
    if not known:
        await change_settings(tx, tx.org, {"book_currency": base})
    columns = zip(*((one.currency, one.valid_on, one.rate, one.source) for one in rates), strict=True)
    differing = await tx.rows(QUERIES.put_rates, tx.org, base, *[list(column) for column in columns], actor.name)
    if differing:
        first = differing[0]
        raise RateIsSet(f"{first['currency']} on {first['valid_on']} is {first['rate']}", param="rates")
    days = sorted(one.valid_on for one in rates)
    told = {"base": base, "rates": len(rates), "from": str(days[0]), "to": str(days[-1])}
    await audit.record(tx, actor, "book_rates.put", base, after=told)


async def rates(tx: Tx, *, currency: str = "", before: tuple[date, str], rows_max: int) -> list[Row]:
    """Rates, newest day first, before (day, currency)."""
    return await tx.rows(QUERIES.rates, tx.org, currency, *before, rows_max)


async def crossings(tx: Tx, wanted: Collection[tuple[str, str, date]]) -> dict[tuple[str, str, date], Fraction]:
    """(from, into, day) -> units of `into` for one unit of `from` by the book; those without rates are missing."""
    base = await book_currency(tx) if wanted else ""
    if not base:
        return {}
    single = sorted({(one, day) for pair in wanted for one, day in ((pair[0], pair[2]), (pair[1], pair[2]))})
    found = await _single(tx, base, single)
    return {
        (one, into, day): found[one, day] / found[into, day]
        for one, into, day in wanted
        if (one, day) in found and (into, day) in found
    }


async def _single(tx: Tx, base: str, wanted: Iterable[tuple[str, date]]) -> Mapping[tuple[str, date], Fraction]:
    pairs = list(wanted)
    rows = await tx.rows(
        QUERIES.rates_on, tx.org, base, [one for one, _ in pairs], [day for _, day in pairs], RATE_DAYS_MAX
    )
    found = {(row["currency"], row["day"]): Fraction(row["rate"]) for row in rows}
    return found | {(base, day): Fraction(1) for one, day in pairs if one == base}


async def clearing_value(tx: Tx, before: datetime, closing_day: date) -> tuple[str, int]:
    """(book currency, what `fx_clearing` sums to in it): all that took effect before, at the rates of `closing_day`.

    Raises `NoRate` when a currency on it has none; ("", 0) when nothing is on it.
    """
    rows = await tx.rows(QUERIES.clearing_before, tx.org, before)
    if not rows:
        return "", 0
    base = await book_currency(tx)
    if not base:
        raise NoRate("money was settled in another currency, and no book currency and rates are set")
    held = {row["currency"]: row["balance_minor"] for row in rows}
    found = await _single(tx, base, [(one, closing_day) for one in held])
    missing = [one for one in held if (one, closing_day) not in found]
    if missing:
        raise NoRate(f"there is no rate of {', '.join(missing)} in {base} for {closing_day}")
    worth = (converted_minor(amount, one, base, found[one, closing_day]) for one, amount in held.items())
    return base, sum(worth)


async def valued_so_far(tx: Tx, month: str) -> int:
    """How many journals have valued `fx_clearing` for a month."""
    return int(await tx.value(QUERIES.valued_so_far, tx.org, month))
