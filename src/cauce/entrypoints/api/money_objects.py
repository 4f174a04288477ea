"""`/v1/collections`, `/splits`, `/split_reversals`, `/order_refunds`, `/instructions`, `/merchant_accounts`, `/payout_instruments`:
what money moves by, to look at. What changes them has its route at the order, the merchant or the payout that it belongs to.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, NamedTuple

import msgspec
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from cauce.channels import service as channels
from cauce.channels import store as channel_store
from cauce.entrypoints.api.access import Admin, Caller, MarketplaceWriter, Reader
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import Filter, Id, resource, resources, whole_list
from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, Cursor, Limit, listing, unpack_cursor
from cauce.flows.context import Context
from cauce.flows.giving_up import give_up
from cauce.flows.marketplace import withdrawing
from cauce.flows.refused_keys import try_again
from cauce.gateway.classes import problem_of
from cauce.kernel.errors import NotFound
from cauce.reports import money_objects as report
from cauce.reports.money_objects import Wanted
from cauce.storage import audit
from cauce.storage.database import Row, Tx

router = APIRouter(prefix="/v1", tags=["money"])

EXCHANGES_MAX = 200


class _Asked(NamedTuple):
    """Which page of a list."""

    wanted: Wanted
    limit: int
    cursor: str


def _of_order(
    order: Filter = "", channel: Filter = "", state: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> _Asked:
    return _Asked(Wanted(order, channel, state), limit, cursor)


def _of_merchant(
    merchant: Filter = "", channel: Filter = "", state: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> _Asked:
    return _Asked(Wanted(merchant, channel, state), limit, cursor)


def _of_object(
    object_id: Filter = "", channel: Filter = "", state: Filter = "", limit: Limit = LIMIT_DEFAULT, cursor: Cursor = ""
) -> _Asked:
    return _Asked(Wanted(object_id, channel, state), limit, cursor)


OfOrder = Annotated[_Asked, Depends(_of_order)]
OfMerchant = Annotated[_Asked, Depends(_of_merchant)]
OfObject = Annotated[_Asked, Depends(_of_object)]


@router.get("/collections")
async def list_collections(caller: Reader, asked: OfOrder) -> dict[str, Any]:
    """Payments of orders at their channels, newest first."""
    return await _page(caller, "collection", asked)


@router.get("/collections/{collection_id}")
async def show_collection(caller: Reader, collection_id: Id) -> dict[str, Any]:
    """One payment of an order: what of it is parked, what was released, refunded, and the provider's fee."""
    return resource("collection", await _one(caller, "collection", collection_id))


@router.post("/collections/{collection_id}/cancel")
async def cancel_collection(request: Request, caller: MarketplaceWriter, collection_id: Id) -> Response:
    """Withdraw a payment that its payer has not made: the channel closes it. An order that has no other is canceled."""

    async def work(context: Context) -> object:
        await withdrawing.cancel_collection(context, collection_id)
        return resource("collection", await _one(caller, "collection", collection_id))

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.get("/splits")
async def list_splits(caller: Reader, asked: OfOrder) -> dict[str, Any]:
    """Requests to divide orders' money, newest first."""
    return await _page(caller, "split", asked)


@router.get("/splits/{split_id}")
async def show_split(caller: Reader, split_id: Id) -> dict[str, Any]:
    """One request to divide money, and the parts that it brings."""
    async with caller.context.transaction() as tx:
        row = await _found(tx, "split", split_id)
        return resource("split", row, parts=resources("part", await report.parts_of_split(tx, split_id)))


@router.get("/split_reversals")
async def list_reversals(caller: Reader, asked: OfOrder) -> dict[str, Any]:
    """Parts that were asked back from those who had got them, newest first."""
    return await _page(caller, "split_reversal", asked)


@router.get("/split_reversals/{reversal_id}")
async def show_reversal(caller: Reader, reversal_id: Id) -> dict[str, Any]:
    """One part that was asked back, and the refund that needs it."""
    return resource("split_reversal", await _one(caller, "split_reversal", reversal_id))


@router.get("/order_refunds")
async def list_order_refunds(caller: Reader, asked: OfOrder) -> dict[str, Any]:
    """Refunds of orders, newest first."""
    return await _page(caller, "order_refund", asked)


@router.get("/order_refunds/{refund_id}")
async def show_order_refund(caller: Reader, refund_id: Id) -> dict[str, Any]:
    """One refund of an order: its state, the key of its latest attempt, your number."""
    return resource("order_refund", await _one(caller, "order_refund", refund_id))


@router.get("/merchant_accounts")
async def list_accounts(caller: Reader, asked: OfMerchant) -> dict[str, Any]:
    """Merchants' accounts at channels, newest first: what the channel still needs of each, whether it pays out."""
    return await _page(caller, "merchant_account", asked)


@router.get("/payout_instruments")
async def list_instruments(caller: Reader, asked: OfMerchant) -> dict[str, Any]:
    """Merchants' bank accounts, newest first: who asked for each, who approved it, from when it is used."""
    return await _page(caller, "payout_instrument", asked)


@router.get("/instructions")
async def list_instructions(caller: Reader, asked: OfObject) -> dict[str, Any]:
    """Commands to channels by their keys, newest first; `object_id` for those of one order, payout or merchant.

    `state=needs_attention` names those that the provider put off eight times and that wait for a person.
    """
    page = await _page(caller, "instruction", asked, named_by="key")
    async with caller.context.transaction() as tx:
        now = await caller.context.now(tx)
    return page | {"data": [one | _problem(one, now) for one in page["data"]]}


@router.get("/instructions/{key}")
async def show_instruction(caller: Reader, key: Id) -> dict[str, Any]:
    """One command and its timeline: when it was given, each call about it and how that ended, when its end was known."""
    async with caller.context.transaction() as tx:
        row = await _found(tx, "instruction", key)
        calls = await channel_store.exchanges(tx, correlation=key, rows_max=EXCHANGES_MAX)
        now = await caller.context.now(tx)
    return resource("instruction", row, timeline=_timeline(row, calls), **_problem(row, now))


@router.post("/instructions/{key}/try_again")
async def try_instruction_again(request: Request, caller: MarketplaceWriter, key: Id) -> Response:
    """Let a command be tried again, under the same key, that the provider put off eight times."""
    return await _instruction_step(request, caller, key, try_again)


@router.post("/instructions/{key}/give_up")
async def give_instruction_up(request: Request, caller: MarketplaceWriter, key: Id) -> Response:
    """Give a command up that waits for a person, for money or for a set-up: asked about once more, it ends as refused if it does not run."""
    return await _instruction_step(request, caller, key, give_up)


async def _instruction_step(
    request: Request, caller: Caller, key: str, take: Callable[[Context, str], Awaitable[None]]
) -> Response:
    async def work(context: Context) -> object:
        await take(context, key)
        async with caller.context.transaction() as tx:
            return resource("instruction", await _found(tx, "instruction", key))

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


def _problem(row: Mapping[str, Any] | Row, now: datetime) -> dict[str, Any]:
    """What is wrong with a command, in the provider's own words."""
    if row["outcome"] is None:
        return {}
    again = row["asked_again_at"]
    after = None if again is None else max(0, -(-(again - now) // timedelta(seconds=1)))
    found = problem_of(row["outcome"], row["key"], after)
    return {"problem": found} if found else {}


@router.get("/instructions/{key}/messages")
async def show_messages(request: Request, caller: Admin, key: Id) -> dict[str, Any]:
    """What was sent and answered, as it went over the wire but for credentials and card numbers. Who looks is kept."""
    sealer = request.app.state.runtime.sealer
    async with caller.context.transaction() as tx:
        await _found(tx, "instruction", key)
        calls = await channel_store.exchanges(tx, correlation=key, rows_max=EXCHANGES_MAX)
        await audit.record(tx, caller.context.actor, "instruction.read_messages", key)
    data = []
    for call in reversed(calls):
        content = msgspec.json.decode(channels.exchange_content(sealer, caller.holder.org_id, call))
        data.append({**_call(call), "object": "exchange", **{side: _readable(said) for side, said in content.items()}})
    return whole_list(data)


def _readable(said: dict[str, Any]) -> dict[str, Any]:
    return {**said, "body": base64.b64decode(said["body"]).decode("utf-8", "replace")}


def _timeline(row: Row, calls: list[Row]) -> list[dict[str, Any]]:
    ended = {"at": row["concluded_at"], "what": row["state"]}
    return [
        {"at": row["created_at"], "what": "created"},
        *({**_call(call), "what": "call"} for call in reversed(calls)),
        *([ended] if row["concluded_at"] is not None else []),
    ]


def _call(call: Row) -> dict[str, Any]:
    names = ("operation", "method", "url", "status", "failure", "elapsed_ms")
    return {"at": call["started_at"], **{name: call[name] for name in names}}


async def _page(caller: Caller, noun: str, asked: _Asked, *, named_by: str = "id") -> dict[str, Any]:
    async with caller.context.transaction() as tx:
        before = unpack_cursor(asked.cursor)
        rows = await report.page(tx, noun, asked.wanted, before=before, rows_max=asked.limit + 1)
    page = listing(rows, asked.limit, lambda row: row[named_by])
    return page | {"data": resources(noun, page["data"])}


async def _one(caller: Caller, noun: str, object_id: str) -> Row:
    async with caller.context.transaction() as tx:
        return await _found(tx, noun, object_id)


async def _found(tx: Tx, noun: str, object_id: str) -> Row:
    row = await report.one(tx, noun, object_id)
    if row is None:
        raise NotFound(f"there is no {noun.replace('_', ' ')} {object_id}", param=noun)
    return row
