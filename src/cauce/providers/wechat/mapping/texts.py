"""Texts, numbers and instants as WeChat Pay writes them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import Money

CURRENCY = "cny"
WIRE_CURRENCY = "CNY"
SHANGHAI = timezone(timedelta(hours=8))  # no daylight saving since 1991: the vendor's day is always +08:00
KEY = re.compile(r"[0-9A-Za-z_]{6,32}")
FINISH_SUFFIX = "-F"


class BadProviderKey(InvalidRequest):
    """A number for WeChat Pay has 6 to 32 letters, digits or underscores."""

    code = "bad_provider_key"


def checked_key(key: str) -> str:
    """`key`, if it can be a number at WeChat Pay; else `BadProviderKey`."""
    if not KEY.fullmatch(key):
        raise BadProviderKey(param="key")
    return key


def finish_number(key: str) -> str:
    """The number of an unfreeze: no split can ever have it, for no key has a hyphen."""
    return checked_key(key) + FINISH_SUFFIX


def key_of(number: str) -> str:
    """Our key of a number, whichever operation it was minted for."""
    return number.removesuffix(FINISH_SUFFIX)


def withdrawal_number(key: str) -> str:
    """The number of a withdrawal, which takes letters and digits only."""
    return checked_key(key).replace("_", "")


def plain_text(text: str, length_max: int) -> str:
    """`text` without what the vendor refuses (characters beyond three bytes, controls), cut to `length_max`."""
    kept = "".join(c for c in text if c <= "\uffff" and c.isprintable())
    return kept[:length_max]


def wire_time(at: datetime) -> str:
    """RFC 3339 with the vendor's offset, whole seconds."""
    return at.astimezone(SHANGHAI).replace(microsecond=0).isoformat()


def instant(text: str | None) -> datetime | None:
    """An RFC 3339 text as an aware instant; None for absent or empty."""
    return datetime.fromisoformat(text) if text else None


def fen(amount: Money) -> int:
    """Minor units of an amount, which must be Chinese yuan."""
    if amount.currency != CURRENCY:
        raise InvalidRequest(f"WeChat Pay takes cny, not {amount.currency}", param="currency")
    return amount.amount_minor


def yuan(minor: int | None) -> Money:
    """Money of fen."""
    return Money(int(minor or 0), CURRENCY)
