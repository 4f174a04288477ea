"""What Cauce runs is visible at the provider: the customer's metadata there name subscription, plan, state, trial end (C8).

Every transition enqueues one job per customer; it reads the state as it is then, so late or doubled jobs only repeat
the truth. A customer whom the provider does not know yet is made there first, under a key of his own, so that a card
form that is opened at the same time leads to the same record. A person who sees nothing but the provider's dashboard
finds the trial. One who pays by transfer, and whom the provider never met, has nothing to do with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from cauce.billing.catalog import service as catalog
from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import Customer
from cauce.billing.payments import service as payments
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.machine import LIVE
from cauce.billing.subscriptions.rules import Subscription
from cauce.channels.service import list_channels
from cauce.flows.context import Context
from cauce.gateway.capabilities import Can
from cauce.gateway.charging import CustomerRecord, CustomerRequest
from cauce.gateway.outcome import Done, Outcome, Unknown
from cauce.kernel.errors import CauceError
from cauce.storage import outbox
from cauce.storage.database import Tx
from cauce.storage.jobs import Job

SHOW_JOB = "payments.show_customer"
TRIES = 4
"""How often the provider is told in one go; then the job waits for its next try."""

_KEEPS_CUSTOMERS = frozenset({Can.REMEMBERS_CUSTOMERS, Can.SAVES_METHODS})
SHOWN = (
    "subscription.created",
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


class ProviderSilent(CauceError):
    """The provider did not say whether it took what it was told; it is told again later."""

    code = "provider_silent"
    http_status = 502
    retryable = True


async def show_customer(context: Context, job: Job) -> None:
    """The job: tell every provider that keeps the customer's cards how he stands now."""
    async with context.transaction() as tx:
        event = await outbox.read_event(tx, job.payload["event_id"])
        if event is None or event.customer_id is None:
            return
        payers = dict(await payments.payers_of(tx, event.customer_id))
        active = [row["id"] for row in await list_channels(tx) if row["state"] == "active"]
        customer = await customers.read(tx, event.customer_id)
        held = [await subscriptions.read(tx, one) for one in await subscriptions.ids_of_customer(tx, event.customer_id)]
        metadata = await _metadata(tx, held)
    is_charged = any(one.collection == "charge" for one in held)
    for channel_id in active:
        if channel_id not in payers and not is_charged:
            continue
        channel, gateway = await context.gateway(channel_id)
        if channel_id not in payers:
            if not context.runtime.gateways.capabilities(channel).can >= _KEEPS_CUSTOMERS or not metadata:
                continue
            ref = await _met(context, gateway, channel_id, customer)
            if not ref:
                continue
            payers[channel_id] = ref
        if hasattr(gateway, "update_customer"):
            ref = payers[channel_id]
            shown = CustomerRequest(event.public_id, customer.id, customer.email, customer.name, ref, metadata)
            await _told(gateway.update_customer, shown)


async def _met(context: Context, gateway: Any, channel_id: str, customer: Customer) -> str:
    """The customer's id at a provider who had not met him; "" when the provider does not want him."""
    async with context.transaction() as tx:
        key = await payments.payer_key_at(tx, customer.id, channel_id)
    request = CustomerRequest(key, customer.id, customer.email, customer.name)
    record = await _told(gateway.ensure_customer, request)
    if record is None:
        return ""
    async with context.transaction() as tx:
        known = await payments.payer_ref(tx, customer.id, channel_id)
        if not known:
            await payments.put_payer(tx, customer.id, channel_id, record.ref)
    return known or record.ref


async def _told(
    tell: Callable[[CustomerRequest], Awaitable[Outcome[CustomerRecord]]], request: CustomerRequest
) -> CustomerRecord | None:
    """The provider's record; None when it refused, which harms nothing. Told again under the same key while unknown."""
    reason = ""
    for _ in range(TRIES):
        outcome = await tell(request)
        if isinstance(outcome, Done):
            return outcome.value
        if not isinstance(outcome, Unknown):
            return None
        reason = outcome.reason
    raise ProviderSilent(f"the provider did not say whether it took the customer's state: {reason}")


async def _metadata(tx: Tx, held: list[Subscription]) -> dict[str, str]:
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
