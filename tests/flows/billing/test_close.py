"""Closing a month of the platform's book: what was served in it is revenue in it, day by day (G13)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from cauce.flows.closing import checklist, close_month
from cauce.gateway.collecting import FetchRequest
from cauce.gateway.outcome import Outcome, Unknown
from cauce.ledger.months import Line, MonthName, MonthNotReady
from cauce.ledger.rules import Book
from cauce.storage.audit import Actor
from tests.flows.billing.shop import Shop, flat


async def test_each_month_takes_its_days_of_a_year(seller: Shop) -> None:
    await seller.plan("year", flat(12_000, interval="year"))
    await seller.advance_to(datetime(2027, 1, 1, 9, tzinfo=UTC))
    await seller.sign_up("ana", "year", collection="send_invoice", net_days=600)
    earned = []
    for month in (1, 2, 3):
        await seller.advance_to(datetime(2027, month + 1, 2, tzinfo=UTC))
        name = MonthName(Book.PLATFORM, "", date(2027, month, 1))
        await close_month(seller.runtime.db, seller.org_id, name, explained={}, actor=Actor("person:finance"))
        async with seller.context.transaction() as tx:
            rows = await tx.rows(
                "SELECT j.effective_at, sum(e.amount_minor)::bigint AS earned FROM ledger.journal j"
                " JOIN ledger.entry e ON e.org_id = j.org_id AND e.journal_id = j.id"
                " JOIN ledger.account a ON a.org_id = e.org_id AND a.id = e.account_id"
                " WHERE j.org_id = $1 AND j.recipe = 'B07' AND a.code = 'revenue' GROUP BY j.id, j.effective_at ORDER BY j.id",
                tx.org,
            )
        assert rows[-1]["effective_at"].astimezone(UTC).month == month, "it stands in the month that earned it"
        earned.append(-rows[-1]["earned"])
    assert earned == [1_019, 921, 1_019]
    await seller.prove()


async def test_a_month_waits_for_a_charge_whose_outcome_nobody_knows(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000))
    await seller.card("ana")
    await seller.advance_to(datetime(2026, 1, 31, 22, 59, tzinfo=UTC))
    seller.cards.lose = 1

    async def silent(_request: FetchRequest) -> Outcome[Any]:
        return Unknown("no answer", 60)

    heard, seller.cards.fetch = seller.cards.fetch, silent  # type: ignore[method-assign]
    await seller.sign_up("ana", "pro")
    await seller.advance_to(datetime(2026, 2, 1, 3, tzinfo=UTC))
    name = MonthName(Book.PLATFORM, "", date(2026, 1, 1))

    async def line() -> Line:
        lines = await checklist(seller.runtime.db, seller.org_id, name)
        return next(one for one in lines if one.name == "no_outcome_unknown")

    assert await line() == Line("no_outcome_unknown", False, "the outcome is not known of: 1 charge")
    with pytest.raises(MonthNotReady):
        await close_month(seller.runtime.db, seller.org_id, name, explained={}, actor=Actor("person:finance"))
    seller.cards.fetch = heard  # type: ignore[method-assign]
    await seller.advance_to(datetime(2026, 2, 2, 3, tzinfo=UTC))
    assert (await line()).is_green
