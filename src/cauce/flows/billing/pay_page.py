"""A customer pays one invoice himself, on the provider's page: for whoever has no saved card, or must show himself to his bank.

The page is an attempt like any other: one in flight per invoice, so a scheduled try waits while it is open, and what
comes of it settles the invoice. A second click leads to the same page.
"""

from __future__ import annotations

from collections.abc import Sequence

from cauce.billing.invoicing import service as invoicing
from cauce.billing.invoicing.rules import Invoice, InvoiceNotOpen
from cauce.billing.payments import service as payments
from cauce.billing.payments.rules import Attempt
from cauce.channels import service as channels
from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.billing.collect import CHARGE_PURPOSE, charge
from cauce.flows.billing.issue import Batch, write
from cauce.flows.context import Context
from cauce.gateway.capabilities import Can
from cauce.gateway.charging import LinkRequest
from cauce.gateway.collecting import Operation
from cauce.kernel.errors import Conflict
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import read_org
from cauce.storage.outbox import NewEvent


class NoCardChannel(Conflict):
    """Cards are not taken here at the moment; write to us to pay in another way."""

    code = "no_card_channel"


async def channel_that(context: Context, tx: Tx, *needed: Can) -> str:
    """The first active channel that can do all of this; `NoCardChannel` without one."""
    org = await read_org(tx, tx.org)
    for row in await channels.list_channels(tx):
        if row["state"] == "active":
            channel = await channels.open_channel(tx, context.runtime.sealer, row["id"], livemode=org.livemode)
            if context.runtime.gateways.capabilities(channel).can.issuperset(needed):
                return str(row["id"])
    raise NoCardChannel()


async def pay_now(context: Context, invoice_id: str) -> bool:
    """Charge what is left to the saved method; False when there is none. A second click opens no second attempt."""
    async with context.transaction() as tx:
        invoice = await _open_invoice(tx, invoice_id)
        batch = Batch()
        without = await charge(tx, [invoice], {invoice.id: await context.now(tx)}, batch)
        await write(tx, batch, context.actor.name, context.cause)
    return not without


async def open_page(context: Context, invoice_id: str, return_url: str) -> None:
    """Ask a provider for a page that takes what is left of an invoice; its address is the attempt's next action."""
    async with context.transaction() as tx:
        invoice = await _open_invoice(tx, invoice_id)
        if await payments.in_flight(tx, [invoice.id]):
            return
        channel_id, now = await channel_that(context, tx, Can.LINKS_PAYMENT), await context.now(tx)
        payer = await payments.payer_ref(tx, invoice.customer_id, channel_id) or ""
        attempt = _attempt(invoice, channel_id)
        await payments.insert_attempts(tx, [attempt], now)
        await open_instructions(tx, [_page(invoice, attempt, payer, return_url)], due_at=now)
        content = {"invoice": invoice.id, "amount": attempt.amount_minor, "currency": attempt.currency}
        told: Sequence[NewEvent] = [NewEvent("payment.attempted", attempt.id, now, content, invoice.customer_id)]
        await write(tx, Batch(events=list(told)), context.actor.name, context.cause)


async def _open_invoice(tx: Tx, invoice_id: str) -> Invoice:
    invoice = await invoicing.lock_one(tx, invoice_id)
    if invoice.status != "open" or not invoice.amount_due_minor:
        raise InvoiceNotOpen(f"invoice {invoice.number} is {invoice.status}", status=invoice.status)
    return invoice


def _attempt(invoice: Invoice, channel_id: str) -> Attempt:
    return Attempt(
        id=new_id("pat"),
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        subscription_id=invoice.subscription_id,
        method_id=None,
        channel_id=channel_id,
        currency=invoice.currency,
        amount_minor=invoice.amount_due_minor,
        state="created",
        by_customer=True,
    )


def _page(invoice: Invoice, attempt: Attempt, payer_ref: str, return_url: str) -> NewInstruction:
    request = LinkRequest(
        key=attempt.id,
        customer_ref=payer_ref,
        invoice_id=invoice.id,
        amount=Money(attempt.amount_minor, attempt.currency),
        description=f"Invoice {invoice.number}",
        return_url=return_url,
        metadata={"cauce_invoice": invoice.id, "cauce_invoice_number": invoice.number or ""},
    )
    return NewInstruction(attempt.channel_id, CHARGE_PURPOSE, Operation.LINK, attempt.id, attempt.id, request)
