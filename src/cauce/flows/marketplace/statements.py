"""Statements taken in: stored in chunks as they stream, once each, whatever a provider calls a day's file.

A short statement costs one transaction. One that is known is spooled to disk and compared by its content first: the
same content changes nothing, another takes the place of the old in one transaction.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from typing import IO, Any

import msgspec
import structlog

from cauce.channels import store as channel_store
from cauce.flows.context import Context
from cauce.flows.marketplace.terms import Terms, terms_of
from cauce.flows.marketplace.vanished import compare_vanished, remember_rows
from cauce.gateway.capabilities import Can
from cauce.gateway.errors import BalanceGap, CountDiffers
from cauce.gateway.reporting import LineKind, StatementFacts, StatementLine
from cauce.kernel.errors import Unavailable
from cauce.kernel.ids import new_id
from cauce.marketplace.reconciliation import service as reconciliation
from cauce.marketplace.reconciliation import store
from cauce.marketplace.reconciliation.rules import BreakType, NewBreak
from cauce.marketplace.settlement.service import pause_channel, resume_channel
from cauce.reports.reconciliation import accounts_paid_out
from cauce.storage.database import Row, Tx

log = structlog.get_logger(__name__)

LINES_A_CHUNK = 5_000
SPOOL_BYTES_MAX = 1 << 20
"""What a known statement may take of memory before it goes to disk."""

LATE = timedelta(days=1)
"""How long after the end of a day (UTC) its statements may take."""

MISSING = "statement_missing"
"""Why a channel pays nothing out while one of its statements does not come."""

TRIES = 2
"""A file with another number of rows than it announces is fetched once more before somebody is told."""

_MONEY_IN = ("collection", "refund", "fee")
_DIVIDED = ("split", "release", "split_reversal")
UNPROVED = LineKind.OTHER.value
"""What no journal of ours can prove, whatever the provider calls it: it is shown as a difference, never dropped."""

_EVERYTHING = (*_MONEY_IN, *_DIVIDED, "payout", "payout_return", "subsidy", "dispute", UNPROVED)
_NOBODYS = frozenset({LineKind.ADJUSTMENT, LineKind.TOP_UP, LineKind.CHARGE})
BANK = "bank"
"""The kind of an uploaded statement of a bank account: what a line records is found by whose number it carries."""

PROVED_BY: dict[str, tuple[str, ...]] = {
    "trade": _MONEY_IN,
    "split": _DIVIDED,
    "fund_flow": (UNPROVED,),
    "merchant_fund_flow": ("payout", "payout_return", "subsidy", UNPROVED),
    "balance": (*_MONEY_IN, *_DIVIDED, "dispute", "own_payout", UNPROVED),
    BANK: ("collection", "refund", "payout", "payout_return", UNPROVED),
}
"""Statement kind -> the kinds of line that count in it, so that what two files repeat counts once; any other proves all."""


def proved_by(statement_kind: str) -> tuple[str, ...]:
    """The kinds of line that count in a statement; `balance/<account>` is one merchant's own, which shows his payouts."""
    head, _, account = statement_kind.partition("/")
    return ("payout", "payout_return", UNPROVED) if account and head != BANK else PROVED_BY.get(head, _EVERYTHING)


def _is_own_sweep(statement_kind: str, line: StatementLine) -> bool:
    """Whether a line is a payout of the platform's own balance that we ordered; others of it are no merchants' money."""
    return statement_kind == "balance" and line.kind in (LineKind.PAYOUT, LineKind.PAYOUT_RETURN) and bool(line.key)


async def fetch_statements(
    context: Context, channel_id: str, days: Sequence[date], kinds: Sequence[str] | None = None
) -> int:
    """Take in the provider's statements of these days (every kind that it has, unless named); how many lines are new.

    A file that cannot be right is kept out and shown as a break; one that is not to be had yet is left for the next time.
    A day of which a file is still missing `LATE` after its end pauses the channel's payouts until it comes.
    """
    terms = (await terms_of(context.runtime, context.org_id, {channel_id}))[channel_id]
    terms.capabilities.require(Can.REPORTS, what="a statement")
    _, gateway = await context.gateway(channel_id)
    async with context.transaction() as tx:
        stopped = await channel_store.is_stopped(tx, channel_id)
    count, absent = 0, list[tuple[str, date]]()
    for day in days:
        for kind in kinds or await _kinds_of(context, terms, day):
            if stopped:  # nothing is asked of it until somebody has looked
                absent.append((kind, day))
                continue
            try:
                count += await _fetch(context, gateway, channel_id, kind, day)
            except Unavailable as exc:
                log.warning("statement.absent", channel=channel_id, kind=kind, day=str(day), reason=exc.message)
                absent.append((kind, day))
    async with context.transaction() as tx:
        await note_absent(context, tx, channel_id, absent)
    return count


async def _kinds_of(context: Context, terms: Terms, day: date) -> list[str]:
    """The statements that a day has: the channel's own, and those of merchants' accounts from which something was paid out."""
    found = [one for one in sorted(terms.capabilities.statement_kinds) if proved_by(one)]
    head = terms.capabilities.account_statement_kind
    if head:
        begin = datetime.combine(day, time.min, UTC)
        async with context.transaction() as tx:
            refs = await accounts_paid_out(tx, terms.channel_id, begin, begin + timedelta(days=1))
        found += [f"{head}/{ref}" for ref in refs]
    return found


async def note_absent(context: Context, tx: Tx, channel_id: str, absent: Sequence[tuple[str, date]]) -> None:
    """Pause the channel's payouts while a statement that must be there by now is missing; let them go on when none is."""
    now = await context.now(tx)
    last = (now - LATE).date()  # statements of the days before this one are there
    for kind, day in absent:
        if day < last:
            await store.begin_statement(tx, channel_id, kind, day, now)
    if not await store.missing_statements(tx, channel_id, last):
        await resume_channel(tx, channel_id, MISSING)
    elif absent:
        await pause_channel(tx, channel_id, MISSING, now, by=context.actor.name)


async def _fetch(context: Context, gateway: Any, channel_id: str, kind: str, day: date) -> int:
    for last in (False,) * (TRIES - 1) + (True,):
        try:
            return await take_statement(context, channel_id, kind, day, gateway.statement(day, kind), refuse=last)
        except CountDiffers as exc:
            if last:
                log.warning("statement.refused", channel=channel_id, kind=kind, day=str(day), reason=exc.message)
        except BalanceGap as exc:
            log.warning("statement.refused", channel=channel_id, kind=kind, day=str(day), reason=exc.message)
            break
    return 0


@dataclass(slots=True)
class _Taking:
    """One statement on its way in: what is in hand, and the row once it is begun."""

    channel_id: str
    kind: str
    day: date
    facts: StatementFacts
    map_version: str = ""
    row: Row | None = None
    in_hand: list[StatementLine] = field(default_factory=list)
    count: int = 0

    @property
    def name(self) -> str:
        """What a break of the statement itself is kept under."""
        return f"{self.kind}:{self.day}"


async def take_statement(
    context: Context,
    channel_id: str,
    kind: str,
    day: date,
    lines: AsyncIterator[StatementLine],
    *,
    facts: StatementFacts | None = None,
    map_version: str = "",
    refuse: bool = True,
) -> int:
    """Store one statement from an async iterator of lines; how many lines, or 0 when it is known already.

    `facts` is what the file says of itself, filled while its lines are read. `CountDiffers` and `BalanceGap`: nothing
    of the file is compared or posted, and (with `refuse`) a break tells somebody.
    """
    taking = _Taking(channel_id, kind, day, facts or StatementFacts(), map_version)
    digest, counts = blake2b(digest_size=16), proved_by(kind)
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES_MAX) as spool:
        try:
            async for line in lines:
                if line.kind in _NOBODYS:
                    line = replace(line, kind=LineKind.OTHER)
                if line.kind.value not in counts and not _is_own_sweep(kind, line):
                    continue
                digest.update(_identity(line))
                taking.facts.currency = taking.facts.currency or line.amount.currency
                taking.in_hand.append(line)
                taking.count += 1
                if len(taking.in_hand) >= LINES_A_CHUNK:
                    await _put_away(context, taking, spool)
            return await _finish(context, taking, spool, digest.digest())
        except (CountDiffers, BalanceGap) as exc:
            if refuse:
                await _refuse(context, taking, exc)
            raise


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
    facts = taking.facts
    async with context.transaction() as tx:
        row = taking.row or await _begin(context, tx, taking)
        if row["content_hash"] == digest:
            return 0
        await _check_opening(tx, taking)
        if row["content_hash"] is None:
            await store.insert_lines(tx, row["id"], taking.in_hand)
        else:
            await _replace(context, tx, taking, row["id"], spool)
        await store.finish_statement(
            tx, row["id"], digest, taking.count, account_ref=facts.account_ref, opening_minor=facts.opening_minor,
            closing_minor=facts.closing_minor, map_version=taking.map_version,
        )  # fmt: skip
        over = [
            one
            for one in await store.open_breaks(tx, taking.channel_id)
            if one["kind"] == "statement" and one["key"] == taking.name
        ]
        await reconciliation.close_vanished(tx, over, at=await context.now(tx), actor=context.actor.name)
    return taking.count


async def _replace(context: Context, tx: Tx, taking: _Taking, statement_id: int, spool: IO[bytes]) -> None:
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES_MAX) as before:
        await remember_rows(tx, statement_id, before)
        await store.clear_lines(tx, statement_id)
        for chunk in _spooled(spool):
            await store.insert_lines(tx, statement_id, chunk)
        await store.insert_lines(tx, statement_id, taking.in_hand)
        await compare_vanished(context, tx, taking.channel_id, statement_id, before)


async def _check_opening(tx: Tx, taking: _Taking) -> None:
    """A statement opens with what the one before closed with, unless two persons accepted that this one does not."""
    facts = taking.facts
    if facts.opening_minor is None:
        return
    before = await store.previous_closing(tx, taking.channel_id, facts.account_ref, taking.day)
    if before is None or before == facts.opening_minor or await store.accepted_gap(tx, taking.channel_id, taking.name):
        return
    raise BalanceGap(before, facts.opening_minor, facts.currency, at_opening=True)


async def _refuse(context: Context, taking: _Taking, error: CountDiffers | BalanceGap) -> None:
    """Forget what came of the file and tell somebody; a statement that was taken in before stays as it was."""
    if isinstance(error, CountDiffers):
        what, ours, theirs = BreakType.COUNT, error.found, error.announced
    else:
        what, ours, theirs = BreakType.BALANCE_GAP, error.expected_minor, error.stated_minor
    terms = (await terms_of(context.runtime, context.org_id, {taking.channel_id}))[taking.channel_id]
    currency = taking.facts.currency or min(terms.capabilities.currencies or ("eur",))
    one = NewBreak(what, "statement", taking.name, currency, ours, theirs)
    async with context.transaction() as tx:
        await _begin(context, tx, taking)
        now = await context.now(tx)
        await reconciliation.keep_breaks(tx, new_id("run"), taking.channel_id, [one], at=now, actor=context.actor.name)


def _spool(spool: IO[bytes], lines: Sequence[StatementLine]) -> None:
    packed = msgspec.msgpack.encode(lines)
    spool.write(len(packed).to_bytes(8, "big") + packed)


def _spooled(spool: IO[bytes]) -> Iterator[list[StatementLine]]:
    spool.seek(0)
    while head := spool.read(8):
        yield msgspec.msgpack.decode(spool.read(int.from_bytes(head, "big")), type=list[StatementLine])


def _identity(line: StatementLine) -> bytes:
    parts = (
        line.row_key, line.kind.value, line.key, line.ref, str(line.amount.amount_minor), str(line.fee_minor),
        line.status.value,
    )  # fmt: skip
    return "\x1f".join(parts).encode() + b"\n"
