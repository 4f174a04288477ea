"""`/v1/billing_run/preview`: what the billing run would bill up to an instant, without doing it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from cauce.entrypoints.api.access import Reader
from cauce.entrypoints.api.resources import money
from cauce.flows.billing.run_preview import preview_run

router = APIRouter(prefix="/v1", tags=["invoices"])


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
