"""Refunds that fail after they were final: what the payer did not get goes back to where it was taken from.

A notice says so, or a statement on which the money came back; either way the provider is asked first, and the refund's
state lets it happen once. The refund is `failed`, and may be tried again as any that the channel refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from cauce.channels import store as channel_store
from cauce.channels.rules import Instruction
from cauce.flows.calling import fetch_request
from cauce.flows.context import Context
from cauce.flows.marketplace.refunded import CameBack, RefundWork, give_back, main_source, write_refunds
from cauce.flows.marketplace.terms import terms_of
from cauce.gateway.outcome import Declined, Refusal
from cauce.gateway.reporting import Notice
from cauce.ledger.recipes.custody import Event, Holder
from cauce.ledger.recipes.refunds import refund_bounced
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.refunding import REFUND
from cauce.marketplace.settlement.funding import advances_of
from cauce.marketplace.splits import store as split_store
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import Job

LOOK_JOB = "refund.look"


async def refund_told(context: Context, _channel_id: str, notice: Notice) -> None:
    """The flow of refund notices, for refunds of orders."""
    await look_at_refund(context, notice.key)


async def look_again(context: Context, job: Job) -> None:
    """The job for a refund that a statement shows to have come back."""
    await look_at_refund(context, str(job.payload["key"]))


async def look_at_refund(context: Context, key: str) -> None:
    """Ask about the attempt `key` of a refund that succeeded; if it failed since, everything returns to its sources."""
    async with context.transaction() as tx:
        row = await _succeeded(tx, key)
        asked = (await channel_store.read_instructions(tx, [key])).get(key) if row is not None else None
    if row is None or asked is None:
        return
    _, gateway = await context.gateway(asked.channel_id)
    answer = await gateway.fetch(fetch_request(asked))
    if isinstance(answer, Declined) and answer.refusal is not Refusal.NOT_FOUND:
        async with context.transaction() as tx:
            await order_store.lock_orders(tx, [row["order_id"]])
            row = await _succeeded(tx, key)
            if row is not None:
                await _bounce(context, tx, row, asked, answer)


async def _succeeded(tx: Tx, key: str) -> Row | None:
    rows = await order_store.lock_refunds(tx, [key]) if key else []
    return next((row for row in rows if row["attempt_key"] == key and row["state"] == "succeeded"), None)


async def _bounce(context: Context, tx: Tx, row: Row, asked: Instruction, answer: Declined) -> None:
    """T11 late, then everything as when a refund fails at once."""
    REFUND.step(row["state"], "bounce")
    (collection,) = await order_store.lock_collections(tx, [row["collection_id"]])
    if collection["payer_id"]:
        return  # T25: it lies in the member's balance, where only he moves it
    now, work = await context.now(tx), RefundWork()
    fee_minor = int(((asked.outcome or {}).get("value") or {}).get("fee_returned_minor", 0))
    event = Event(row["attempt_key"], row["order_id"], row["attempt_key"], now)
    holder = Holder(collection["channel_id"], collection["currency"])
    work.items += refund_bounced(holder, event, row["amount_minor"], fee_minor)
    back = (await split_store.reversals_of_refunds(tx, [row["id"]])).get(row["id"], ())
    terms = (await terms_of(context.runtime, context.org_id, {asked.channel_id}))[asked.channel_id]
    data = {"order": row["order_id"], "code": answer.code, "message": answer.message}
    came_back = CameBack(back, (await advances_of(tx, [row["id"]])).get(row["id"], ()))
    give_back(row, collection, _taken(row, fee_minor), fee_minor, came_back, terms, now, data, work)
    await write_refunds(context, tx, work)


def _taken(row: Row, fee_minor: int) -> Mapping[str, int]:
    """What the refund took in the end: the provider may have rounded its fee otherwise than was expected."""
    sources: dict[str, int] = dict(row["taken"]["sources"])
    more = fee_minor - row["fee_expected_minor"]
    return sources | {main_source(sources): sources[main_source(sources)] - more} if more else sources
