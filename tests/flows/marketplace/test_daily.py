"""Reconciliation by itself, on the organization's clock: each local day once, late files later, nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cauce.flows.marketplace.daily import DAILY_JOB, reconcile_daily
from cauce.flows.marketplace.parked import check_parked
from cauce.flows.marketplace.refunds import AskRefund, refund_orders
from cauce.gateway.errors import CapabilityMissing
from cauce.kernel.errors import InvalidRequest, Unavailable
from cauce.marketplace.reconciliation.daily import next_at
from cauce.storage import jobs
from cauce.storage.jobs import NewJob
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market

DAY = timedelta(days=1)


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(OWNED)}) as one:
        async with one.context.transaction() as tx:
            await tx.run("UPDATE directory.org SET timezone = 'America/Sao_Paulo' WHERE id = $1", tx.org)
        yield one


async def _runs(shop: Market) -> list[tuple[datetime, str]]:
    async with shop.context.transaction() as tx:
        rows = await tx.rows("SELECT started_at, state FROM reconciliation.run ORDER BY started_at")
    return [(row["started_at"], row["state"]) for row in rows]


async def _breaks(shop: Market) -> list[str]:
    async with shop.context.transaction() as tx:
        return [row["type"] for row in await tx.rows("SELECT type FROM reconciliation.break WHERE state = 'open'")]


async def test_each_local_day_is_compared_once_and_a_lie_of_the_bank_is_found(shop: Market) -> None:
    await reconcile_daily(shop.context, "ch", 12)
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN + timedelta(hours=2)))
    await shop.advance(3 * DAY)
    noon = datetime(2026, 1, 15, 15, tzinfo=UTC)  # twelve in São Paulo
    assert [at for at, _ in await _runs(shop)] == [noon, noon + DAY, noon + 2 * DAY]
    assert await _breaks(shop) == []
    lines = shop.banks["ch"].lines
    shop.banks["ch"].now += DAY
    shop.banks["ch"].available["acct_ana"] += 5  # what the bank shows is not what it says
    lines[0] = type(lines[0])(**{name: getattr(lines[0], name) for name in lines[0].__slots__} | {"fee_minor": 61})
    await shop.advance(DAY)
    assert await _breaks(shop) == ["balance"], "files that were taken in days ago are not fetched again"
    async with shop.context.transaction() as tx:
        assert await tx.value("SELECT reason FROM settlement.channel_pause") == "custody_mismatch"
    shop.banks["ch"].available["acct_ana"] -= 5
    await shop.advance(DAY)
    assert await _breaks(shop) == []
    async with shop.context.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM settlement.channel_pause") == 0


async def test_what_happened_since_midnight_is_left_for_the_day_after(shop: Market) -> None:
    await reconcile_daily(shop.context, "ch", 12)
    morning = BEGIN + timedelta(hours=23)  # eight o'clock UTC of the next day, before the run at noon
    orders = [shop.order(f"A{n}", "ch", [("ana", 1_000 + n, 0)], placed_at=morning) for n in range(3)]
    await shop.take(shop.order("A9", "ch", [("bia", 900, 0)]), *orders)
    await shop.advance(timedelta(days=1, hours=7))
    async with shop.context.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM reconciliation.break") == 0
        (_, run) = await tx.rows("SELECT ours, matched FROM reconciliation.run ORDER BY started_at")
    assert (run["ours"], run["matched"]) == (2, 2), "one collection and its fee"
    await shop.advance(DAY)
    async with shop.context.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM reconciliation.break") == 0
        assert await tx.value("SELECT max(ours) FROM reconciliation.run") == 6


async def test_a_file_that_comes_late_is_fetched_when_it_is_there(shop: Market) -> None:
    await reconcile_daily(shop.context, "ch", 12)
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)]))
    shop.banks["ch"].flaws[BEGIN.date()] = Unavailable("not to be had yet")
    await shop.advance(5 * DAY)
    async with shop.context.transaction() as tx:
        assert await tx.value("SELECT reason FROM settlement.channel_pause") == "statement_missing"
    del shop.banks["ch"].flaws[BEGIN.date()]
    await shop.advance(DAY)
    async with shop.context.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM settlement.channel_pause") == 0
        assert await tx.value("SELECT lines FROM reconciliation.statement WHERE day = $1", BEGIN.date()) == 1
    assert await _breaks(shop) == []


async def test_the_same_day_again_finds_nothing_new(shop: Market) -> None:
    await reconcile_daily(shop.context, "ch", 12)
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)]), shop.order("A2", "ch", [("bia", 900, 0)], 907))
    await shop.advance(2 * DAY)
    async with shop.context.transaction() as tx:
        found = await tx.rows("SELECT id, type, amount_minor FROM reconciliation.break ORDER BY id")
        lines = await tx.value("SELECT count(*) FROM reconciliation.line")
        day = {"channel": "ch", "day": BEGIN.date().isoformat()}
        await jobs.enqueue(tx, [NewJob(DAILY_JOB, await shop.context.now(tx), day)])
    await shop.work()
    async with shop.context.transaction() as tx:
        assert await tx.rows("SELECT id, type, amount_minor FROM reconciliation.break ORDER BY id") == found
        assert await tx.value("SELECT count(*) FROM reconciliation.line") == lines
    assert await _breaks(shop) == ["amount"], "what was a matter of the cut-off is explained"


async def test_switched_off_it_ends_and_nonsense_is_refused(shop: Market) -> None:
    with pytest.raises(InvalidRequest):
        await reconcile_daily(shop.context, "ch", 24)
    await reconcile_daily(shop.context, "ch", 0)
    await shop.advance(DAY)
    before = await _runs(shop)
    await reconcile_daily(shop.context, "ch", None)
    await shop.advance(2 * DAY)
    assert await _runs(shop) == before != []


async def test_a_channel_without_statements_is_refused(dsn: str) -> None:
    silent = type(POOLED)(
        **{name: getattr(POOLED, name) for name in POOLED.__dataclass_fields__} | {"can": frozenset()}
    )
    async with market(dsn, {}) as shop:
        shop.banks["ch"] = Bank(silent)
        with pytest.raises(CapabilityMissing):
            await reconcile_daily(shop.context, "ch")


@pytest.mark.parametrize(
    ("after", "hour", "expected"),
    [
        ("2026-03-28T22:00:00", 2, "2026-03-29T01:00:00"),  # two o'clock is skipped that night
        ("2026-10-24T23:00:00", 2, "2026-10-25T00:00:00"),  # two o'clock comes twice: the first counts
        ("2026-06-01T10:00:00", 12, "2026-06-02T10:00:00"),
        ("2026-06-01T09:59:59", 12, "2026-06-01T10:00:00"),
    ],
)
def test_the_hour_of_the_organizations_day(after: str, hour: int, expected: str) -> None:
    madrid, begin = ZoneInfo("Europe/Madrid"), datetime.fromisoformat(after).replace(tzinfo=UTC)
    assert next_at(begin, hour, madrid) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


async def test_what_takes_too_long_is_told_every_day(shop: Market) -> None:
    await reconcile_daily(shop.context, "ch", 12)
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN + timedelta(hours=2)))
    await shop.advance(DAY)
    assert await _told_overdue(shop) == []
    async with shop.context.transaction() as tx:
        await tx.run(
            "INSERT INTO settlement.suspense (org_id, id, channel_id, currency, amount_minor, evidence, arrived_at) "
            "VALUES ($1, 'sus_1', 'ch', 'brl', 70, 'line:1:1', $2)",
            tx.org,
            BEGIN - 40 * DAY,
        )
    await shop.advance(2 * DAY)
    assert [one["count"] for one in await _told_overdue(shop)] == [1, 1]
    assert "sus_1" in (await _told_overdue(shop))[0]["first"]


async def _told_overdue(shop: Market) -> list[dict[str, Any]]:
    async with shop.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT data FROM storage.event WHERE org_id = $1 AND type = 'compliance.overdue' ORDER BY id", tx.org
        )
    return [dict(row["data"]) for row in rows]


async def _open_of(shop: Market) -> list[tuple[str, str, int, int]]:
    async with shop.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT type, kind, key, ours_minor, theirs_minor FROM reconciliation.break WHERE state = 'open' ORDER BY id"
        )
    return [(row["type"], row["kind"], row["ours_minor"], row["theirs_minor"]) for row in rows]


async def test_an_order_of_which_the_bank_holds_less_than_we_say_stops_the_channels_payouts(shop: Market) -> None:
    await reconcile_daily(shop.context, "ch", 12)
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)]), shop.order("A2", "ch", [("ana", 10_000, 0)]))
    await shop.advance(2 * DAY)
    assert await _breaks(shop) == []
    first, second = shop.banks["ch"].held.values()
    first.frozen, second.frozen = (
        first.frozen - 7,
        second.frozen + 7,
    )  # the sums are right: only order by order it shows
    await shop.advance(DAY)
    assert sorted(await _open_of(shop)) == [("balance", "parked", 9_940, 9_933), ("balance", "parked", 9_940, 9_947)]
    async with shop.context.transaction() as tx:
        assert await tx.value("SELECT reason FROM settlement.channel_pause") == "custody_mismatch"
    await shop.advance(DAY)
    assert len(await _open_of(shop)) == 2, "found once"
    first.frozen, second.frozen = first.frozen + 7, second.frozen - 7
    await shop.advance(DAY)
    assert await _open_of(shop) == []
    async with shop.context.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM settlement.channel_pause") == 0


async def test_so_many_payments_a_day_are_asked_about_and_the_next_day_those_behind_them(shop: Market) -> None:
    await reconcile_daily(shop.context, "ch", None)
    await shop.take(*[shop.order(f"A{n}", "ch", [("ana", 1_000, 0)]) for n in range(7)])
    bank = shop.banks["ch"]
    refs = [f"tx_{key}" for key in sorted(bank.held)]
    seen = []
    for _ in range(4):
        bank.asked_parked = []
        assert await check_parked(shop.context, "ch", payments_max=3) == {}
        seen.append(bank.asked_parked)
    assert seen == [refs[:3], refs[3:6], refs[6:], refs[:3]]


async def test_what_is_on_its_way_is_no_difference(shop: Market) -> None:
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)]))
    shop.banks["ch"].lose = 1
    await refund_orders(shop.context, [AskRefund(taken.order_id, "R1", 1_000)])
    await shop.work()
    assert await check_parked(shop.context, "ch") == {} and shop.banks["ch"].asked_parked == []
    await shop.advance(timedelta(hours=1))
    assert await check_parked(shop.context, "ch") == {} and len(shop.banks["ch"].asked_parked) == 1
