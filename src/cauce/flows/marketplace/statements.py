"""Statements taken in: stored in chunks as they stream, once each, whatever a provider calls a day's file.

A short statement costs one transaction. One that is known is spooled to disk and compared by its content first: the
same content changes nothing, another takes the place of the old in one transaction.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from typing import IO

import msgspec

from cauce.flows.context import Context
from cauce.flows.marketplace.terms import terms_of
from cauce.gateway.capabilities import Can
from cauce.gateway.reporting import StatementLine
from cauce.marketplace.reconciliation import store
from cauce.storage.database import Row, Tx

LINES_A_CHUNK = 5_000
SPOOL_BYTES_MAX = 1 << 20
"""What a known statement may take of memory before it goes to disk."""

_MONEY_IN = ("collection", "refund", "fee")
_DIVIDED = ("split", "release", "split_reversal")
_EVERYTHING = (*_MONEY_IN, *_DIVIDED, "payout", "payout_return")
PROVED_BY: dict[str, tuple[str, ...]] = {
    "trade": _MONEY_IN,
    "split": _DIVIDED,
    "fund_flow": (),
    "merchant_fund_flow": ("payout", "payout_return"),
    "balance": (*_MONEY_IN, *_DIVIDED),
}
"""Statement kind -> the kinds of line that count in it, so that what two files repeat counts once; any other proves all."""


def proved_by(statement_kind: str) -> tuple[str, ...]:
    """The kinds of line that count in a statement; `balance/<account>` is one merchant's own, which shows his payouts."""
    head, _, account = statement_kind.partition("/")
    return ("payout", "payout_return") if account else PROVED_BY.get(head, _EVERYTHING)


async def fetch_statements(
    context: Context, channel_id: str, days: Sequence[date], kinds: Sequence[str] | None = None
) -> int:
    """Take in the provider's statements of these days (every kind that it has, unless named); how many lines are new."""
    terms = (await terms_of(context.runtime, context.org_id, {channel_id}))[channel_id]
    terms.capabilities.require(Can.REPORTS, what="a statement")
    _, gateway = await context.gateway(channel_id)
    count = 0
    for day in days:
        for kind in kinds or [one for one in sorted(terms.capabilities.statement_kinds) if proved_by(one)]:
            count += await take_statement(context, channel_id, kind, day, gateway.statement(day, kind))
    return count


@dataclass(slots=True)
class _Taking:
    """One statement on its way in: what is in hand, and the row once it is begun."""

    channel_id: str
    kind: str
    day: date
    row: Row | None = None
    in_hand: list[StatementLine] = field(default_factory=list)
    count: int = 0


async def take_statement(
    context: Context, channel_id: str, kind: str, day: date, lines: AsyncIterator[StatementLine]
) -> int:
    """Store one statement from an async iterator of lines; how many lines, or 0 when it is known already."""
    taking = _Taking(channel_id, kind, day)
    digest, counts = blake2b(digest_size=16), proved_by(kind)
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES_MAX) as spool:
        async for line in lines:
            if line.kind.value not in counts:
                continue
            digest.update(_identity(line))
            taking.in_hand.append(line)
            taking.count += 1
            if len(taking.in_hand) >= LINES_A_CHUNK:
                await _put_away(context, taking, spool)
        return await _finish(context, taking, spool, digest.digest())


async def _put_away(context: Context, taking: _Taking, spool: IO[bytes]) -> None:
    """A chunk goes into the database, or beside it while its statement is known already."""
    async with context.transaction() as tx:
        row = taking.row or await _begin(context, tx, taking)
        if row["content_hash"] is None:
            await store.insert_lines(tx, row["id"], taking.in_hand)
    if row["content_hash"] is not None:
        _spool(spool, taking.in_hand)
    taking.row, taking.in_hand = row, []


async def _begin(context: Context, tx: Tx, taking: _Taking) -> Row:
    row = await store.begin_statement(tx, taking.channel_id, taking.kind, taking.day, await context.now(tx))
    if row["content_hash"] is None:
        await store.clear_lines(tx, row["id"])  # an earlier try may have died half-way
    return row


async def _finish(context: Context, taking: _Taking, spool: IO[bytes], digest: bytes) -> int:
    async with context.transaction() as tx:
        row = taking.row or await _begin(context, tx, taking)
        if row["content_hash"] == digest:
            return 0
        if row["content_hash"] is not None:
            await store.clear_lines(tx, row["id"])
            for chunk in _spooled(spool):
                await store.insert_lines(tx, row["id"], chunk)
        await store.insert_lines(tx, row["id"], taking.in_hand)
        await store.finish_statement(tx, row["id"], digest, taking.count)
    return taking.count


def _spool(spool: IO[bytes], lines: Sequence[StatementLine]) -> None:
    packed = msgspec.msgpack.encode(lines)
    spool.write(len(packed).to_bytes(8, "big") + packed)


def _spooled(spool: IO[bytes]) -> Iterator[list[StatementLine]]:
    spool.seek(0)
    while head := spool.read(8):
        yield msgspec.msgpack.decode(spool.read(int.from_bytes(head, "big")), type=list[StatementLine])


def _identity(line: StatementLine) -> bytes:
    parts = (line.row_key, line.kind.value, line.key, line.ref, str(line.amount.amount_minor), str(line.fee_minor))
    return "\x1f".join(parts).encode() + b"\n"
