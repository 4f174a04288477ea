"""The slice's tables: attempts, payments, methods, payers. Recoveries stand in `cases`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from cauce.billing.payments.rules import Attempt, Method, Payment, payer_key
from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)


async def insert_attempts(tx: Tx, attempts: Sequence[Attempt], now: datetime) -> None:
    """New attempts; the database refuses a second one in flight for an invoice."""
    await tx.run(
        QUERIES.insert_attempts,
        tx.org,
        [one.id for one in attempts],
        [one.invoice_id for one in attempts],
        [one.customer_id for one in attempts],
        [one.subscription_id for one in attempts],
        [one.method_id for one in attempts],
        [one.channel_id for one in attempts],
        [one.currency for one in attempts],
        [one.amount_minor for one in attempts],
        [one.state for one in attempts],
        now,
        [one.by_customer for one in attempts],
    )


async def lock_attempts(tx: Tx, ids: Iterable[str]) -> dict[str, Attempt]:
    """Lock attempts in order of id and read them."""
    rows = await tx.rows(QUERIES.lock_attempts, tx.org, sorted(set(ids)))
    return {row["id"]: Attempt(**dict(row)) for row in rows}


async def save_attempts(tx: Tx, attempts: Sequence[Attempt], now: datetime) -> None:
    """Write what became of attempts."""
    if attempts:
        await tx.run(
            QUERIES.save_attempts,
            tx.org,
            [one.id for one in attempts],
            [one.state for one in attempts],
            [one.refusal for one in attempts],
            [one.code for one in attempts],
            [one.message for one in attempts],
            [one.next_action for one in attempts],
            now,
        )


async def in_flight(tx: Tx, invoice_ids: Sequence[str]) -> set[str]:
    """Which of these invoices have an attempt whose outcome is open."""
    return {row["invoice_id"] for row in await tx.rows(QUERIES.in_flight, tx.org, list(invoice_ids))}


async def in_flight_of_subscriptions(tx: Tx, subscription_ids: Sequence[str]) -> set[str]:
    """Which of these subscriptions have an attempt whose outcome is open."""
    rows = await tx.rows(QUERIES.in_flight_of_subscriptions, tx.org, list(subscription_ids))
    return {row["subscription_id"] for row in rows}


async def insert_payments(tx: Tx, payments: Sequence[Payment]) -> None:
    """Money that arrived."""
    if payments:
        rows = [
            (
                one.id, one.customer_id, one.invoice_id, one.attempt_id, one.channel_id, one.source, one.reference, one.instruction_key,
                one.currency, one.amount_minor, one.applied_minor, one.paid_at, one.fee_minor, one.settled_currency, one.settled_minor,
            )
            for one in payments
        ]  # fmt: skip
        await tx.run(QUERIES.insert_payments, tx.org, *[list(column) for column in zip(*rows, strict=True)])


async def payments_of(tx: Tx, invoice_id: str) -> list[Payment]:
    """The payments of an invoice, locked, oldest first."""
    return [_payment(row) for row in await tx.rows(QUERIES.payments_of_invoice, tx.org, invoice_id)]


async def payments_of_invoices(tx: Tx, invoice_ids: Sequence[str]) -> list[Payment]:
    """The payments of several invoices, locked, oldest first."""
    return [_payment(row) for row in await tx.rows(QUERIES.payments_of_invoices, tx.org, list(invoice_ids))]


async def lock_payment(tx: Tx, payment_id: str) -> Payment:
    """One payment, locked; `NotFound` otherwise."""
    row = await tx.row(QUERIES.lock_payment, tx.org, payment_id)
    if row is None:
        raise NotFound(f"there is no payment {payment_id}", param="payment")
    return _payment(row)


async def payment_by_reference(tx: Tx, channel_id: str, reference: str) -> Payment | None:
    """The payment that a provider calls `reference`, locked, or None."""
    row = await tx.row(QUERIES.payment_by_reference, tx.org, channel_id, reference)
    return _payment(row) if row else None


async def payment_of_attempt(tx: Tx, attempt_id: str) -> Payment | None:
    """The payment that an attempt brought, locked, or None."""
    row = await tx.row(QUERIES.payment_of_attempt, tx.org, attempt_id)
    return _payment(row) if row else None


async def tell_settlement(tx: Tx, payment: Payment) -> None:
    """Write down what the provider settled for a locked payment, and its fee."""
    await tx.run(
        QUERIES.settle_payment, tx.org, payment.id, payment.fee_minor, payment.settled_currency, payment.settled_minor
    )


async def tell_refund_settlement(tx: Tx, refund_id: str, currency: str, moved_minor: int) -> None:
    """Write down what a locked refund took from our balance at the provider, in another currency than its own."""
    await tx.run(QUERIES.settle_refund, tx.org, refund_id, currency, moved_minor)


async def mark_disputed(tx: Tx, payment: Payment, *, disputed: bool, lost: bool) -> None:
    """Whether the payer contests the payment, and with success: a contested one is not refunded."""
    await tx.run(QUERIES.mark_disputed, tx.org, payment.id, disputed, lost)


async def method_by_ref(tx: Tx, channel_id: str, ref: str) -> Method | None:
    """The saved method that a provider calls `ref`, or None."""
    row = await tx.row(QUERIES.method_by_ref, tx.org, channel_id, ref)
    return Method(**dict(row)) if row else None


async def methods_of(tx: Tx, customer_ids: Iterable[str]) -> dict[str, list[Method]]:
    """The saved methods of customers, oldest first."""
    found: dict[str, list[Method]] = {}
    for row in await tx.rows(QUERIES.methods_of, tx.org, sorted(set(customer_ids))):
        found.setdefault(row["customer_id"], []).append(Method(**dict(row)))
    return found


async def lock_methods(tx: Tx, customer_id: str) -> list[Method]:
    """The saved methods of one customer, locked, oldest first."""
    return [Method(**dict(row)) for row in await tx.rows(QUERIES.lock_methods_of, tx.org, customer_id)]


async def payer_ref(tx: Tx, customer_id: str, channel_id: str) -> str:
    """The customer's id at a provider, or "" when he is not known there."""
    return str(await tx.value(QUERIES.payer, tx.org, customer_id, channel_id) or "")


async def payer_keys(tx: Tx, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """For each (customer, channel) the key under which the provider is asked to make him; another after each time it deleted him."""
    rows = await tx.rows(QUERIES.payer_generations, tx.org, [one[0] for one in pairs], [one[1] for one in pairs])
    known = {(row["customer_id"], row["channel_id"]): row["generation"] for row in rows}
    return [payer_key(pair[0], known.get(pair, 0)) for pair in pairs]


async def meet_payers(tx: Tx, met: Sequence[tuple[str, str, str]]) -> list[str]:
    """(customer, channel, the provider's id of him): kept, unless he was known there before; his id there, for each."""
    distinct = {one[:2]: one for one in reversed(met)}
    columns = [list(column) for column in zip(*distinct.values(), strict=True)]
    rows = await tx.rows(QUERIES.meet_payers, tx.org, *columns) if distinct else []
    kept = {(row["customer_id"], row["channel_id"]): row["ref"] for row in rows}
    return [kept[one[:2]] for one in met]


async def payers_of(tx: Tx, customer_id: str) -> list[tuple[str, str]]:
    """(channel, the provider's id of the customer) wherever he is known."""
    return [(row["channel_id"], row["ref"]) for row in await tx.rows(QUERIES.payers_of, tx.org, customer_id)]


async def customer_of_payer(tx: Tx, channel_id: str, ref: str) -> str | None:
    """The customer whom a provider calls `ref`, or None."""
    found: str | None = await tx.value(QUERIES.payer_by_ref, tx.org, channel_id, ref)
    return found


async def forget_payer(tx: Tx, channel_id: str, ref: str) -> str | None:
    """The provider deleted the customer it called `ref`: he is not known there any more; his id here, or None."""
    customer_id = await tx.value(QUERIES.payer_by_ref, tx.org, channel_id, ref)
    if customer_id is None:
        return None
    await tx.run(QUERIES.forget_payer, tx.org, customer_id, channel_id)
    return str(customer_id)


def _payment(row: Row) -> Payment:
    return Payment(**dict(row))
