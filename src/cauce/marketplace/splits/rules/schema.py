"""What a split rule says, as frozen values (`requirements-marketplace.md` 6.1).

A rule is a list of parts. Each part names who gets it and how it is measured: fixed, a percentage of something, by
tiers, the larger of several, or what is left. A part may pour itself into steps one after the other, or be divided
further among children, of which its own party keeps the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from fractions import Fraction

from cauce.pricing.models import Graduated, Volume
from cauce.pricing.rounding import Remainder

FEE = "fee"
"""The party of the platform's own fee; the only part that the platform may receive (K8)."""

KEPT = "kept"
"""The party of a part that stays in hold for a later split."""

DEPTH_MAX = 4
PARTS_MAX = 200


class PartKind(StrEnum):
    """What a part is, as the rule says it."""

    FIXED = "fixed"
    PERCENT = "percent"
    REMAINDER = "remainder"
    SEQUENCE = "sequence"
    KEPT = "kept"


class Of(StrEnum):
    """What a percentage is taken of."""

    BASE = "base"
    AFTER_FIXED = "after_fixed"
    AFTER_FEES = "after_fees"
    PARENT = "parent"


class Base(StrEnum):
    """What amount a rule divides."""

    AMOUNT = "amount"
    NET_OF_PROVIDER_FEE = "net_of_provider_fee"
    LINES = "lines"


class OnShort(StrEnum):
    """What happens when the fixed parts exceed the amount."""

    REFUSE = "refuse"
    IN_ORDER_UNTIL_EMPTY = "in_order_until_empty"


class FeeBearer(StrEnum):
    """Who bears the fee that the provider took from the order."""

    PLATFORM = "platform"
    SELLER = "seller"
    PRO_RATA = "pro_rata"


class RefundPolicy(StrEnum):
    """From whom a refund is taken back (7.1)."""

    PROPORTIONAL = "proportional"
    EXPLICIT = "explicit"
    BY_ORDER = "by_order"
    PLATFORM_FIRST = "platform_first"
    KEEP_FEE = "keep_fee"


class OnShortfall(StrEnum):
    """What happens when a party lacks the balance for its part of a refund."""

    REFUSE = "refuse"
    WAIT_TOP_UP = "wait_top_up"
    PLATFORM_ADVANCE = "platform_advance"
    NEGATIVE_BALANCE = "negative_balance"


@dataclass(frozen=True, slots=True)
class Fixed:
    """An amount in minor units; it never absorbs rounding."""

    amount_minor: int


@dataclass(frozen=True, slots=True)
class Percent:
    """An exact part of `of`."""

    value: Fraction
    of: Of = Of.BASE


@dataclass(frozen=True, slots=True)
class Tiered:
    """By tiers of `of`: the unit amounts of the model are exact parts of each minor unit."""

    model: Graduated | Volume
    of: Of = Of.BASE


@dataclass(frozen=True, slots=True)
class GreaterOf:
    """The largest of several measures."""

    choices: tuple[Fixed | Percent, ...]


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left, shared by integer weight when several parts take it; None is the only one."""

    weight: int | None = None


Measure = Fixed | Percent | Tiered | GreaterOf | Rest


@dataclass(frozen=True, slots=True)
class Step:
    """One receiver of a sequence, up to `cap_minor`; None takes what is left of the pot."""

    to: str
    cap_minor: int | None


@dataclass(frozen=True, slots=True)
class Condition:
    """The part applies only when a party's attribute has this value."""

    party: str
    attribute: str
    equals: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a rule. `min_minor` and `cap_minor` bound its value, `min_base_minor` and `max_base_minor` the amounts
    it applies to (inclusive). `refundable` false keeps it out of refunds under `keep_fee`."""

    to: str
    kind: PartKind
    measure: Measure
    min_minor: int | None = None
    cap_minor: int | None = None
    min_base_minor: int | None = None
    max_base_minor: int | None = None
    refundable: bool = True
    condition: Condition | None = None
    children: tuple[Part, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class RefundTerms:
    """How refunds of orders under this rule are taken back; each may be overridden per refund with permission."""

    policy: RefundPolicy = RefundPolicy.PROPORTIONAL
    on_shortfall: OnShortfall = OnShortfall.REFUSE
    who_bears_provider_fee: FeeBearer = FeeBearer.PLATFORM
    order: tuple[str, ...] = ()
    borne_by_receivers: bool = False


@dataclass(frozen=True, slots=True)
class SplitRule:
    """One version of a rule. `rounding_to` names the party that takes the spare under `named_takes_all`.

    `subsidy_max_minor`: what the platform may add to one order out of its own money.
    """

    name: str
    version: int
    currency: str
    parts: tuple[Part, ...]
    base: Base = Base.AMOUNT
    rounding: Remainder = Remainder.LARGEST_REMAINDER
    rounding_to: str | None = None
    on_short: OnShort = OnShort.REFUSE
    fee_bearer: FeeBearer = FeeBearer.SELLER
    refund: RefundTerms = field(default_factory=RefundTerms)
    subsidy_max_minor: int = 0
    _hash: int = field(default=0, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        """By the content; a rule is asked for it with every order and walks its tree once."""
        if not self._hash:
            content = tuple(getattr(self, one.name) for one in fields(self) if one.compare)
            object.__setattr__(self, "_hash", hash(content))
        return self._hash


def parties_of(parts: tuple[Part, ...]) -> set[str]:
    """Every party that a rule's parts, steps and children name."""
    found: set[str] = set()
    for part in parts:
        found |= {part.to, *(step.to for step in part.steps)} | parties_of(part.children)
    return found


def conditions_of(parts: tuple[Part, ...]) -> frozenset[tuple[str, str]]:
    """Every (party, attribute) that a rule's parts and their children ask about."""
    found = {(part.condition.party, part.condition.attribute) for part in parts if part.condition is not None}
    return frozenset(found).union(*(conditions_of(part.children) for part in parts if part.children))


def is_refundable(parts: tuple[Part, ...], role: str) -> bool:
    """Whether refunds may touch what a role gets under these parts (and their children)."""
    named = [part for part in parts if part.to == role]
    inner = [is_refundable(part.children, role) for part in parts if part.children]
    return all(part.refundable for part in named) and all(inner)
