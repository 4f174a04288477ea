"""Group commit: what several tasks of this process want at the same moment is done in one transaction.

There is no timer. Whoever comes first waits for one turn of the event loop, so that its siblings can join; whatever
comes while a group is being committed is the next group. An idle process adds no delay and a busy one groups by itself.
A group that fails as a whole is done again one by one, so that a failing item never fails its neighbours: the work must
therefore be safe to repeat, as the work of a job is. An answer is given after its commit; a caller that goes away takes
nothing from the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

ITEMS_MAX = 500

T = TypeVar("T")
R = TypeVar("R")


class Gathering(Generic[T, R]):
    """One queue of one kind of work. `work` does a list of items and answers each, in order, with a result or an error."""

    def __init__(self, work: Callable[[Sequence[T]], Awaitable[Sequence[R | BaseException]]]) -> None:
        self._work = work
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._worker: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is being done."""
        return self._worker is None

    async def do(self, item: T) -> R:
        """Do `item` with whatever else waits; durable when this returns, or raises what this item alone makes `work` raise."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._worker is None:
            self._worker = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        taken: list[tuple[T, asyncio.Future[R]]] = []
        try:
            await asyncio.sleep(0)
            while self._waiting:
                taken, self._waiting = self._waiting[:ITEMS_MAX], self._waiting[ITEMS_MAX:]
                await self._answer([one for one in taken if not one[1].done()])
        except BaseException:  # cancelled: nobody may be left waiting
            for _, answer in (*taken, *self._waiting):
                answer.cancel()
            self._waiting = []
            raise
        finally:
            self._worker = None

    async def _answer(self, group: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        if not group:
            return
        try:
            results = await self._work([item for item, _ in group])
        except Exception as exc:  # noqa: BLE001 - whatever it was, the one that caused it must be found
            if len(group) == 1:
                _fail(group[0][1], exc)
                return
            for one in group:
                await self._answer([one])
            return
        for (_, answer), result in zip(group, results, strict=True):
            if isinstance(result, BaseException):
                _fail(answer, result)
            elif not answer.done():
                answer.set_result(result)


def _fail(answer: asyncio.Future[R], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
