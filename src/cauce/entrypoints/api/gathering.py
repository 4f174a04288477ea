"""Questions asked at the same time by many requests of one organization, answered together.

Without a timer: what arrives while one batch is being answered makes the next, so an idle door adds no delay and a
busy one needs few trips to the database. The queue is bounded: who finds it full is told to come again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cauce.kernel.errors import Overloaded

Question = TypeVar("Question")
Answer = TypeVar("Answer")

BATCH_MAX = 200
WAITING_MAX = 5_000


@dataclass(slots=True)
class _Queue(Generic[Question, Answer]):
    waiting: list[tuple[Question, asyncio.Future[Answer]]] = field(default_factory=list)
    worker: asyncio.Task[None] | None = None


class Gatherer(Generic[Question, Answer]):
    """Answers questions in batches, one batch at a time per organization. `answer` gives one answer per question."""

    def __init__(self, answer: Callable[[int, Sequence[Question]], Awaitable[Sequence[Answer]]]) -> None:
        self._answer = answer
        self._queues: dict[int, _Queue[Question, Answer]] = {}

    async def ask(self, org_id: int, question: Question) -> Answer:
        """The answer to one question; `Overloaded` when too many wait already."""
        queue = self._queues.setdefault(org_id, _Queue())
        if len(queue.waiting) >= WAITING_MAX:
            raise Overloaded()
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        queue.waiting.append((question, future))
        if queue.worker is None:
            queue.worker = asyncio.create_task(self._work(org_id, queue))
        return await future

    async def _work(self, org_id: int, queue: _Queue[Question, Answer]) -> None:
        try:
            while queue.waiting:
                batch, queue.waiting = queue.waiting[:BATCH_MAX], queue.waiting[BATCH_MAX:]
                await self._one(org_id, batch)
        finally:
            queue.worker = None
            self._queues.pop(org_id, None)

    async def _one(self, org_id: int, batch: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._answer(org_id, [question for question, _ in batch])
        except BaseException as exc:
            for _, future in batch:
                if not future.done():
                    future.set_exception(exc if isinstance(exc, Exception) else Overloaded("the server is stopping"))
            if not isinstance(exc, Exception):
                raise
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
