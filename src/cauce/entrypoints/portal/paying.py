"""A customer who pays now instead of waiting for the next try: one attempt for one open invoice."""

from __future__ import annotations

from cauce.billing.invoicing import service as invoicing
from cauce.billing.invoicing.rules import InvoiceNotOpen
from cauce.flows.billing.collect import charge
from cauce.flows.billing.issue import Batch, write
from cauce.flows.context import Context


async def pay_now(context: Context, invoice_id: str) -> bool:
    """Open an attempt with the customer's usable method; False when there is none. A second click opens no second one."""
    async with context.transaction() as tx:
        invoice = await invoicing.lock_one(tx, invoice_id)
        if invoice.status != "open" or not invoice.amount_due_minor:
            raise InvoiceNotOpen(f"invoice {invoice.number} is {invoice.status}", status=invoice.status)
        batch = Batch()
        without = await charge(tx, [invoice], {invoice.id: await context.now(tx)}, batch)
        await write(tx, batch, context.actor.name, context.cause)
    return not without
