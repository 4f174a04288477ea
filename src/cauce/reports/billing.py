"""Reading the subscription half: lists by cursor, single objects with what belongs to them, figures. Nothing is written.

Every list is newest first. A cursor is the id of the last row seen; `NEWEST` begins. Rows are records whose columns
are named in `billing.sql`; amounts are minor units of the row's currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "billing.sql")
NEWEST = "~"
"""The cursor before the newest row: it sorts after every id."""

ROWS_MAX = 100
_WORDS_MAX = 6


async def list_customers(tx: Tx, *, search: str = "", after: str = NEWEST, rows_max: int = ROWS_MAX) -> list[Row]:
    """Customers, all or those whose name, e-mail or external id has words that begin with each word of `search`."""
    words = search.lower().split()[:_WORDS_MAX]
    if len(words) == 1:
        found = await tx.rows(QUERIES.customers_by_word, tx.org, words[0], after, rows_max)
        return await tx.rows(QUERIES.customers_by_id, tx.org, [row["id"] for row in found])
    return await tx.rows(QUERIES.customers, tx.org, after, words, rows_max)


async def list_subscriptions(
    tx: Tx,
    *,
    status: str | None = None,
    customer_id: str | None = None,
    plan: str | None = None,
    after: str = NEWEST,
    rows_max: int = ROWS_MAX,
) -> list[Row]:
    """Subscriptions with their customer, plan and access."""
    return await tx.rows(QUERIES.subscriptions, tx.org, after, status, customer_id, plan, rows_max)


@dataclass(frozen=True, slots=True)
class SubscriptionDetail:
    """One subscription with its items and waiting lines."""

    subscription: Row
    items: list[Row]
    pending_lines: list[Row]


async def read_subscription(tx: Tx, subscription_id: str) -> SubscriptionDetail:
    """One subscription whole; `NotFound` otherwise."""
    row = await tx.row(QUERIES.subscription, tx.org, subscription_id)
    if row is None:
        raise NotFound(f"there is no subscription {subscription_id}", param="subscription")
    items = await tx.rows(QUERIES.items, tx.org, subscription_id)
    return SubscriptionDetail(row, items, await pending_lines(tx, subscription_id))


async def pending_lines(tx: Tx, subscription_id: str) -> list[Row]:
    """What a subscription is charged with the next invoice, or when the customer approves."""
    return await tx.rows(QUERIES.pending_lines, tx.org, subscription_id)


async def list_invoices(
    tx: Tx,
    *,
    status: str | None = None,
    customer_id: str | None = None,
    subscription_id: str | None = None,
    after: str = NEWEST,
    rows_max: int = ROWS_MAX,
) -> list[Row]:
    """Invoices with their customer."""
    return await tx.rows(QUERIES.invoices, tx.org, after, status, customer_id, subscription_id, rows_max)


@dataclass(frozen=True, slots=True)
class InvoiceDetail:
    """One invoice with its lines, attempts and credit notes."""

    invoice: Row
    lines: list[Row]
    attempts: list[Row]
    credit_notes: list[Row]


async def read_invoice(tx: Tx, invoice_id: str) -> InvoiceDetail:
    """One invoice whole; `NotFound` otherwise."""
    row = await tx.row(QUERIES.invoice, tx.org, invoice_id)
    if row is None:
        raise NotFound(f"there is no invoice {invoice_id}", param="invoice")
    return InvoiceDetail(
        row,
        await tx.rows(QUERIES.lines, tx.org, invoice_id),
        await tx.rows(QUERIES.attempts, tx.org, invoice_id),
        await tx.rows(QUERIES.credit_notes, tx.org, NEWEST, None, invoice_id, ROWS_MAX),
    )


async def list_payments(
    tx: Tx, *, customer_id: str | None = None, after: str = NEWEST, rows_max: int = ROWS_MAX
) -> list[Row]:
    """Money that arrived, with its customer and invoice."""
    return await tx.rows(QUERIES.payments, tx.org, after, customer_id, rows_max)


async def list_refunds(
    tx: Tx, *, customer_id: str | None = None, after: str = NEWEST, rows_max: int = ROWS_MAX
) -> list[Row]:
    """Refunds."""
    return await tx.rows(QUERIES.refunds, tx.org, after, customer_id, rows_max)


async def list_credit_notes(
    tx: Tx, *, customer_id: str | None = None, after: str = NEWEST, rows_max: int = ROWS_MAX
) -> list[Row]:
    """Credit notes."""
    return await tx.rows(QUERIES.credit_notes, tx.org, after, customer_id, None, rows_max)


async def read_credit_note(tx: Tx, credit_note_id: str) -> Row:
    """One credit note; `NotFound` otherwise."""
    row = await tx.row(QUERIES.credit_note, tx.org, credit_note_id)
    if row is None:
        raise NotFound(f"there is no credit note {credit_note_id}", param="credit_note")
    return row


async def list_cases(tx: Tx, *, state: str | None = None, after: str = NEWEST, rows_max: int = ROWS_MAX) -> list[Row]:
    """Recoveries of debts, open ones with `state="open"`."""
    return await tx.rows(QUERIES.cases, tx.org, after, state, rows_max)


async def methods_of(tx: Tx, customer_id: str) -> list[Row]:
    """A customer's payment methods, oldest first."""
    return await tx.rows(QUERIES.methods, tx.org, customer_id)


async def credit_balances(tx: Tx, customer_id: str) -> list[Row]:
    """A customer's credit per currency, and what of it is reserved for refunds."""
    return await tx.rows(QUERIES.credit_balances, tx.org, customer_id)


async def entitlements_of(tx: Tx, customer_id: str) -> list[Row]:
    """What a customer's subscriptions give, with their states: one call for both (B2)."""
    return await tx.rows(QUERIES.entitlements, tx.org, customer_id)


async def status_counts(tx: Tx) -> list[Row]:
    """Subscriptions and monthly recurring revenue by state and currency."""
    return await tx.rows(QUERIES.status_counts, tx.org)


async def mrr_movements(tx: Tx, since: datetime, until: datetime) -> list[Row]:
    """How recurring revenue moved per month and currency: new, expansion, contraction, churn, reactivation."""
    return await tx.rows(QUERIES.mrr_movements, tx.org, since, until)


async def mrr_on(tx: Tx, instant: datetime) -> dict[str, int]:
    """Monthly recurring revenue per currency as of any instant, from the transition log."""
    return {row["currency"]: row["mrr_minor"] for row in await tx.rows(QUERIES.mrr_on, tx.org, instant)}


async def outstanding(tx: Tx, today: date) -> list[Row]:
    """Open invoices by currency and age: not yet payable (0), up to 30 and 60 days over, more (90)."""
    return await tx.rows(QUERIES.outstanding, tx.org, today)


async def restrictions(tx: Tx, subscription_ids: Sequence[str]) -> list[Row]:
    """(subscription_id, why) of those whose access is limited: `grace` over, a dispute `opened` or `lost`."""
    return await tx.rows(QUERIES.restrictions, tx.org, list(subscription_ids))


async def statement_descriptors(tx: Tx, subscription_ids: Sequence[str]) -> dict[str, str]:
    """What the plans of these subscriptions want on card statements; those that want nothing are left out."""
    rows = await tx.rows(QUERIES.statement_descriptors, tx.org, list(subscription_ids))
    return {row["id"]: row["descriptor"] for row in rows}


async def invoice_paid_by(tx: Tx, channel_id: str, reference: str) -> str | None:
    """The invoice of the payment that a provider calls `reference`, or None."""
    found: str | None = await tx.value(QUERIES.invoice_paid_by, tx.org, channel_id, reference)
    return found
