"""An instance that was paid and could not be made: the contract ends and every cent of its term goes back (J4).

Two steps, each its own transaction and each done once however often the job runs: the cancellation, then a credit note
with refund for every invoice of the term.
"""

from __future__ import annotations

from cauce.billing.catalog.rules import CancelCredit
from cauce.billing.invoicing.rules import InvoiceNotOpen, NothingToCredit
from cauce.billing.subscriptions.machine import LIVE
from cauce.flows.billing.cancel import Cancel, cancel_now, load
from cauce.flows.billing.correct import CreditInvoice, credit_invoice
from cauce.flows.context import Context
from cauce.reports import instances as report
from cauce.storage.jobs import Job


async def compensate(context: Context, job: Job) -> None:
    """The job that a failed instance leads to where its plan says `on_failure: refund`."""
    reason = f"the instance could not be made: {job.payload['reason']}"[:500]
    async with context.transaction() as tx:
        one, plan, at = await load(tx, context, job.payload["subscription"])
        if one.status in LIVE:
            command = Cancel(one.id, now=True, reason=reason, credit=CancelCredit.NONE, void_open=True, bill_rest=False)
            await cancel_now(tx, context, one, plan, command, at)
    async with context.transaction() as tx:
        invoice_ids = await report.invoices_of_term(tx, one.id)
    for invoice_id in invoice_ids:
        try:
            await credit_invoice(context, CreditInvoice(invoice_id, reason, refund=True))
        except (NothingToCredit, InvoiceNotOpen):
            continue  # an earlier try of this job, or a person, did it
