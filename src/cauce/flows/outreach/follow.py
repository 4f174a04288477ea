"""What happened is followed by what shall be sent: a chunk of events becomes steps of campaigns, all at once.

Only organizations that reach somebody plan anything. A repeated chunk plans the same steps again, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cauce.billing.outreach import schedule
from cauce.billing.outreach.campaigns import Campaign, period_of, plan
from cauce.billing.outreach.schedule import DueStep
from cauce.flows.context import Context
from cauce.flows.outreach import automate, mirror
from cauce.flows.outreach.composing import event_data
from cauce.flows.outreach.reach import find_reach
from cauce.flows.outreach.subjects import subject_of
from cauce.reports import outreach as reports
from cauce.reports.outreach import Facts
from cauce.storage import jobs, outbox
from cauce.storage.database import Tx
from cauce.storage.jobs import Job
from cauce.storage.outbox import Event

FOLLOW_JOB = "outreach.follow"


async def follow(context: Context, job: Job) -> None:
    """The job of a relayed chunk."""
    reach = await find_reach(context)
    async with context.transaction() as tx:
        events = [one for one in await outbox.read_events(tx, job.payload["event_ids"]) if one.customer_id is not None]
        now = await context.now(tx)
        if events and not reach.reaches_nobody:
            await plan_steps(tx, events, now)
            await jobs.enqueue(tx, mirror.jobs_for(reach.desks, events, now))
        if events:
            await automate.begin_runs(tx, events, now)
        await context.finish_job(tx)


async def plan_steps(tx: Tx, events: Sequence[Event], now: datetime) -> None:
    """Set the steps of every campaign that listens to these events."""
    campaigns = await schedule.campaigns(tx)
    heard = [
        (campaign, event)
        for event in events
        for campaign in campaigns.values()
        if campaign.enabled and event.type in campaign.event_types()
    ]
    if not heard:
        return
    facts = await reports.facts(tx, [subject_of(event) for _, event in heard], now)
    steps: list[DueStep] = []
    hastened = []
    for campaign, event in heard:
        known = facts.get(subject_of(event))
        if known is not None:
            steps += planned(campaign, event, known)
            hastened += _hastened(campaign, event)
    await schedule.put_steps(tx, steps, now)
    await schedule.hasten(tx, hastened)


def planned(campaign: Campaign, event: Event, facts: Facts) -> list[DueStep]:
    """The steps that an event sets in a campaign."""
    data = event_data(event)
    moves = event.type in campaign.moves
    told = {**data, "moves": True} if moves else data
    found = plan(campaign, event.type, {**data, **event.data}, event.occurred_at, facts, facts["timezone"])
    return [
        DueStep(
            facts["customer"],
            campaign.key,
            one.step.key,
            period_of(campaign, one.step, facts, event.object_id, event.public_id),
            facts["subscription"] or "",
            told,
            one,
        )
        for one in found
    ]


def _hastened(campaign: Campaign, event: Event) -> list[tuple[str, str, str, datetime, Mapping[str, Any]]]:
    return [
        (event.customer_id or "", campaign.key, step.key, event.occurred_at, event_data(event))
        for step in campaign.steps
        if step.enabled and event.type in step.hastened_by
    ]
