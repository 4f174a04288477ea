"""What Cauce runs is visible at the provider: the customer's metadata there name subscription, plan, state, trial end (C8).

Every transition enqueues one job per customer; it reads the state as it is then, so late or doubled jobs only repeat
the truth. A customer whom the provider does not know yet is made there first, under a key of his own, so that a card
form that is opened at the same time leads to the same record. A person who sees nothing but the provider's dashboard
finds the trial. One who pays by transfer, and whom the provider never met, has nothing to do with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from cauce.billing.payments import service as payments
from cauce.billing.subscriptions.machine import LIVE
from cauce.channels.service import list_channels
from cauce.flows.context import Context
from cauce.flows.together import together
from cauce.gateway.capabilities import Can
from cauce.gateway.charging import CustomerRecord, CustomerRequest
from cauce.gateway.outcome import Done, Outcome, Unknown
from cauce.kernel.errors import CauceError
from cauce.reports.shown import standings
from cauce.storage.database import Row, Tx
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
    event_id: int = job.payload["event_id"]
    standing, active = await together(context, SHOW_JOB, event_id, _read)
    if standing is None:
        return
    metadata, payers = _metadata(standing), standing["payers"]
    for channel_id in active:
        if channel_id not in payers and not standing["is_charged"]:
            continue
        channel, gateway = await context.gateway(channel_id)
        if channel_id not in payers:
            if not context.runtime.gateways.capabilities(channel).can >= _KEEPS_CUSTOMERS or not metadata:
                continue
            ref = await _met(context, gateway, channel_id, standing)
            if not ref:
                continue
            payers[channel_id] = ref
        if hasattr(gateway, "update_customer"):
            who = (standing["customer_id"], standing["email"], standing["name"])
            shown = CustomerRequest(standing["key"], *who, payers[channel_id], metadata)
            await _told(gateway.update_customer, shown)


async def _read(_: Context, tx: Tx, event_ids: list[int]) -> list[tuple[Row | None, list[str]]]:
    """How each event's customer stands, and the channels in use."""
    active = [row["id"] for row in await list_channels(tx) if row["state"] == "active"]
    found = await standings(tx, event_ids, LIVE)
    return [(found.get(event_id), active) for event_id in event_ids]


async def _met(context: Context, gateway: Any, channel_id: str, standing: Row) -> str:
    """The customer's id at a provider who had not met him; "" when the provider does not want him.

    Thousands may be new to a provider at one moment (a system that was taken over): they are made as fast as its rate
    allows, and what is read and kept of them goes together.
    """
    customer_id: str = standing["customer_id"]
    key = await together(context, f"{SHOW_JOB}.key", (customer_id, channel_id), _keys)
    request = CustomerRequest(key, customer_id, standing["email"], standing["name"])
    record = await _told(gateway.ensure_customer, request)
    if record is None:
        return ""
    return await together(context, f"{SHOW_JOB}.met", (customer_id, channel_id, record.ref), _keep)


async def _keys(_: Context, tx: Tx, pairs: list[tuple[str, str]]) -> list[str]:
    return await payments.payer_keys(tx, pairs)


async def _keep(_: Context, tx: Tx, met: list[tuple[str, str, str]]) -> list[str]:
    return await payments.meet_payers(tx, met)


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


def _metadata(standing: Row) -> dict[str, str]:
    if standing["subscription_id"] is None:
        return {}
    trial_end = standing["trial_end"]
    return {
        "cauce_subscription": standing["subscription_id"],
        "cauce_plan": standing["plan"],
        "cauce_status": standing["status"],
        "cauce_trial_end": trial_end.isoformat() if trial_end else "",
    }
