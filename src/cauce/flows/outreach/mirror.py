"""Help desks mirror customers. Jobs of one customer run in order, so a contact is there before its first event.

A contact is told as he stands when the job runs: of several that wait, the latest state wins. Events are told one by
one under the time of the business event. Every call may be repeated, so an unknown outcome is simply tried again; a
desk that refuses our credentials is stopped until a person starts it, and what it missed waits in its jobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from cauce.billing.outreach import desks, service
from cauce.billing.outreach.desks import DeskContact
from cauce.billing.outreach.rules import Category, Standing
from cauce.flows.context import Context
from cauce.flows.outreach import telling
from cauce.flows.outreach.links import page_links
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal
from cauce.gateway.reaching import TrackedEvent
from cauce.kernel.errors import CauceError
from cauce.reports import outreach as reports
from cauce.reports.outreach import Facts
from cauce.storage import outbox
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import Org, read_org
from cauce.storage.jobs import Job, NewJob
from cauce.storage.orgclock import org_now
from cauce.storage.outbox import Event, NewEvent, emit

CONTACT_JOB = "outreach.contact"
TELL_JOB = "outreach.tell"
NAMED_JOB = "outreach.tell_named"
T = TypeVar("T")


class DeskPutOff(CauceError):
    """The help desk did not take what it was told; it is told again."""

    code = "desk_put_off"
    http_status = 502


def jobs_for(channel_ids: Sequence[str], events: Sequence[Event], now: datetime) -> list[NewJob]:
    """The jobs that a chunk of events leads to at each desk."""
    wanted: list[NewJob] = []
    for channel_id in channel_ids:
        for event in events:
            key = f"contact:{channel_id}:{event.customer_id}"
            payload: dict[str, Any] = {"channel": channel_id, "customer": event.customer_id}
            if event.type in telling.REFLECTED:
                wanted.append(NewJob(CONTACT_JOB, now, payload, key=key, dedupe=key))
            if event.type in telling.TOLD:
                wanted.append(NewJob(TELL_JOB, now, {**payload, "event": event.id}, key=key))
    return wanted


def named_jobs(
    channel_ids: Sequence[str], customer_id: str, name: str, key: str, about: Mapping[str, Any], now: datetime
) -> list[NewJob]:
    """The jobs that tell desks an event of an automation; `about` is what it followed, with its instant."""
    return [
        NewJob(
            NAMED_JOB,
            now,
            {
                "channel": one,
                "customer": customer_id,
                "name": name,
                "operation": key,
                "at": about.get("at") or now.isoformat(),
            },
            key=f"contact:{one}:{customer_id}",
        )
        for one in channel_ids
    ]


async def tell_named(context: Context, job: Job) -> None:
    """The job: tell one desk an event that an automation names."""
    told = job.payload
    async with context.transaction() as tx:
        known, facts, org, standing = await _read(tx, told["channel"], told["customer"])
    if facts is None or facts["erased"] or known.state != "linked":
        return
    _, gateway = await context.gateway(told["channel"])
    if not known.ref:
        await _tell_contact(context, told["channel"], facts, known, org, standing, gateway)
    metadata = {name: str(facts[name]) for name in ("plan", "status") if facts[name]}
    at = datetime.fromisoformat(told["at"])
    event = TrackedEvent(told["operation"], told["customer"], told["name"], at, {**metadata})
    await _value(context, told["channel"], await gateway.track(event))


async def tell_contact(context: Context, job: Job) -> None:
    """The job: bring contact, company and tag up to date at one desk."""
    channel_id, customer_id = job.payload["channel"], job.payload["customer"]
    async with context.transaction() as tx:
        known, facts, org, standing = await _read(tx, channel_id, customer_id)
    if facts is None or known.state == "erased":
        return
    _, gateway = await context.gateway(channel_id)
    if facts["erased"]:
        await _erase(context, channel_id, customer_id, known, gateway)
    elif known.state == "linked":
        await _tell_contact(context, channel_id, facts, known, org, standing, gateway)


async def tell_event(context: Context, job: Job) -> None:
    """The job: tell one event."""
    channel_id, customer_id = job.payload["channel"], job.payload["customer"]
    async with context.transaction() as tx:
        event = await outbox.read_event(tx, job.payload["event"])
        known, facts, org, standing = await _read(tx, channel_id, customer_id)
    if event is None or facts is None or facts["erased"] or known.state != "linked":
        return
    _, gateway = await context.gateway(channel_id)
    if not known.ref:
        await _tell_contact(context, channel_id, facts, known, org, standing, gateway)
    pay_url = page_links(context.runtime.public_url, org, invoice_id=facts["open_invoice"] or "")["pay_link"]
    told = TrackedEvent(
        event.public_id, customer_id, event.type, event.occurred_at, telling.metadata_of(event, facts, pay_url)
    )
    outcome: Outcome[Any] = await gateway.track(told)
    if isinstance(outcome, Declined) and outcome.refusal is Refusal.NOT_FOUND:  # merged or deleted over there
        await _tell_contact(context, channel_id, facts, replace(known, ref=""), org, standing, gateway)
        outcome = await gateway.track(told)
    await _value(context, channel_id, outcome)


async def _read(tx: Tx, channel_id: str, customer_id: str) -> tuple[DeskContact, Facts | None, Org, Standing]:
    if any(row["channel_id"] == channel_id for row in await desks.stopped(tx)):
        raise DeskPutOff("the help desk refuses our credentials; it waits for a person")
    now = await org_now(tx)
    facts = (await reports.facts(tx, [(customer_id, "")], now)).get((customer_id, ""))
    standing = (await service.standings(tx, [customer_id]))[customer_id]
    return await desks.read_contact(tx, channel_id, customer_id), facts, await read_org(tx, tx.org), standing


async def _tell_contact(
    context: Context,
    channel_id: str,
    facts: Facts,
    known: DeskContact,
    org: Org,
    standing: Standing,
    gateway: Any,
) -> None:
    refuses = Category.MARKETING.value in standing.refused
    contact = telling.contact_of(facts, known.ref, org, context.runtime.public_url, refuses_marketing=refuses)
    record = await _value(context, channel_id, await gateway.upsert_contact(contact))
    if record is None:
        return
    after = replace(known, ref=record.ref)
    await _keep(context, channel_id, facts["customer"], after)
    name, attributes = telling.company_of(facts)
    company = await _value(context, channel_id, await gateway.upsert_company(facts["customer"], name, attributes))
    if company is not None and (company.ref != after.company_ref or after.ref != known.ref):
        await _value(context, channel_id, await gateway.join(after.ref, company.ref))
        after = replace(after, company_ref=company.ref)
    tag = telling.tag_of(facts)
    if tag != after.tag or after.ref != known.ref:
        if after.tag and after.tag != tag:
            await _value(context, channel_id, await gateway.tag(after.ref, after.tag, remove=True))
        if tag:
            await _value(context, channel_id, await gateway.tag(after.ref, tag, remove=False))
        after = replace(after, tag=tag)
    await _keep(context, channel_id, facts["customer"], after)


async def _erase(context: Context, channel_id: str, customer_id: str, known: DeskContact, gateway: Any) -> None:
    if known.ref:
        await _value(context, channel_id, await gateway.erase(known.ref))
    async with context.transaction() as tx:
        await desks.put_contact(tx, channel_id, customer_id, DeskContact(state="erased"), await context.now(tx))


async def _keep(context: Context, channel_id: str, customer_id: str, contact: DeskContact) -> None:
    async with context.transaction() as tx:
        await desks.put_contact(tx, channel_id, customer_id, contact, await context.now(tx))


async def _value(context: Context, channel_id: str, outcome: Outcome[T]) -> T | None:
    """What was answered; None for a refusal that only this call concerns. Raises for what is to be tried again."""
    match outcome:
        case Done():
            return outcome.value
        case Declined() if outcome.refusal in (Refusal.AUTH, Refusal.CONFIG):
            async with context.transaction() as tx:
                now = await context.now(tx)
                if await service.stop_channel(tx, channel_id, outcome.message, now):
                    event = NewEvent("provider.key_invalid", channel_id, now, {"reason": outcome.message})
                    await emit(tx, [event], actor="system")
            raise DeskPutOff(outcome.message)
        case Declined() if outcome.refusal is not Refusal.LIMIT_EXCEEDED:
            return None
        case _:
            raise DeskPutOff(getattr(outcome, "reason", "") or getattr(outcome, "message", "") or "not finished yet")
