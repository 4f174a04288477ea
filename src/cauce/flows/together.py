"""What many jobs of one kind do at the same moment, done in one transaction for all of them.

Hundreds of jobs that each ask a provider one thing wait for it side by side, and would then each commit three times
alone. `together` lets those that are at the same point share a transaction. Each job's lease is proved in it: one that
lost its lease is told so and takes no part.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from cauce.flows.context import Context
from cauce.kernel.scope import assert_outside_transaction
from cauce.storage import jobs
from cauce.storage.database import Tx
from cauce.storage.gathering import Gathering
from cauce.storage.jobs import LeaseLost

T = TypeVar("T")
R = TypeVar("R")
Act = Callable[[Context, Tx, list[T]], Awaitable[Sequence[R]]]
"""Does a list of items inside a transaction; one result per item, in order. It must be safe to repeat."""

_Wish = tuple[Context, Any]


async def together(context: Context, name: str, item: T, act: Act[T, R]) -> R:
    """Do `item` in one transaction with what other jobs of this organization want of `name` now; its result.

    Raises `LeaseLost` when the job's lease has ended, and what `act` raises for this item alone.
    """
    assert_outside_transaction(name)
    if context.once is not None or (context.guard is not None and context.job is None):
        async with context.transaction() as tx:  # an idempotency record or a guard of its own goes with its own commit
            return (await act(context, tx, [item]))[0]
    queues: dict[object, Gathering[_Wish, Any]] = context.db.memory.setdefault("flows.together", {})
    key = (context.org_id, name, context.actor, context.cause)
    queue = queues.get(key)
    if queue is None:

        async def work(wishes: Sequence[_Wish]) -> list[Any]:
            return await _in_one_transaction(wishes, act)

        queue = queues[key] = Gathering(work)
    try:
        result: R = await queue.do((context, item))
    finally:
        if queue.is_idle and queues.get(key) is queue:
            del queues[key]
    return result


async def _in_one_transaction(wishes: Sequence[_Wish], act: Act[Any, Any]) -> list[Any]:
    context = wishes[0][0]
    async with context.runtime.db.transaction(context.org_id) as tx:
        tx.cause = context.cause
        held = await jobs.prove(tx, [wish[0].job for wish in wishes if wish[0].job is not None])
        mine = [place for place, (one, _) in enumerate(wishes) if one.job is None or one.job.id in held]
        results: list[Any] = [LeaseLost() for _ in wishes]
        if mine:
            done = await act(context, tx, [wishes[place][1] for place in mine])
            for place, result in zip(mine, done, strict=True):
                results[place] = result
    return results
