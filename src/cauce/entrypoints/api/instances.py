"""`/v1/instances`: the customers' own instances of what is sold, what their runner was asked, and another try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.provisioning import service as provisioning
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.customers import find_customer
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import Filter, Id, resource
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Cursor, Limit, listing, unpack_cursor
from cauce.flows.billing import provision_run
from cauce.flows.context import Context
from cauce.reports import instances as report
from cauce.storage.database import Row, Tx
from cauce.storage.directory.orgs import read_org

router = APIRouter(prefix="/v1/instances", tags=["instances"])


@router.get("")
async def list_instances(
    caller: Reader,
    status: Filter = "",
    customer: Filter = "",
    failed: bool = False,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Instances, newest first; `failed`: those whose latest operation failed."""
    async with caller.context.transaction() as tx:
        customer_id = (await find_customer(tx, customer)).id if customer else ""
        rows = await report.page(
            tx,
            before=unpack_cursor(cursor) or "",
            status=status,
            customer_id=customer_id,
            only_failed=failed,
            rows_max=limit + 1,
        )
        page = listing(rows, limit, lambda row: row["id"])
        home = await _home(tx, caller.context)
        page["data"] = [_shown(row, home) for row in page["data"]]
    return page


@router.get("/{instance_id}")
async def show_instance(caller: Reader, instance_id: Id) -> dict[str, Any]:
    """One instance with what its runner was asked, newest first."""
    async with caller.context.transaction() as tx:
        return await _one(tx, instance_id, caller.context)


@router.post("/{instance_id}/retry")
async def retry_instance(request: Request, caller: BillingWriter, instance_id: Id) -> Response:
    """Ask the runner once more what failed."""

    async def work(context: Context) -> object:
        await provision_run.retry(context, instance_id)
        async with caller.context.transaction() as tx:
            return await _one(tx, instance_id, caller.context)

    return await answer_once(request, caller.context, work, status=200)


async def instance_of(tx: Tx, subscription_id: str, context: Context) -> dict[str, Any] | None:
    """The instance of a subscription; its `redirect_url` is a page that waits for it until it is ready."""
    row = await report.of_subscription(tx, subscription_id)
    return None if row is None else _shown(row, await _home(tx, context))


async def _one(tx: Tx, instance_id: str, context: Context) -> dict[str, Any]:
    shown = _shown(await report.one(tx, instance_id), await _home(tx, context))
    shown["operations"] = [
        {
            "object": "instance_operation",
            "id": one.id,
            "verb": one.verb.value,
            "status": one.state,
            "attempts": one.attempts,
            "failure": one.failure,
            "requested_at": one.at,
            "sent_at": one.sent_at,
            "concluded_at": one.concluded_at,
        }
        for one in await provisioning.operations_of(tx, instance_id)
    ]
    return shown


async def _home(tx: Tx, context: Context) -> str:
    return f"{context.runtime.public_url}/portal/{(await read_org(tx, tx.org)).public_id}"


def _shown(row: Mapping[str, Any] | Row, home: str) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name not in ("customer", "external_id", "plan_name")}
    shown["redirect_url"] = row["redirect_url"] if row["status"] == "ready" else f"{home}/instances/{row['id']}"
    return resource("instance", shown)
