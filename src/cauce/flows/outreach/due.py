"""The sweep of due steps: the state is read again, then a step goes out, waits on, or is done with and says why.

Set-wise: facts, holds, consent and the campaign's later steps are read once for a chunk, and its messages queued at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from cauce.billing.outreach import schedule, service
from cauce.billing.outreach.campaigns import TOO_CLOSE, Campaign, Decision, Step, decide
from cauce.billing.outreach.presenting import locale_for
from cauce.billing.outreach.rules import NewMessage, Recipient, Standing
from cauce.billing.outreach.schedule import DueStep, due_step
from cauce.flows.context import Runtime
from cauce.flows.outreach.amounts import charge_links, first_charges, pay_links, quote_links
from cauce.flows.outreach.audience import members_of
from cauce.flows.outreach.composing import known_of, message_for, values_for
from cauce.flows.outreach.mail_settings import settings_of
from cauce.reports import outreach as reports
from cauce.reports.outreach import Facts
from cauce.storage.database import Row, Tx
from cauce.storage.directory import people
from cauce.storage.directory.orgs import Org, read_org
from cauce.storage.orgclock import org_now


@dataclass(slots=True)
class Chunk:
    """What one organization's due steps are decided with, and what came of it."""

    tx: Tx
    org: Org
    public_url: str
    now: datetime
    campaigns: Mapping[str, Campaign]
    facts: Mapping[tuple[str, str], Facts]
    standings: Mapping[str, Standing]
    members: Mapping[str, frozenset[str]]
    settled: list[tuple[DueStep, str, str, str | None]] = field(default_factory=list)
    waiting: list[tuple[DueStep, datetime, str]] = field(default_factory=list)
    going: list[tuple[DueStep, NewMessage]] = field(default_factory=list)
    staff: list[Row] | None = None

    def facts_of(self, one: DueStep) -> Facts | None:
        """What is known for a step; None when the customer does not exist."""
        return self.facts.get((one.customer_id, one.subscription_id))


async def run(runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """The sweep, organization by organization."""
    for org_id, group in groupby(sorted(rows, key=lambda row: row["org_id"]), key=lambda row: row["org_id"]):
        part, due = tx.within(org_id), list(group)
        chunk = await open_chunk(part, runtime.public_url, [due_step(row) for row in due])
        later = await schedule.near(part, due, chunk.now + TOO_CLOSE)
        for place, row in enumerate(due):
            one = due_step(row)
            await _take(chunk, one, decision_on(chunk, one, later.get(place, ())))
        await _write(chunk, runtime)


async def open_chunk(tx: Tx, public_url: str, due: Sequence[DueStep]) -> Chunk:
    """Read everything that decisions on these steps need."""
    now = await org_now(tx)
    campaigns = await schedule.campaigns(tx)
    customer_ids = [one.customer_id for one in due]
    return Chunk(
        tx,
        await read_org(tx, tx.org),
        public_url,
        now,
        campaigns,
        await reports.facts(tx, [(one.customer_id, one.subscription_id) for one in due], now),
        await service.standings(tx, customer_ids),
        await members_of(
            tx, {campaigns[one.campaign].segment for one in due if one.campaign in campaigns}, customer_ids
        ),
    )


def decision_on(chunk: Chunk, one: DueStep, later: Sequence[str]) -> Decision:
    """What happens with a due step as things stand."""
    campaign, facts = chunk.campaigns.get(one.campaign), chunk.facts_of(one)
    if facts is None:
        return Decision("stop", "no_customer")
    step = campaign.step(one.step) if campaign else None
    if campaign and campaign.segment and one.customer_id not in chunk.members[campaign.segment]:
        return Decision("skip", "segment")
    standing = chunk.standings.get(one.customer_id, Standing())
    known = known_of(campaign, one.data, facts)
    found = decide(campaign, step, known, standing.held_until, later, chunk.now, facts["timezone"])
    if found.action == "send" and not facts["email"] and step is not None and not step.roles:
        return Decision("skip", "no_address")
    return found


async def _take(chunk: Chunk, one: DueStep, decision: Decision) -> None:
    if decision.action == "wait":
        assert decision.until is not None
        chunk.waiting.append((one, decision.until, decision.reason))
    elif decision.action != "send":
        chunk.settled.append((one, "stopped" if decision.action == "stop" else "skipped", decision.reason, None))
    else:
        campaign = chunk.campaigns[one.campaign]
        step, facts = campaign.step(one.step), chunk.facts_of(one)
        assert step is not None and facts is not None
        if step.roles:
            await _for_staff(chunk, one, campaign, step, facts)
        else:
            message = message_for(campaign, step, one.period, chunk.org, chunk.public_url, facts, one.data)
            chunk.going.append((one, message))


async def _for_staff(chunk: Chunk, one: DueStep, campaign: Campaign, step: Step, facts: Facts) -> None:
    """Copies for those members whose role is named."""
    if chunk.staff is None:
        chunk.staff = await people.members(chunk.tx, chunk.tx.org)
    members = [row for row in chunk.staff if row["role"] in step.roles]
    if not members:
        chunk.settled.append((one, "skipped", "no_staff", None))
    for row in members:
        locale = locale_for(chunk.org.locale)
        person = Recipient(one.customer_id, row["email"], row["name"], locale, chunk.org.timezone)
        values = values_for(chunk.org, chunk.public_url, facts, one.data, campaign.data, locale)
        period = f"{one.period}:{row['email']}"
        chunk.going.append(
            (one, NewMessage(person, step.template, values, step.category, "", campaign.key, step.key, period, "staff"))
        )


async def _write(chunk: Chunk, runtime: Runtime) -> None:
    going = [message for _, message in chunk.going]
    amounts = await first_charges(chunk.tx, going) | await charge_links(chunk.tx, runtime, going)
    amounts |= await quote_links(chunk.tx, runtime, going)
    links = await pay_links(chunk.tx, runtime, going)
    messages = [
        _with(one, {**amounts.get(one.subject_id, {}), **links.get(str(one.data["open_invoice"]), {})}) for one in going
    ]
    opt_in = settings_of(chunk.org).marketing_opt_in
    queued = await service.queue(chunk.tx, messages, chunk.now, opt_in=opt_in)
    for (one, _), id in zip(chunk.going, queued, strict=True):
        chunk.settled.append((one, "queued" if id else "skipped", "" if id else "suppressed", id))
    await schedule.settle(chunk.tx, chunk.settled)
    await schedule.postpone(chunk.tx, chunk.waiting)


def _with(message: NewMessage, more: Mapping[str, Any]) -> NewMessage:
    return replace(message, data={**message.data, **more}) if more else message
