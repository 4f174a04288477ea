"""Stripe's balance transactions as a statement (`Reports`): of the platform, or of one connected account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta

from cauce.gateway.errors import BadStatement
from cauce.gateway.reporting import StatementLine
from cauce.providers.stripe import mapping
from cauce.providers.stripe.wire import AskingFailed, Wire

BALANCE = "balance"


async def lines(wire: Wire, day: date, kind: str) -> AsyncIterator[StatementLine]:
    """The rows made on `day` (UTC). `kind` is `balance` (the platform) or `balance/acct_…` (one seller)."""
    head, _, account = kind.partition("/")
    if head != BALANCE:
        raise BadStatement(f"Stripe has no statement of kind {kind!r}", param="kind")
    begin = datetime.combine(day, time(), UTC)
    created = {"gte": int(begin.timestamp()), "lt": int((begin + timedelta(days=1)).timestamp())}
    params = {"created": created, "expand": ["data.source"]}
    try:
        async for row in wire.pages("balance_transactions.list", "/v1/balance_transactions", params, account=account):
            yield mapping.statement_line(row, account)
    except AskingFailed as failed:
        raise BadStatement(f"the balance of {day} could not be read: {failed.outcome}") from failed
