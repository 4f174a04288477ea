"""Values of a message in the reader's form: amounts, dates and days as his language writes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency

from cauce.billing.outreach.templating import Value
from cauce.kernel.calendar.zones import zone_of
from cauce.kernel.currencies import exponent_of

LOCALES = ("en", "es", "zh")
_BABEL = {"en": "en", "es": "es", "zh": "zh_Hans"}
_MINOR = "_minor"


def locale_for(wanted: str) -> str:
    """The language that we have for a customer's locale: `es-MX` is `es`; English for all others."""
    code = wanted.lower().replace("_", "-").partition("-")[0]
    return code if code in LOCALES else "en"


def presented(data: Mapping[str, Any], locale: str, timezone: str) -> dict[str, Value]:
    """Every value as text: `amount_minor` beside `currency` becomes `amount`, instants and dates become days.

    Text that holds an ISO instant (what JSON makes of one) is read as such.
    """
    currency = data.get("currency")
    shown: dict[str, Value] = {}
    for name, value in data.items():
        if name.endswith(_MINOR) and isinstance(value, int) and isinstance(currency, str) and currency:
            shown[name.removesuffix(_MINOR)] = _money(value, currency, locale)
        elif isinstance(value, bool | int) or value is None:
            shown[name] = value
        elif isinstance(value, date):
            shown[name] = _day(value, locale, timezone)
        elif isinstance(value, str):
            at = instant_in(value)
            shown[name] = _day(at, locale, timezone) if at is not None else value
    return shown


def instant_in(text: str) -> datetime | date | None:
    """The instant or date that an ISO text says; None for any other text."""
    if not (10 <= len(text) <= 35 and text[:4].isdigit() and text[4] == "-" and text[7] == "-"):
        return None
    try:
        return datetime.fromisoformat(text) if len(text) > 10 else date.fromisoformat(text)
    except ValueError:
        return None


def _day(value: date, locale: str, timezone: str) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(zone_of(timezone))
    return str(format_date(value, "long", locale=_BABEL[locale]))


def _money(amount_minor: int, currency: str, locale: str) -> str:
    exact = Decimal(amount_minor).scaleb(-exponent_of(currency))
    return str(format_currency(exact, currency.upper(), locale=_BABEL[locale], currency_digits=True))
