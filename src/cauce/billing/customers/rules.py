"""What may be said of a customer, and the words he is found by."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cauce.kernel.calendar.zones import zone_of
from cauce.kernel.errors import InvalidRequest

_WORD = re.compile(r"[\w@.+-]+")
_TREATMENTS = ("standard", "exempt", "reverse_charge")
TOKENS_MAX = 32


class BadCustomer(InvalidRequest):
    """The customer's data cannot be accepted."""

    code = "bad_customer"


@dataclass(frozen=True, slots=True)
class CustomerData:
    """What is told of a customer; None leaves a known customer's value as it is."""

    external_id: str
    email: str | None = None
    name: str | None = None
    locale: str | None = None
    timezone: str | None = None
    country: str | None = None
    address: dict[str, Any] | None = None
    tax_ids: list[dict[str, str]] | None = None
    tax_treatment: str | None = None
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as stored."""

    id: str
    external_id: str
    email: str
    name: str
    locale: str
    timezone: str
    country: str
    address: dict[str, Any]
    tax_ids: list[dict[str, str]]
    tax_treatment: str
    metadata: dict[str, Any] = field(default_factory=dict)
    suspended_at: datetime | None = None
    erased_at: datetime | None = None
    version: int = 1
    created_at: datetime | None = None


def check(data: CustomerData) -> None:
    """Refuse an empty identity, an unknown zone, a country that is no code, a treatment that does not exist."""
    if not 1 <= len(data.external_id) <= 255:
        raise BadCustomer("external_id has 1 to 255 characters", param="external_id")
    if data.email and ("@" not in data.email or len(data.email) > 320):
        raise BadCustomer(f"{data.email!r} is not an e-mail address", param="email")
    if data.timezone is not None:
        zone_of(data.timezone)
    if data.country and not re.fullmatch("[A-Z]{2}", data.country):
        raise BadCustomer("country is a two-letter code of ISO 3166, upper case", param="country")
    if data.tax_treatment is not None and data.tax_treatment not in _TREATMENTS:
        raise BadCustomer(f"tax_treatment is one of {', '.join(_TREATMENTS)}", param="tax_treatment")


def tokens(customer: Customer) -> list[str]:
    """The lower-case words under which the customer is found by their beginnings."""
    words: list[str] = []
    for text in (customer.name, customer.email, customer.external_id):
        words += _WORD.findall(text.lower())
    words += [part for part in customer.email.lower().split("@") if part]
    return list(dict.fromkeys(words))[:TOKENS_MAX]
