"""Billing's money movements, all in the platform's own book: invoices, payments, credit notes, refunds, losses, revenue.

| recipe | event | debit | credit |
|---|---|---|---|
| B01 | invoice final | receivable, credit used, granted credit used | deferred, revenue, tax payable (and credit given) |
| B02 | payment arrived | PSP clearing or own bank | receivable, too much to credit |
| B03 | provider's fee | provider cost | PSP clearing |
| B04 | credit note | deferred, revenue, tax payable | receivable, credit, granted credit |
| B05 | refund | credit | PSP clearing or own bank |
| B06 | written off | loss | receivable |
| B07 | service rendered | deferred | revenue |
| B08 | credit given by hand | revenue | credit |
| B09 | dispute: money withdrawn | dispute receivable | PSP clearing |
| B10 | dispute won | PSP clearing | dispute receivable |
| B11 | dispute lost | loss | dispute receivable |
| B12 | credit pays an invoice | credit | receivable |
| B13 | opening credit taken over | revenue | credit |
| B14 | too small to charge, carried to the next invoice | carried | receivable |
| B15 | refund that came back | PSP clearing | credit |
| B16 | credit granted by a plan | revenue | granted credit |
| B17 | granted credit lapsed or taken back | granted credit | revenue |
| B18 | credit note voided | receivable, credit, granted credit | deferred, revenue, tax payable |

Only an outcome `Done`, a statement line or an operator's word about his own bank posts money. Amounts are minor
units of one currency; legs of zero are left out, and a journal without legs is None.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from cauce.ledger.rules import Account, Book, Journal, Leg


@lru_cache(maxsize=262_144)
def platform(currency: str, code: str) -> Account:
    """An account of the platform's own book."""
    return Account(Book.PLATFORM, "", currency, code)


def receivable(customer_id: str, currency: str) -> Account:
    """What a customer owes."""
    return platform(currency, f"customer:{customer_id}:receivable")


def credit(customer_id: str, currency: str) -> Account:
    """What a customer has to his credit."""
    return platform(currency, f"customer:{customer_id}:credit")


def granted(customer_id: str, currency: str) -> Account:
    """What a customer has left of what plans granted him."""
    return platform(currency, f"customer:{customer_id}:granted")


def carried(customer_id: str, currency: str) -> Account:
    """What a customer owes that was too small to charge; his next invoice collects it."""
    return platform(currency, f"customer:{customer_id}:carried")


def money(channel_id: str, currency: str) -> Account:
    """Where money arrives and leaves: the provider's clearing, or our own bank when no provider is concerned."""
    return platform(currency, f"psp_clearing:{channel_id}" if channel_id else "own_bank")


def invoice_finalized(
    invoice_id: str,
    customer_id: str,
    currency: str,
    at: datetime,
    *,
    total_minor: int,
    tax_minor: int,
    deferred_minor: int,
    credit_used_minor: int,
    granted_used_minor: int = 0,
) -> Journal | None:
    """B01: what the customer owes, less his own and the granted credit that pay it.

    `credit_used_minor` below zero: a negative total becomes credit, or what earlier invoices carried is owed with this.
    """
    earlier = -credit_used_minor if credit_used_minor < 0 <= total_minor else 0
    revenue = total_minor - tax_minor - deferred_minor
    return journal_of(
        f"invoice:{invoice_id}",
        "B01",
        invoice_id,
        at,
        (
            (receivable(customer_id, currency), total_minor - credit_used_minor - granted_used_minor),
            (granted(customer_id, currency), granted_used_minor),
            (credit(customer_id, currency), credit_used_minor + earlier),
            (carried(customer_id, currency), -earlier),
            (platform(currency, "deferred"), -deferred_minor),
            (platform(currency, "revenue"), -revenue),
            (platform(currency, "tax_payable"), -tax_minor),
        ),
    )


def payment_received(
    payment_id: str,
    invoice_id: str,
    customer_id: str,
    currency: str,
    at: datetime,
    *,
    channel_id: str,
    amount_minor: int,
    too_much_minor: int,
    evidence: str | None,
) -> Journal | None:
    """B02: money for an invoice; what exceeds it is the customer's credit. `channel_id` "": our own bank."""
    return journal_of(
        f"payment:{payment_id}",
        "B02",
        invoice_id,
        at,
        (
            (money(channel_id, currency), amount_minor),
            (receivable(customer_id, currency), too_much_minor - amount_minor),
            (credit(customer_id, currency), -too_much_minor),
        ),
        evidence,
    )


def payment_fee(payment_id: str, currency: str, at: datetime, *, channel_id: str, fee_minor: int) -> Journal | None:
    """B03: what the provider kept of a payment."""
    return journal_of(
        f"payment_fee:{payment_id}",
        "B03",
        payment_id,
        at,
        ((platform(currency, "provider_cost"), fee_minor), (money(channel_id, currency), -fee_minor)),
    )


def credit_note_issued(
    note_id: str,
    invoice_id: str,
    customer_id: str,
    currency: str,
    at: datetime,
    *,
    from_deferred_minor: int,
    from_revenue_minor: int,
    tax_minor: int,
    to_receivable_minor: int,
    to_credit_minor: int,
    to_granted_minor: int = 0,
) -> Journal | None:
    """B04: the exact reverse of a part of an invoice: what is not yet earned first, then revenue.

    `to_credit_minor` below zero: what the invoice collected of earlier ones is carried again.
    """
    earlier = max(0, -to_credit_minor)
    return journal_of(
        f"credit_note:{note_id}",
        "B04",
        invoice_id,
        at,
        (
            (platform(currency, "deferred"), from_deferred_minor),
            (platform(currency, "revenue"), from_revenue_minor),
            (platform(currency, "tax_payable"), tax_minor),
            (receivable(customer_id, currency), -to_receivable_minor),
            (credit(customer_id, currency), -to_credit_minor - earlier),
            (granted(customer_id, currency), -to_granted_minor),
            (carried(customer_id, currency), earlier),
        ),
    )


def refund_paid(
    refund_id: str,
    customer_id: str,
    currency: str,
    at: datetime,
    *,
    channel_id: str,
    amount_minor: int,
    evidence: str | None,
) -> Journal | None:
    """B05: credit leaves as money, back the way it came."""
    return journal_of(
        f"refund:{refund_id}",
        "B05",
        refund_id,
        at,
        ((credit(customer_id, currency), amount_minor), (money(channel_id, currency), -amount_minor)),
        evidence,
    )


def written_off(invoice_id: str, customer_id: str, currency: str, at: datetime, *, amount_minor: int) -> Journal | None:
    """B06: nobody expects this money any more."""
    return journal_of(
        f"write_off:{invoice_id}",
        "B06",
        invoice_id,
        at,
        ((platform(currency, "loss"), amount_minor), (receivable(customer_id, currency), -amount_minor)),
    )


def revenue_recognized(key: str, product_id: str, currency: str, at: datetime, *, amount_minor: int) -> Journal | None:
    """B07: service rendered; one journal per product, currency and close (negative takes back)."""
    return journal_of(
        f"recognition:{key}",
        "B07",
        product_id,
        at,
        ((platform(currency, "deferred"), amount_minor), (platform(currency, "revenue"), -amount_minor)),
    )


def credit_granted(
    grant_id: str, customer_id: str, currency: str, at: datetime, *, amount_minor: int
) -> Journal | None:
    """B08: credit given by hand, at the cost of revenue."""
    return journal_of(
        f"credit:{grant_id}",
        "B08",
        grant_id,
        at,
        ((platform(currency, "revenue"), amount_minor), (credit(customer_id, currency), -amount_minor)),
    )


def dispute_moved(
    dispute_id: str,
    recipe: str,
    channel_id: str,
    currency: str,
    at: datetime,
    *,
    amount_minor: int,
    evidence: str | None,
) -> Journal | None:
    """B09 withdrawn, B10 won and returned, B11 lost."""
    held = platform(currency, f"dispute_receivable:{channel_id}")
    clearing = money(channel_id, currency)
    pairs = {
        "B09": ((held, amount_minor), (clearing, -amount_minor)),
        "B10": ((clearing, amount_minor), (held, -amount_minor)),
        "B11": ((platform(currency, "loss"), amount_minor), (held, -amount_minor)),
    }[recipe]
    return journal_of(f"dispute:{dispute_id}:{recipe}", recipe, dispute_id, at, pairs, evidence)


def credit_applied(
    application_id: str, invoice_id: str, customer_id: str, currency: str, at: datetime, *, amount_minor: int
) -> Journal | None:
    """B12: the customer's credit pays part of an open invoice."""
    return journal_of(
        f"credit_applied:{application_id}",
        "B12",
        invoice_id,
        at,
        ((credit(customer_id, currency), amount_minor), (receivable(customer_id, currency), -amount_minor)),
    )


def credit_taken_over(
    import_id: str, customer_id: str, currency: str, at: datetime, *, amount_minor: int
) -> Journal | None:
    """B13: credit that the customer had in the system that ran before."""
    return journal_of(
        f"takeover:{import_id}",
        "B13",
        import_id,
        at,
        ((platform(currency, "revenue"), amount_minor), (credit(customer_id, currency), -amount_minor)),
    )


def journal_of(
    key: str,
    recipe: str,
    reference: str,
    at: datetime,
    pairs: Iterable[tuple[Account, int]],
    evidence: str | None = None,
) -> Journal | None:
    """The journal of (account, amount) pairs: legs of zero are left out, None when nothing is left."""
    legs = tuple(Leg(account, amount) for account, amount in pairs if amount)
    return Journal(key, recipe, reference, at, legs, evidence) if legs else None
