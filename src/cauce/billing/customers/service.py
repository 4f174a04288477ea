"""Customers are made or updated by their external id, suspended, erased; each change is an event."""

from __future__ import annotations

from datetime import datetime

from cauce.billing.customers import members, store
from cauce.billing.customers.rules import Customer, CustomerData, check
from cauce.billing.customers.store import find, ids_by_email, lock, read
from cauce.kernel.ids import new_id
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent, emit

__all__ = ["erase", "find", "ids_by_email", "lock", "put", "read", "set_suspended"]


async def put(tx: Tx, data: CustomerData, *, now: datetime, actor: str) -> tuple[Customer, bool]:
    """The customer with `data.external_id`, made or updated; True when made. His row is locked until the commit."""
    check(data)
    customer, created = await store.upsert(tx, new_id("cus"), data, now)
    await store.index(tx, customer)
    event = "customer.created" if created else "customer.updated"
    content = {"external_id": customer.external_id, "email": customer.email, "name": customer.name}
    await emit(tx, [NewEvent(event, customer.id, now, content, customer.id)], actor=actor)
    return customer, created


async def set_suspended(tx: Tx, customer_id: str, suspended: bool, *, now: datetime, actor: str) -> bool:
    """Suspend a customer or end the suspension; False when nothing changed."""
    await store.lock(tx, [customer_id])
    customer = await store.read(tx, customer_id)
    if (customer.suspended_at is not None) == suspended:
        return False
    await tx.run(store.QUERIES.suspend, tx.org, customer_id, now if suspended else None)
    event = "customer.suspended" if suspended else "customer.unsuspended"
    await emit(tx, [NewEvent(event, customer_id, now, {}, customer_id)], actor=actor)
    return True


async def erase(tx: Tx, customer_id: str, *, now: datetime, actor: str) -> None:
    """Take the personal data away; the books, which hold none, stay."""
    await store.lock(tx, [customer_id])
    await tx.run(store.QUERIES.erase, tx.org, customer_id, now)
    await tx.run(store.QUERIES.forget_tokens, tx.org, customer_id)
    await members.forget(tx, customer_id, now)
    await emit(tx, [NewEvent("customer.deleted", customer_id, now, {}, customer_id)], actor=actor)
