"""A change as it is asked for, and what it came to: the words between the doors and `changes`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cauce.billing.catalog.rules import ChangeCredit, ChangeTiming, FailedPayment, ProrationBehavior
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.pricing.changes import IntervalChange
from cauce.pricing.invoice_lines import PricedLine


class PreviewOutdated(Conflict):
    """The change would no longer cost what the preview said; ask for a new one."""

    code = "preview_outdated"


class PauseWaits(Conflict):
    """A pause waits for the end of the period: withdraw it before you plan another change."""

    code = "pause_waits"


class ChangeNotDue(Conflict):
    """The instant of a change that is past lies outside the running period, or before an earlier change."""

    code = "change_outside_period"


class ChangeAwaitsPayment(Conflict):
    """An earlier change waits for its payment; withdraw it first."""

    code = "change_awaits_payment"


class FirstPaymentUnderWay(Conflict):
    """The trial has ended and its first payment is under way: change the plan once that is known."""

    code = "first_payment_under_way"


class RefundNotNow(InvalidRequest):
    """A refund is of what a change gives back now; with this proration that waits for the next invoice."""

    code = "refund_not_now"


@dataclass(frozen=True, slots=True)
class Change:
    """What shall be subscribed. None leaves it as it is; `quantities`: price key -> decimal string.

    `plan_id`: another version of the same plan, instead of `plan`. `interval_change`: where a new interval's period starts.

    `at`: the instant that a preview was made for, an earlier one in the running period, or a later one on which the
    change shall be made; `expect_total_minor`: what the preview said, refused when it is no longer so. `credit`: what
    becomes of what the change gives back now. `policy`: fields of a change policy that hold for this change, over those of
    the portal (`by_portal`), the price and the plan; what is said outright holds over them all.
    """

    subscription_id: str
    plan: str | None = None
    quantities: Mapping[str, str] = field(default_factory=dict)
    addons: tuple[str, ...] | None = None
    options: Mapping[str, Any] | None = None
    timing: ChangeTiming | None = None
    proration: ProrationBehavior | None = None
    failed_payment: FailedPayment | None = None
    at: datetime | None = None
    expect_total_minor: int | None = None
    plan_id: str | None = None
    interval_change: IntervalChange | None = None
    credit: ChangeCredit | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)
    by_portal: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """What the change comes to: lines and total of the invoice (negative: credit), and when it takes effect.

    `refunded_minor`: how much of a negative total goes back to the payments that paid it; the rest stays credit.
    `awaits_payment`: nothing has changed yet; it does when the invoice is paid.
    """

    subscription_id: str
    timing: ChangeTiming
    proration: ProrationBehavior
    effective_at: datetime
    lines: tuple[PricedLine, ...]
    total_minor: int
    invoice_id: str | None
    change_id: str | None
    mrr_minor: int
    awaits_payment: bool = False
    refunded_minor: int = 0
