"""Offline entitlement tokens: signed answers for whoever cannot ask on every request, and the keys that read them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cauce.billing.entitlements.offline import TOKEN_SECONDS_MAX
from cauce.entrypoints.api.access import Admin, Reader
from cauce.entrypoints.api.customers import find_customer
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import Id
from cauce.entrypoints.api.shapes import Body
from cauce.flows.billing import offline_tokens
from cauce.flows.context import Context, Runtime
from cauce.storage.directory.orgs import find_org

KEYS_SECONDS = 300
"""How long a copy of the keys is good."""

router = APIRouter(prefix="/v1", tags=["entitlements"])


class RotateBody(Body):
    """`at_once`: the key before leaked; tokens that it signed are worth nothing from now on."""

    at_once: bool = False


@router.get("/customers/{customer_id}/entitlements/token")
async def make_entitlement_token(
    caller: Reader,
    customer_id: Id,
    seconds: Annotated[int, Query(ge=1, le=TOKEN_SECONDS_MAX, description="how long it is good")] = TOKEN_SECONDS_MAX,
) -> dict[str, Any]:
    """What the customer may use now, signed (Ed25519): good without asking again, for an hour at most."""
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
    made = await offline_tokens.make_token(caller.context, found, seconds)
    return {
        "object": "entitlement_token",
        "customer": found.id,
        "token": made.token,
        "key": made.key_id,
        "expires_at": made.expires_at,
    }


@router.get("/entitlements/keys/{org}", openapi_extra={"security": []})
async def show_entitlement_keys(request: Request, org: Id) -> Response:
    """The organization's public keys as a JSON Web Key Set; public, no API key is asked for."""
    runtime: Runtime = request.app.state.runtime
    async with runtime.db.transaction() as tx:
        found = await find_org(tx, org)
    async with runtime.db.transaction(found.id) as tx:
        keys = await offline_tokens.public_keys(tx, runtime)
    headers = {"Cache-Control": f"public, max-age={KEYS_SECONDS}"}
    return JSONResponse({"keys": [one.jwk for one in keys]}, headers=headers)


@router.post("/entitlements/keys", status_code=201)
async def rotate_entitlement_key(request: Request, caller: Admin, body: RotateBody) -> Response:
    """A new key signs from now on; the one before is listed for another day, unless it leaked (`at_once`)."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            made = await offline_tokens.rotate_key(tx, context, at_once=body.at_once)
        return {"object": "entitlement_key", **made.jwk}

    return await answer_once(request, caller.context, work)
