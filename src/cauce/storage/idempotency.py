"""Same request twice, one effect: the record of an `Idempotency-Key`.

The flow writes the record in its first commit, so the effect and the memory of it are one. While a request is in
flight the same key answers 409; with another body it answers 422 for ever. Keys of calls that moved money are kept
for ever, others for thirty days.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from cauce.kernel.errors import IdempotencyMismatch, InvalidRequest, RequestInFlight
from cauce.storage.database import Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "idempotency.sql")
KEEP_DAYS = 30
KEY_LENGTH_MAX = 255


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller asked: its key, the operation (method and route) and the hash of its body."""

    key: str
    operation: str
    body_hash: bytes

    @classmethod
    def of(cls, key: str, operation: str, body: bytes) -> Request:
        """The request with this raw body; `InvalidRequest` for a key that is empty or too long."""
        if not 1 <= len(key) <= KEY_LENGTH_MAX or not key.isprintable():
            raise InvalidRequest(
                f"an Idempotency-Key has 1 to {KEY_LENGTH_MAX} printable characters", param="Idempotency-Key"
            )
        return cls(key, operation, hashlib.sha256(body).digest())


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered the first time. `status` 0: the effect is there, but the process ended before it answered."""

    status: int
    response: bytes


async def replay(tx: Tx, request: Request) -> Answer | None:
    """The first answer, or None when this request is the first; the key is locked until the transaction ends.

    Raises `RequestInFlight` while another transaction holds the key and `IdempotencyMismatch` when it was used for
    something else.
    """
    if not await tx.value(QUERIES.lock, str(tx.org), request.key):
        raise RequestInFlight()
    row = await tx.row(QUERIES.read, tx.org, request.key)
    if row is None:
        return None
    if row["operation"] != request.operation or row["body_hash"] != request.body_hash:
        raise IdempotencyMismatch(param="Idempotency-Key")
    if row["status"] == 0 and not row["is_old"]:
        raise RequestInFlight()
    return Answer(row["status"], row["response"])


async def remember(tx: Tx, request: Request, answer: Answer, *, moved_money: bool) -> None:
    """Keep the answer with the effect of this transaction."""
    await tx.run(
        QUERIES.write,
        tx.org,
        request.key,
        request.operation,
        request.body_hash,
        answer.status,
        answer.response,
        moved_money,
    )


async def answer(tx: Tx, request: Request, given: Answer) -> None:
    """Complete the record of an effect that was committed with `DONE_SILENTLY`."""
    await tx.run(QUERIES.answer, tx.org, request.key, given.status, given.response)


DONE_SILENTLY = Answer(0, b"")
"""Written with the effect, before the answer is known."""


class Once:
    """One request with a key, on its way through a flow: its first transaction carries the record."""

    def __init__(self, request: Request, *, moves_money: bool) -> None:
        self.request = request
        self._moves_money = moves_money
        self._written = False

    async def begin(self, tx: Tx) -> None:
        """First thing in a transaction: `AlreadyAnswered` when this request has had its effect before."""
        if not self._written:
            known = await replay(tx, self.request)
            if known is not None:
                raise AlreadyAnswered(known)

    async def end(self, tx: Tx) -> None:
        """Last thing in a transaction: the record goes with its commit."""
        if not self._written:
            await remember(tx, self.request, DONE_SILENTLY, moved_money=self._moves_money)
            self._written = True


class AlreadyAnswered(Exception):
    """The same request came before; `answer` is what it was told."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("answered before")
        self.answer = answer


async def find_orgs(scheduler_tx: Tx, now: datetime) -> list[int]:
    """Organizations with records that may be forgotten at wall time `now`."""
    return [row["org_id"] for row in await scheduler_tx.rows(QUERIES.find, now - timedelta(days=KEEP_DAYS))]


async def forget_old(tx: Tx, now: datetime, rows_max: int = 5_000) -> int:
    """Remove records older than `KEEP_DAYS` (wall time) that moved no money."""
    return await tx.run(QUERIES.forget, tx.org, now - timedelta(days=KEEP_DAYS), rows_max)
