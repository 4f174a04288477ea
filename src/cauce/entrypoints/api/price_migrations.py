"""`/v1/plans/{key}/migrations`: a new price for those who subscribe already, with a preview, and what became of each."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import Id, resource, resources
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, LIMIT_MAX, Body, Cursor, Limit, listing, unpack_cursor
from cauce.flows.billing.price_migration import NOTICE_DAYS, Migrated, PriceMigration, migrate_prices
from cauce.flows.context import Context
from cauce.reports import billing as report
from cauce.reports import subscriptions

router = APIRouter(prefix="/v1", tags=["catalog"])


class MigrationBody(Body):
    """From which renewals on; `notice_days` before that day at least it must be told. `dry_run`: only say what would be."""

    effective_on: date
    notice_days: Annotated[int, Field(strict=True, ge=0, le=366)] = NOTICE_DAYS
    dry_run: bool = False


@router.post("/plans/{plan_key}/migrations", status_code=201)
async def migrate_plan(request: Request, caller: BillingWriter, plan_key: Id, body: MigrationBody) -> Response:
    """Move subscriptions of older versions to the plan's newest, each at a renewal; every one of them is accounted for."""

    async def work(context: Context) -> object:
        command = PriceMigration(plan_key, body.effective_on, body.notice_days)
        return _shown(plan_key, await migrate_prices(context, command, dry_run=body.dry_run), dry_run=body.dry_run)

    return await answer_once(request, caller.context, work)


@router.get("/plans/{plan_key}/migrations")
async def list_migrations(
    caller: Reader, plan_key: Id, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """What became of each subscription that was moved, or will be: scheduled, applied, canceled or failed, newest first."""
    before = unpack_cursor(cursor) or report.NEWEST
    async with caller.context.transaction() as tx:
        rows = await subscriptions.migrations(tx, plan_key, before=before, rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["id"])
    page["data"] = resources("price_migration", page["data"])
    return page


def _shown(plan_key: str, found: list[Migrated], *, dry_run: bool) -> dict[str, Any]:
    counts = {state: sum(one.state == state for one in found) for state in ("scheduled", "known", "refused")}
    refused = [one for one in found if one.state == "refused"]
    listed = [*refused, *(one for one in found if one.state != "refused")][:LIMIT_MAX]
    return {
        "object": "plan_migration",
        "plan": plan_key,
        "dry_run": dry_run,
        **counts,
        "subscriptions": [resource("price_migration", asdict(one)) for one in listed],
    }
