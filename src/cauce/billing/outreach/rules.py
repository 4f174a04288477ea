"""Nouns of outreach: categories and consent, conditions on what is known of a customer, messages and their states."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cauce.kernel.errors import InvalidRequest
from cauce.kernel.machine import BEGIN, Machine, steps


class Category(StrEnum):
    """What a message is for; it decides whose consent it needs."""

    SERVICE = "service"
    ONBOARDING = "onboarding"
    MARKETING = "marketing"


class Medium(StrEnum):
    """How a message leaves: mail, a direct message of the help desk, a webhook alone, or nowhere but our log."""

    MAIL = "mail"
    CONTACT = "contact"
    WEBHOOK = "webhook"
    LOG = "log"


MESSAGE = Machine(
    "message",
    ("queued", "sending", "sent", "bounced", "failed", "unknown", "suppressed"),
    (
        *steps("queue", (BEGIN,), "queued"),
        *steps("suppress", (BEGIN, "queued"), "suppressed"),
        *steps("begin", ("queued",), "sending"),
        *steps("put_off", ("sending",), "queued"),
        *steps("deliver", ("sending", "unknown"), "sent"),
        *steps("refuse", ("sending", "unknown"), "failed"),
        *steps("bounce", ("sending", "sent", "unknown"), "bounced"),
        *steps("lose", ("sending",), "unknown"),
        *steps("send_again", ("unknown",), "queued"),
    ),
)
"""A message leaves at most once: what may have left is queued again only by a person who saw that it never did."""

OPTIONAL = (Category.ONBOARDING, Category.MARKETING)
"""The categories that a person can refuse."""

HOLD_DAYS = 7
"""How long a person's message holds automated steps (K6)."""


class BadCondition(InvalidRequest):
    """A condition names a field or comparison that does not exist."""

    code = "bad_condition"


@dataclass(frozen=True, slots=True)
class Condition:
    """`field` of what is known, compared with `value`: is, is_not, in, not_in, at_least, at_most, has, has_not."""

    field: str
    op: str = "is"
    value: Any = True


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a message goes to. `customer_id` is the customer that it is about, also for staff."""

    customer_id: str
    address: str
    name: str
    locale: str
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to queue. Words come from `template`; `data` fills them, `secrets` too but are kept sealed.

    `sender_key` names the request for which it is queued: the same key queues nothing twice.
    """

    recipient: Recipient
    template: str
    data: Mapping[str, Any]
    category: Category = Category.SERVICE
    subject_id: str = ""
    campaign: str = ""
    step: str = ""
    period: str = ""
    audience: str = "customer"
    medium: Medium = Medium.MAIL
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the slice itself knows about reaching one customer."""

    held_until: datetime | None = None
    refused: frozenset[str] = frozenset()  # categories
    granted: frozenset[str] = frozenset()


_OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "is": lambda known, value: known == value,
    "is_not": lambda known, value: known != value,
    "in": lambda known, value: known in value,
    "not_in": lambda known, value: known not in value,
    "at_least": lambda known, value: known is not None and known >= value,
    "at_most": lambda known, value: known is not None and known <= value,
    "has": lambda known, value: value in (known or ()),
    "has_not": lambda known, value: value not in (known or ()),
}


COMPARISONS = tuple(_OPERATIONS)


def holds(condition: Condition, facts: Mapping[str, Any]) -> bool:
    """Whether a condition is true of `facts`; a fact that nobody knows is None."""
    known = facts.get(condition.field)
    try:
        return bool(_OPERATIONS[condition.op](known, condition.value))
    except TypeError:  # a number compared with a text: not true, and no reason to stop
        return False


def first_false(conditions: Sequence[Condition], facts: Mapping[str, Any]) -> Condition | None:
    """The first condition that does not hold, or None."""
    return next((one for one in conditions if not holds(one, facts)), None)


def check_conditions(conditions: Sequence[Condition], known: frozenset[str]) -> None:
    """Refuse conditions over unknown fields or with comparisons that do not exist (`BadCondition`)."""
    for one in conditions:
        if one.op not in _OPERATIONS:
            raise BadCondition(f"there is no comparison {one.op!r}; there are {', '.join(_OPERATIONS)}", param="op")
        if one.op in ("in", "not_in") and not isinstance(one.value, list | tuple):
            raise BadCondition(f"{one.op} compares with a list", param="value")
        if one.field not in known and not one.field.startswith(("event.", "data.")):
            raise BadCondition(f"nothing is known under {one.field!r}", param="field")


def may_send(category: Category, standing: Standing, *, opt_in: bool = False) -> bool:
    """Whether consent lets a category out: service always; others until refused, or with `opt_in` once granted."""
    if category is Category.SERVICE:
        return True
    if category.value in standing.refused:
        return False
    return category is not Category.MARKETING or not opt_in or category.value in standing.granted
