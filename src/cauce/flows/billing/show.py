"""What Cauce runs is visible at the provider: the customer's metadata there name subscription, plan, state, trial end (C8).

Every transition enqueues one job per customer; it reads the state as it is then, so late or doubled jobs only repeat
the truth. A person who sees nothing but the provider's dashboard finds the trial.
"""

from __future__ import annotations

from cauce.billing.catalog import service as catalog
from cauce.billing.customers import service as customers
from cauce.billing.payments import service as payments
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.machine import LIVE
from cauce.billing.subscriptions.rules import Subscription
from cauce.flows.context import Context
from cauce.gateway.charging import CustomerRequest
from cauce.gateway.outcome import Declined, Unknown
from cauce.kernel.errors import Unavailable
from cauce.storage import outbox
from cauce.storage.database import Tx
from cauce.storage.jobs import Job

SHOW_JOB = "payments.show_customer"
SHOWN = (
    "subscription.trial_started",
    "subscription.trial_extended",
    "subscription.trial_converted",
    "subscription.trial_expired",
    "subscription.activated",
    "subscription.past_due",
    "subscription.recovered",
    "subscription.unpaid",
    "subscription.changed",
    "subscription.canceled",
    "subscription.expired",
    "subscription.reactivated",
    "subscription.paused",
    "subscription.resumed",
)
"""The events after which what the provider shows is brought up to date."""


async def show_customer(context: Context, job: Job) -> None:
    """The job: tell every provider that knows the customer how he stands now."""
    async with context.transaction() as tx:
        event = await outbox.read_event(tx, job.payload["event_id"])
        if event is None or event.customer_id is None:
            return
        payers = await payments.payers_of(tx, event.customer_id)
        if not payers:
            return
        customer = await customers.read(tx, event.customer_id)
        metadata = await _metadata(tx, event.customer_id)
    for channel_id, ref in payers:
        _, gateway = await context.gateway(channel_id)
        if not hasattr(gateway, "update_customer"):
            continue
        request = CustomerRequest(event.public_id, customer.id, customer.email, customer.name, ref, metadata)
        outcome = await gateway.update_customer(request)
        if isinstance(outcome, Unknown):
            raise Unavailable(f"the provider did not say whether it took the customer's state: {outcome.reason}")
        if isinstance(outcome, Declined):
            return  # the provider does not want it: nothing depends on it


async def _metadata(tx: Tx, customer_id: str) -> dict[str, str]:
    held = [await subscriptions.read(tx, one) for one in await subscriptions.ids_of_customer(tx, customer_id)]
    if not held:
        return {}
    shown: Subscription = ([one for one in held if one.status in LIVE] or held)[-1]
    plan = (await catalog.read_plans(tx, [shown.plan_id]))[shown.plan_id]
    return {
        "cauce_subscription": shown.id,
        "cauce_plan": plan.key,
        "cauce_status": shown.status,
        "cauce_trial_end": shown.trial_end.isoformat() if shown.trial_end else "",
    }
