"""Breaks: what kinds of difference there are, how bad each is, how it may end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from cauce.kernel.errors import Conflict, Forbidden, InvalidRequest, NotFound
from cauce.kernel.machine import BEGIN, Machine, steps

TIMING_DAYS = 3
"""How long a difference may be a matter of the cut-off."""


class BreakType(StrEnum):
    """What differs (9.2)."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT = "amount"
    STATUS = "status"
    TIMING = "timing"
    DUPLICATE = "duplicate"
    BALANCE = "balance"
    BALANCE_GAP = "balance_gap"
    COUNT = "count"
    FEE = "fee"
    UNKNOWN_REFERENCE = "unknown_reference"
    UNKNOWN_DEBIT = "unknown_debit"
    STATUS_CONFLICT = "status_conflict"


class Severity(StrEnum):
    """How soon somebody must look."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"


_CRITICAL = frozenset(
    {BreakType.DUPLICATE, BreakType.BALANCE, BreakType.COUNT, BreakType.UNKNOWN_DEBIT, BreakType.STATUS_CONFLICT}
)
STOPPING = (BreakType.UNKNOWN_DEBIT, BreakType.STATUS_CONFLICT)
"""Breaks that stop the channel's payouts until somebody has resolved them."""

_NORMAL = frozenset({BreakType.TIMING, BreakType.FEE, BreakType.MISSING_THERE})
DUE_AFTER = {
    Severity.CRITICAL: timedelta(hours=4),
    Severity.HIGH: timedelta(days=1),
    Severity.NORMAL: timedelta(days=3),
}

RUN = Machine(
    "reconciliation run",
    ("fetching", "parsed", "matched", "balanced", "breaks_open", "closed"),
    (
        *steps("begin", (BEGIN,), "fetching"),
        *steps("parse", ("fetching",), "parsed"),
        *steps("match", ("parsed",), "matched"),
        *steps("balance", ("matched", "breaks_open"), "balanced"),
        *steps("break", ("matched",), "breaks_open"),
        *steps("close", ("balanced", "breaks_open"), "closed"),
    ),
)

BREAK = Machine(
    "break",
    ("open", "assigned", "explained", "corrected", "accepted", "closed"),
    (
        *steps("find", (BEGIN,), "open"),
        *steps("assign", ("open", "assigned"), "assigned"),
        *steps("explain", ("open", "assigned"), "explained"),
        *steps("correct", ("open", "assigned"), "corrected"),
        *steps("accept", ("open", "assigned"), "accepted"),
        *steps("close", ("open", "assigned", "explained", "corrected", "accepted"), "closed"),
        *steps("reopen", ("accepted",), "open"),
    ),
)


class UnknownBreak(NotFound):
    """There is no such break."""

    code = "unknown_break"


class UnknownCase(NotFound):
    """There is no such open case."""

    code = "unknown_case"


class UnknownRun(NotFound):
    """There is no such reconciliation run."""

    code = "unknown_reconciliation_run"


class ResolutionNeedsTwo(Forbidden):
    """A resolution that touches money is made by one person and approved by another."""

    code = "resolution_needs_two"


class TooLargeToAccept(Forbidden):
    """The difference is larger than may be accepted at this channel: it is corrected or explained."""

    code = "difference_too_large"


class CriticalBreaksOpen(Conflict):
    """A run closes only without open critical breaks."""

    code = "critical_breaks_open"


_WHOLE = frozenset(
    {BreakType.MISSING_HERE, BreakType.MISSING_THERE, BreakType.TIMING, BreakType.DUPLICATE, BreakType.STATUS}
)

STAND_INS = ("ref:", "row:", "line:")
"""How what stands in for our key begins, on a line that does not carry it."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What may differ without being a break: fees by type, minor units. Amounts have no tolerance."""

    fees: Mapping[str, int] = field(default_factory=dict)
    timing_days: int = TIMING_DAYS

    def of(self, fee_type: str) -> int:
        """How much a fee of this type may differ."""
        return self.fees.get(fee_type, 0)


@dataclass(frozen=True, slots=True)
class Compared:
    """What both sides say of one thing: `kind` (collection, fee, refund, …) and our key; None where a side is silent.

    `their_status` is the last word of the provider where it is not `booked`, `our_state` that of our instruction.
    """

    kind: str
    key: str
    currency: str
    ours_minor: int | None
    theirs_minor: int | None
    order_id: str = ""
    ours_at: datetime | None = None
    doubled: int = 0  # lines that are there already, one like the other
    their_status: str = ""
    our_state: str = ""
    is_debit: bool = False


@dataclass(frozen=True, slots=True)
class NewBreak:
    """A difference to keep; its identity is channel, kind, key and type."""

    type: BreakType
    kind: str
    key: str
    currency: str
    ours_minor: int | None
    theirs_minor: int | None
    order_id: str = ""

    @property
    def amount_minor(self) -> int:
        """How much more they say than we do."""
        return (self.theirs_minor or 0) - (self.ours_minor or 0)

    @property
    def severity(self) -> Severity:
        """How bad: an unknown debit is worse than an unknown credit."""
        if self.type in _CRITICAL or (
            self.type is BreakType.MISSING_HERE and self.kind in ("payout", "refund", "dispute")
        ):
            return Severity.CRITICAL
        return Severity.NORMAL if self.type in _NORMAL else Severity.HIGH


_MONEY_IN = frozenset({"collection", "payout_return"})
_MONEY_OUT = frozenset({"refund", "payout", "fee", "dispute"})
_WRITTEN_OFF = frozenset(
    {
        BreakType.AMOUNT,
        BreakType.FEE,
        BreakType.MISSING_HERE,
        BreakType.MISSING_THERE,
        BreakType.BALANCE,
        BreakType.UNKNOWN_DEBIT,
    }
)


def loss_of(kind: str, type_: BreakType, ours_minor: int | None, theirs_minor: int | None) -> int:
    """What accepting a difference costs the platform, in minor units (negative: it gains); 0 where no money is missing.

    Amounts of both sides are magnitudes: what came in short and what went out above our books is missing at the holder.
    Parts of orders, prices that buyers did not pay and files that do not add up are no money of the platform's.
    """
    more = (theirs_minor or 0) - (ours_minor or 0)
    if type_ not in _WRITTEN_OFF:
        return 0
    if kind in _MONEY_OUT or type_ is BreakType.UNKNOWN_DEBIT:
        return more
    return -more if kind in _MONEY_IN or kind == "balance" else 0


def judge(compared: Sequence[Compared], *, cut_off: datetime, tolerances: Tolerances = Tolerances()) -> list[NewBreak]:
    """The breaks among what was compared. Ours from `cut_off` on, unheard of by them, is a matter of timing.

    The fee of a collection that is missing or doubled as a whole is no difference of its own.
    """
    found = []
    for one in compared:
        kind = _type_of(one, cut_off, tolerances)
        if kind is not None:
            found.append(
                NewBreak(kind, one.kind, one.key, one.currency, one.ours_minor, one.theirs_minor, one.order_id)
            )
    whole = {one.key for one in found if one.kind == "collection" and one.type in _WHOLE}
    return [one for one in found if one.kind != "fee" or one.key not in whole]


def _type_of(one: Compared, cut_off: datetime, tolerances: Tolerances) -> BreakType | None:
    if one.kind == "fee":
        if one.theirs_minor is None and one.ours_at is not None and one.ours_at >= cut_off:
            return BreakType.TIMING
        far = abs((one.theirs_minor or 0) - (one.ours_minor or 0)) > tolerances.of("collection")
        return BreakType.FEE if far else None
    if one.kind == "other":
        return _stray(one)
    if one.ours_minor is None:
        if one.theirs_minor is None:
            return None  # it came to nothing on both sides
        if one.kind == "payout" and one.our_state == "pending":
            return None  # it left the balance when it was accepted, and is booked when it is paid
        return BreakType.STATUS if one.our_state == "declined" else BreakType.MISSING_HERE
    if one.their_status and (one.theirs_minor is None or one.their_status == "failed"):
        is_flip = one.kind == "payout" and one.their_status == "failed"
        return BreakType.STATUS_CONFLICT if is_flip else BreakType.STATUS
    if one.theirs_minor is None:
        late = one.ours_at is not None and one.ours_at >= cut_off
        return BreakType.TIMING if late else BreakType.MISSING_THERE
    if one.ours_minor == one.theirs_minor:
        return None
    return BreakType.DUPLICATE if one.doubled else BreakType.AMOUNT


def _stray(one: Compared) -> BreakType:
    """A bank line that none of our instructions asked for."""
    if not one.key.startswith(STAND_INS):
        return BreakType.UNKNOWN_REFERENCE
    return BreakType.UNKNOWN_DEBIT if one.is_debit else BreakType.MISSING_HERE


class Template(StrEnum):
    """What a correction posts. It needs the provider's side: what that lacks can be explained or accepted, not corrected."""

    FEE_DIFFERENCE = "fee_difference"  # what the provider took more (or less) as fee is the platform's
    DEBIT_BORNE = "debit_borne"  # what the holder took without an order is paid out of the platform's fee


class TemplateDoesNotFit(InvalidRequest):
    """This correction is not for such a difference, or no line of a statement proves it."""

    code = "correction_does_not_fit"


_FITS = {BreakType.FEE: Template.FEE_DIFFERENCE, BreakType.UNKNOWN_DEBIT: Template.DEBIT_BORNE}


def template_for(type_: str, theirs_minor: int | None) -> Template | None:
    """The template that corrects such a difference, if there is one."""
    return _FITS.get(BreakType(type_)) if theirs_minor is not None else None


def check_template(template: str, trigger: str, type_: str, theirs_minor: int | None) -> Template:
    """The template, if it corrects this difference; `correction_does_not_fit` otherwise."""
    fits = template_for(type_, theirs_minor)
    if trigger != "correct" or fits is None or template != fits:
        raise TemplateDoesNotFit(param="template")
    return fits
