"""Statements and balances: what the provider's own books say is what it reports."""

from __future__ import annotations

import pytest

from cauce.gateway.capabilities import Can
from cauce.gateway.errors import BadStatement
from cauce.gateway.reporting import LineKind, StatementLine
from tests.providers.conformance.rig import START, Rig
from tests.providers.conformance.vendors import needs


async def _lines(rig: Rig) -> list[StatementLine]:
    return [
        line
        for kind in sorted(rig.capabilities.statement_kinds)
        async for line in rig.gateway.statement(START.date(), kind)
    ]


@needs(Can.REPORTS, Can.COLLECTS)
async def test_a_day_with_collections_lists_each_of_them_under_our_key(rig: Rig) -> None:
    own = await rig.merchant()
    paid = [await rig.paid(own, amount_minor) for amount_minor in (10_000, 2_345)]
    await rig.advance(days=1, hours=12)
    lines = await _lines(rig)
    for request, collection in paid:
        found = [line for line in lines if line.key == request.key and line.kind is LineKind.COLLECTION]
        assert found and found[0].amount == request.amount, f"{collection.ref} is not on the statement"
    assert len({(line.row_key, line.kind, line.account_ref) for line in lines}) == len(lines)


@needs(Can.REPORTS)
async def test_a_day_on_which_nothing_happened_has_no_lines(rig: Rig) -> None:
    await rig.advance(days=2)
    assert await _lines(rig) == []


@needs(Can.REPORTS)
async def test_a_kind_that_does_not_exist_is_refused(rig: Rig) -> None:
    with pytest.raises(BadStatement):
        async for _ in rig.gateway.statement(START.date(), "no-such-statement"):
            raise AssertionError("a line of a statement that does not exist")


@needs(Can.REPORTS_BALANCES, Can.COLLECTS)
async def test_balances_say_what_the_providers_books_say(rig: Rig) -> None:
    own = await rig.merchant()
    await rig.paid(own)
    balances = await rig.gateway.balances(("", own))
    assert {b.account_ref for b in balances} <= {"", own}
    assert all(b.kind in ("pending", "available", "frozen") for b in balances)
    assert sum(b.balance.amount_minor for b in balances) > 0
