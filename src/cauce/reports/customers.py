"""Customers as pages show them: a searched list with what each is worth and owes, and what belongs to one of them."""

from __future__ import annotations

from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "customers.sql")


async def page(tx: Tx, *, before: str = "", find: str = "", status: str = "", rows_max: int = 50) -> list[Row]:
    """Customers, newest first, with the statuses of their subscriptions, monthly revenue and what they owe.

    `find` is the beginning of a word of name, e-mail address or external id. Money is of the customer's first currency.
    """
    return await tx.rows(QUERIES.customer_page, tx.org, before, find.lower(), status, rows_max)


async def timeline(tx: Tx, customer_id: str, rows_max: int = 40) -> list[Row]:
    """What happened to a customer and everything of his, newest first."""
    return await tx.rows(QUERIES.customer_timeline, tx.org, customer_id, rows_max)


async def methods(tx: Tx, customer_id: str) -> list[Row]:
    """The payment methods on file, the default first."""
    return await tx.rows(QUERIES.customer_methods, tx.org, customer_id)


async def payments(tx: Tx, customer_id: str, *, invoice_id: str = "", rows_max: int = 20) -> list[Row]:
    """Money that arrived from a customer, newest first, for one invoice or all."""
    return await tx.rows(QUERIES.customer_payments, tx.org, customer_id, invoice_id, rows_max)


async def usage(tx: Tx, customer_id: str) -> list[Row]:
    """What meters counted in the running periods of a customer's subscriptions, at most 50 of them."""
    return await tx.rows(QUERIES.customer_usage, tx.org, customer_id)


async def asked_charges(tx: Tx, customer_id: str) -> list[Row]:
    """One-off charges that wait for the customer's approval, oldest first."""
    return await tx.rows(QUERIES.asked_charges, tx.org, customer_id)


async def credit(tx: Tx, customer_id: str) -> list[Row]:
    """(currency, credit_minor) that the customer has to his credit."""
    return await tx.rows(QUERIES.customer_credit, tx.org, customer_id)


async def credit_grants(tx: Tx, customer_id: str, *, before: str = "~", rows_max: int = 20) -> list[Row]:
    """Credit that plans granted a customer, newest first, with what is left, used and lapsed of each."""
    return await tx.rows(QUERIES.credit_grants, tx.org, customer_id, before, rows_max)


async def setup_owner(tx: Tx, setup_id: str) -> str:
    """Whose method a set-up will be; "" for one that does not exist."""
    return str(await tx.value(QUERIES.setup_owner, tx.org, setup_id) or "")
