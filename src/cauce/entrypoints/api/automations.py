"""`/v1/automations`: when an event happens and conditions hold, actions follow; tried over the past, with a log of runs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.outreach import runs
from cauce.billing.outreach.automations import from_plain, to_plain
from cauce.billing.outreach.runs import Known
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Id, resource, whole_list
from cauce.entrypoints.api.shapes import Body
from cauce.flows.context import Context
from cauce.flows.outreach import automate

router = APIRouter(prefix="/v1", tags=["outreach"])


class AutomationBody(Body):
    """`content` is `{"events": […], "conditions": […], "actions": […]}`; its `segment` bounds whom it is for.

    Actions: message, tag, task, coupon, feature, hold, webhook, desk_event and command.
    """

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=PLAIN_TEXT)]
    enabled: bool = True
    content: dict[str, Any]


class AutomationDryRunBody(Body):
    """Over how many days of the past."""

    days: Annotated[int, Field(strict=True, ge=1, le=automate.DRY_RUN_DAYS_MAX)] = 30
    content: dict[str, Any]


@router.get("/automations")
async def list_automations(caller: Reader) -> dict[str, Any]:
    """Every automation."""
    async with caller.context.transaction() as tx:
        return whole_list([_shown(one) for one in await runs.automations(tx)])


@router.post("/automations", status_code=201)
async def create_automation(request: Request, caller: BillingWriter, body: AutomationBody) -> Response:
    """A new automation."""
    rule = from_plain(body.content)

    async def work(context: Context) -> object:
        id = await automate.save(context, "", body.name, body.enabled, rule)
        return {"object": "automation", "id": id, "name": body.name, "enabled": body.enabled, "content": to_plain(rule)}

    return await answer_once(request, caller.context, work)


@router.post("/automations/dry_run")
async def dry_run(caller: Reader, body: AutomationDryRunBody) -> dict[str, Any]:
    """For which events of the last days such an automation would have run; nothing is written."""
    found = await automate.dry_run(caller.context, from_plain(body.content), body.days)
    data = [
        {
            "object": "would_run",
            "customer": one.customer_id,
            "event": one.event_id,
            "type": one.event_type,
            "occurred_at": one.occurred_at,
            "runs": not one.reason,
            "reason": one.reason,
        }
        for one in found
    ]
    return whole_list(data)


@router.get("/automations/{automation}")
async def read_automation(caller: Reader, automation: Id) -> dict[str, Any]:
    """One automation."""
    async with caller.context.transaction() as tx:
        return _shown(await runs.read(tx, automation))


@router.put("/automations/{automation}")
async def put_automation(request: Request, caller: BillingWriter, automation: Id, body: AutomationBody) -> Response:
    """Change an automation; runs that began go on by the new actions."""
    rule = from_plain(body.content)

    async def work(context: Context) -> object:
        await automate.save(context, automation, body.name, body.enabled, rule)
        return {
            "object": "automation",
            "id": automation,
            "name": body.name,
            "enabled": body.enabled,
            "content": to_plain(rule),
        }

    return await answer_once(request, caller.context, work, status=200)


@router.delete("/automations/{automation}")
async def drop_automation(request: Request, caller: BillingWriter, automation: Id) -> Response:
    """Remove an automation; the log of what it did stays."""

    async def work(context: Context) -> object:
        await automate.drop(context, automation)
        return {"object": "automation", "id": automation, "deleted": True}

    return await answer_once(request, caller.context, work, status=200)


@router.get("/automations/{automation}/runs")
async def list_runs(caller: Reader, automation: Id) -> dict[str, Any]:
    """The last runs, newest first, with what each action came to."""
    async with caller.context.transaction() as tx:
        await runs.read(tx, automation)
        return whole_list([resource("automation_run", row) for row in await runs.runs(tx, automation)])


def _shown(one: Known) -> dict[str, Any]:
    return {
        "object": "automation",
        "id": one.id,
        "name": one.name,
        "enabled": one.enabled,
        "content": to_plain(one.rule),
        "created_at": one.created_at,
        "changed_at": one.changed_at,
    }
