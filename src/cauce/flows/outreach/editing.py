"""Changing campaigns and texts, each change in the audit trail."""

from __future__ import annotations

import re

from cauce.billing.outreach import schedule, wording
from cauce.billing.outreach.campaigns import Campaign, to_plain
from cauce.billing.outreach.templating import BadTemplate, Text
from cauce.billing.relations import knowing as relations
from cauce.flows.context import Context
from cauce.reports.outreach import FIELDS
from cauce.storage import audit


async def put_campaign(context: Context, campaign: Campaign) -> None:
    """Keep a campaign as the organization wants it; `BadCampaign` for one that could never work."""
    async with context.transaction() as tx:
        templates = await wording.template_keys(tx)
        if campaign.segment:
            await relations.segment(tx, campaign.segment)
        await schedule.put_campaign(tx, campaign, await context.now(tx), known=FIELDS, templates=templates)
        await audit.record(tx, context.actor, "campaign.put", campaign.key, after=to_plain(campaign))


async def drop_campaign(context: Context, key: str) -> None:
    """Return to the campaign as it ships, or remove one of the organization's own."""
    async with context.transaction() as tx:
        await schedule.drop_campaign(tx, key)
        await audit.record(tx, context.actor, "campaign.drop", key)


async def put_text(context: Context, template: str, locale: str, text: Text) -> None:
    """Keep the organization's own words for a message."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", template):
        raise BadTemplate("a template's key is lower-case letters, digits and underscores", param="template")
    async with context.transaction() as tx:
        await wording.put_text(tx, template, locale, text, await context.now(tx))
        after = {"locale": locale, "subject": text.subject, "body": text.body}
        await audit.record(tx, context.actor, "message_template.put", template, after=after)


async def drop_text(context: Context, template: str, locale: str) -> None:
    """Return to the words that ship."""
    async with context.transaction() as tx:
        await wording.drop_text(tx, template, locale)
        await audit.record(tx, context.actor, "message_template.drop", template, after={"locale": locale})
