"""`/v1/events` and `/v1/webhook_endpoints`: what happened, and who is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import Admin, Reader
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Body, Cursor, Limit, listing, unpack_cursor, unpack_number
from cauce.flows import notify
from cauce.flows.context import Context
from cauce.kernel.clock import wall_now
from cauce.storage import outbox
from cauce.storage.directory.orgs import read_org
from cauce.webhooks import service, store
from cauce.webhooks.rules import event_body

router = APIRouter(prefix="/v1", tags=["events"])

OVERLAP_HOURS_MAX = 168


class EndpointBody(Body):
    """Where events shall go. No types: every type."""

    url: str = Field(max_length=2_000)
    event_types: list[str] = Field(default_factory=list, max_length=300)


class RotationBody(Body):
    """How long the old secret signs along."""

    overlap_hours: int = Field(default=24, ge=0, le=OVERLAP_HOURS_MAX)


@router.get("/events")
async def list_events(
    caller: Reader,
    type: str | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Events, newest first; of one type when asked."""
    before = unpack_number(cursor, outbox.LATEST)
    async with caller.context.transaction() as tx:
        rows = await outbox.page(tx, before=before, rows_max=limit + 1, event_type=type)
        org = await read_org(tx, tx.org)
    found = listing(rows, limit, lambda row: row["id"])
    found["data"] = [event_body(dict(row), org=org.public_id, livemode=org.livemode) for row in found["data"]]
    return found


@router.get("/objects/{object_id}/events")
async def object_events(caller: Reader, object_id: str) -> dict[str, Any]:
    """Everything that happened to one object, in order."""
    async with caller.context.transaction() as tx:
        rows = await outbox.events_of(tx, object_id)
        org = await read_org(tx, tx.org)
    data = [event_body(dict(row), org=org.public_id, livemode=org.livemode) for row in rows]
    return {"object": "list", "data": data, "has_more": False}


@router.get("/webhook_endpoints")
async def list_endpoints(caller: Reader) -> dict[str, Any]:
    """Every endpoint; secrets are never shown again."""
    async with caller.context.transaction() as tx:
        rows = await store.list_endpoints(tx)
    data = [{"object": "webhook_endpoint", **dict(row)} for row in rows]
    return {"object": "list", "data": data, "has_more": False}


@router.post("/webhook_endpoints", status_code=201)
async def create_endpoint(request: Request, caller: Admin, body: EndpointBody) -> Response:
    """A new endpoint with its signing secret, shown this once."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            org = await read_org(tx, tx.org)
            endpoint_id, secret = await service.create_endpoint(
                tx,
                context.runtime.sealer,
                body.url,
                body.event_types,
                await context.now(tx),
                loopback_allowed=not org.livemode,
            )
        return {"object": "webhook_endpoint", "id": endpoint_id, "url": body.url, "secret": secret}

    return await answer_once(request, caller.context, work)


@router.delete("/webhook_endpoints/{endpoint_id}")
async def delete_endpoint(caller: Admin, endpoint_id: str) -> dict[str, Any]:
    """Remove an endpoint with its deliveries."""
    async with caller.context.transaction() as tx:
        await store.delete_endpoint(tx, endpoint_id)
    return {"object": "webhook_endpoint", "id": endpoint_id, "deleted": True}


@router.post("/webhook_endpoints/{endpoint_id}/rotate_secret")
async def rotate_secret(request: Request, caller: Admin, endpoint_id: str, body: RotationBody) -> Response:
    """A new secret; the old one signs along for the overlap."""

    async def work(context: Context) -> object:
        until = wall_now() + timedelta(hours=body.overlap_hours)
        async with context.transaction() as tx:
            secret = await service.rotate_secret(tx, context.runtime.sealer, endpoint_id, until)
        return {"object": "webhook_endpoint", "id": endpoint_id, "secret": secret}

    return await answer_once(request, caller.context, work, status=200)


@router.post("/webhook_endpoints/{endpoint_id}/test")
async def test_endpoint(request: Request, caller: Admin, endpoint_id: str) -> Response:
    """Send a test event to one endpoint, whatever it listens to; its delivery log shows how that went."""

    async def work(context: Context) -> object:
        await notify.send_test(context, endpoint_id)
        return {"object": "webhook_endpoint", "id": endpoint_id, "tested": True}

    return await answer_once(request, caller.context, work, status=200)


@router.post("/webhook_endpoints/{endpoint_id}/enable")
async def enable_endpoint(request: Request, caller: Admin, endpoint_id: str) -> Response:
    """Switch an endpoint on again that was given up after three days of failures; what waits for it is sent first."""

    async def work(context: Context) -> object:
        waiting = await notify.enable(context, endpoint_id)
        return {"object": "webhook_endpoint", "id": endpoint_id, "state": "enabled", "waiting": waiting}

    return await answer_once(request, caller.context, work, status=200)


@router.get("/webhook_endpoints/{endpoint_id}/deliveries")
async def list_deliveries(
    caller: Reader, endpoint_id: str, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """The delivery log of one endpoint, newest first."""
    before = unpack_cursor(cursor) or store.LATEST
    async with caller.context.transaction() as tx:
        await store.read_endpoint(tx, endpoint_id)
        rows = await store.deliveries(tx, endpoint_id=endpoint_id, before=before, rows_max=limit + 1)
    return listing(rows, limit, lambda row: row["id"])


@router.post("/webhook_deliveries/{delivery_id}/replay")
async def replay_delivery(caller: Admin, delivery_id: str) -> dict[str, Any]:
    """Send one delivery again."""
    await notify.replay(caller.context, delivery_id)
    return {"object": "webhook_delivery", "id": delivery_id, "state": "waiting"}
