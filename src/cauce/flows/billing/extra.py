"""One-off charges on a running subscription: on the next invoice or on one of their own, with approval where wanted (G4)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from cauce.billing.invoicing import service as invoicing
from cauce.billing.invoicing.service import Answer, PendingLine
from cauce.billing.subscriptions.rules import Subscription
from cauce.flows.billing.bills import Bill, compose
from cauce.flows.billing.cancel import load
from cauce.flows.billing.issue import Batch, load_billed, load_tariff, write
from cauce.flows.context import Context
from cauce.kernel.errors import Conflict, InvalidRequest, NotFound
from cauce.kernel.ids import check_id, new_id
from cauce.ledger.rules import AMOUNT_MAX_MINOR
from cauce.pricing.invoice_lines import Priced
from cauce.reports.billing_run import Surroundings, load_surroundings
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent

_TOLD: dict[Answer, str] = {
    "approve": "pending_line.approved",
    "reject": "pending_line.rejected",
    "withdraw": "pending_line.removed",
}
_STATE: dict[Answer, str] = {"approve": "waiting", "reject": "rejected", "withdraw": "removed"}


@dataclass(frozen=True, slots=True)
class ExtraCharge:
    """Charge `amount_minor` (negative: give) once; `invoice_now` or with the next invoice; `ask`: the customer approves first.

    With `ask`, `invoice_now` bills it in the moment of his approval.
    `pending_line_id`: an id of the caller's own (`pl_…`), with which a repeat charges nothing more.
    """

    subscription_id: str
    amount_minor: int
    description: str
    invoice_now: bool = False
    ask: bool = False
    tax_category: str = "standard"
    tax_inclusive: bool = False
    pending_line_id: str = ""


@dataclass(frozen=True, slots=True)
class Extra:
    """The pending line, and the invoice it stands on if it was invoiced at once."""

    pending_line_id: str
    state: str
    invoice_id: str | None


async def add_charge(context: Context, command: ExtraCharge) -> Extra:
    """Add a one-off charge."""
    async with context.transaction() as tx:
        one, now = await _charged(tx, context, command)
        line = _line(one, command)
        if command.pending_line_id and (known := await invoicing.find_pending(tx, line.id)) is not None:
            if known["subscription_id"] != one.id:
                raise InvalidRequest("this id is another charge's", param="pending_line_id")
            return Extra(line.id, known["state"], known["invoice_id"])
        await invoicing.insert_pending(tx, [line], now)
        content = {
            "subscription": one.id,
            "amount": line.amount_minor,
            "currency": line.currency,
            "description": line.description,
            "state": line.state,
        }
        batch = Batch(events=[NewEvent("pending_line.added", line.id, now, content, one.customer_id)])
        invoice_id = None
        if command.invoice_now and not command.ask:
            invoice_id = await _invoice(tx, one, batch, now)
        await write(tx, batch, context.actor.name, context.cause)
        return Extra(line.id, "invoiced" if invoice_id else line.state, invoice_id)


async def preview_charge(context: Context, command: ExtraCharge) -> Priced:
    """The charge as it will stand, with its tax, and below it what waits and would stand on the same invoice now."""
    async with context.transaction() as tx:
        one, _ = await _charged(tx, context, command)
        around = (await load_billed(tx, [one.id]))[one.id]
        waiting = _without_changes(around) if command.invoice_now and not command.ask else ()
        tariff = await load_tariff(tx, [one], [around])
        alone = replace(around, items=(), discounts=(), pending=(asdict(_line(one, command)), *waiting))
        return compose(one.id, alone, tariff, advance=None, arrears=None).priced


async def _charged(tx: Tx, context: Context, command: ExtraCharge) -> tuple[Subscription, datetime]:
    """The subscription, locked, that may be charged so; refused otherwise."""
    if not command.amount_minor or abs(command.amount_minor) > AMOUNT_MAX_MINOR:
        raise InvalidRequest("an amount is not zero and within the ledger's bounds", param="amount")
    if not command.description.strip():
        raise InvalidRequest("a charge says what it is for", param="description")
    one, _, now = await load(tx, context, command.subscription_id)
    _require_running(one)
    return one, now


def _require_running(one: Subscription) -> None:
    if one.status in ("canceled", "expired", "draft"):
        raise Conflict(f"a subscription that is {one.status} is not charged")


def _line(one: Subscription, command: ExtraCharge) -> PendingLine:
    return PendingLine(
        id=check_id(command.pending_line_id, "pl") if command.pending_line_id else new_id("pl"),
        customer_id=one.customer_id,
        subscription_id=one.id,
        currency=one.currency,
        description=command.description,
        amount_minor=command.amount_minor,
        product_id=one.product_id,
        tax_category=command.tax_category,
        tax_inclusive=command.tax_inclusive,
        state="proposed" if command.ask else "waiting",
        invoice_now=command.invoice_now,
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """A one-off charge, what became of it (`row`), and what it comes to with its tax."""

    row: Row
    priced: Priced


async def read_charge(tx: Tx, pending_line_id: str) -> Row:
    """A one-off charge, whatever became of it; `NotFound` for one that there is not."""
    row = await invoicing.find_pending(tx, pending_line_id)
    if row is None or row["kind"] != "pending":
        raise NotFound(f"there is no charge {pending_line_id}", param="charge")
    return row


async def show_charge(context: Context, pending_line_id: str) -> Asked:
    """A charge as its customer is asked about it; nothing is written."""
    async with context.transaction() as tx:
        row = await read_charge(tx, pending_line_id)
        one, _, _ = await load(tx, context, row["subscription_id"])
        around = (await load_surroundings(tx, [one.id]))[one.id]
        tariff = await load_tariff(tx, [one], [around])
        alone = replace(around, items=(), discounts=(), pending=(dict(row),))
        return Asked(row, compose(one.id, alone, tariff, advance=None, arrears=None).priced)


async def settle_charge(context: Context, pending_line_id: str, answer: Answer, *, subscription_id: str = "") -> Extra:
    """The customer approves or rejects a charge that he was asked about, or the seller withdraws one that waits.

    `subscription_id`: whose charge it must be. `ChargeSettled` when it is settled already, `Conflict` when the
    subscription that would be billed has ended.
    """
    async with context.transaction() as tx:
        row = await read_charge(tx, pending_line_id)
        if subscription_id and row["subscription_id"] != subscription_id:
            raise NotFound(f"there is no charge {pending_line_id}", param="charge")
        one, _, now = await load(tx, context, row["subscription_id"])
        if answer == "approve":
            _require_running(one)
        await invoicing.set_pending(tx, pending_line_id, answer)
        content = {name: row[name] for name in ("currency", "description")}
        content |= {"subscription": one.id, "amount": row["amount_minor"]}
        event = NewEvent(_TOLD[answer], pending_line_id, now, content, row["customer_id"])
        batch = Batch(events=[event])
        invoice_id = await _invoice(tx, one, batch, now) if answer == "approve" and row["invoice_now"] else None
        await write(tx, batch, context.actor.name, context.cause)
        return Extra(pending_line_id, "invoiced" if invoice_id else _STATE[answer], invoice_id)


def _without_changes(around: Surroundings) -> tuple[dict[str, Any], ...]:
    """What waits, but for the lines of changes: those are for the next regular invoice, which has the discounts."""
    return tuple(line for line in around.pending if line["kind"] != "proration")


async def _invoice(tx: Tx, one: Subscription, batch: Batch, now: datetime) -> str:
    around = (await load_billed(tx, [one.id]))[one.id]
    tariff = await load_tariff(tx, [one], [around])
    alone = replace(around, items=(), discounts=(), pending=_without_changes(around))
    bill = compose(one.id, alone, tariff, advance=None, arrears=None)
    return batch.bill(one, around, Bill(bill.priced, (), bill.pending_ids), now, reason="manual").id
