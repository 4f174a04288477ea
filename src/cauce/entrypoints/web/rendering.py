"""Templates to answers: language, money and dates in the reader's form, and the security headers of every page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from babel.dates import format_date, format_time, get_datetime_format
from babel.numbers import format_currency, format_decimal
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from cauce.entrypoints.web import policy
from cauce.entrypoints.web.texts import BABEL, LOCALES, NAMES, best_locale, translator
from cauce.kernel.currencies import exponent_of

LOCALE_COOKIE = "cauce_locale"
THEME_COOKIE = "cauce_theme"

HEADERS = policy.headers()


def make_environment(*packages: str) -> jinja2.Environment:
    """Templates of these packages (folders `templates`), escaped, undefined names refused."""
    loaders = [jinja2.PackageLoader(package) for package in packages]
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(loaders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Pages:
    """Renders one door's templates."""

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment

    def render(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] = HEADERS,
        **values: Any,
    ) -> Response:
        """The page, in the language of the request. `values` join the functions that every template has."""
        locale = locale_of(request)
        body = self._environment.get_template(template).render(
            t=translator(locale),
            locale=locale,
            languages=[(code, NAMES[code]) for code in LOCALES],
            theme=request.cookies.get(THEME_COOKIE, "auto"),
            path=request.url.path,
            money=lambda amount_minor, currency: money(amount_minor, currency, locale),
            exact_money=lambda amount_minor, currency: exact_money(amount_minor, currency, locale),
            number=lambda value: format_decimal(value, locale=BABEL[locale]),
            moment=lambda at, zone="UTC": moment(at, zone, locale),
            day=lambda on: day(on, locale),
            fragment=request.headers.get("hx-request") == "true",
            **values,
        )
        return HTMLResponse(body, status, dict(headers))


def locale_of(request: Request) -> str:
    """The language of a request: its cookie, else what the browser asks for."""
    return best_locale(request.cookies.get(LOCALE_COOKIE), request.headers.get("accept-language", ""))


def money(amount_minor: int, currency: str, locale: str) -> str:
    """An amount as people of this language write it: (1050, "eur", "es") -> "10,50 €"."""
    exact = Decimal(amount_minor).scaleb(-exponent_of(currency))
    return str(format_currency(exact, currency.upper(), locale=BABEL[locale], currency_digits=True))


def exact_money(amount_minor: Decimal, currency: str, locale: str) -> str:
    """A price in parts of minor units, with every digit that it has: (Decimal("0.5"), "eur", "en") -> "€0.005"."""
    exact = amount_minor.scaleb(-exponent_of(currency))
    digits = -int(exact.normalize().as_tuple().exponent)
    if digits <= exponent_of(currency):
        return str(format_currency(exact, currency.upper(), locale=BABEL[locale], currency_digits=True))
    return str(format_currency(exact, currency.upper(), locale=BABEL[locale], decimal_quantization=False))


def moment(at: datetime | None, zone: str, locale: str) -> str:
    """An instant in a time zone, to the minute; "" for none."""
    if at is None:
        return ""
    local, name = at.astimezone(ZoneInfo(zone)), BABEL[locale]
    pattern = str(get_datetime_format("medium", locale=name)).replace("'", "")
    hour = str(format_time(local.timetz(), "short", locale=name))
    return pattern.replace("{0}", hour).replace("{1}", str(format_date(local.date(), "medium", locale=name)))


def day(on: date | None, locale: str) -> str:
    """A date; "" for none."""
    return str(format_date(on, "medium", locale=BABEL[locale])) if on is not None else ""
