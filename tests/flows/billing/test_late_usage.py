"""Use that comes late, is corrected, or lies in months: each event once, each period at its right price, no invoice changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import ChangeTiming
from cauce.billing.catalog.service import NewCoupon
from cauce.billing.usage.rules import BadUsage, EventCorrected, UnknownEvent, UsageEvent
from cauce.flows.billing.changes import Change, change
from cauce.flows.billing.current_usage import current_usage
from cauce.flows.billing.run_preview import preview_run
from cauce.flows.billing.upcoming import upcoming_invoice
from cauce.flows.billing.usage import create_meter, record_usage
from cauce.flows.housekeeping import make_months
from tests.flows.billing.shop import BEGIN, Shop, flat
from tests.flows.billing.test_usage import DAY, event, metered

PER_ONE = {"type": "per_unit", "unit_amount": "10"}
SECOND = datetime(2026, 2, 15, 9, tzinfo=UTC)
THIRD = datetime(2026, 3, 15, 9, tzinfo=UTC)


def correction(n: int, of: int, value: str | None, at: datetime, meter: str = "calls", unique: str = "") -> UsageEvent:
    """An event that takes the place of another; None: nothing does."""
    plain = event(n, value or "0", at, meter, unique)
    return replace(plain, corrects=f"e{of}", counts=value is not None)


async def _subscribed(seller: Shop, way: str = "sum", model: dict[str, object] | None = None) -> str:
    await create_meter(seller.context, "calls", way)
    await seller.plan("pro", flat(1_000), metered("calls", model or PER_ONE))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance(5 * DAY)
    return one


async def _usage_lines(seller: Shop, one: str) -> list[list[tuple[int, date]]]:
    return [
        [(line["amount_minor"], line["period_start"]) for line in each["lines"] if line["kind"] == "usage"]
        for each in await seller.invoices(one)
    ]


async def test_a_late_event_is_billed_with_the_next_invoice_as_a_line_of_its_own_period(seller: Shop) -> None:
    one = await _subscribed(seller, model={"type": "graduated", "tiers": [
        {"up_to": "100", "unit_amount": "10"}, {"up_to": None, "unit_amount": "5"}]})  # fmt: skip
    await record_usage(seller.context, [event(1, "90", BEGIN + DAY)])
    await seller.advance_to(SECOND + DAY)
    before = (await seller.invoices(one))[1]
    late = [event(2, "30", BEGIN + 2 * DAY), event(3, "7", SECOND)]
    assert (await record_usage(seller.context, late)).fresh == 2
    assert (await record_usage(seller.context, late)).fresh == 0
    upcoming = await upcoming_invoice(seller.context, one)
    preview = await preview_run(seller.context, THIRD)
    await seller.advance_to(THIRD)
    assert (await seller.invoices(one))[1] == before
    first, second = BEGIN.date(), SECOND.date()
    assert await _usage_lines(seller, one) == [[], [(900, first)], [(70, second), (200, first)]]  # 10 at 10 and 20 at 5
    assert sorted(each.charge.amount_minor for each in upcoming.bill.priced.lines) == [70, 200, 1_000]
    assert preview.total_minor["eur"] == 1_270
    await seller.advance_to(datetime(2026, 4, 15, 9, tzinfo=UTC))
    assert [each["total_minor"] for each in await seller.invoices(one)] == [1_000, 1_900, 1_270, 1_000]
    await seller.prove()


async def test_a_period_without_use_that_was_not_billed_is_billed_when_its_use_arrives(seller: Shop) -> None:
    one = await _subscribed(seller)
    await seller.advance_to(SECOND + DAY)
    await record_usage(seller.context, [event(1, "3", BEGIN + DAY)])
    await seller.advance_to(THIRD)
    assert await _usage_lines(seller, one) == [[], [], [(30, BEGIN.date())]]
    await record_usage(seller.context, [event(2, "1", BEGIN + DAY)])  # 28 days after its period's end: still in time
    await seller.advance_to(datetime(2026, 5, 15, 9, tzinfo=UTC))
    await record_usage(seller.context, [event(3, "1", BEGIN + DAY)])  # 89 days: too late to be billed
    await seller.advance_to(datetime(2026, 6, 15, 9, tzinfo=UTC))
    assert await _usage_lines(seller, one) == [[], [], [(30, BEGIN.date())], [(10, BEGIN.date())], [], []]
    await seller.prove()


async def test_what_was_too_much_is_given_back_as_it_was_asked(seller: Shop) -> None:
    async with seller.context.transaction() as tx:
        now = await seller.context.now(tx)
        coupon = NewCoupon("HALF", "50", duration="repeating", duration_periods=2)
        await catalog.create_coupon(tx, coupon, now=now)
        await catalog.put_tax_rate(tx, "", "20")
    await create_meter(seller.context, "calls", "sum")
    await seller.plan("pro", flat(1_000), metered("calls", PER_ONE))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro", coupon="HALF")).subscription_id
    await seller.advance(5 * DAY)
    await record_usage(seller.context, [event(1, "50", BEGIN + DAY), event(2, "10", BEGIN + DAY)])
    await seller.advance_to(SECOND + DAY)
    wrong = correction(3, 1, "20", BEGIN + DAY)
    assert (await record_usage(seller.context, [wrong])).fresh == 1
    assert (await record_usage(seller.context, [wrong])).known == 1
    await seller.advance_to(THIRD)
    assert await _usage_lines(seller, one) == [[], [(600, BEGIN.date())], [(-150, BEGIN.date())]]  # half of 300
    totals = [(each["discount_minor"], each["tax_minor"], each["total_minor"]) for each in await seller.invoices(one)]
    assert totals == [(500, 100, 600), (800, 160, 960), (0, 170, 1_020)]
    await seller.prove()


async def test_corrections_of_the_running_period_change_every_way_of_counting(seller: Shop) -> None:
    ways = ("count", "sum", "max", "unique", "latest")
    for way in ways:
        await create_meter(seller.context, way, way)
    await seller.plan("pro", flat(0), *(metered(way, {"type": "per_unit", "unit_amount": "1"}) for way in ways))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance(5 * DAY)
    for k, way in enumerate(ways):
        values = [("3", 1, "a"), ("9", 1.25, "b"), ("4", 2, "c")]
        events = [event(10 * k + n, v, BEGIN + d * DAY, way, u) for n, (v, d, u) in enumerate(values)]
        await record_usage(seller.context, events)
        await record_usage(seller.context, [correction(10 * k + 5, 10 * k + 1, "5", BEGIN + 1.25 * DAY, way, "a")])
        await record_usage(seller.context, [correction(10 * k + 6, 10 * k + 2, None, BEGIN + DAY, way)])
    await seller.advance_to(SECOND)
    (_, second) = await seller.invoices(one)
    used = {line["description"]: line["amount_minor"] for line in second["lines"] if line["kind"] == "usage"}
    assert used == {"count": 2, "sum": 8, "max": 5, "unique": 1, "latest": 5}


async def test_what_cannot_be_corrected_changes_nothing(seller: Shop) -> None:
    one = await _subscribed(seller)
    await record_usage(seller.context, [event(1, "5", BEGIN + DAY)])
    with pytest.raises(UnknownEvent):
        await record_usage(seller.context, [event(2, "9", BEGIN + DAY), correction(3, 77, "1", BEGIN + DAY)])
    with pytest.raises(EventCorrected):
        await record_usage(seller.context, [correction(n, 1, "1", BEGIN + DAY) for n in (4, 5)])
    with pytest.raises(BadUsage):
        await record_usage(seller.context, [replace(event(6, "0", BEGIN + DAY), counts=False)])
    await record_usage(seller.context, [correction(7, 1, "6", BEGIN + DAY)])
    with pytest.raises(EventCorrected):
        await record_usage(seller.context, [correction(8, 1, "1", BEGIN + DAY)])
    await record_usage(seller.context, [correction(9, 7, "4", BEGIN + DAY), event(10, "-1", BEGIN + DAY)])
    (calls,) = (await current_usage(seller.context, one)).meters
    assert calls.used == 3
    await record_usage(seller.context, [event(11, "-8", BEGIN + DAY)])
    (calls,) = (await current_usage(seller.context, one)).meters
    assert (calls.used, calls.amount_minor) == (0, 0)


async def test_a_level_is_weighed_by_how_long_it_held(seller: Shop) -> None:
    await create_meter(seller.context, "calls", "weighted")
    await seller.plan("pro", flat(0), metered("calls", {"type": "per_unit", "unit_amount": "31"}))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro", timezone="UTC")).subscription_id
    await seller.advance(20 * DAY)
    midnight = datetime(2026, 1, 15, tzinfo=UTC)
    levels = [event(1, "100", midnight + 10 * DAY), event(2, "40", midnight + 15 * DAY + DAY / 2)]
    await record_usage(seller.context, levels)
    with pytest.raises(BadUsage):
        await record_usage(seller.context, [event(3, "-1", midnight + DAY)])
    (calls,) = (await current_usage(seller.context, one)).meters
    at = Decimal("20.375") - Decimal("15.5")  # days at 40 so far: it is nine o'clock
    assert calls.used * 31 == Decimal("5.5") * 100 + at * 40
    assert calls.forecast * 31 == Decimal("5.5") * 100 + Decimal("15.5") * 40
    await seller.advance_to(SECOND)
    assert [each["total_minor"] for each in await seller.invoices(one)] == [0, 550 + 620]
    await record_usage(seller.context, [correction(4, 2, "0", midnight + 15 * DAY + DAY / 2)])
    await record_usage(seller.context, [event(5, "28", SECOND)])
    await seller.advance_to(THIRD)
    lines = (await _usage_lines(seller, one))[2]
    held = Decimal(28) * (28 - Decimal("0.375")) / 28 * 31  # nothing until nine, then 28 to the end
    assert lines == [(int(held.quantize(Decimal(1))), SECOND.date()), (-620, BEGIN.date())]
    await seller.advance_to(datetime(2026, 4, 15, 9, tzinfo=UTC))
    assert (await _usage_lines(seller, one))[3] == [(28 * 31, THIRD.date())]  # the level went on without an event
    await seller.prove()


async def test_the_day_of_a_change_is_used_in_the_new_period_alone(seller: Shop) -> None:
    one = await _subscribed(seller)
    yearly = replace(metered("calls", PER_ONE), interval="year")
    await seller.plan("year", flat(9_000, interval="year"), yearly)
    await record_usage(seller.context, [event(1, "5", BEGIN + DAY), event(2, "3", BEGIN + 5 * DAY)])
    await change(seller.context, Change(one, plan="year", timing=ChangeTiming.NOW))
    await seller.work()
    lines = [line for each in await _usage_lines(seller, one) for line in each]
    assert lines == [(50, BEGIN.date())]
    (calls,) = (await current_usage(seller.context, one)).meters
    assert calls.used == 3


async def test_an_event_is_counted_once_over_all_months_and_seen_by_its_organization_alone(
    seller: Shop, dsn: str
) -> None:
    one = await _subscribed(seller)
    await record_usage(seller.context, [event(1, "1", BEGIN + DAY)])
    db = seller.runtime.db
    assert await make_months(db, BEGIN) == 5
    assert await make_months(db, BEGIN) == 0
    assert (await record_usage(seller.context, [event(1, "1", BEGIN + 2 * DAY)])).known == 1
    assert (await record_usage(seller.context, [event(1, "1", BEGIN - 40 * DAY)])).known == 1
    await record_usage(seller.context, [event(2, "2", BEGIN + 3 * DAY), event(3, "4", BEGIN - 300 * DAY)])
    owner = await asyncpg.connect(dsn)
    try:
        rows = await owner.fetch("SELECT tableoid::regclass::text AS month, event_id FROM usage.event ORDER BY 2")
        assert [tuple(row) for row in rows] == [
            ("usage.event_2026_01", "e1"), ("usage.event_2026_01", "e2"), ("usage.event_rest", "e3"),
        ]  # fmt: skip
    finally:
        await owner.close()
    async with db.transaction(seller.org_id + 1) as tx:
        for table in ("event", "event_2026_01", "event_rest", "event_key"):
            assert await tx.value(f"SELECT count(*) FROM usage.{table}") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with db.transaction(seller.org_id) as tx:
            await tx.run("SELECT usage.make_month('2030-01-01')")
    (calls,) = (await current_usage(seller.context, one)).meters
    assert calls.used == 3


async def test_a_bill_that_takes_a_mark_waits_for_the_use_that_it_marks(seller: Shop) -> None:
    one = await _subscribed(seller)
    await seller.advance_to(SECOND - timedelta(minutes=2))
    await record_usage(seller.context, [event(1, "5", BEGIN + DAY)])  # a bill may be under way: marked
    async with seller.context.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM usage.late WHERE org_id = $1", tx.org) == 1
    await seller.advance_to(SECOND)
    assert await _usage_lines(seller, one) == [[], [(50, BEGIN.date())]]
    async with seller.context.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM usage.late WHERE org_id = $1", tx.org) == 0
