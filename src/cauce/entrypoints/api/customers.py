"""`/v1/customers`: who pays, known by your own `external_id`; with his methods, access and credit."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.customers import service
from cauce.billing.customers.rules import Customer, CustomerData
from cauce.billing.entitlements import service as entitlements
from cauce.billing.entitlements.rules import Level
from cauce.entrypoints.api.access import Admin, BillingWriter, Caller, Reader
from cauce.entrypoints.api.catalog import Key, Text
from cauce.entrypoints.api.replay import answer_once, tagged
from cauce.entrypoints.api.resources import PLAIN_TEXT, Filter, Id, resource, resources, whole_list
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Body, Cursor, Limit, listing, unpack_cursor
from cauce.entrypoints.web.downloads import download_of
from cauce.flows import erasing, exporting
from cauce.flows.billing import methods, standing
from cauce.flows.context import Context
from cauce.kernel.errors import NotFound
from cauce.reports import billing as report
from cauce.reports import customers as customer_report
from cauce.reports import resources as rows_by_id
from cauce.storage.database import Tx

router = APIRouter(prefix="/v1/customers", tags=["customers"])


class CustomerFields(Body):
    """What is told of a customer; what is left out stays as it is."""

    email: Annotated[str, Field(max_length=320, pattern=PLAIN_TEXT)] | None = None
    name: Annotated[str, Field(max_length=200, pattern=PLAIN_TEXT)] | None = None
    locale: Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    timezone: Annotated[str, Field(max_length=64, pattern=PLAIN_TEXT)] | None = None
    country: Annotated[str, Field(pattern="^([A-Z]{2})?$")] | None = None
    address: dict[str, Text] | None = None
    tax_ids: list[dict[str, Text]] | None = Field(default=None, max_length=20)
    tax_treatment: Annotated[str, Field(pattern="^(standard|exempt|reverse_charge)$")] | None = None
    metadata: dict[str, Text] | None = None


class SetupBody(Body):
    """Where a payment method is saved. `hosted`: on the provider's own page, which works without JavaScript."""

    channel: Key
    return_url: Annotated[str, Field(max_length=2_000, pattern=r"^https?://[^\s\x00]+$")]
    hosted: bool = False


class GrantBody(Body):
    """Access by hand: a level, or one feature with its value, until `ends_at` (for ever without)."""

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=PLAIN_TEXT)]
    level: Level | None = None
    feature: Annotated[str, Field(max_length=100, pattern=PLAIN_TEXT)] = ""
    value: bool | int | str | None = None
    product: Annotated[str, Field(max_length=100, pattern=PLAIN_TEXT)] = ""
    ends_at: AwareDatetime | None = None


class GrantEndBody(Body):
    """When a grant by hand ends instead (null: when it is ended), and why."""

    ends_at: AwareDatetime | None
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=PLAIN_TEXT)]


@router.get("")
async def list_customers(
    caller: Reader, search: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Customers, newest first; `search`: beginnings of words of name, e-mail address or external id."""
    after = unpack_cursor(cursor) or report.NEWEST
    async with caller.context.transaction() as tx:
        rows = await report.list_customers(tx, search=search, after=after, rows_max=limit + 1)
        page = listing(rows, limit, lambda row: row["id"])
        page["data"] = resources("customer", await rows_by_id.customers(tx, [row["id"] for row in page["data"]]))
    return page


@router.put("/{customer_id}")
async def put_customer(request: Request, caller: BillingWriter, customer_id: Id, body: CustomerFields) -> Response:
    """Make the customer with this external id, or bring him up to date; by our own id only the latter."""

    async def work(context: Context) -> object:
        known = customer_id.startswith("cus_")
        external_id = (await _outside(caller.context, customer_id)).external_id if known else customer_id
        data = CustomerData(external_id, **body.model_dump())
        async with context.transaction() as tx:
            customer, _ = await service.put(tx, data, now=await context.now(tx), actor=context.actor.name)
            return await _shown(tx, customer.id)

    return await answer_once(request, caller.context, work, status=200)


@router.get("/{customer_id}")
async def show_customer(request: Request, caller: Reader, customer_id: Id) -> Response:
    """A customer by id or external id, with subscriptions, access, methods and credit: one call for all of it, with an ETag."""
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        shown = await _shown(tx, found.id)
        held = await report.list_subscriptions(tx, customer_id=found.id)
        mine = await rows_by_id.subscriptions(tx, [row["id"] for row in held])
        shown["subscriptions"] = resources("subscription", mine)
        shown["entitlements"] = resources("entitlement", await report.entitlements_of(tx, found.id))
        shown["payment_methods"] = resources("payment_method", await report.methods_of(tx, found.id))
        shown["credit"] = [resource("credit_balance", row) for row in await report.credit_balances(tx, found.id)]
    return tagged(request, shown)


@router.get("/{customer_id}/entitlements")
async def customer_entitlements(request: Request, caller: Reader, customer_id: Id) -> Response:
    """What each subscription gives, and the grants by hand that hold now; with an ETag."""
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        now = await caller.context.now(tx)
        given = resources("entitlement", await report.entitlements_of(tx, found.id))
        given += [_grant(dict(row)) for row in await entitlements.grants_of(tx, found.id, now)]
    return tagged(request, whole_list(given))


@router.post("/{customer_id}/grants", status_code=201)
async def grant_access(request: Request, caller: BillingWriter, customer_id: Id, body: GrantBody) -> Response:
    """Give a level of access or one feature by hand; it goes above the state of the bill."""

    async def work(context: Context) -> object:
        async with caller.context.transaction() as tx:
            found = await find_customer(tx, customer_id)
        grant_id = await standing.grant_by_hand(
            context,
            standing.HandGrant(found.id, body.reason, body.level, body.feature, body.value, body.product, body.ends_at),
        )
        return {"object": "access_grant", "id": grant_id, "customer": found.id, **body.model_dump()}

    return await answer_once(request, caller.context, work)


@router.post("/{customer_id}/grants/{grant_id}/extend")
async def extend_grant(
    request: Request, caller: BillingWriter, customer_id: Id, grant_id: Id, body: GrantEndBody
) -> Response:
    """Let a grant by hand end later, or sooner."""

    async def work(context: Context) -> object:
        found = await _outside(caller.context, customer_id)
        await standing.extend_grant(context, found.id, grant_id, ends_at=body.ends_at, reason=body.reason)
        return {"object": "access_grant", "id": grant_id, "customer": found.id, **body.model_dump()}

    return await answer_once(request, caller.context, work, status=200)


@router.delete("/{customer_id}/grants/{grant_id}")
async def end_grant(caller: BillingWriter, customer_id: Id, grant_id: Id) -> dict[str, Any]:
    """End a grant by hand now."""
    context = caller.context
    async with context.transaction() as tx:
        found, now = await find_customer(tx, customer_id), await context.now(tx)
        if grant_id not in {row["id"] for row in await entitlements.grants_of(tx, found.id, now)}:
            raise NotFound(f"there is no grant {grant_id}", param="grant")
    await standing.revoke_grant(context, found.id, grant_id)
    return {"object": "access_grant", "id": grant_id, "ended": True}


@router.post("/{customer_id}/suspend")
async def suspend_customer(request: Request, caller: BillingWriter, customer_id: Id) -> Response:
    """Take all access away until the customer is unsuspended; the bill runs on."""
    return await _set_suspended(request, caller, customer_id, suspended=True)


@router.post("/{customer_id}/erase")
async def erase_customer(request: Request, caller: Admin, customer_id: Id) -> Response:
    """Take the customer's personal data away for ever, here and at the providers; refused while he has a subscription."""

    async def work(context: Context) -> object:
        found = await _outside(caller.context, customer_id)
        await erasing.erase_customer(context, found.id)
        return {"object": "customer", "id": found.id, "erased": True}

    return await answer_once(request, caller.context, work, status=200)


@router.get("/{customer_id}/export", response_class=Response, responses={200: {"content": {"application/json": {}}}})
async def export_customer(caller: Admin, customer_id: Id) -> Response:
    """Everything that is held about the customer, as one JSON document; noted in the audit trail."""
    found = await _outside(caller.context, customer_id)
    return download_of(await exporting.begin_export(caller.context, found.id))


@router.post("/{customer_id}/unsuspend")
async def unsuspend_customer(request: Request, caller: BillingWriter, customer_id: Id) -> Response:
    """Access follows the bill again."""
    return await _set_suspended(request, caller, customer_id, suspended=False)


@router.get("/{customer_id}/payment_methods")
async def list_methods(caller: Reader, customer_id: Id) -> dict[str, Any]:
    """A customer's payment methods, oldest first."""
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        return whole_list(resources("payment_method", await report.methods_of(tx, found.id)))


@router.post("/{customer_id}/payment_methods/setups", status_code=202)
async def begin_setup(request: Request, caller: BillingWriter, customer_id: Id, body: SetupBody) -> Response:
    """Begin to save a payment method; ask for the set-up until it says what the customer does next."""

    async def work(context: Context) -> object:
        found = await _outside(caller.context, customer_id)
        await caller.context.gateway(body.channel)  # a channel that does not exist is refused before anything is kept
        command = methods.BeginSetup(found.id, body.channel, body.return_url, body.hosted)
        return _setup(await methods.begin_setup(context, command), found.id)

    return await answer_once(request, caller.context, work, status=202)


@router.get("/{customer_id}/payment_methods/setups/{setup_id}")
async def show_setup(caller: Reader, customer_id: Id, setup_id: Id) -> dict[str, Any]:
    """How far a set-up is: `next_action` is what the customer does next."""
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        if await customer_report.setup_owner(tx, setup_id) != found.id:
            raise NotFound(f"there is no set-up {setup_id}", param="setup")
        return _setup(await methods.read_setup(tx, setup_id), found.id)


@router.post("/{customer_id}/payment_methods/{method_id}/default")
async def make_default(request: Request, caller: BillingWriter, customer_id: Id, method_id: Id) -> Response:
    """Charge this method from now on."""

    async def work(context: Context) -> object:
        found = await _outside(caller.context, customer_id)
        await methods.make_default(context, found.id, method_id)
        return {"object": "payment_method", "id": method_id, "customer": found.id, "is_default": True}

    return await answer_once(request, caller.context, work, status=200)


@router.delete("/{customer_id}/payment_methods/{method_id}")
async def detach_method(caller: BillingWriter, customer_id: Id, method_id: Id, anyway: bool = False) -> dict[str, Any]:
    """Forget a method; refused while a subscription still needs it, unless `anyway`."""
    found = await _outside(caller.context, customer_id)
    await methods.detach(caller.context, found.id, method_id, anyway=anyway)
    return {"object": "payment_method", "id": method_id, "deleted": True}


async def find_customer(tx: Tx, name: str) -> Customer:
    """The customer with this id or external id; `NotFound` otherwise. An external id goes first."""
    try:
        return await service.find(tx, name)
    except NotFound:
        if not name.startswith("cus_"):
            raise
        return await service.read(tx, name)


async def _set_suspended(request: Request, caller: Caller, customer_id: str, *, suspended: bool) -> Response:
    async def work(context: Context) -> object:
        found = await _outside(caller.context, customer_id)
        await standing.set_suspended(context, found.id, suspended)
        async with caller.context.transaction() as tx:
            return await _shown(tx, found.id)

    return await answer_once(request, caller.context, work, status=200)


async def _outside(context: Context, name: str) -> Customer:
    # Read apart: the transaction that carries a request's Idempotency-Key must be the one that has its effect.
    async with context.transaction() as tx:
        return await find_customer(tx, name)


async def _shown(tx: Tx, customer_id: str) -> dict[str, Any]:
    (row,) = await rows_by_id.customers(tx, [customer_id])
    return resource("customer", row)


def _setup(state: methods.SetupState, customer_id: str) -> dict[str, Any]:
    return {
        "object": "payment_method_setup",
        "id": state.setup_id,
        "customer": customer_id,
        "state": state.state,
        "next_action": state.next_action,
        "payment_method": state.method_id,
    }


def _grant(row: dict[str, Any]) -> dict[str, Any]:
    row["ends_at"] = row.pop("due_at")
    return resource("access_grant", row)
