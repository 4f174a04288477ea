"""`/v1/customers/{customer}/members` and `/v1/members`: the people of a customer, their invitations and seats."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.customers import members as service
from cauce.billing.customers.members import Member, NewMember
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.customers import find_customer
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Id, resource
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Body, Cursor, Limit, listing, unpack_cursor
from cauce.flows.billing import members as flow
from cauce.flows.context import Context

router = APIRouter(prefix="/v1", tags=["customers"])

_Name = Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)]


class InviteBody(Body):
    """Whom to invite. `external_id`: who it is in your application. `mail`: send the link by your mail channel."""

    email: Annotated[str, Field(min_length=3, max_length=320, pattern=PLAIN_TEXT)]
    name: Annotated[str, Field(max_length=200, pattern=PLAIN_TEXT)] = ""
    role: Annotated[str, Field(pattern="^(admin|member)$")] = "member"
    external_id: _Name = ""
    mail: bool = True


class JoinBody(Body):
    """Who it is in your application; may be said later too."""

    external_id: _Name = ""


@router.get("/customers/{customer_id}/members")
async def list_members(
    caller: Reader, customer_id: Id, removed: bool = False, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """The people of a customer, oldest invitation first, and his seats (`total` and `free` null: no limit)."""
    async with caller.context.transaction() as tx:
        found, now = await find_customer(tx, customer_id), await caller.context.now(tx)
        rows = await service.of_customer(tx, found.id, removed=removed, after=unpack_cursor(cursor), rows_max=limit + 1)
        seats = await flow.seats_of(tx, found.id, now)
    page = listing(rows, limit, lambda row: row["id"])
    page["data"] = [resource("member", row) for row in page["data"]]
    return page | {"seats": {"total": seats.total, "used": seats.used, "free": seats.free}}


@router.post("/customers/{customer_id}/members", status_code=201)
async def invite_member(request: Request, caller: BillingWriter, customer_id: Id, body: InviteBody) -> Response:
    """Invite somebody into a free seat; 409 `no_seat_free` when all are taken. `url` lets him join; again: a fresh one."""

    async def work(context: Context) -> object:
        async with caller.context.transaction() as tx:
            found = await find_customer(tx, customer_id)
        data = NewMember(body.email, body.name, body.role, body.external_id)
        one, url = await flow.invite(context, found.id, data, mail=body.mail)
        return _shown(one) | {"url": url if one.state == "invited" else None}

    return await answer_once(request, caller.context, work)


@router.post("/members/{member_id}/join")
async def join_member(request: Request, caller: BillingWriter, member_id: Id, body: JoinBody) -> Response:
    """Accept an invitation for somebody, or say later who a member is in your application."""

    async def work(context: Context) -> object:
        return _shown(await flow.join(context, member_id, body.external_id))

    return await answer_once(request, caller.context, work, status=200)


@router.delete("/members/{member_id}")
async def remove_member(caller: BillingWriter, member_id: Id) -> dict[str, Any]:
    """Remove a member or take an invitation back: the seat is free at once, and billed until its quantity is lowered."""
    return _shown(await flow.remove(caller.context, member_id))


def _shown(one: Member) -> dict[str, Any]:
    names = (
        "id", "customer_id", "external_id", "email", "name", "role", "state", "invited_at", "expires_at", "joined_at", "removed_at",
    )  # fmt: skip
    return resource("member", {name: getattr(one, name) for name in names})
