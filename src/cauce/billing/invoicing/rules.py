"""Invoices as values: what is issued, which journal amounts follow, and how a status may change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.kernel.machine import BEGIN, Machine, Transition, steps
from cauce.pricing.invoice_lines import Priced

DUE_NOTICE_DAYS = 3
"""So many days before an invoice with terms of payment is due it is told, unless the seller says otherwise."""

INVOICE = Machine(
    "invoice",
    ("draft", "open", "paid", "void", "uncollectible"),
    (
        Transition("draft", BEGIN, "draft", "draft"),
        *(
            Transition("finalize", source, "finalize", target)
            for source in (BEGIN, "draft")
            for target in ("open", "paid")
        ),
        *steps("settle", ("open", "uncollectible"), "paid"),
        *steps("void", ("open", "uncollectible"), "void"),
        Transition("write_off", "open", "write_off", "uncollectible"),
        Transition("delete", "draft", "delete", "void"),
    ),
)


class InvoiceNotOpen(Conflict):
    """The invoice is not open."""

    code = "invoice_not_open"


class AmountTooLarge(InvalidRequest):
    """The amount is larger than what is left."""

    code = "amount_too_large"


class NothingToCredit(Conflict):
    """Nothing is left to credit on this invoice."""

    code = "nothing_to_credit"


class CreditNoteStands(Conflict):
    """What this credit note did cannot be taken back exactly; `reason` says what stands in the way."""

    code = "credit_note_stands"


@dataclass(frozen=True, slots=True)
class NewInvoice:
    """An invoice to issue. `snapshot` is JSON text; `due_at`: when collection looks at it, None for never.

    `notice_at`: when it is told that it will be due. `credit_used_minor` is the customer's own, `granted_minor` what plans granted for use.
    """

    id: str
    customer_id: str
    subscription_id: str | None
    term: int
    reason: str
    currency: str
    priced: Priced
    credit_used_minor: int
    issued_at: datetime
    issued_on: date
    payable_on: date
    period_start: date | None = None
    period_end: date | None = None
    collection: str = "charge"
    snapshot: str = "{}"
    due_at: datetime | None = None
    granted_minor: int = 0
    notice_at: datetime | None = None

    @property
    def from_credit_minor(self) -> int:
        """What credit of either kind settles of it."""
        return self.credit_used_minor + self.granted_minor

    @property
    def total_minor(self) -> int:
        """What the customer owes for it."""
        return self.priced.total_minor

    @property
    def amount_due_minor(self) -> int:
        """What is left to collect when it is issued: never negative, a negative total becomes credit."""
        return max(0, self.priced.total_minor - self.from_credit_minor)

    @property
    def status(self) -> str:
        """Paid at once when nothing is left to collect."""
        return "open" if self.amount_due_minor else "paid"

    @property
    def deferred_minor(self) -> int:
        """The part of the net that becomes revenue over time."""
        return sum(line.net_minor for line in self.priced.lines if line.charge.deferred)


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as stored, for collection and correction. `granted_minor` is a part of `credit_minor`."""

    id: str
    number: str | None
    customer_id: str
    subscription_id: str | None
    term: int
    reason: str
    status: str
    currency: str
    total_minor: int
    credit_minor: int
    granted_minor: int
    paid_minor: int
    credited_minor: int
    lost_minor: int
    tax_minor: int
    collection: str
    period_start: date | None
    period_end: date | None
    due_at: datetime | None
    finalized_at: datetime | None
    version: int
    snapshot: dict[str, Any] = field(default_factory=dict)

    @property
    def amount_due_minor(self) -> int:
        """What is still to be paid."""
        return max(0, self.total_minor - self.credit_minor - self.paid_minor - self.credited_minor - self.lost_minor)
