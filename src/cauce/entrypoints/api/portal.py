"""`/v1/portal`: what the hosted pages are allowed, the key that names customers, links into the portal."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import Admin, BillingWriter, Reader
from cauce.entrypoints.api.customers import find_customer
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Id
from cauce.entrypoints.api.shapes import Body
from cauce.flows import portal, portal_settings
from cauce.flows.context import Context
from cauce.flows.portal_settings import ORIGINS_MAX, PortalSettings
from cauce.reports import invoices
from cauce.storage.directory.orgs import read_org

router = APIRouter(prefix="/v1", tags=["portal"])
Origin = Annotated[str, Field(max_length=300, pattern=r"^https?://[^\s\x00]+$")]


class PortalBody(Body):
    """Origins that may frame the pages, further origins to which they may lead, whose chat they show.

    `change_policy`: fields of a plan's `policy.change` that hold for changes made on the pages.
    """

    origins: list[Origin] = Field(default_factory=list, max_length=ORIGINS_MAX)
    redirects: list[Origin] = Field(default_factory=list, max_length=ORIGINS_MAX)
    chat_channel: str = Field(default="", max_length=64, pattern=PLAIN_TEXT)
    change_policy: dict[str, Any] = Field(default_factory=dict)


@router.get("/portal")
async def show_portal(caller: Reader) -> dict[str, Any]:
    """What the hosted pages are allowed."""
    async with caller.context.transaction() as tx:
        org = await read_org(tx, tx.org)
        has_key = await portal.has_identity_key(tx, caller.context.runtime)
    return _shown(portal_settings.settings_of(org), has_key=has_key)


@router.put("/portal")
async def set_portal(caller: Admin, body: PortalBody) -> dict[str, Any]:
    """Set all of it."""
    async with caller.context.transaction() as tx:
        known = await portal_settings.save_settings(
            tx,
            caller.context,
            origins=body.origins,
            redirects=body.redirects,
            chat_channel=body.chat_channel,
            change_policy=body.change_policy,
        )
        has_key = await portal.has_identity_key(tx, caller.context.runtime)
    return _shown(known, has_key=has_key)


@router.post("/portal/identity_key", status_code=201)
async def rotate_identity_key(request: Request, caller: Admin) -> Response:
    """A new key for identity tokens, shown this once; the one before works on for a day."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            return {"object": "identity_key", "secret": await portal.rotate_identity_key(tx, context)}

    return await answer_once(request, caller.context, work)


@router.post("/customers/{customer_id}/portal_links", status_code=201)
async def make_portal_link(caller: BillingWriter, customer_id: Id) -> dict[str, Any]:
    """An address that signs this customer in once, within half an hour. Each call makes another."""
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
    return {"object": "portal_link", "customer": found.id, "url": await portal.make_link(caller.context, found.id)}


@router.post("/invoices/{invoice_id}/pay_links", status_code=201)
async def make_pay_link(caller: BillingWriter, invoice_id: Id) -> dict[str, Any]:
    """An address at which this one invoice can be read and paid without signing in, for two weeks."""
    async with caller.context.transaction() as tx:
        one = await invoices.one(tx, invoice_id)
        url = await portal.pay_link(tx, caller.context.runtime, one["id"])
    return {"object": "pay_link", "invoice": one["id"], "url": url}


def _shown(known: PortalSettings, *, has_key: bool) -> dict[str, Any]:
    lists = {"origins": list(known.origins), "redirects": list(known.redirects), "chat_channel": known.chat_channel}
    return {"object": "portal", **lists, "change_policy": known.change_policy, "has_identity_key": has_key}
