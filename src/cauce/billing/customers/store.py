"""The slice's tables: the customer and the words he is found by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cauce.billing.customers.rules import Customer, CustomerData, tokens
from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


async def upsert(tx: Tx, customer_id: str, data: CustomerData, now: datetime) -> tuple[Customer, bool]:
    """The customer with this external id, made or brought up to date and locked; True when he was made."""
    row = await tx.row(
        QUERIES.upsert,
        tx.org,
        customer_id,
        data.external_id,
        data.email,
        data.name,
        data.locale,
        data.timezone,
        data.country,
        data.address,
        data.tax_ids,
        data.tax_treatment,
        data.metadata,
        now,
    )
    assert row is not None
    return _customer(row), row["created"]


async def read(tx: Tx, customer_id: str) -> Customer:
    """The customer with this id; `NotFound` otherwise."""
    row = await tx.row(QUERIES.by_id, tx.org, customer_id)
    if row is None:
        raise NotFound(f"there is no customer {customer_id}", param="customer")
    return _customer(row)


async def find(tx: Tx, external_id: str) -> Customer:
    """The customer with this external id; `NotFound` otherwise."""
    row = await tx.row(QUERIES.by_external_id, tx.org, external_id)
    if row is None:
        raise NotFound(f"there is no customer {external_id}", param="external_id")
    return _customer(row)


async def ids_by_email(tx: Tx, email: str, rows_max: int) -> list[str]:
    """Customers with this address, in order of id; an address is no identity, so there may be several."""
    return [row["id"] for row in await tx.rows(QUERIES.ids_by_email, tx.org, email.strip().lower(), rows_max)]


async def lock(tx: Tx, customer_ids: Iterable[str]) -> set[str]:
    """Lock customers in order of id; those of them who are suspended."""
    rows = await tx.rows(QUERIES.lock, tx.org, sorted(set(customer_ids)))
    return {row["id"] for row in rows if row["suspended"]}


async def index(tx: Tx, customer: Customer) -> None:
    """Write the words under which the customer is found."""
    await tx.run(QUERIES.forget_tokens, tx.org, customer.id)
    await tx.run(QUERIES.put_tokens, tx.org, customer.id, tokens(customer))


def _customer(row: Row) -> Customer:
    return Customer(**{name: value for name, value in dict(row).items() if name != "created"})
