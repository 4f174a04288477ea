"""B14, B15, B18: what stands over: amounts too small to charge, refunds that came back, credit notes that were voided."""

from __future__ import annotations

from datetime import datetime

from cauce.ledger.recipes.billing import carried, credit, granted, journal_of, money, platform, receivable
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


def credit_note_voided(
    note_id: str,
    invoice_id: str,
    customer_id: str,
    currency: str,
    at: datetime,
    *,
    to_deferred_minor: int,
    to_revenue_minor: int,
    tax_minor: int,
    to_receivable_minor: int,
    from_credit_minor: int,
    from_granted_minor: int = 0,
) -> Journal | None:
    """B18: a credit note is void: the exact reverse of what it did."""
    return journal_of(
        f"credit_note_voided:{note_id}",
        "B18",
        invoice_id,
        at,
        (
            (receivable(customer_id, currency), to_receivable_minor),
            (credit(customer_id, currency), from_credit_minor),
            (granted(customer_id, currency), from_granted_minor),
            (platform(currency, "deferred"), -to_deferred_minor),
            (platform(currency, "revenue"), -to_revenue_minor),
            (platform(currency, "tax_payable"), -tax_minor),
        ),
    )
