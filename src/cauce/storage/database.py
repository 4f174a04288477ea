"""The pool and the transaction: the only way to the database.

A transaction names the organizations whose rows it may see (`SET LOCAL cauce.org`, read by every row-level
security policy); without a name it sees none. The connection works as the role `cauce_app`, which owns nothing and
cannot bypass the policies. A flow opens the transaction and passes `tx` down; nobody else commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

import asyncpg
import msgspec
import structlog
from asyncpg.pool import PoolConnectionProxy

from cauce.kernel.errors import CauceError, SetupError, Unavailable
from cauce.kernel.scope import transaction_scope

log = structlog.get_logger(__name__)

T = TypeVar("T")

_DEADLOCK_TRIES = 3

Row = asyncpg.Record
APP_ROLE = "cauce_app"
SCHEDULER_ROLE = "cauce_scheduler"
IDLE_SECONDS = 60
"""How long a transaction may wait for its process (wall time) before the server ends it and lets go of its rows."""

Guard = Callable[["Tx"], Awaitable[None]]
"""Run first in a transaction; raises to refuse it (a job's lease is checked this way)."""


Connection = asyncpg.Connection | PoolConnectionProxy


class TransactionAborted(CauceError):
    """A statement of the transaction failed and nobody heeded it: nothing was committed."""

    code = "transaction_aborted"


class Tx:
    """One open transaction. `org_id` is the organization it works for (None: several or none), `cause` what led to it."""

    __slots__ = ("_after_commit", "cause", "connection", "memory", "org_id")

    def __init__(self, connection: Connection, org_id: int | None, memory: dict[Any, Any]) -> None:
        self.connection = connection
        self.org_id = org_id
        self.memory = memory  # facts of this database that never change, remembered by the process
        self.cause: str | None = None
        self._after_commit: list[Callable[[], None]] = []

    def within(self, org_id: int) -> Tx:
        """The same transaction, working for one of the several organizations that it may see."""
        part = Tx(self.connection, org_id, self.memory)
        part._after_commit = self._after_commit
        return part

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What is written in the block is undone, alone, when an error leaves it; the transaction goes on."""
        await self.connection.execute("SAVEPOINT part")
        try:
            yield
        except Exception:
            await self.connection.execute("ROLLBACK TO SAVEPOINT part")
            raise
        await self.connection.execute("RELEASE SAVEPOINT part")

    @property
    def org(self) -> int:
        """The one organization of this transaction."""
        assert self.org_id is not None, "this transaction works for no single organization"
        return self.org_id

    async def rows(self, query: str, *arguments: object) -> list[Row]:
        """Every row of a named query."""
        return await self.connection.fetch(query, *arguments)

    async def row(self, query: str, *arguments: object) -> Row | None:
        """The first row, or None."""
        return await self.connection.fetchrow(query, *arguments)

    async def value(self, query: str, *arguments: object) -> Any:
        """The first column of the first row, or None."""
        return await self.connection.fetchval(query, *arguments)

    async def run(self, query: str, *arguments: object) -> int:
        """Run a statement; the number of rows it touched."""
        status = await self.connection.execute(query, *arguments)
        last = status.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0

    async def ping(self) -> None:
        """Raise unless the database answers."""
        await self.connection.fetchval("SELECT 1")

    async def copy(self, schema: str, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]) -> None:
        """COPY `records` into a table: the fastest way in, for thousands of rows."""
        await self.connection.copy_records_to_table(table, schema_name=schema, columns=list(columns), records=records)

    def wake_workers(self) -> None:
        """New work was written: tell the workers once the transaction is durable."""
        if _wake not in self._after_commit:
            self._after_commit.append(_wake)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once the transaction is durable (and never if it is not)."""
        self._after_commit.append(action)

    def committed(self) -> bool:
        """Run what waits for the commit; True when workers shall be woken. Called by the database alone."""
        for action in self._after_commit:
            action()
        return _wake in self._after_commit


def _wake() -> None:
    """Stands in a transaction's list for "wake the workers": the database does it."""


class Database:
    """A pool of connections that work as one role."""

    def __init__(self, pool: asyncpg.Pool, *, role: str = APP_ROLE, idle_seconds: int = IDLE_SECONDS) -> None:
        self.pool = pool
        self.memory: dict[Any, Any] = {}
        # Said anew in each transaction: behind a pooler a session's settings may be another client's.
        self._begin = (
            f"BEGIN; SET LOCAL ROLE {role}; SET LOCAL idle_in_transaction_session_timeout = {idle_seconds * 1000}; "
            "SET LOCAL cauce.org = "
        )
        self.on_commit_wake: Callable[[], None] | None = None  # set by whoever wakes workers after an enqueue

    @classmethod
    async def connect(
        cls,
        dsn: str,
        *,
        role: str = APP_ROLE,
        connections_max: int = 16,
        connections_min: int = 1,
        idle_seconds: int = IDLE_SECONDS,
    ) -> Self:
        """Open a pool at `dsn` (a postgresql:// URL) whose connections work as `role`."""

        async def prepare(connection: asyncpg.Connection) -> None:
            await connection.execute(f"SET ROLE {role}; {_STEADY_PLANS}")
            await _teach_json(connection)

        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=connections_min,
                max_size=connections_max,
                init=prepare,
                reset=_no_reset,
                max_inactive_connection_lifetime=0,
                command_timeout=None,
            )
        except (OSError, asyncpg.CannotConnectNowError, TimeoutError) as exc:
            raise Unavailable(f"PostgreSQL does not answer: {exc}") from exc
        except asyncpg.InvalidAuthorizationSpecificationError as exc:
            raise SetupError(f"PostgreSQL refuses the user or password: {exc}") from exc
        assert pool is not None
        return cls(pool, role=role, idle_seconds=idle_seconds)

    async def close(self) -> None:
        """Close every connection, waiting a short time for those in use."""
        try:
            await asyncio.wait_for(self.pool.close(), timeout=10)
        except TimeoutError:
            self.pool.terminate()

    @asynccontextmanager
    async def transaction(
        self, org: int | Sequence[int] | None = None, *, guard: Guard | None = None
    ) -> AsyncIterator[Tx]:
        """A transaction that sees the rows of `org` (one id, several, or none). Commits at the end, rolls back on any error."""
        async with self.pool.acquire() as connection:
            await connection.execute(self._begin + _org_list(org))
            tx = Tx(connection, org if isinstance(org, int) else None, self.memory)
            try:
                with transaction_scope():
                    if guard is not None:
                        await guard(tx)
                    yield tx
                await self.commit(connection)
            except BaseException:
                await _roll_back(connection)
                raise
        if tx.committed() and self.on_commit_wake is not None:
            self.on_commit_wake()

    @asynccontextmanager
    async def as_owner(self, *, lock_millis: int) -> AsyncIterator[Tx]:
        """A transaction as the user that connected, who owns the tables: to make new ones, never to read or write rows.

        It gives up when a lock is not to be had within `lock_millis`.
        """
        async with self.pool.acquire() as connection:
            await connection.execute(f"BEGIN; SET LOCAL ROLE NONE; SET LOCAL lock_timeout = {int(lock_millis)}")
            try:
                yield Tx(connection, None, self.memory)
                await self.commit(connection)
            except BaseException:
                await _roll_back(connection)
                raise

    async def commit(self, connection: Connection) -> None:
        """End the transaction; `TransactionAborted` when the server rolled it back instead."""
        if await connection.execute("COMMIT") != "COMMIT":
            raise TransactionAborted()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A bare connection, for LISTEN and for calls that are one function each and set the context themselves."""
        async with self.pool.acquire() as connection:
            yield connection


# Queues are empty now and huge a minute later. A cached plan that reads a table from end to end, made while it was
# empty, would be ruinous then; every table has an index for every question, so such plans are never worth it.
_STEADY_PLANS = "SET enable_seqscan = off; SET jit = off"


async def insist(work: Callable[[], Awaitable[T]]) -> T:
    """`work`, begun again up to twice when the database broke a ring of waits by undoing its transaction.

    For work that may be repeated: one transaction, or several that each have their effect once.
    """
    for _ in range(_DEADLOCK_TRIES - 1):
        try:
            return await work()
        except asyncpg.DeadlockDetectedError as exc:
            log.warning("database.deadlock", exc_info=exc)
    return await work()


def _org_list(org: int | Sequence[int] | None) -> str:
    orgs = [org] if isinstance(org, int) else list(org or ())
    # The context travels in the same message as BEGIN: a transaction costs no extra trip. Integers cannot inject.
    return f"'{','.join(str(int(one)) for one in orgs)}'"


async def _roll_back(connection: Connection) -> None:
    if connection.is_closed():
        return
    try:
        await asyncio.shield(connection.execute("ROLLBACK"))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        connection.terminate()


async def _no_reset(connection: asyncpg.Connection) -> None:
    # Everything we set is SET LOCAL, so there is nothing to reset; a connection left inside a transaction is a defect.
    if connection.is_in_transaction():
        connection.terminate()


_encode_json = msgspec.json.Encoder().encode
_decode_json = msgspec.json.Decoder().decode


async def _teach_json(connection: asyncpg.Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=lambda value: _encode_json(value).decode(), decoder=_decode_json
        )
