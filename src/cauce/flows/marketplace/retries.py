"""A refund that the channel refused for good may be tried again: the same refund, a new attempt with a key of its own.

By a person, or by itself in the channel's next window where a limit or a closed window was the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from cauce.flows.context import Context
from cauce.flows.marketplace.funding import is_made, look_at, not_come_back, submit_refunds, was_divided
from cauce.flows.marketplace.terms import terms_of
from cauce.kernel.errors import Conflict, NotFound
from cauce.kernel.ids import new_id
from cauce.ledger.rules import JournalRefused
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.splits import store as split_store
from cauce.storage import jobs
from cauce.storage.database import Row, Tx
from cauce.storage.jobs import Job

log = structlog.get_logger(__name__)


class RefundNotRetryable(Conflict):
    """Only a refund that the channel refused for good, all of whose parts came back, may be tried again."""

    code = "refund_not_retryable"


async def retry_refund(context: Context, refund_id: str) -> None:
    """Try a failed refund again, with a new key; look now whether the money is there for one that waits for it.

    `RefundNotRetryable` unless the channel itself refused it.
    """
    async with context.transaction() as tx:
        rows = await order_store.lock_refunds(tx, [refund_id])
        if rows and rows[0]["state"] == "funding":
            await jobs.enqueue(tx, [look_at(dict(rows[0]), await context.now(tx), 0)])
            return
        await _retry(context, tx, refund_id)


async def retry_in_window(context: Context, job: Job) -> None:
    """The job of a refund whose channel's next window has come; one that others tried or replaced meanwhile is left alone."""
    async with context.transaction() as tx:
        await order_store.lock_orders(tx, [job.payload["order"]])
        rows = await order_store.lock_refunds(tx, [job.payload["refund"]])
        if not rows or rows[0]["state"] != "failed" or rows[0]["attempt_key"] != job.payload["attempt"]:
            return
        try:
            await _retry(context, tx, job.payload["refund"])
        except (RefundNotRetryable, JournalRefused) as exc:
            log.info("refund.not_tried_again", refund=job.payload["refund"], reason=exc.message)


async def _retry(context: Context, tx: Tx, refund_id: str) -> None:
    now = await context.now(tx)
    order_id = await order_store.order_of_refund(tx, refund_id)
    if order_id is None:
        raise NotFound(f"there is no refund {refund_id}", param="refund")
    (order,) = await order_store.lock_orders(tx, [order_id])
    (row,) = await order_store.lock_refunds(tx, [refund_id])
    refund = dict(row)
    if is_made(refund):
        raise RefundNotRetryable("the payer's bank made it, and gave it back", param="refund")
    if refund["state"] != "failed":
        raise RefundNotRetryable(f"{refund_id} is {refund['state']}", param="refund")
    if order["state"] == "releasing":
        raise RefundNotRetryable(f"{refund['order_id']} is being divided", param="refund")
    (collection,) = await order_store.lock_collections(tx, [refund["collection_id"]])
    again = await _taken_again(context, tx, refund, collection)
    refund["attempt_key"] = new_id("rfd")
    amount = refund["amount_minor"]
    await order_store.move_escrow(tx, [(collection["id"], 0, 0, amount, refund["fee_expected_minor"])])
    await order_store.orders_refunded(tx, {refund["order_id"]: amount})
    await split_store.add_reversed(tx, again)
    await submit_refunds(context, tx, [(refund, collection)], [], at=now)


async def _taken_again(
    context: Context, tx: Tx, refund: Mapping[str, Any], collection: Row
) -> list[tuple[str, int, int]]:
    """What a refund that is tried again takes of parts: (collection, position, amount). `RefundNotRetryable`."""
    came_back = (await split_store.reversals_of_refunds(tx, [refund["id"]])).get(refund["id"], [])
    if any(row["state"] != "applied" for row in came_back):
        raise RefundNotRetryable("one of its parts did not come back: ask for a new refund", param="refund")
    if was_divided(refund["taken"], collection):
        terms = await terms_of(context.runtime, context.org_id, [collection["channel_id"]])
        if not terms[collection["channel_id"]].has_owner:
            raise RefundNotRetryable("its parts are with their parties again: ask for a new refund", param="refund")
    elif collection["released_minor"]:
        raise RefundNotRetryable("its order was divided since: ask for a new refund", param="refund")
    again = not_come_back(refund["taken"]["parts"], came_back)
    parts = (await split_store.allocations_of(tx, [collection["id"]]))[collection["id"]]
    left = {part["position"]: part["amount_minor"] - part["reversed_minor"] for part in parts}
    unpaid = collection["amount_minor"] - collection["refunded_minor"]
    fee_left = collection["fee_minor"] - collection["fee_returned_minor"]
    if refund["fee_expected_minor"] > fee_left:
        raise RefundNotRetryable("the fee came back with others since: ask for a new refund", param="refund")
    if refund["amount_minor"] > unpaid or any(amount > left[position] for position, amount in again.items()):
        raise RefundNotRetryable("others were refunded since: ask for a new refund", param="refund")
    return [(collection["id"], position, amount) for position, amount in again.items() if amount]
