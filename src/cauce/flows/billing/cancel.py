"""Ending, pausing and coming back: cancel at the period's end or now, undo, approve, pause, resume, reactivate.

A cancellation now gives back what the plan's policy says of the unused part, as credit notes of the very lines that
billed it (V9, V23). Reactivation is the same row in a new term without a second trial (T38).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import CancelCredit, Plan
from cauce.billing.invoicing import service as invoicing
from cauce.billing.payments import service as payments
from cauce.billing.provisioning.rules import Verb
from cauce.billing.subscriptions import awaiting
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.machine import MACHINE
from cauce.billing.subscriptions.rules import Step, Subscription, begin_term, end, instant_of, local_day
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.correct import take_back
from cauce.flows.billing.final import bill_rest
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.provision_asking import ask
from cauce.flows.billing.terms import active_from, first_terms, incomplete_until
from cauce.flows.billing.unpaid_changes import withdraw
from cauce.flows.billing.unused import GivenBack, credit_unused
from cauce.flows.context import Context
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.pricing.invoice_lines import PricedLine
from cauce.pricing.proration import CancellationDay, service_end
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


class NothingToGiveBack(InvalidRequest):
    """An end at the end of the period gives nothing back and drops no invoice: its days are used. End now instead."""

    code = "nothing_to_give_back"


class DebtOpen(Conflict):
    """The debt of the earlier term is settled or written off first."""

    code = "debt_open"


@dataclass(frozen=True, slots=True)
class Cancel:
    """End a subscription: at the period's end, or now. `credit` None: as the plan says. `void_open`: drop its open invoices.

    `cancellation_day`: whether its day is billed (V9); None: as the plan says. All three belong to an end now: at the period's end every day is used (`NothingToGiveBack`). `bill_rest`: an end now bills
    the use of the running period and its fees in arrears.
    """

    subscription_id: str
    now: bool = False
    reason: str = ""
    credit: CancelCredit | None = None
    void_open: bool = False
    bill_rest: bool = True
    cancellation_day: CancellationDay | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a subscription stands after a command. `lines`: those of the invoice, where the command made one that ends it.

    `refunded_minor`: what of `credit_minor` goes back to the payments that paid it.
    """

    subscription_id: str
    status: str
    cancel_at_period_end: bool
    credit_minor: int = 0
    invoice_id: str | None = None
    lines: tuple[PricedLine, ...] = ()
    refunded_minor: int = 0


class _RolledBack(Exception):
    def __init__(self, moved: Moved) -> None:
        super().__init__()
        self.moved = moved


async def cancel(context: Context, command: Cancel) -> Moved:
    """Cancel, or ask for approval where the plan wants it (T11, T28, T31, T32)."""
    _check(command)
    await ask(context, command.subscription_id, Verb.DEPROVISION, {"now": command.now, "reason": command.reason})
    async with context.transaction() as tx:
        return await _cancel(tx, context, command)


async def preview_cancel(context: Context, command: Cancel) -> Moved:
    """What `cancel` would credit and bill, line by line; nothing is kept, and nobody is asked."""
    _check(command)
    try:
        async with context.transaction() as tx:
            raise _RolledBack(await _cancel(tx, context, command))
    except _RolledBack as preview:
        return replace(preview.moved, invoice_id=None)


def _check(command: Cancel) -> None:
    """What a call asks for is done or refused, never left out."""
    if command.now:
        return
    if command.credit not in (None, CancelCredit.NONE):
        raise NothingToGiveBack(param="credit")
    if command.void_open:
        raise NothingToGiveBack(param="void_open")
    if command.cancellation_day is not None:
        raise NothingToGiveBack(param="cancellation_day")


async def _cancel(tx: Tx, context: Context, command: Cancel) -> Moved:
    one, plan, at = await load(tx, context, command.subscription_id)
    if command.now:
        return await cancel_now(tx, context, one, plan, command, at)
    if _needs_approval(one, plan):
        after = replace(one, cancellation="waiting", cancel_reason=command.reason)
        return await step(tx, context, plan, one, after, "request_cancel", at, "cancellation_requested")
    after = replace(one, cancel_at_period_end=True, cancel_reason=command.reason)
    return await step(tx, context, plan, one, after, "cancel_at_end", at, "cancellation_requested")


def _needs_approval(one: Subscription, plan: Plan) -> bool:
    """Where the plan wants it, for a contract that is billed: a trial is left without asking (T28, T32)."""
    asks = "request_cancel" in MACHINE.allowed(one.status)
    return plan.policy.cancel_approval and asks and one.cancellation != "approved"


async def undo(context: Context, subscription_id: str) -> Moved:
    """Withdraw a cancellation before the period ends (T29)."""
    async with context.transaction() as tx:
        one, plan, at = await load(tx, context, subscription_id)
        if not one.cancel_at_period_end and one.cancellation != "waiting":
            MACHINE.step(one.status, "undo_cancel")
            raise Conflict("no cancellation waits for the end of the period")
        after = replace(one, cancel_at_period_end=False, cancellation="", cancel_reason="")
        return await step(tx, context, plan, one, after, "undo_cancel", at, "cancellation_undone")


async def decide(context: Context, subscription_id: str, *, approve: bool) -> Moved:
    """Approve or reject a cancellation that waits (T32)."""
    async with context.transaction() as tx:
        one, plan, at = await load(tx, context, subscription_id)
        if one.cancellation != "waiting":
            raise Conflict("no cancellation waits for approval")
        after = replace(one, cancellation="approved" if approve else "rejected", cancel_at_period_end=approve)
        verb = "cancellation_approved" if approve else "cancellation_rejected"
        return await step(tx, context, plan, one, after, "decide_cancel", at, verb)


async def cancel_now(tx: Tx, context: Context, one: Subscription, plan: Plan, command: Cancel, at: datetime) -> Moved:
    """End at once: credit for the unused part by policy, open invoices kept or voided, the rest of what was used billed."""
    MACHINE.step(one.status, "cancel")
    batch, credited = Batch(), GivenBack()
    waiting = await awaiting.of_subscription(tx, one.id)
    if waiting is not None:
        await withdraw(tx, waiting, batch, at, context.actor.name)
    opened = await invoicing.lock_open_of(tx, [one.id])
    voided = set()
    if command.void_open or one.status == "incomplete" or (one.status == "paused" and one.pending_invoice_id):
        busy = await payments.in_flight(tx, [invoice.id for invoice in opened])
        for invoice in opened:
            if invoice.id not in busy and not invoice.paid_minor and not invoice.credited_minor:
                await take_back(tx, invoice, "cancellation", batch, at, context.actor.name)
                voided.add(invoice.id)
    last = service_end(local_day(one, at), command.cancellation_day or plan.policy.cancellation_day)
    cut = at if last == local_day(one, at) else instant_of(one, last)
    if one.status in ("active", "past_due", "paused"):
        credited = await _give_back(tx, one, plan, command, last, cut, batch, at, context.actor.name)
        one = await subscriptions.lock_one(tx, one.id)  # a credit that settles its debt moves it first
    if command.bill_rest:
        one = (await bill_rest(tx, [one], at, batch, served_until={one.id: (last, cut)}))[one.id]
    after = end(replace(one, cancel_reason=command.reason or one.cancel_reason), "canceled", at)
    await subscriptions.move(tx, [Step(one, after, "cancel", at, command.reason)], context.actor.name)
    await subscriptions.drop_timers(tx, [one.id])
    if one.status == "unpaid":  # canceled by now, so that a credit which settles its debt begins no new period
        credited = await _give_back(tx, one, plan, command, last, cut, batch, at, context.actor.name)
    final = batch.invoices[-1] if batch.invoices else None
    invoice_id = final.id if final is not None else None
    content = {"reason": after.cancel_reason, "credit": credited.total_minor, "invoice": invoice_id}
    batch.events.append(NewEvent("subscription.canceled", one.id, at, content, one.customer_id))
    batch.events += await follow_access(tx, [after], {plan.id: plan}, at)
    await write(tx, batch, context.actor.name, context.cause)
    lines = final.priced.lines if final is not None else ()
    return Moved(one.id, after.status, False, credited.total_minor, invoice_id, lines, credited.refunded_minor)


async def _give_back(
    tx: Tx,
    one: Subscription,
    plan: Plan,
    command: Cancel,
    last: date,
    cut: datetime,
    batch: Batch,
    at: datetime,
    actor: str,
) -> GivenBack:
    """What the command, or else the plan, gives back of the days from `last` on; of a pause, from its first day on."""
    policy = command.credit or plan.policy.cancel_credit
    if policy is CancelCredit.NONE:
        return GivenBack()
    if one.status == "paused" and one.paused_on:
        last, cut = one.paused_on, await subscriptions.paused_at(tx, one.id) or at
    back = policy is CancelCredit.REFUND
    return await credit_unused(tx, one, last, batch, at, actor, refund=back, reason="cancellation", cut=cut)


async def reactivate(context: Context, subscription_id: str) -> Moved:
    """Begin a new term of a canceled subscription: same row, no trial, billed from now (T38)."""
    asked = await ask(context, subscription_id, Verb.REACTIVATE, {})
    async with context.transaction() as tx:
        one, plan, at = await load(tx, context, subscription_id)
        MACHINE.targets(one.status, "reactivate")
        if await invoicing.with_open(tx, [one.id]):
            raise DebtOpen(param="subscription")
        planned = [row["id"] for row in await subscriptions.waiting_changes(tx, [one.id])]
        await subscriptions.settle_changes(tx, planned, "canceled", at, "it ended before")
        batch = Batch()
        anchored = replace(
            begin_term(one, at), term=one.term + 1, cancellation="", cancel_reason="",
            periods_max=plan.policy.periods_max or one.periods_max,  # a new contract has all its periods
        )  # fmt: skip
        (term,) = await first_terms(tx, [anchored], one_time=False)
        invoice = term.issue(batch, at)
        after = active_from(term, at) if term.begins_active else incomplete_until(term, invoice, plan, at)
        await subscriptions.move(tx, [Step(one, after, "reactivate", at)], context.actor.name)
        batch.events.append(
            NewEvent(
                "subscription.reactivated", one.id, at, {"invoice": invoice.id, "term": after.term}, one.customer_id
            )
        )
        batch.events += await follow_access(tx, [after], {plan.id: plan}, at, asked=asked)
        await write(tx, batch, context.actor.name, context.cause)
        return Moved(one.id, after.status, False, 0, invoice.id)


async def load(tx: Tx, context: Context, subscription_id: str) -> tuple[Subscription, Plan, datetime]:
    """A locked subscription, its plan and the organization's time."""
    one = await subscriptions.lock_one(tx, subscription_id)
    plan = (await catalog.read_plans(tx, [one.plan_id]))[one.plan_id]
    return one, plan, await context.now(tx)


async def step(
    tx: Tx, context: Context, plan: Plan, one: Subscription, after: Subscription, trigger: str, at: datetime, verb: str
) -> Moved:
    """Take one step of one subscription that moves no money, and tell it."""
    await subscriptions.move(tx, [Step(one, after, trigger, at, after.cancel_reason)], context.actor.name)
    content = {"reason": after.cancel_reason, "ends_at": after.due_at, "status": after.status}
    event = NewEvent(f"subscription.{verb}", one.id, at, content, one.customer_id)
    batch = Batch(events=[event])
    if after.status != one.status:
        batch.events += await follow_access(tx, [after], {plan.id: plan}, at)
    await write(tx, batch, context.actor.name, context.cause)
    return Moved(one.id, after.status, after.cancel_at_period_end)
