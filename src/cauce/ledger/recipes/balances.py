"""B14, B15: what stands over: amounts too small to charge, refunds that came back."""

from __future__ import annotations

from datetime import datetime

from cauce.ledger.recipes.billing import carried, credit, journal_of, money, receivable
from cauce.ledger.rules import Journal


def carried_forward(
    invoice_id: str, customer_id: str, currency: str, at: datetime, *, amount_minor: int
) -> Journal | None:
    """B14: what is left of an invoice is too small to charge and stands on the customer's next one (V28)."""
    return journal_of(
        f"carried:{invoice_id}",
        "B14",
        invoice_id,
        at,
        ((carried(customer_id, currency), amount_minor), (receivable(customer_id, currency), -amount_minor)),
    )


def refund_returned(
    refund_id: str,
    customer_id: str,
    currency: str,
    at: datetime,
    *,
    channel_id: str,
    amount_minor: int,
    evidence: str | None,
) -> Journal | None:
    """B15: a refund that looked well failed later; the money is back and is the customer's credit again."""
    return journal_of(
        f"refund_returned:{refund_id}",
        "B15",
        refund_id,
        at,
        ((money(channel_id, currency), amount_minor), (credit(customer_id, currency), -amount_minor)),
        evidence,
    )
