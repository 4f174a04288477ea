"""What is due on an invoice once adjustments, payments and the customer's credit are counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InvoiceBalance:
    """Charged after adjustment, credit used, credit that an overpayment made, and what is still due (>= 0)."""

    charged_minor: int
    credit_applied_minor: int
    credit_generated_minor: int
    balance_minor: int


def invoice_balance(
    charge_minor: int, *, adjustment_minor: int = 0, account_credit_minor: int = 0, paid_minor: int = 0
) -> InvoiceBalance:
    """Overpayment becomes account credit; account credit pays what is due. All in minor units of one currency."""
    charged = charge_minor + adjustment_minor
    due = charged - paid_minor
    applied = min(max(0, account_credit_minor), max(0, due))
    return InvoiceBalance(charged, applied, max(0, -due), max(0, due) - applied)
