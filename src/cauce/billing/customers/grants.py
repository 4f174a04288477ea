"""Credit that plans grant: a customer's wallet per currency and the grants in it, each with what is left, used and lapsed.

A grant pays metered use alone; of several the soonest to lapse pays first. What is left lapses at `expires_at`, or is
taken back when the plan that granted it ends or changes. The sum of its parts never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "grants.sql")

Lapse = Literal["expired", "taken_back"]
Wallet = tuple[str, str]
"""Customer and currency."""


@dataclass(frozen=True, slots=True)
class NewGrant:
    """A grant to make, for the days of a period; `source`: what it came with, which grants once."""

    id: str
    customer_id: str
    currency: str
    subscription_id: str
    source: str
    plan: str
    period_start: date
    period_end: date
    amount_minor: int
    granted_at: datetime
    expires_at: datetime | None


@dataclass(slots=True)
class Left:
    """What a locked grant still has."""

    id: str
    wallet_id: str
    minor: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Use:
    """What an invoice takes of a grant."""

    grant_id: str
    wallet_id: str
    customer_id: str
    currency: str
    invoice_id: str
    amount_minor: int
    at: datetime


async def insert(tx: Tx, grants: Sequence[NewGrant]) -> dict[Wallet, str]:
    """Write grants, making the wallets that are missing; the wallets' ids."""
    if not grants:
        return {}
    first = {(one.customer_id, one.currency): one.granted_at for one in grants}
    customers, currencies = [key[0] for key in first], [key[1] for key in first]
    ids = [new_id("wal") for _ in first]
    await tx.run(QUERIES.put_wallets, tx.org, ids, customers, currencies, list(first.values()))
    rows = await tx.rows(QUERIES.wallets, tx.org, customers, currencies)
    wallets = {(row["customer_id"], row["currency"]): row["id"] for row in rows}
    columns = [
        (
            one.id, wallets[one.customer_id, one.currency], one.customer_id, one.currency, one.subscription_id, one.source, one.plan,
            one.period_start, one.period_end, one.amount_minor, one.granted_at, one.expires_at,
        )
        for one in grants
    ]  # fmt: skip
    await tx.run(QUERIES.insert_grants, tx.org, *[list(column) for column in zip(*columns, strict=True)])
    return wallets


async def lock_left(tx: Tx, customer_ids: Iterable[str]) -> dict[Wallet, list[Left]]:
    """What customers have left of grants, locked, the soonest to lapse first."""
    found: dict[Wallet, list[Left]] = {}
    rows = await tx.rows(QUERIES.lock_left, tx.org, sorted(set(customer_ids)))
    for row in sorted(
        rows, key=lambda row: (row["expires_at"] is None, row["expires_at"], row["granted_at"], row["id"])
    ):
        left = Left(row["id"], row["wallet_id"], row["left_minor"], row["expires_at"])
        found.setdefault((row["customer_id"], row["currency"]), []).append(left)
    return found


async def lock_of_subscriptions(tx: Tx, subscription_ids: Iterable[str]) -> list[Row]:
    """The grants of subscriptions that have something left, locked."""
    return await tx.rows(QUERIES.lock_of_subscriptions, tx.org, sorted(set(subscription_ids)))


async def lock_of_sources(tx: Tx, sources: Iterable[str]) -> list[Row]:
    """The same by what the grants came with."""
    return await tx.rows(QUERIES.lock_of_sources, tx.org, sorted(set(sources)))


async def use(tx: Tx, uses: Sequence[Use]) -> None:
    """Invoices take of locked grants."""
    if uses:
        ids, amounts = [one.grant_id for one in uses], [one.amount_minor for one in uses]
        await tx.run(QUERIES.use, tx.org, ids, amounts)
        invoices = [one.invoice_id for one in uses]
        await tx.run(QUERIES.insert_uses, tx.org, invoices, ids, amounts, [one.at for one in uses])


async def lapse(tx: Tx, parts: Sequence[tuple[str, int]], why: Lapse) -> None:
    """(grant, minor units of what it has left): they are gone."""
    if parts:
        await tx.run(QUERIES.lapse, tx.org, [part[0] for part in parts], [part[1] for part in parts], why)


async def look_again(tx: Tx, grant_ids: Sequence[str], after: timedelta) -> None:
    """Let the rest of these lapse so much later."""
    if grant_ids:
        await tx.run(QUERIES.look_again, tx.org, list(grant_ids), after)


async def end_days(tx: Tx, days: Sequence[tuple[str, date]]) -> None:
    """(grant, day): its days end before this one; what it has left for them is not taken back again."""
    if days:
        await tx.run(QUERIES.end_days, tx.org, [one[0] for one in days], [one[1] for one in days])


async def lock_uses(tx: Tx, invoice_ids: Sequence[str]) -> list[Row]:
    """What invoices took of grants and has not come back, with the grants locked."""
    return await tx.rows(QUERIES.lock_uses, tx.org, sorted(set(invoice_ids)))


async def give_back(tx: Tx, invoice_id: str, parts: Sequence[tuple[str, int]]) -> None:
    """(grant, minor units that an invoice took of it): they are left again; below zero they are taken again."""
    if parts:
        ids, amounts = [part[0] for part in parts], [part[1] for part in parts]
        await tx.run(QUERIES.return_uses, tx.org, [invoice_id] * len(ids), ids, amounts)
        await tx.run(QUERIES.give_back, tx.org, ids, amounts)


async def take_again(tx: Tx, invoice_id: str, amount_minor: int) -> bool:
    """Take again what came back of an invoice's grants; False where they have too little left of it. Nothing is taken then."""
    parts = []
    for row in await tx.rows(QUERIES.lock_returned, tx.org, invoice_id):
        if part := min(amount_minor, row["returned_minor"], row["left_minor"]):
            parts.append((row["id"], -part))
            amount_minor -= part
    if not amount_minor:
        await give_back(tx, invoice_id, parts)
    return not amount_minor
