"""`/v1/merchants`: who sells, his accounts at channels, what is his and where it lies."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import Caller, MarketplaceWriter, Reader
from cauce.entrypoints.api.catalog import Key, Name, Text
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Filter, Id, money, resource, resources, whole_list
from cauce.entrypoints.api.shapes import (
    LIMIT_DEFAULT,
    Body,
    Currency,
    Cursor,
    Limit,
    listing,
    unpack_cursor,
    unpack_number,
)
from cauce.flows.context import Context
from cauce.flows.marketplace import merchant_states
from cauce.flows.marketplace import merchants as flow
from cauce.flows.marketplace.payout_pauses import pause_merchant_payouts
from cauce.kernel.errors import NotFound
from cauce.marketplace.merchants.rules import LegalForm, NewAccount, NewMerchant, TradePlace, UnknownMerchant
from cauce.marketplace.merchants.service import ids_by_external
from cauce.marketplace.settlement.rules import Credit
from cauce.marketplace.settlement.service import read_schedules
from cauce.reports import merchants as report
from cauce.reports import orders as order_report
from cauce.reports import resources as rows_by_id
from cauce.storage.database import Tx

router = APIRouter(prefix="/v1/merchants", tags=["merchants"])


class MerchantBody(Body):
    """A merchant to make; `external_id` is your own number for him."""

    name: Name
    external_id: Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)] = ""
    legal_form: LegalForm = LegalForm.ENTERPRISE
    trade_place: TradePlace = TradePlace.ONLINE
    country: Annotated[str, Field(pattern="^([A-Z]{2})?$")] = ""
    email: Annotated[str, Field(max_length=320, pattern=PLAIN_TEXT)] = ""
    metadata: dict[str, Text] = Field(default_factory=dict)


class MerchantChange(Body):
    """What shall be different; what is left out stays. `metadata` takes the place of what was there."""

    name: Name | None = None
    legal_form: LegalForm | None = None
    trade_place: TradePlace | None = None
    country: Annotated[str, Field(pattern="^([A-Z]{2})?$")] | None = None
    email: Annotated[str, Field(max_length=320, pattern=PLAIN_TEXT)] | None = None
    metadata: dict[str, Text] | None = None


class ReasonBody(Body):
    """Why, for the audit."""

    reason: Annotated[str, Field(max_length=500, pattern=PLAIN_TEXT)] = ""


class AccountBody(Body):
    """A merchant's account at a channel. With its number there and his agreement it is active at once."""

    channel: Key
    ref: Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)] = ""
    agreement: Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)] = ""
    kind: Annotated[str, Field(pattern="^(merchant|person)$")] = "merchant"


class ScheduleBody(Body):
    """Which payout schedule he has at a channel in a currency."""

    channel: Key
    currency: Currency
    payout_schedule: Key


@router.get("")
async def list_merchants(
    caller: Reader, search: Filter = "", state: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Merchants, newest first; `search`: the beginning of the name, or your own number."""
    before = unpack_cursor(cursor)
    async with caller.context.transaction() as tx:
        rows = await report.page(tx, before=before, state=state, find=search, rows_max=limit + 1)
        page = listing(rows, limit, lambda row: row["id"])
        page["data"] = resources("merchant", await rows_by_id.merchants(tx, [row["id"] for row in page["data"]]))
    return page


@router.post("", status_code=201)
async def create_merchant(request: Request, caller: MarketplaceWriter, body: MerchantBody) -> Response:
    """Make a merchant; one whose external id is known already is that merchant."""

    async def work(context: Context) -> object:
        (merchant_id,) = await flow.create_merchants(context, [NewMerchant(**body.model_dump())])
        async with caller.context.transaction() as tx:
            return await _shown(tx, merchant_id)

    return await answer_once(request, caller.context, work)


@router.get("/{merchant_id}")
async def show_merchant(caller: Reader, merchant_id: Id) -> dict[str, Any]:
    """A merchant with his accounts, payout instruments and balances."""
    async with caller.context.transaction() as tx:
        return await _shown(tx, merchant_id)


@router.patch("/{merchant_id}")
async def change_merchant(
    request: Request, caller: MarketplaceWriter, merchant_id: Id, body: MerchantChange
) -> Response:
    """Change a merchant; a closed one stays as he is."""

    async def work(context: Context) -> object:
        await merchant_states.edit_merchant(context, merchant_id, body.model_dump(exclude_none=True))
        async with caller.context.transaction() as tx:
            return await _shown(tx, merchant_id)

    return await answer_once(request, caller.context, work, status=200)


@router.post("/{merchant_id}/restrict")
async def restrict_merchant(request: Request, caller: MarketplaceWriter, merchant_id: Id, body: ReasonBody) -> Response:
    """Credit and pay him nothing until he is reactivated."""
    return await _step(request, caller, merchant_id, "restrict", body)


@router.post("/{merchant_id}/reactivate")
async def reactivate_merchant(
    request: Request, caller: MarketplaceWriter, merchant_id: Id, body: ReasonBody
) -> Response:
    """Let a restricted merchant be credited and paid again."""
    return await _step(request, caller, merchant_id, "reactivate", body)


@router.post("/{merchant_id}/close")
async def close_merchant(request: Request, caller: MarketplaceWriter, merchant_id: Id, body: ReasonBody) -> Response:
    """Close a merchant for good: nothing open, nothing owed."""
    return await _step(request, caller, merchant_id, "close", body)


@router.post("/{merchant_id}/pause_payouts")
async def pause_payouts(request: Request, caller: MarketplaceWriter, merchant_id: Id, body: ReasonBody) -> Response:
    """Pay him nothing out, at any channel, until somebody lets it go on; he goes on selling and being credited."""
    return await _paused(request, caller, merchant_id, body, paused=True)


@router.post("/{merchant_id}/resume_payouts")
async def resume_payouts(request: Request, caller: MarketplaceWriter, merchant_id: Id, body: ReasonBody) -> Response:
    """Let his payouts go on; he is paid with his next settlement."""
    return await _paused(request, caller, merchant_id, body, paused=False)


async def _paused(request: Request, caller: Caller, merchant_id: str, body: ReasonBody, *, paused: bool) -> Response:
    async def work(context: Context) -> object:
        await pause_merchant_payouts(context, merchant_id, paused=paused, reason=body.reason)
        async with caller.context.transaction() as tx:
            return await _shown(tx, merchant_id)

    return await answer_once(request, caller.context, work, status=200)


async def _step(request: Request, caller: Caller, merchant_id: str, trigger: str, body: ReasonBody) -> Response:
    async def work(context: Context) -> object:
        await merchant_states.step_merchant(context, merchant_id, trigger, reason=body.reason)
        async with caller.context.transaction() as tx:
            return await _shown(tx, merchant_id)

    return await answer_once(request, caller.context, work, status=200)


@router.post("/{merchant_id}/accounts", status_code=201)
async def connect_merchant(request: Request, caller: MarketplaceWriter, merchant_id: Id, body: AccountBody) -> Response:
    """Connect a merchant to a channel with the account that he has there."""

    async def work(context: Context) -> object:
        async with caller.context.transaction() as tx:
            await report.one(tx, merchant_id)
        await caller.context.gateway(body.channel)  # a channel that does not exist is refused before anything is kept
        new = NewAccount(merchant_id, body.channel, body.ref, body.agreement, body.kind)
        await flow.connect_merchants(context, [new])
        async with caller.context.transaction() as tx:
            return await _shown(tx, merchant_id)

    return await answer_once(request, caller.context, work)


@router.put("/{merchant_id}/payout_schedule")
async def assign_schedule(request: Request, caller: MarketplaceWriter, merchant_id: Id, body: ScheduleBody) -> Response:
    """Give a merchant a payout schedule of his own at one channel and currency."""

    async def work(context: Context) -> object:
        async with caller.context.transaction() as tx:
            await report.one(tx, merchant_id)
            if body.payout_schedule not in await read_schedules(tx):
                raise NotFound(f"there is no payout schedule {body.payout_schedule}", param="payout_schedule")
        await caller.context.gateway(body.channel)
        await flow.assign_payout_schedule(
            context, Credit(merchant_id, body.channel, body.currency), body.payout_schedule
        )
        return {"object": "payout_schedule_assignment", "merchant": merchant_id, **body.model_dump()}

    return await answer_once(request, caller.context, work, status=200)


@router.get("/{merchant_id}/balances")
async def merchant_balances(caller: Reader, merchant_id: Id) -> dict[str, Any]:
    """What is his by the custody book: what can be paid out, what is frozen, parked, on its way."""
    async with caller.context.transaction() as tx:
        await report.one(tx, merchant_id)
        return whole_list(await _balances(tx, merchant_id))


@router.get("/{merchant_id}/statement")
async def merchant_statement(
    caller: Reader, merchant_id: Id, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> dict[str, Any]:
    """Movements of his withdrawable money, newest first, each with the balance after it."""
    before = unpack_number(cursor, report.LATEST)
    async with caller.context.transaction() as tx:
        await report.one(tx, merchant_id)
        rows = await report.statement(tx, merchant_id, before=before, rows_max=limit + 1)
    page = listing(rows, limit, lambda row: row["journal_id"])
    return page | {"data": resources("statement_line", page["data"])}


async def resolve_merchants(tx: Tx, names: set[str]) -> dict[str, str]:
    """From ids and external ids to ids; a name that nobody has stands for itself."""
    found = {name: name for name in names}
    strangers = sorted(name for name in names if not name.startswith("mer_"))
    return found | (await ids_by_external(tx, strangers) if strangers else {})


async def _shown(tx: Tx, merchant_id: str) -> dict[str, Any]:
    rows = await rows_by_id.merchants(tx, [merchant_id])
    if not rows:
        raise UnknownMerchant(f"there is no merchant {merchant_id}", param="merchant")
    return resource(
        "merchant",
        rows[0],
        accounts=resources("merchant_account", await report.accounts(tx, merchant_id)),
        instruments=resources("payout_instrument", await report.instruments(tx, merchant_id)),
        balances=await _balances(tx, merchant_id),
    )


async def _balances(tx: Tx, merchant_id: str) -> list[dict[str, Any]]:
    channels = [(row["id"], row["name"]) for row in await order_report.channel_names(tx)]
    return [
        {
            "object": "merchant_balance",
            "merchant": one.merchant_id,
            "channel": one.channel_id,
            "currency": one.currency,
            "available": money(one.available_minor, one.currency),
            "reserved": money(one.reserved_minor, one.currency),
            "pending": money(one.pending_minor, one.currency),
            "frozen": money(one.frozen_minor, one.currency),
            "escrow": money(one.escrow_minor, one.currency),
            "in_transit": money(one.in_transit_minor, one.currency),
        }
        for one in await report.balances(tx, [merchant_id], channels)
    ]
