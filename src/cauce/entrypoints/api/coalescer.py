"""Group commit for the ledger: concurrent requests of one organization become one batch, each gets its own answer.

There is no timer: whatever queued while the previous batch was committing is the next batch, so an idle ledger adds no
delay and a busy one batches by itself. The queue is bounded. A batch that fails as a whole is halved until the one
submission that cannot be posted stands alone; a failure that says nothing about the items (a broken connection, a
deadlock) is tried again, which is safe because every item carries a key. An answer is given after its commit, never
before; a caller that goes away takes nothing from the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from cauce.kernel.clock import monotonic_seconds
from cauce.kernel.errors import Overloaded, Unavailable
from cauce.ledger.posting import post_at_once
from cauce.ledger.rules import Capture, Item, Result
from cauce.storage.database import Database
from cauce.storage.sweeps import TRANSIENT

log = structlog.get_logger(__name__)

BATCH_ITEMS_MAX = 1_000
WAITING_ITEMS_MAX = 20_000
TRIES = 4
_RETRY_AFTER_SECONDS_MAX = 30
_PAUSE_MILLISECONDS = 20

Post = Callable[[int, Sequence[Item]], Awaitable[list[Result]]]
"""Posts items of an organization in a transaction of its own; durable when it returns."""


@dataclass(eq=False, slots=True)
class _Submission:
    items: Sequence[Item]
    answer: asyncio.Future[list[Result]]


@dataclass(slots=True)
class _Queue:
    """What waits for one organization. `items` counts what is in it and not what is being committed."""

    submissions: deque[_Submission] = field(default_factory=deque)
    items: int = 0
    items_per_second: int = BATCH_ITEMS_MAX
    worker: asyncio.Task[None] | None = None


class Coalescer:
    """One per process. Submissions of one organization keep their order; organizations do not wait for each other."""

    def __init__(
        self, post: Post, *, batch_items_max: int = BATCH_ITEMS_MAX, waiting_items_max: int = WAITING_ITEMS_MAX
    ) -> None:
        self._post = post
        self._batch_items_max = batch_items_max
        self._waiting_items_max = waiting_items_max
        self._queues: dict[int, _Queue] = {}
        self._is_closed = False

    @classmethod
    def over(cls, database: Database) -> Coalescer:
        """A coalescer that posts into the ledger of `database`."""

        async def into_ledger(org_id: int, items: Sequence[Item]) -> list[Result]:
            return await post_at_once(database, org_id, items)

        return cls(into_ledger)

    async def post(self, org_id: int, items: Sequence[Item]) -> list[Result]:
        """Post `items` with whatever else waits; one result per item, durable when this returns.

        Raises `Overloaded` when the organization's queue is full, `Unavailable` when the database does not answer or
        the process ends, and whatever this submission alone makes the ledger raise.
        """
        if not items:
            return []
        queue = self._queues.setdefault(org_id, _Queue())
        self._admit(queue, len(items))
        submission = _Submission(items, asyncio.get_running_loop().create_future())
        queue.submissions.append(submission)
        queue.items += len(items)
        if queue.worker is None:
            queue.worker = asyncio.create_task(self._work(org_id, queue))
        return await submission.answer

    def waiting(self, org_id: int) -> int:
        """How many items of the organization wait."""
        queue = self._queues.get(org_id)
        return queue.items if queue else 0

    async def close(self) -> None:
        """Take nothing more, and return when everything that was taken is answered."""
        self._is_closed = True
        await asyncio.gather(*(queue.worker for queue in self._queues.values() if queue.worker), return_exceptions=True)

    def _admit(self, queue: _Queue, count: int) -> None:
        if self._is_closed:
            raise Unavailable("this process is ending")
        if queue.items and queue.items + count > self._waiting_items_max:
            seconds = -(-queue.items // max(queue.items_per_second, 1))
            raise Overloaded(retry_after_seconds=min(max(seconds, 1), _RETRY_AFTER_SECONDS_MAX))

    async def _work(self, org_id: int, queue: _Queue) -> None:
        taken: list[_Submission] = []
        try:
            while queue.submissions:
                taken = self._take(queue)
                began = monotonic_seconds()
                await self._commit(org_id, taken)
                count, elapsed = sum(len(one.items) for one in taken), monotonic_seconds() - began
                if elapsed > 0:
                    queue.items_per_second = int(count / elapsed)
        except BaseException as exc:
            # Cancelled, or a defect of ours: nobody may be left waiting.
            for one in (*taken, *queue.submissions):
                _fail(one, Unavailable("the ledger's queue ended; send the same request again"), exc)
            queue.submissions.clear()
            queue.items = 0
            raise
        finally:
            queue.worker = None
            if not queue.submissions:
                self._queues.pop(org_id, None)

    def _take(self, queue: _Queue) -> list[_Submission]:
        """The next submissions, at least one; those whose caller went away before are dropped."""
        taken: list[_Submission] = []
        count = 0
        while queue.submissions:
            first = queue.submissions[0]
            if taken and count + len(first.items) > self._batch_items_max:
                break
            queue.submissions.popleft()
            queue.items -= len(first.items)
            if not first.answer.cancelled():
                taken.append(first)
                count += len(first.items)
        return taken

    async def _commit(self, org_id: int, submissions: Sequence[_Submission]) -> None:
        """Post the submissions as one batch and answer each; halve them when they fail as a whole."""
        if not submissions:
            return
        try:
            results = await self._try(org_id, _joined(submissions))
        except Exception as exc:  # whatever it was, the one that caused it must be found
            if len(submissions) == 1 or isinstance(exc, Unavailable):
                for one in submissions:
                    _fail(one, exc)
                return
            log.warning("ledger.batch_halved", submissions=len(submissions), exc_info=exc)
            middle = len(submissions) // 2
            await self._commit(org_id, submissions[:middle])
            await self._commit(org_id, submissions[middle:])
            return
        start = 0
        for one in submissions:
            end = start + len(one.items)
            if not one.answer.done():
                one.answer.set_result(results[start:end])
            start = end

    async def _try(self, org_id: int, items: Sequence[Item]) -> list[Result]:
        for attempt in range(TRIES):
            try:
                return await self._post(org_id, items)
            except TRANSIENT as exc:
                log.warning("ledger.batch_tried_again", attempt=attempt, reason=str(exc))
                failure = exc
                await asyncio.sleep(_PAUSE_MILLISECONDS * 2**attempt / 1000)
        raise Unavailable("the ledger does not answer; send the same request again") from failure


def _joined(submissions: Sequence[_Submission]) -> list[Item]:
    """All items in order, link groups named apart: two callers may have chosen the same name."""
    return [_linked_apart(item, place) for place, one in enumerate(submissions) for item in one.items]


def _linked_apart(item: Item, place: int) -> Item:
    if isinstance(item, Capture):
        if item.journal.link is None:
            return item
        return replace(item, journal=replace(item.journal, link=f"{place}:{item.journal.link}"))
    return item if item.link is None else replace(item, link=f"{place}:{item.link}")


def _fail(submission: _Submission, error: BaseException, cause: BaseException | None = None) -> None:
    if submission.answer.done():
        return
    if cause is not None:
        error.__cause__ = cause
    submission.answer.set_exception(error)
