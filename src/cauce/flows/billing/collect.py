"""Collection: due invoices are charged to the customer's saved method, a chunk at a time.

An attempt's row and instruction are committed before the provider hears of it, one in flight per invoice; what came
of it arrives at `conclude_charges`, whoever brought the answer. An invoice that is sent instead of charged falls
overdue when its last day has passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from cauce.billing.invoicing import service as invoicing
from cauce.billing.invoicing.rules import Invoice
from cauce.billing.payments import service as payments
from cauce.billing.payments.rules import NO_METHOD, Attempt, Method, charge_order, spoils_method
from cauce.billing.subscriptions import service as subscriptions
from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.billing.carry import Minimums, carry_forward, forgive, smallest_charges, too_small
from cauce.flows.billing.conversions import give_up, payments_under_way
from cauce.flows.billing.exchange import ask_for_settlement
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.recover import Miss, missed, reconsider
from cauce.flows.billing.renew import by_org
from cauce.flows.billing.settle import Arrival, settle
from cauce.flows.billing.unpaid_changes import missed_changes
from cauce.flows.context import Context, Runtime
from cauce.flows.instruct import Concluded
from cauce.gateway.charging import Charge, ChargeRequest
from cauce.gateway.collecting import Operation
from cauce.gateway.outcome import Declined, Done, Pending
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.reports import billing as reports
from cauce.storage import jobs
from cauce.storage.audit import SYSTEM
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import NewJob
from cauce.storage.outbox import NewEvent, emit

CHARGE_PURPOSE = "payments.charge"


async def run(runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep: charge claimed invoices, or find them overdue, organization by organization."""
    for org_id, group in by_org(rows):
        part = tx.within(org_id)
        due = {row["id"]: row["due_at"] for row in group}
        minimums = await smallest_charges(runtime, part)
        await collect(part, list((await invoicing.lock(part, due)).values()), due, minimums)


async def collect(
    tx: Tx,
    invoices: Sequence[Invoice],
    due: Mapping[str, datetime],
    minimums: Minimums,
    actor: str = SYSTEM.name,
) -> None:
    """Look once at locked invoices whose time has come; `due`: when, per invoice."""
    await invoicing.set_due(tx, [one.id for one in invoices], None)
    open_ones = [one for one in invoices if one.status == "open" and one.amount_due_minor]
    batch = Batch()
    forgiven = await forgive(tx, open_ones, due, batch, actor)
    open_ones = [one for one in open_ones if one not in forgiven]
    small = await too_small(tx, [one for one in open_ones if one.collection == "charge"], minimums)
    await carry_forward(tx, small, due, batch, actor)
    open_ones = [one for one in open_ones if one not in small]
    charged = [one for one in open_ones if one.collection == "charge"]
    without = await charge(tx, charged, due, batch)
    misses = [Miss(one, NO_METHOD, "no payment method on file", due[one.id]) for one in without]
    for one in open_ones:
        if one.collection == "send_invoice":
            misses.append(Miss(one, NO_METHOD, "the invoice is overdue", due[one.id]))
            content = {"number": one.number, "amount_due": one.amount_due_minor}
            batch.events.append(NewEvent("invoice.overdue", one.id, due[one.id], content, one.customer_id))
    misses = await missed_changes(tx, misses, batch, actor)
    if misses:
        await give_up(tx, await missed(tx, misses, batch, actor), batch, actor)
    await write(tx, batch, actor)


async def charge(tx: Tx, invoices: Sequence[Invoice], due: Mapping[str, datetime], batch: Batch) -> list[Invoice]:
    """Open an attempt for each locked invoice that has a method and none in flight; those without a method."""
    if not invoices:
        return []
    busy = await payments.in_flight(tx, [one.id for one in invoices])
    free = [one for one in invoices if one.id not in busy]
    methods = await payments.methods_of(tx, {one.customer_id for one in free})
    held = [one.subscription_id for one in free if one.subscription_id]
    preferred = await subscriptions.preferred_methods(tx, held)
    descriptors = await reports.statement_descriptors(tx, held)
    chosen, without = [], []
    for one in free:
        method = charge_order(methods.get(one.customer_id, []), preferred.get(one.subscription_id or ""))
        if method is None:
            without.append(one)
        else:
            chosen.append((one, method, _attempt(one, method)))
    await payments.insert_attempts(tx, [attempt for _, _, attempt in chosen], _latest(due))
    await open_instructions(
        tx,
        [
            _instruction(invoice, method, attempt, descriptors.get(invoice.subscription_id or "", ""))
            for invoice, method, attempt in chosen
        ],
        due_at=min((due[one.id] for one, _, _ in chosen), default=_latest(due)),
    )
    for invoice, _, attempt in chosen:
        content = {"invoice": invoice.id, "amount": attempt.amount_minor, "currency": attempt.currency}
        batch.events.append(NewEvent("payment.attempted", attempt.id, due[invoice.id], content, invoice.customer_id))
    return without


def _latest(due: Mapping[str, datetime]) -> datetime:
    return max(due.values())


def _attempt(invoice: Invoice, method: Method) -> Attempt:
    return Attempt(
        id=new_id("pat"),
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        method_id=method.id,
        channel_id=method.channel_id,
        currency=invoice.currency,
        amount_minor=invoice.amount_due_minor,
        state="created",
    )


def _instruction(invoice: Invoice, method: Method, attempt: Attempt, descriptor: str) -> NewInstruction:
    metadata = {"cauce_invoice": invoice.id, "cauce_invoice_number": invoice.number or ""}
    if invoice.subscription_id:
        metadata["cauce_subscription"] = invoice.subscription_id
    if invoice.period_start and invoice.period_end:
        metadata["cauce_period"] = f"{invoice.period_start}/{invoice.period_end}"
    request = ChargeRequest(
        key=attempt.id,
        customer_ref=method.customer_ref,
        method_ref=method.ref,
        amount=Money(attempt.amount_minor, attempt.currency),
        description=f"Invoice {invoice.number}",
        statement_descriptor=descriptor,
        metadata=metadata,
    )
    return NewInstruction(
        channel_id=method.channel_id,
        purpose=CHARGE_PURPOSE,
        operation=Operation.CHARGE,
        key=attempt.id,
        object_id=attempt.id,
        request=request,
    )


@dataclass(slots=True)
class _Heard:
    """What a list of answers says, sorted out."""

    changed: list[Attempt]
    arrivals: list[Arrival]
    untold: list[NewJob]
    failures: list[tuple[Attempt, datetime]]
    events: list[NewEvent]
    under_way: dict[str, datetime] = field(default_factory=dict)


async def conclude_charges(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """The concluder: money that came settles its invoice, a refusal starts or advances the recovery, news is kept."""
    attempts = await payments.lock_attempts(tx, [one.object_id for one in concluded])
    heard = _Heard([], [], [], [], [])
    for answer in concluded:
        attempt = attempts.get(answer.object_id)
        if attempt is not None:
            _hear(attempt, answer, heard)
    at = max(one.at for one in concluded)
    await payments.save_attempts(tx, heard.changed, at)
    batch = Batch(events=heard.events)
    invoices = await invoicing.lock(tx, {one.invoice_id for one in heard.changed})
    await settle(tx, heard.arrivals, invoices, batch, context.actor.name)
    await jobs.enqueue(tx, heard.untold)
    spoiled = [one.method_id for one, _ in heard.failures if one.method_id and spoils_method(one.refusal)]
    await payments.spoil(tx, spoiled)
    misses = [
        Miss(invoices[one.invoice_id], one.refusal, one.message, when)
        for one, when in heard.failures
        if invoices[one.invoice_id].status == "open"
    ]
    misses = await missed_changes(tx, misses, batch, context.actor.name)
    if misses:
        await give_up(tx, await missed(tx, misses, batch, context.actor.name), batch, context.actor.name)
    await payments_under_way(tx, heard.under_way, batch, context.actor.name)
    partly_paid = {invoices[one.invoice_id].subscription_id for one in heard.arrivals} - {None}
    if partly_paid:
        await reconsider(tx, sorted(one for one in partly_paid if one), at, batch, context.actor.name)
    await write(tx, batch, context.actor.name, context.cause)


async def tell_unresolved(context: Context, tx: Tx, answers: list[Concluded]) -> None:
    """Nobody knows what became of these charges: staff is told, and no other attempt is made until it is known (H6)."""
    attempts = await payments.lock_attempts(tx, [one.object_id for one in answers])
    events = [
        NewEvent(
            "payment.unresolved",
            attempt.id,
            one.at,
            {"invoice": attempt.invoice_id, "amount": attempt.amount_minor, "currency": attempt.currency},
            attempt.customer_id,
        )
        for one in answers
        if (attempt := attempts.get(one.object_id)) is not None
    ]
    await emit(tx, events, actor=context.actor.name, cause=context.cause)


def _hear(attempt: Attempt, answer: Concluded, heard: _Heard) -> None:
    outcome: Any = answer.outcome
    content: dict[str, Any] = {
        "invoice": attempt.invoice_id,
        "amount": attempt.amount_minor,
        "currency": attempt.currency,
    }
    kind = ""
    match outcome:
        case Done(value=Charge() as charged):
            after = payments.conclude_attempt(attempt, "succeed", next_action=None)
            kind = "payment.succeeded"
            if after is not None:
                heard.arrivals.append(_arrival(attempt, charged, answer))
                if charged.fee_minor is None:
                    heard.untold.append(ask_for_settlement(attempt.id, answer.at))
        case Declined():
            after = payments.conclude_attempt(
                attempt,
                "fail",
                refusal=outcome.refusal.value,
                code=outcome.code,
                message=outcome.message,
                next_action=None,
            )
            kind = "payment.failed"
            content |= {"refusal": outcome.refusal.value, "message": outcome.message}
            if after is not None:
                heard.failures.append((after, answer.at))
        case Pending(value=Charge() as charged):
            action = msgspec.to_builtins(charged.next_action) if charged.next_action else None
            after = payments.conclude_attempt(attempt, "wait", next_action=action)
            kind = "payment.processing" if attempt.state == "created" else ""
            if action is None and after is not None:
                heard.under_way[attempt.invoice_id] = answer.at
        case _:
            return
    if after is None:
        return
    heard.changed.append(after)
    if kind:
        heard.events.append(NewEvent(kind, attempt.id, answer.at, content, attempt.customer_id))


def _arrival(attempt: Attempt, charged: Charge, answer: Concluded) -> Arrival:
    return Arrival(
        invoice_id=attempt.invoice_id,
        attempt_id=attempt.id,
        channel_id=attempt.channel_id,
        source="link" if attempt.by_customer else "charge",
        reference=charged.ref,
        instruction_key=answer.key,
        amount_minor=charged.amount.amount_minor,
        fee_minor=charged.fee_minor or 0,
        at=answer.at,
        settled=charged.settled,
    )
