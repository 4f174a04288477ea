"""Looking before sending: a step as a customer would read it, a test to oneself, and what a campaign would have sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cauce.billing.outreach import schedule, service, store
from cauce.billing.outreach.campaigns import Campaign, Step, decide
from cauce.billing.outreach.presenting import LOCALES
from cauce.billing.outreach.rules import NewMessage, Standing
from cauce.billing.outreach.templating import Rendered
from cauce.flows.context import Context
from cauce.flows.outreach.composing import known_of, message_for
from cauce.flows.outreach.follow import planned
from cauce.flows.outreach.subjects import subject_of
from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.reports import outreach as reports
from cauce.reports.outreach import Facts
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import read_org

DRY_RUN_DAYS_MAX = 90
DRY_RUN_EVENTS_MAX = 5_000

SAMPLE: Mapping[str, Any] = {
    "customer": "cus_sample", "external_id": "sample", "name": "Ana Sample", "email": "", "locale": "en", "timezone": "UTC",
    "subscription": "", "product": "", "plan_name": "Pro", "product_name": "The app", "currency": "eur", "trial_end": datetime(2030, 1, 31, 9, tzinfo=UTC),
    "period_end": datetime(2030, 2, 28, tzinfo=UTC).date(), "days_left": 3, "goal_title": "Invite a colleague",
    "goal_link": "https://example.com/help", "instance_link": "https://app.example.com", "trial_end_policy": "pause", "refusal": "insufficient_funds",
    "open_number": "IN-000042", "open_invoice": "", "owed_minor": 3000,
}  # fmt: skip
"""What a preview shows when no customer is chosen."""

_SAMPLE_EVENT: Mapping[str, Any] = {
    "amount_minor": 3000, "total_minor": 3000, "amount_due_minor": 3000, "number": "IN-000042", "brand": "visa", "last4": "4242",
    "expires_on": "2030-02-28", "next_try": "2030-02-03T09:00:00+00:00", "grace_ends": "2030-02-08T09:00:00+00:00",
    "lapses_at": "2030-02-28T09:00:00+00:00", "ends_at": "2030-02-28T09:00:00+00:00", "retained_until": "2030-03-02T09:00:00+00:00",
    "description": "Set-up", "effective_on": "2030-03-01", "new_amount_minor": 3500, "old_amount_minor": 3000,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tried:
    """One step in a dry run: who, when, and what would happen with it as things stand."""

    customer_id: str
    step: str
    due_at: datetime
    action: str
    reason: str


async def preview(
    context: Context, key: str, step_key: str, *, customer_id: str = "", locale: str = ""
) -> tuple[NewMessage, Rendered]:
    """A step in its reader's words, for a customer or for a sample; nothing is written."""
    async with context.transaction() as tx:
        message = await _message(tx, context, key, step_key, customer_id, locale)
        return message, service.words_of(message, await store.texts(tx, [message.template]))


async def send_test(
    context: Context, key: str, step_key: str, to_address: str, *, customer_id: str = "", locale: str = ""
) -> str:
    """Send a step to an address of one's own, marked as a test; it counts nowhere. The message's id."""
    if "@" not in to_address:
        raise InvalidRequest(f"{to_address!r} is not an e-mail address", param="to")
    async with context.transaction() as tx:
        shown = await _message(tx, context, key, step_key, customer_id, locale)
        person = replace(shown.recipient, customer_id="", address=to_address)
        test = replace(shown, recipient=person, audience="test", campaign="", step="", period="")
        (queued,) = await service.queue(tx, [test], await context.now(tx))
    if queued is None:
        raise InvalidRequest("this address takes no mail", param="to")
    return queued


async def dry_run(context: Context, campaign: Campaign, days: int) -> list[Tried]:
    """What a campaign would have planned for the events of the last days, and what would become of each step now."""
    if not 1 <= days <= DRY_RUN_DAYS_MAX:
        raise InvalidRequest(f"days is 1 to {DRY_RUN_DAYS_MAX}", param="days")
    async with context.transaction() as tx:
        now = await context.now(tx)
        types = sorted(campaign.event_types())
        events = await reports.events_since(tx, types, now - timedelta(days=days), DRY_RUN_EVENTS_MAX)
        facts = await reports.facts(tx, [subject_of(event) for event in events], now)
        standings = await service.standings(tx, [event.customer_id or "" for event in events])
    tried: dict[tuple[str, str, str], Tried] = {}
    for event in events:
        known = facts.get(subject_of(event))
        for one in planned(campaign, event, known) if known is not None else ():
            if one.planned is not None and known is not None:
                found = _tried(campaign, one.planned.step, known, one.data, standings, one.planned.due_at)
                tried[(one.customer_id, one.step, one.period)] = found
    return sorted(tried.values(), key=lambda one: (one.due_at, one.customer_id, one.step))


def _tried(
    campaign: Campaign,
    step: Step,
    facts: Facts,
    data: Mapping[str, Any],
    standings: Mapping[str, Standing],
    due_at: datetime,
) -> Tried:
    held = standings.get(facts["customer"], Standing()).held_until
    decision = decide(campaign, step, known_of(campaign, data, facts), held, (), due_at, facts["timezone"])
    return Tried(facts["customer"], step.key, decision.until or due_at, decision.action, decision.reason)


async def _message(tx: Tx, context: Context, key: str, step_key: str, customer_id: str, locale: str) -> NewMessage:
    campaign = await schedule.read_campaign(tx, key)
    step = campaign.step(step_key)
    if step is None:
        raise NotFound(f"the campaign {key} has no step {step_key}", param="step")
    if locale and locale not in LOCALES:
        raise InvalidRequest(f"a locale is one of {', '.join(LOCALES)}", param="locale")
    org, now = await read_org(tx, tx.org), await context.now(tx)
    facts: Facts = SAMPLE
    if customer_id:
        found = await reports.facts(tx, [(customer_id, "")], now)
        if (customer_id, "") not in found:
            raise NotFound(f"there is no customer {customer_id}", param="customer")
        facts = found[customer_id, ""]
    data = _data(campaign.triggers_of(step))
    message = message_for(campaign, step, "", org, context.runtime.public_url, facts, data)
    return replace(message, recipient=replace(message.recipient, locale=locale)) if locale else message


def _data(triggers: Sequence[str]) -> dict[str, Any]:
    return {**_SAMPLE_EVENT, "event_type": triggers[0] if triggers else ""}
