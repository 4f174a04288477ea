"""Methods on file, attempts opened and concluded, refunds: what flows call. Journals are the flow's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from cauce.billing.payments import store
from cauce.billing.payments.rules import (
    ATTEMPT,
    Attempt,
    AttemptInFlight,
    Method,
    Payment,
    RefundTooLarge,
    expiry_notice,
)
from cauce.billing.payments.store import (
    customer_of_payer,
    forget_payer,
    in_flight,
    in_flight_of_subscriptions,
    insert_attempts,
    insert_payments,
    lock_attempts,
    lock_methods,
    lock_payment,
    mark_disputed,
    meet_payers,
    method_by_ref,
    methods_of,
    payer_keys,
    payer_ref,
    payers_of,
    payment_by_reference,
    payment_of_attempt,
    payments_of,
    payments_of_invoices,
    save_attempts,
    tell_refund_settlement,
    tell_settlement,
)
from cauce.gateway.charging import SavedMethod
from cauce.kernel.errors import NotFound
from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent

__all__ = [
    "AttemptInFlight",
    "await_customer",
    "begin_setup",
    "conclude_attempt",
    "conclude_refund",
    "customer_of_payer",
    "forget_payer",
    "in_flight",
    "in_flight_of_subscriptions",
    "insert_attempts",
    "insert_payments",
    "lock_attempts",
    "lock_methods",
    "lock_payment",
    "lock_refunds",
    "lock_setup",
    "mark_disputed",
    "meet_payers",
    "method_by_ref",
    "methods_of",
    "next_notices",
    "open_refund",
    "payer_keys",
    "payer_ref",
    "payers_of",
    "payment_by_reference",
    "payment_of_attempt",
    "payments_of",
    "payments_of_invoices",
    "put_payer",
    "remove_method",
    "save_attempts",
    "save_method",
    "set_default",
    "spoil",
    "tell_refund_settlement",
    "tell_settlement",
]


def conclude_attempt(attempt: Attempt, trigger: str, **changes: Any) -> Attempt | None:
    """The attempt after an answer, or None when it is final already: answers only move it forward."""
    if attempt.state in ("succeeded", "failed") or (attempt.state == "canceled" and trigger != "succeed"):
        return None
    return replace(attempt, state=ATTEMPT.step(attempt.state, trigger), **changes)


async def save_method(
    tx: Tx, customer_id: str, channel_id: str, customer_ref: str, saved: SavedMethod, *, now: datetime
) -> tuple[Method, bool]:
    """Keep a method; the same card saved twice is one (C7). The first becomes the default. True when it is new."""
    known = await store.lock_methods(tx, customer_id)
    notice = expiry_notice(saved.expires_on, now)
    for method in known:
        same = method.channel_id == channel_id and (
            method.ref == saved.ref or bool(saved.fingerprint and method.fingerprint == saved.fingerprint)
        )
        if same:
            await tx.run(
                store.QUERIES.update_method,
                tx.org, method.id, saved.ref, customer_ref, saved.brand, saved.last4, saved.expires_on, notice,
            )  # fmt: skip
            return replace(method, ref=saved.ref, expires_on=saved.expires_on, usable=True), False
    first = not any(method.is_default and method.usable for method in known)
    if first:
        await tx.run(store.QUERIES.clear_default, tx.org, customer_id)
    method = Method(
        new_id("pm"), customer_id, channel_id, customer_ref, saved.ref, saved.kind, saved.brand, saved.last4,
        saved.expires_on, saved.fingerprint, first, True,
    )  # fmt: skip
    await tx.run(
        store.QUERIES.insert_method,
        tx.org, method.id, customer_id, channel_id, customer_ref, saved.ref, saved.kind, saved.brand, saved.last4,
        saved.expires_on, saved.fingerprint, first, notice, now,
    )  # fmt: skip
    return method, True


async def set_default(tx: Tx, customer_id: str, method_id: str) -> None:
    """Charge this method from now on."""
    if all(method.id != method_id for method in await store.lock_methods(tx, customer_id)):
        raise NotFound(f"there is no payment method {method_id}", param="payment_method")
    await tx.run(store.QUERIES.clear_default, tx.org, customer_id)
    await tx.run(store.QUERIES.set_default, tx.org, method_id)


async def remove_method(tx: Tx, method: Method, rest: list[Method], now: datetime) -> None:
    """Forget a method; the newest of the rest becomes the default when it was that."""
    await tx.run(store.QUERIES.remove_method, tx.org, method.id, now)
    if method.is_default and rest:
        await tx.run(store.QUERIES.set_default, tx.org, rest[-1].id)


async def spoil(tx: Tx, method_ids: list[str]) -> None:
    """Never charge these methods again: lost, stolen, refused for ever."""
    if method_ids:
        await tx.run(store.QUERIES.spoil_methods, tx.org, method_ids)


async def next_notices(tx: Tx, told: Sequence[tuple[str, date | None, datetime]]) -> None:
    """When the next notices about expiring cards are due (method, its expiry, when this one was), where there are any."""
    due = [expiry_notice(expires_on, told_at) for _, expires_on, told_at in told]
    await tx.run(store.QUERIES.set_methods_due, tx.org, [one[0] for one in told], due)


async def put_payer(tx: Tx, customer_id: str, channel_id: str, ref: str) -> None:
    """The customer's id at a provider."""
    await tx.run(store.QUERIES.put_payer, tx.org, customer_id, channel_id, ref)


async def begin_setup(tx: Tx, setup_id: str, customer_id: str, channel_id: str, now: datetime) -> None:
    """A method is about to be saved; `setup_id` is the provider's key."""
    await tx.run(store.QUERIES.insert_setup, tx.org, setup_id, customer_id, channel_id, now)


async def await_customer(tx: Tx, setup_id: str, return_url: str, hosted: bool) -> None:
    """Remember how the set-up shall go on once the provider knows the customer."""
    await save_setup(tx, setup_id, "open", {"return_url": return_url, "hosted": hosted}, None)


async def lock_setup(tx: Tx, setup_id: str) -> Row:
    """A set-up, locked; `NotFound` otherwise."""
    row = await tx.row(store.QUERIES.lock_setup, tx.org, setup_id)
    if row is None:
        raise NotFound(f"there is no set-up {setup_id}", param="setup")
    return row


async def save_setup(
    tx: Tx, setup_id: str, state: str, next_action: dict[str, Any] | None, method_id: str | None
) -> None:
    """How far a set-up is."""
    await tx.run(store.QUERIES.save_setup, tx.org, setup_id, state, next_action, method_id)


async def open_refund(
    tx: Tx, payment: Payment, amount_minor: int, reason: str, credit_note_id: str | None, *, now: datetime
) -> tuple[str, NewEvent]:
    """Reserve a part of a locked payment to be given back; the refund's id (the provider's key) and its event."""
    if not 0 < amount_minor <= payment.amount_minor - payment.refunded_minor:
        raise RefundTooLarge(left_minor=payment.amount_minor - payment.refunded_minor)
    refund_id = new_id("re")
    await tx.run(store.QUERIES.refund_payment, tx.org, payment.id, amount_minor)
    await tx.run(
        store.QUERIES.insert_refund,
        tx.org, refund_id, payment.id, payment.customer_id, credit_note_id, payment.currency, amount_minor, reason, now,
    )  # fmt: skip
    content = {"payment": payment.id, "amount": amount_minor, "currency": payment.currency, "reason": reason}
    return refund_id, NewEvent("refund.created", refund_id, now, content, payment.customer_id)


async def conclude_refund(tx: Tx, refund: Row, state: str, message: str, now: datetime) -> None:
    """What became of a refund; one that failed gives its part of the payment back."""
    await tx.run(store.QUERIES.save_refund, tx.org, refund["id"], state, message, now)
    if state == "failed":
        await tx.run(store.QUERIES.refund_payment, tx.org, refund["payment_id"], -refund["amount_minor"])


async def refunds_of_note(tx: Tx, credit_note_id: str) -> dict[str, int]:
    """What was sent back for a credit note, minor units by the state of its refunds."""
    rows = await tx.rows(store.QUERIES.refunds_of_note, tx.org, credit_note_id)
    return {row["state"]: row["amount_minor"] for row in rows}


async def lock_refunds(tx: Tx, refund_ids: list[str]) -> list[Row]:
    """Refunds with their payment's channel, locked in order of id."""
    return await tx.rows(store.QUERIES.lock_refunds, tx.org, sorted(refund_ids))
