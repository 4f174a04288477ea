"""T+N counts for each credit: a run pays what is old enough, the rest when it is, and statements leave no day out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from cauce.flows.marketplace import refunds
from cauce.flows.marketplace.merchants import assign_payout_schedule, create_payout_schedule
from cauce.flows.marketplace.payout_pauses import pause_payouts
from cauce.flows.marketplace.refunds import AskRefund
from cauce.kernel.errors import NotFound
from cauce.marketplace.settlement.rules import BadSchedule, Credit, parse_schedule
from cauce.reports import marketplace as report
from cauce.reports import settlements
from tests.flows.marketplace.bank import POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market

DAY = timedelta(days=1)
T3 = {"interval": "daily", "delay_days": 3}


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(POOLED)}) as one:
        yield one


async def _sell(shop: Market, days: int, price: int = 10_000) -> str:
    """An order that is delivered `days` after the beginning, at nine."""
    new = shop.order(f"A{days}", "ch", [("ana", price, 0)], placed_at=BEGIN + days * DAY, deliver_at=BEGIN + days * DAY)
    (taken,) = await shop.take(new)
    assert taken.order_id is not None
    return taken.order_id


async def _paid(shop: Market) -> list[tuple[int, int]]:
    """What was paid out: (days after the beginning, amount)."""
    async with shop.context.transaction() as tx:
        rows = await report.payouts(tx)
    midnight = datetime(BEGIN.year, BEGIN.month, BEGIN.day, tzinfo=UTC)
    return sorted(((row["requested_at"] - midnight).days, row["amount_minor"]) for row in rows)


async def _sold_on_three_days(shop: Market) -> None:
    await create_payout_schedule(shop.context, "t3", T3, is_default=True)
    for days in range(3):
        await _sell(shop, days, 10_000 * (days + 1))
        await shop.advance(DAY)


async def test_each_credit_waits_its_own_days(shop: Market) -> None:
    await _sold_on_three_days(shop)
    await shop.advance(5 * DAY)
    assert await _paid(shop) == [(3, 8_740), (4, 17_480), (5, 26_220)]
    assert await shop.differences() == []


async def test_a_weekly_run_leaves_what_came_in_the_last_days_for_the_next(shop: Market) -> None:
    await create_payout_schedule(
        shop.context, "weekly", {"interval": "weekly", "weekdays": [0], "delay_days": 3}, is_default=True
    )
    await _sell(shop, 0)  # a Thursday: due on Sunday, paid on Monday
    await shop.advance(2 * DAY)
    await _sell(shop, 2, 20_000)  # a Saturday: due on Tuesday, paid a week after the other
    await shop.advance(12 * DAY)
    assert await _paid(shop) == [(4, 8_740), (11, 17_480)]


async def test_a_refund_takes_from_the_money_of_its_own_order(shop: Market) -> None:
    await create_payout_schedule(shop.context, "t3", T3, is_default=True)
    await _sell(shop, 0)
    await shop.advance(2 * DAY)
    second = await _sell(shop, 2, 20_000)
    await refunds.refund_orders(shop.context, [AskRefund(second, "1")])
    await shop.work()
    await shop.advance(5 * DAY)
    assert await _paid(shop) == [(3, 8_740)], "what was not refunded is not held back for what was"


async def test_statements_follow_on_each_other_also_when_runs_were_skipped(shop: Market) -> None:
    await create_payout_schedule(shop.context, "t1", {"interval": "daily", "delay_days": 1}, is_default=True)
    await _sell(shop, 0)
    await shop.advance(DAY)
    await pause_payouts(shop.context, "ch", paused=True)
    await _sell(shop, 1, 20_000)
    await shop.advance(3 * DAY)
    await pause_payouts(shop.context, "ch", paused=False)
    await shop.advance(2 * DAY)
    async with shop.context.transaction() as tx:
        ids = await tx.rows("SELECT id FROM settlement.batch ORDER BY runs_on")
        told = [await settlements.statement(tx, row["id"]) for row in ids]
    assert [one.from_at for one in told[1:]] == [one.until_at for one in told[:-1]]
    assert [line.amount_minor for one in told for line in one.lines] == [8_740, 17_480]
    assert [one.opening_minor for one in told] == [0, *(one.closing_minor for one in told[:-1])]
    assert told[-1].closing_minor == 0


async def test_a_schedule_that_is_given_to_a_merchant_holds_from_then_on(shop: Market) -> None:
    await create_payout_schedule(shop.context, "by hand", {"interval": "manual"}, is_default=True)
    await _sell(shop, 0)
    daily = await create_payout_schedule(shop.context, "daily", {"interval": "daily"})
    await shop.advance(2 * DAY)
    assert await _paid(shop) == []
    ana = Credit(shop.sellers["ana"], "ch", "brl")
    await assign_payout_schedule(shop.context, ana, daily)
    await shop.advance(DAY)
    assert await _paid(shop) == [(3, 8_740)], "money that waited for a hand does not wait for the next sale"
    with pytest.raises(NotFound):
        await assign_payout_schedule(shop.context, ana, "pos_none")


def test_what_a_run_pays_is_old_enough_on_open_days_too() -> None:
    monday = datetime(2026, 1, 19, tzinfo=UTC)
    calendar = parse_schedule(T3)
    assert calendar.matures_before(monday) == datetime(2026, 1, 17, tzinfo=UTC)
    open_days = parse_schedule({**T3, "business_days": True})
    assert open_days.matures_before(monday) == datetime(2026, 1, 15, tzinfo=UTC)  # up to Wednesday
    assert parse_schedule({"interval": "daily"}).matures_before(monday) is None
    for credited in range(20):
        at = datetime(2026, 1, 8, 12, tzinfo=UTC) + credited * DAY
        for schedule in (calendar, open_days):
            run_at = schedule.next_run(at)
            assert run_at is not None
            cut, too_early = schedule.matures_before(run_at), schedule.matures_before(run_at - DAY)
            assert cut is not None and too_early is not None and too_early <= at < cut


def test_no_payout_is_below_the_minimum_also_not_the_last_of_several() -> None:
    schedule = parse_schedule({"minimum_amount": 500, "maximum_amount": 1_000})
    assert schedule.payouts_of(2_499) == [1_000, 1_000]
    with pytest.raises(BadSchedule):
        parse_schedule({"minimum_amount": 500, "maximum_amount": 400})
