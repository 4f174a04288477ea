"""`/v1/organization`, `/v1/api_keys`, `/v1/channels`: who we are, who may call, which providers we have contracts with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.channels import service as channels
from cauce.channels import stops
from cauce.entrypoints.api.access import Admin, Reader
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Id
from cauce.entrypoints.api.shapes import Body
from cauce.flows.context import Context
from cauce.flows.refused_keys import resume_calls, try_all_again
from cauce.kernel.clock import wall_now
from cauce.storage import audit
from cauce.storage.directory import keys, orgs
from cauce.storage.directory.orgs import Org, read_org

router = APIRouter(prefix="/v1", tags=["organization"])

OVERLAP_HOURS_MAX = 720


class KeyBody(Body):
    """A key to make."""

    name: str = Field(min_length=1, max_length=100)
    scopes: list[str] = Field(min_length=1)


class SellerBody(Body):
    """Who sells in law: name, address (lines), tax number, country of the seat (ISO 3166)."""

    legal_name: Annotated[str, Field(max_length=200, pattern=PLAIN_TEXT)] | None = None
    legal_address: Annotated[str, Field(max_length=1_000, pattern=PLAIN_TEXT)] | None = None
    tax_id: Annotated[str, Field(max_length=50, pattern=PLAIN_TEXT)] | None = None
    country: Annotated[str, Field(pattern="^([A-Z]{2})?$")] | None = None


class OverlapBody(Body):
    """How long the old key still works."""

    overlap_hours: int = Field(default=24, ge=0, le=OVERLAP_HOURS_MAX)


@router.get("/organization")
async def show_organization(caller: Reader) -> dict[str, Any]:
    """The organization of this key."""
    async with caller.context.transaction() as tx:
        org = await read_org(tx, tx.org)
    return _organization(org)


@router.post("/organization")
async def set_seller(request: Request, caller: Admin, body: SellerBody) -> Response:
    """Who sells in law: stands on invoices to come. What is left out stays; issued invoices keep what they said."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            org = await read_org(tx, tx.org)
            known = {name: getattr(org, name) for name in SellerBody.model_fields}
            wanted = {**known, **body.model_dump(exclude_none=True)}
            await orgs.set_seller(tx, org, **wanted)
            await audit.record(tx, context.actor, "organization.set_seller", org.public_id, after=wanted)
            return _organization(await read_org(tx, tx.org))

    return await answer_once(request, caller.context, work, status=200)


def _organization(org: Org) -> dict[str, Any]:
    return {
        "object": "organization",
        "id": org.public_id,
        "name": org.name,
        "livemode": org.livemode,
        "timezone": org.timezone,
        "locale": org.locale,
        "country": org.country,
        "legal_name": org.legal_name,
        "legal_address": org.legal_address,
        "tax_id": org.tax_id,
    }


@router.get("/api_keys")
async def list_keys(caller: Admin) -> dict[str, Any]:
    """Every key with its hint; secrets are never shown again."""
    async with caller.context.transaction() as tx:
        rows = await keys.list_keys(tx, tx.org)
    return {"object": "list", "data": [{"object": "api_key", **dict(row)} for row in rows], "has_more": False}


@router.post("/api_keys", status_code=201)
async def create_key(request: Request, caller: Admin, body: KeyBody) -> Response:
    """A new key; its secret is shown this once."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            org = await read_org(tx, tx.org)
            public_id, secret = await keys.create_key(tx, org.id, org.mode, body.name, frozenset(body.scopes))
            await audit.record(tx, context.actor, "api_key.create", public_id, after={"scopes": body.scopes})
        return {"object": "api_key", "id": public_id, "secret": secret}

    return await answer_once(request, caller.context, work)


@router.post("/api_keys/{key_id}/rotate")
async def rotate_key(request: Request, caller: Admin, key_id: str, body: OverlapBody) -> Response:
    """Replace a key by a new one; the old one works on for the overlap."""

    async def work(context: Context) -> object:
        until = wall_now() + timedelta(hours=body.overlap_hours)
        async with context.transaction() as tx:
            org = await read_org(tx, tx.org)
            public_id, secret = await keys.rotate_key(tx, org.id, org.mode, key_id, until)
            await audit.record(tx, context.actor, "api_key.rotate", key_id, after={"replaced_by": public_id})
        return {"object": "api_key", "id": public_id, "secret": secret}

    return await answer_once(request, caller.context, work)


@router.delete("/api_keys/{key_id}")
async def revoke_key(caller: Admin, key_id: str) -> dict[str, Any]:
    """End a key at once (other processes forget it within seconds)."""
    async with caller.context.transaction() as tx:
        await keys.revoke_key(tx, tx.org, key_id)
        await audit.record(tx, caller.context.actor, "api_key.revoke", key_id)
    return {"object": "api_key", "id": key_id, "revoked": True}


@router.post("/channels/{channel_id}/resume_calls")
async def resume_channel_calls(
    request: Request, caller: Admin, channel_id: Id, merchant_ref: Annotated[str | None, Query(max_length=255)] = None
) -> Response:
    """Let a channel be asked again whose calls were stopped: signatures were wrong three times in five minutes, or the
    contract or set-up is. `merchant_ref` only of the merchant whose set-up it was, by his number at the provider.
    """

    async def work(context: Context) -> object:
        resumed = await resume_calls(context, channel_id, merchant_ref)
        return {"object": "channel", "id": channel_id, "resumed": resumed}

    return await answer_once(request, caller.context, work, status=200)


@router.post("/channels/{channel_id}/try_again")
async def try_channel_again(request: Request, caller: Admin, channel_id: Id) -> Response:
    """Let every command be tried again, under its key, that this channel put off eight times."""

    async def work(context: Context) -> object:
        return {"object": "channel", "id": channel_id, "commands": await try_all_again(context, channel_id)}

    return await answer_once(request, caller.context, work, status=200)


@router.get("/channels")
async def list_channels(caller: Reader) -> dict[str, Any]:
    """Every channel with its plain settings; secrets are never shown. `stops`: where a set-up that is wrong stopped calls."""
    async with caller.context.transaction() as tx:
        rows = await channels.list_channels(tx)
        stopped = [dict(row) for row in await stops.stops(tx)]
    found = [{"object": "channel", **dict(row), "stops": _stops_of(row["id"], stopped)} for row in rows]
    return {"object": "list", "data": found, "has_more": False}


def _stops_of(channel_id: str, stopped: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    mine = [one for one in stopped if one["channel_id"] == channel_id]
    return [{name: value for name, value in one.items() if name != "channel_id"} for one in mine]
