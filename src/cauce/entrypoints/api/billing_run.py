"""`/v1/billing_run`: how far the billing run is, and what it would bill up to an instant, without doing it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from cauce.entrypoints.api.access import Reader
from cauce.entrypoints.api.resources import money
from cauce.flows.billing.run_preview import preview_run
from cauce.kernel.clock import wall_now
from cauce.reports.run_progress import run_progress

router = APIRouter(prefix="/v1", tags=["invoices"])


@router.get("/billing_run")
async def read_billing_run(caller: Reader) -> dict[str, Any]:
    """How far the run is: due now and parked, invoices written in the last hour and minute of wall time, the time left at
    that pace in seconds (null while nothing moves)."""
    async with caller.context.transaction() as tx:
        found = await run_progress(tx, await caller.context.now(tx), wall_now())
    return {
        "object": "billing_run",
        "due": found.due,
        "oldest_due_at": found.oldest_due_at,
        "parked": found.parked,
        "done": found.done,
        "done_minute": found.done_minute,
        "done_bps": found.per_ten_thousand,
        "seconds_left": found.seconds_left,
    }


@router.get("/billing_run/preview")
async def preview_billing_run(
    caller: Reader,
    until: Annotated[
        AwareDatetime | None, Query(description="renewals due until then; by default the organization's now")
    ] = None,
) -> dict[str, Any]:
    """Invoices and totals of the next renewals up to an instant, per currency; `apart` end or change there and are not priced."""
    if until is None:
        async with caller.context.transaction() as tx:
            until = await caller.context.now(tx)
    found = await preview_run(caller.context, until)
    return {
        "object": "billing_run_preview",
        "until": found.until,
        "apart": found.apart,
        "currencies": [
            {
                "currency": currency,
                "invoices": many,
                "total": money(found.total_minor[currency], currency),
                "tax": money(found.tax_minor[currency], currency),
                "credit_used": money(found.credit_used_minor[currency], currency),
            }
            for currency, many in sorted(found.invoices.items())
        ],
    }
