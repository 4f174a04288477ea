"""Credit notes against an invoice: how much may be credited, and whose tax is the last one.

The tax of each note is rounded on its own; the note that exhausts the invoice takes all tax not yet credited, so
that the notes of a fully credited invoice sum to it exactly (V22). No note gives back more tax than is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cauce.kernel.errors import Conflict
from cauce.pricing.tax import Tax, tax_minor


class CreditExceedsInvoice(Conflict):
    """More would be credited than was invoiced and not yet credited."""

    code = "credit_exceeds_invoice"


@dataclass(frozen=True, slots=True)
class Creditable:
    """What is left of an invoice (or of one line of it) to credit: before tax, and tax."""

    subtotal_minor: int
    tax_minor: int

    @property
    def total_minor(self) -> int:
        """What is left with its tax."""
        return self.subtotal_minor + self.tax_minor

    def credit(self, subtotal_minor: int, tax: Tax) -> tuple[Creditable, CreditNote]:
        """Issue a note over `subtotal_minor`: what is left after it, and the note."""
        if not 0 <= subtotal_minor <= self.subtotal_minor:
            raise CreditExceedsInvoice(left_minor=self.subtotal_minor)
        exhausts = subtotal_minor == self.subtotal_minor
        part = self.tax_minor if exhausts else min(tax_minor(subtotal_minor, tax), self.tax_minor)
        note = CreditNote(subtotal_minor, part)
        return Creditable(self.subtotal_minor - subtotal_minor, self.tax_minor - part), note


@dataclass(frozen=True, slots=True)
class CreditNote:
    """A credit before tax and its tax, both positive."""

    subtotal_minor: int
    tax_minor: int

    @property
    def total_minor(self) -> int:
        """What the customer gets back."""
        return self.subtotal_minor + self.tax_minor


def invoice_of(lines: Sequence[int], tax: Tax) -> Creditable:
    """An invoice of `lines` before tax, its tax taken once on their sum, nothing credited yet."""
    subtotal = sum(lines)
    return Creditable(subtotal, tax_minor(subtotal, tax))


def credit_notes(invoice: Creditable, subtotals: Sequence[int], tax: Tax) -> list[CreditNote]:
    """The notes over `subtotals`, issued in this order."""
    notes = []
    for subtotal in subtotals:
        invoice, note = invoice.credit(subtotal, tax)
        notes.append(note)
    return notes


def credit_cap(potential_minor: int, original_minor: int, previous_credits_minor: int) -> int:
    """A credit never exceeds what was billed and not yet credited (V23)."""
    return max(0, min(potential_minor, original_minor - previous_credits_minor))
