"""Erasure (B4): a customer's personal data go, here and at the providers that know him; the books, which hold none, stay.

Help desks are told by the event, as of everything else. A provider of payments is asked by a job until it says that the
customer is gone there. What the law makes a seller keep, the invoices with the names on them, stays as it was issued.
"""

from __future__ import annotations

from cauce.billing.conversations import service as conversations
from cauce.billing.customers import service as customers
from cauce.billing.outreach import service as outreach
from cauce.billing.payments import service as payments
from cauce.billing.relations import files
from cauce.billing.relations import knowing as relations
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.machine import LIVE
from cauce.flows.billing.disputes import drop_payer
from cauce.flows.context import Context
from cauce.gateway.capabilities import Can
from cauce.gateway.charging import CustomerRecord
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal
from cauce.kernel.errors import CauceError, Conflict
from cauce.storage import audit, jobs
from cauce.storage.jobs import Job, NewJob

FORGET_JOB = "customer.forget"


class StillSubscribed(Conflict):
    """The customer has a subscription that is not over; end it first."""

    code = "still_subscribed"


class NotForgotten(CauceError):
    """The provider has not said that the customer is gone there; it is asked again."""

    code = "not_forgotten"
    http_status = 502


async def erase_customer(context: Context, customer_id: str) -> None:
    """Take a customer's personal data away; refused (`StillSubscribed`) while he has a subscription. Repeated: no effect."""
    async with context.transaction() as tx:
        held = await subscriptions.lock(tx, await subscriptions.ids_of_customer(tx, customer_id))
        if any(one.status in LIVE for one in held.values()):
            raise StillSubscribed(param="customer")
        one, now = await customers.read(tx, customer_id), await context.now(tx)
        if one.erased_at is not None:
            return
        await customers.erase(tx, customer_id, now=now, actor=context.actor.name)
        await relations.forget(tx, customer_id)
        await files.forget(tx, customer_id)
        await conversations.forget_words(tx, customer_id)
        await outreach.forget_recipient(tx, customer_id)
        known = await payments.payers_of(tx, customer_id)
        wanted = [NewJob(FORGET_JOB, now, {"channel": channel, "ref": ref}) for channel, ref in known]
        await jobs.enqueue(tx, wanted)
        await audit.record(tx, context.actor, "customer.erase", customer_id)


async def forget_at_provider(context: Context, job: Job) -> None:
    """The job: the customer is deleted at one provider. What it does not know is gone as well."""
    channel_id, ref = job.payload["channel"], job.payload["ref"]
    channel, gateway = await context.gateway(channel_id)
    if Can.REMEMBERS_CUSTOMERS in context.runtime.gateways.capabilities(channel).can:
        outcome: Outcome[CustomerRecord] = await gateway.forget_customer(ref)
        is_gone = isinstance(outcome, Done) or (isinstance(outcome, Declined) and outcome.refusal is Refusal.NOT_FOUND)
        if not is_gone:
            raise NotForgotten(getattr(outcome, "message", "") or getattr(outcome, "reason", ""))
    await drop_payer(context, channel_id, ref)
