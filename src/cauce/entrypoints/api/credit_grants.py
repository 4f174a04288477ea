"""`/v1/customers/{id}/credit_grants`: credit for metered use that plans granted a customer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from cauce.entrypoints.api.access import Reader
from cauce.entrypoints.api.customers import find_customer
from cauce.entrypoints.api.resources import Id, resources
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Cursor, Limit, listing, unpack_cursor
from cauce.reports import billing as report
from cauce.reports import customers as customer_report

router = APIRouter(prefix="/v1/customers", tags=["customers"])


@router.get("/{customer_id}/credit_grants")
async def list_credit_grants(
    caller: Reader, customer_id: Id, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Credit for metered use that plans granted a customer, newest first: what is left, used and lapsed of each."""
    before = unpack_cursor(cursor) or report.NEWEST
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        rows = await customer_report.credit_grants(tx, found.id, before=before, rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["id"])
    return page | {"data": resources("credit_grant", page["data"])}
