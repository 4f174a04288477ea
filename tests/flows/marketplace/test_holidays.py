"""Schedules that count business days leave out the holidays of their market, also those that are told of late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest

from cauce.flows.marketplace.merchants import change_market_holidays, create_payout_schedule
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.settlement.holidays import Holiday, holidays, parse_holidays
from cauce.marketplace.settlement.rules import BadSchedule, parse_schedule
from tests.flows.marketplace.bank import POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market

T2 = {"interval": "daily", "delay_days": 2, "business_days": True, "calendar": "br", "timezone": "America/Sao_Paulo"}
FRIDAY, MONDAY, TUESDAY, SATURDAY = date(2026, 1, 16), date(2026, 1, 19), date(2026, 1, 20), date(2026, 1, 17)


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(POOLED)}) as one:
        yield one


async def _due(shop: Market) -> datetime:
    async with shop.context.transaction() as tx:
        found: datetime = await tx.value("SELECT due_at FROM settlement.standing WHERE due_at IS NOT NULL")
    return found


async def _sold(shop: Market) -> None:
    await create_payout_schedule(shop.context, "t2", T2, is_default=True)
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN))  # a Thursday
    await shop.advance(timedelta(hours=1))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 3, tzinfo=UTC)  # in São Paulo


async def test_two_business_days_pass_over_weekend_and_holiday(shop: Market) -> None:
    await change_market_holidays(shop.context, "br", [Holiday(FRIDAY, name="São Sebastião")])
    await change_market_holidays(shop.context, "cn", [Holiday(MONDAY)])
    await _sold(shop)
    assert await _due(shop) == _midnight(TUESDAY)
    await shop.advance(timedelta(days=6))
    assert any(call.startswith("payout") for call in shop.banks["ch"].calls)


async def test_a_working_saturday_counts(shop: Market) -> None:
    await change_market_holidays(shop.context, "br", [Holiday(SATURDAY, works=True)])
    await _sold(shop)
    assert await _due(shop) == _midnight(SATURDAY)


async def test_a_holiday_that_is_told_of_late_moves_what_was_due_then(shop: Market) -> None:
    await _sold(shop)
    assert await _due(shop) == _midnight(MONDAY)
    assert await change_market_holidays(shop.context, "br", [Holiday(MONDAY)]) == 1
    assert await _due(shop) == _midnight(TUESDAY)
    assert await change_market_holidays(shop.context, "br", [Holiday(MONDAY)]) == 0
    await change_market_holidays(shop.context, "br", [], [MONDAY])
    async with shop.context.transaction() as tx:
        assert await holidays(tx, "br") == []
    await shop.advance(timedelta(days=4))
    assert not any(call.startswith("payout") for call in shop.banks["ch"].calls), "it waits for Tuesday still"
    await shop.advance(timedelta(days=1))
    assert any(call.startswith("payout") for call in shop.banks["ch"].calls)


def test_a_file_of_holidays() -> None:
    text = "\ufeffday,name,works\n2026-10-01,National Day,\n2026-10-10,,yes\n"
    assert parse_holidays(text) == [
        Holiday(date(2026, 10, 1), False, "National Day"),
        Holiday(date(2026, 10, 10), True),
    ]
    for bad in ("name\nx\n", "day\n01/10/2026\n", "day,works\n2026-10-01,perhaps\n"):
        with pytest.raises(InvalidRequest):
            parse_holidays(bad)


@pytest.mark.parametrize("wrong", [{"business_days": "yes"}, {"calendar": 5}, {"delay_days": 1.5}])
def test_a_schedule_that_cannot_be_read_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadSchedule):
        parse_schedule({**T2, **wrong})


async def test_a_market_has_a_short_name(shop: Market) -> None:
    with pytest.raises(InvalidRequest):
        await change_market_holidays(shop.context, "Brazil!", [Holiday(FRIDAY)])
