"""What a person found out about a message of which nobody knew whether it left: it arrived, or it is sent once more."""

from __future__ import annotations

from cauce.billing.outreach import service, store
from cauce.billing.outreach.rules import MESSAGE
from cauce.flows.context import Context
from cauce.kernel.errors import Conflict, NotFound
from cauce.storage import audit, jobs, sealing
from cauce.storage.jobs import NewJob


class MessageSettled(Conflict):
    """What became of this message is known."""

    code = "message_settled"


async def settle(context: Context, message_id: str, *, arrived: bool) -> None:
    """End an `unknown` message: as sent, or, because a person saw that the relay never took it, by sending it again."""
    async with context.transaction() as tx:
        row, now = await store.lock_message(tx, message_id), await context.now(tx)
        if row is None:
            raise NotFound(f"there is no message {message_id}", param="message")
        if row["state"] != "unknown":
            raise MessageSettled(param="message")
        state = MESSAGE.step("unknown", "deliver" if arrived else "send_again")
        await store.set_message(tx, message_id, state, at=now if arrived else None)
        if arrived:
            await sealing.drop(tx, message_id)
            await service.settle(tx, row, "message.sent", now, subject=row["subject"])
        else:
            key = f"message:{row['customer_id'] or message_id}"
            await jobs.enqueue(tx, [NewJob(service.SEND_JOB, now, {"message": message_id}, key=key)])
        await audit.record(tx, context.actor, "message.settle", message_id, after={"arrived": arrived})
