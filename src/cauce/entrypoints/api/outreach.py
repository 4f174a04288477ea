"""`/v1/track`, `/v1/messages`, consent, holds, addresses, goals: what customers do, what they are told, what they want."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog import service as catalog
from cauce.billing.customers import service as customers
from cauce.billing.outreach import desks, schedule, service, store, tracks
from cauce.billing.outreach.rules import Category
from cauce.billing.outreach.tracks import Goal
from cauce.channels import service as channels
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.catalog import Key, Text
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Filter, Id, resource, resources, whole_list
from cauce.entrypoints.api.shapes import Body, Cursor, Limit, listing, unpack_cursor
from cauce.flows.context import Context
from cauce.flows.outreach import settling
from cauce.flows.outreach.tracking import Track, track
from cauce.storage.database import Row, Tx

router = APIRouter(prefix="/v1", tags=["outreach"])
TRACKS_MAX = 500
_CATEGORIES = "^(onboarding|marketing)$"


class TrackBody(Body):
    """One thing that a customer (an external id) did. The same `event_id` counts once."""

    customer: Annotated[str, Field(min_length=1, max_length=255, pattern=PLAIN_TEXT)]
    event: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")]
    event_id: Annotated[str, Field(min_length=1, max_length=255, pattern=PLAIN_TEXT)]
    occurred_at: AwareDatetime | None = None
    properties: Annotated[dict[Key, Text | int | bool], Field(max_length=20)] = Field(default_factory=dict)


class TracksBody(Body):
    """Up to 500 product events, taken all or none."""

    events: Annotated[list[TrackBody], Field(min_length=1, max_length=TRACKS_MAX)]


class GoalBody(Body):
    """A step that a customer of the plan shall have done."""

    event_name: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")]
    title: Text = ""
    article_url: Annotated[str, Field(max_length=1_000, pattern="^https?://[^\\s\"'<>]+$")]


class GoalsBody(Body):
    """The goals of a plan, in order."""

    goals: Annotated[list[GoalBody], Field(max_length=tracks.GOALS_MAX)]


class SettleBody(Body):
    """What a person found out, in the relay's log or by asking the reader."""

    arrived: bool


class ConsentBody(Body):
    """What a customer said about a category of messages."""

    category: Annotated[str, Field(pattern=_CATEGORIES)]
    granted: bool


class HoldBody(Body):
    """Until when no automated step shall go to the customer."""

    until: AwareDatetime
    reason: Text = "by hand"


class AddressBody(Body):
    """An address that takes mail again."""

    address: Annotated[str, Field(min_length=3, max_length=320, pattern=PLAIN_TEXT)]


@router.post("/track", status_code=200)
async def track_events(request: Request, caller: BillingWriter, body: TracksBody) -> Response:
    """Keep what customers did in the product; goals, conditions and automations read it."""
    told = [Track(one.customer, one.event, one.event_id, one.occurred_at, one.properties) for one in body.events]

    async def work(context: Context) -> object:
        recorded = await track(context, told)
        return {"object": "track_batch", "recorded": recorded, "known": len(told) - recorded}

    return await answer_once(request, caller.context, work, status=200)


@router.get("/messages")
async def list_messages(
    caller: Reader,
    customer: Filter = "",
    campaign: Filter = "",
    state: Filter = "",
    limit: Limit = 20,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Messages, newest first; filtered by customer (its id), campaign or state."""
    async with caller.context.transaction() as tx:
        rows = await service.messages(
            tx, customer_id=customer, campaign=campaign, state=state, before=unpack_cursor(cursor), rows_max=limit + 1
        )
    return listing([message_shown(row, whole=False) for row in rows], limit, lambda row: row["id"])


@router.get("/messages/{message}")
async def read_message(caller: Reader, message: Id) -> dict[str, Any]:
    """One message with its words as they were sent; secrets are masked."""
    async with caller.context.transaction() as tx:
        return message_shown(await service.read_message(tx, message), whole=True)


@router.post("/messages/{message}/settle", status_code=200)
async def settle_message(request: Request, caller: BillingWriter, message: Id, body: SettleBody) -> Response:
    """Say of an `unknown` message whether it arrived; one that did not is sent once more."""

    async def work(context: Context) -> object:
        await settling.settle(context, message, arrived=body.arrived)
        async with context.transaction() as tx:
            return message_shown(await service.read_message(tx, message), whole=False)

    return await answer_once(request, caller.context, work, status=200)


@router.get("/customers/{customer}/outreach")
async def read_outreach(caller: Reader, customer: Id) -> dict[str, Any]:
    """What is coming to a customer, what went out, what did not and why; his consent; until when steps are held."""
    async with caller.context.transaction() as tx:
        return await _outreach(tx, (await customers.read(tx, customer)).id)


@router.put("/customers/{customer}/consent")
async def put_consent(request: Request, caller: BillingWriter, customer: Id, body: ConsentBody) -> Response:
    """Write down what a customer said about a category."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            one = await customers.read(tx, customer)
            source = f"api:{context.actor.name}"
            now = await context.now(tx)
            await service.set_consent(tx, one.id, body.category, body.granted, source=source, now=now)
            return await _outreach(tx, one.id)

    return await answer_once(request, caller.context, work, status=200)


@router.post("/customers/{customer}/hold", status_code=200)
async def hold(request: Request, caller: BillingWriter, customer: Id, body: HoldBody) -> Response:
    """Let no automated step go to a customer for a while; a longer hold stays."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            one = await customers.read(tx, customer)
            await service.hold_steps(tx, one.id, body.until, reason=body.reason)
            return await _outreach(tx, one.id)

    return await answer_once(request, caller.context, work, status=200)


@router.delete("/customers/{customer}/hold")
async def release(request: Request, caller: BillingWriter, customer: Id) -> Response:
    """End a hold before its time."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            one = await customers.read(tx, customer)
            await service.release_steps(tx, one.id)
            return await _outreach(tx, one.id)

    return await answer_once(request, caller.context, work, status=200)


@router.post("/bounces/forget", status_code=200)
async def forget_bounce(request: Request, caller: BillingWriter, body: AddressBody) -> Response:
    """An address takes mail again."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            await service.forget_bounce(tx, body.address)
        return {"object": "address", "address": body.address.lower(), "bounced": False}

    return await answer_once(request, caller.context, work, status=200)


@router.get("/plans/{plan}/goals")
async def read_goals(caller: Reader, plan: Id) -> dict[str, Any]:
    """The goals of a plan, in order."""
    async with caller.context.transaction() as tx:
        return whole_list([_goal(goal) for goal in await tracks.goals(tx, plan)])


@router.put("/plans/{plan}/goals")
async def put_goals(request: Request, caller: BillingWriter, plan: Id, body: GoalsBody) -> Response:
    """Replace the goals of a plan."""
    goals = [Goal(one.event_name, one.title, one.article_url) for one in body.goals]

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            await catalog.require_sold(tx, plan)
            await tracks.put_goals(tx, plan, goals)
        return whole_list([_goal(goal) for goal in goals])

    return await answer_once(request, caller.context, work, status=200)


@router.get("/stopped_channels")
async def list_stopped(caller: Reader) -> dict[str, Any]:
    """Channels of outreach that refuse our credentials."""
    async with caller.context.transaction() as tx:
        return whole_list(resources("stopped_channel", await desks.stopped(tx)))


@router.post("/stopped_channels/{channel}/start", status_code=200)
async def start_channel(request: Request, caller: BillingWriter, channel: Id) -> Response:
    """The channel's credentials are right now: what waits for it is told."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            await channels.read_channel(tx, channel)
            return {"object": "channel", "channel": channel, "was_stopped": await desks.start(tx, channel)}

    return await answer_once(request, caller.context, work, status=200)


def message_shown(row: Row, *, whole: bool) -> dict[str, Any]:
    """A message as the API shows it; its words and data only when asked for one."""
    left_out = ("body_html", "data") if whole else ("body_html", "body_text", "data")
    shown = resource("message", {name: value for name, value in row.items() if name not in (*left_out, "subject_id")})
    return {**shown, "about": row["subject_id"] or None}


async def _outreach(tx: Tx, customer_id: str) -> dict[str, Any]:
    standing = (await store.standings(tx, [customer_id]))[customer_id]
    hidden = ("org_id", "customer_id", "data", "subscription_id", "position")
    return {
        "object": "outreach",
        "customer": customer_id,
        "held_until": standing.held_until,
        "consent": {
            category.value: category.value not in standing.refused
            for category in (Category.ONBOARDING, Category.MARKETING)
        },
        "steps": [
            {name.removesuffix("_id"): value for name, value in row.items() if name not in hidden}
            for row in await schedule.steps_of(tx, customer_id)
        ],
    }


def _goal(goal: Goal) -> dict[str, Any]:
    return {"object": "goal", "event_name": goal.event_name, "title": goal.title, "article_url": goal.article_url}
