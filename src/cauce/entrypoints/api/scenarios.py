"""`/v1/scenarios`: nine businesses as data, to start from: a split rule, sample orders, the cents that each party must get."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import MarketplaceWriter, Reader
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import Id, whole_list
from cauce.entrypoints.api.shapes import Body, Currency
from cauce.flows.context import Context
from cauce.flows.marketplace.merchants import draft_split_rule
from cauce.marketplace.splits.scenarios import scenario, scenarios

router = APIRouter(prefix="/v1/scenarios", tags=["scenarios"])


class ApplyBody(Body):
    """The currency of the rule."""

    currency: Currency


@router.get("")
async def list_scenarios(caller: Reader) -> dict[str, Any]:
    """Every scenario with the hard case that it proves."""
    found = [
        {"object": "scenario", "name": one.name, "title": one.title, "proves": one.proves}
        for one in scenarios().values()
    ]
    return whole_list(found)


@router.get("/{name}")
async def show_scenario(caller: Reader, name: Id) -> dict[str, Any]:
    """One scenario: rule, merchants, orders, expected minor units."""
    found: dict[str, Any] = msgspec.to_builtins(scenario(name))
    return {"object": "scenario", **found}


@router.post("/{name}/apply", status_code=201)
async def apply_scenario(request: Request, caller: MarketplaceWriter, name: Id, body: ApplyBody) -> Response:
    """Draft a scenario's split rule; somebody else activates it."""

    async def work(context: Context) -> object:
        rule_id, version = await draft_split_rule(context, scenario(name).document(body.currency))
        return {"object": "split_rule", "id": rule_id, "version": version, "state": "draft"}

    return await answer_once(request, caller.context, work)
