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


@dataclass(frozen=True, slots=True)
class Collectable:
    """What of an amount due is charged now, carried to the next invoice, or forgiven; they sum to what is due."""

    charge_minor: int
    carried_minor: int = 0
    forgiven_minor: int = 0


def collectable(due_minor: int, *, minimum_minor: int = 0, forgive_below_minor: int = 0) -> Collectable:
    """An amount below what the provider charges at least is carried forward, or forgiven when it is tiny (V28)."""
    if 0 < due_minor < forgive_below_minor:
        return Collectable(0, forgiven_minor=due_minor)
    return Collectable(0, carried_minor=due_minor) if 0 < due_minor < minimum_minor else Collectable(due_minor)
