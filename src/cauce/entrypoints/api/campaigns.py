"""`/v1/campaigns`, `/v1/message_templates`: what is sent when, edited, previewed, tried and counted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.outreach import schedule, wording
from cauce.billing.outreach.campaigns import Campaign, from_plain, to_plain
from cauce.billing.outreach.defaults import SHIPPED
from cauce.billing.outreach.presenting import LOCALES
from cauce.billing.outreach.templating import SUBJECT_CHARACTERS_MAX, TEXT_CHARACTERS_MAX, Text
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Id, whole_list
from cauce.entrypoints.api.shapes import Body
from cauce.flows.context import Context
from cauce.flows.outreach import editing, trying
from cauce.kernel.errors import InvalidRequest
from cauce.reports import outreach as reports

router = APIRouter(prefix="/v1", tags=["outreach"])
_LOCALE = f"^({'|'.join(LOCALES)})?$"
_WORDS = Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)]


class CampaignBody(Body):
    """A whole campaign, as `GET` shows it under `content`; `enabled` switches it."""

    enabled: bool = True
    content: dict[str, Any]


class PreviewBody(Body):
    """Which step, in whose eyes (a customer's id, or a sample), in which language."""

    step: _WORDS
    customer: _WORDS = ""
    locale: Annotated[str, Field(pattern=_LOCALE)] = ""


class TestBody(PreviewBody):
    """A test goes to an address of your own."""

    to: Annotated[str, Field(min_length=3, max_length=320, pattern=PLAIN_TEXT)]


class DryRunBody(Body):
    """Over how many days of the past; another version of the campaign may be tried in place of the present one."""

    days: Annotated[int, Field(strict=True, ge=1, le=trying.DRY_RUN_DAYS_MAX)] = 30
    content: dict[str, Any] | None = None


class TemplateBody(Body):
    """The words of one message in one language."""

    subject: Annotated[str, Field(max_length=SUBJECT_CHARACTERS_MAX, pattern=PLAIN_TEXT)]
    body: Annotated[str, Field(max_length=TEXT_CHARACTERS_MAX, pattern=PLAIN_TEXT)]


@router.get("/campaigns")
async def list_campaigns(caller: Reader) -> dict[str, Any]:
    """Every campaign, the product's and your own."""
    async with caller.context.transaction() as tx:
        own = {row["key"] for row in await schedule.campaign_rows(tx)}
        return whole_list([campaign_shown(one, own) for one in (await schedule.campaigns(tx)).values()])


@router.get("/campaigns/{campaign}")
async def read_campaign(caller: Reader, campaign: Id) -> dict[str, Any]:
    """One campaign with its steps."""
    async with caller.context.transaction() as tx:
        own = {row["key"] for row in await schedule.campaign_rows(tx)}
        return campaign_shown(await schedule.read_campaign(tx, campaign), own)


@router.put("/campaigns/{campaign}")
async def put_campaign(request: Request, caller: BillingWriter, campaign: Id, body: CampaignBody) -> Response:
    """Change a campaign or make one of your own; switched off, it lets go of what waits."""
    wanted = from_plain({**body.content, "key": campaign, "enabled": body.enabled})

    async def work(context: Context) -> object:
        await editing.put_campaign(context, wanted)
        return campaign_shown(wanted, {campaign})

    return await answer_once(request, caller.context, work, status=200)


@router.delete("/campaigns/{campaign}")
async def drop_campaign(request: Request, caller: BillingWriter, campaign: Id) -> Response:
    """Return to the campaign as it ships, or remove one of your own."""

    async def work(context: Context) -> object:
        await editing.drop_campaign(context, campaign)
        return {"object": "campaign", "key": campaign, "ships": campaign in SHIPPED, "changed": False}

    return await answer_once(request, caller.context, work, status=200)


@router.post("/campaigns/{campaign}/preview")
async def preview(caller: Reader, campaign: Id, body: PreviewBody) -> dict[str, Any]:
    """A step as its reader will see it; nothing is written or sent."""
    message, words = await trying.preview(
        caller.context, campaign, body.step, customer_id=body.customer, locale=body.locale
    )
    return {
        "object": "message_preview",
        "template": message.template,
        "category": message.category.value,
        "locale": message.recipient.locale,
        "to": message.recipient.address,
        "subject": words.subject,
        "text": words.text,
        "html": words.html,
    }


@router.post("/campaigns/{campaign}/test", status_code=201)
async def send_test(request: Request, caller: BillingWriter, campaign: Id, body: TestBody) -> Response:
    """Send a step to yourself, marked as a test."""

    async def work(context: Context) -> object:
        message = await trying.send_test(
            context, campaign, body.step, body.to, customer_id=body.customer, locale=body.locale
        )
        return {"object": "message", "id": message}

    return await answer_once(request, caller.context, work)


@router.post("/campaigns/{campaign}/dry_run")
async def dry_run(caller: Reader, campaign: Id, body: DryRunBody) -> dict[str, Any]:
    """What the campaign would have planned for the events of the last days; nothing is written or sent."""
    if body.content is not None:
        wanted = from_plain({**body.content, "key": campaign, "enabled": True})
    else:
        async with caller.context.transaction() as tx:
            wanted = await schedule.read_campaign(tx, campaign)
    tried = await trying.dry_run(caller.context, wanted, body.days)
    data = [
        {
            "object": "planned_step",
            "customer": one.customer_id,
            "step": one.step,
            "due_at": one.due_at,
            "action": one.action,
            "reason": one.reason,
        }
        for one in tried
    ]
    return whole_list(data)


@router.get("/campaigns/{campaign}/statistics")
async def statistics(caller: Reader, campaign: Id) -> dict[str, Any]:
    """How often each step waits, was sent, skipped (and why), suppressed, bounced."""
    async with caller.context.transaction() as tx:
        await schedule.read_campaign(tx, campaign)
        rows = await reports.campaign_statistics(tx, campaign)
    return whole_list([{"object": "step_statistics", **dict(row)} for row in rows])


@router.get("/message_templates")
async def list_templates(caller: Reader, locale: Annotated[str, Query(pattern=_LOCALE)] = "") -> dict[str, Any]:
    """Every text, your own where you changed it."""
    async with caller.context.transaction() as tx:
        found = await wording.all_texts(tx)
    data = [
        {
            "object": "message_template",
            "key": key,
            "locale": code,
            "subject": text.subject,
            "body": text.body,
            "changed": own,
        }
        for (key, code), (text, own) in sorted(found.items())
        if locale in ("", code)
    ]
    return whole_list(data)


@router.put("/message_templates/{template}/{locale}")
async def put_template(
    request: Request, caller: BillingWriter, template: Id, locale: Id, body: TemplateBody
) -> Response:
    """Write your own words for a message, or words for a message of your own."""
    if locale not in LOCALES:
        raise InvalidRequest(f"a locale is one of {', '.join(LOCALES)}", param="locale")

    async def work(context: Context) -> object:
        await editing.put_text(context, template, locale, Text(body.subject, body.body))
        return {"object": "message_template", "key": template, "locale": locale, **body.model_dump(), "changed": True}

    return await answer_once(request, caller.context, work, status=200)


@router.delete("/message_templates/{template}/{locale}")
async def drop_template(request: Request, caller: BillingWriter, template: Id, locale: Id) -> Response:
    """Return to the words that ship."""

    async def work(context: Context) -> object:
        await editing.drop_text(context, template, locale)
        return {"object": "message_template", "key": template, "locale": locale, "changed": False}

    return await answer_once(request, caller.context, work, status=200)


def campaign_shown(campaign: Campaign, own: set[str]) -> dict[str, Any]:
    """A campaign as the API shows it."""
    content = to_plain(campaign)
    enabled = content.pop("enabled")
    return {
        "object": "campaign",
        "key": campaign.key,
        "title": campaign.title,
        "enabled": enabled,
        "ships": campaign.key in SHIPPED,
        "changed": campaign.key in own,
        "content": content,
    }
