"""Statements against our books: everything that agrees is silent, each planted difference is found, and only those."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from cauce.flows.marketplace import reconcile
from cauce.flows.marketplace.pay_out import AskPayout, request_payout
from cauce.gateway.reporting import LineKind
from cauce.kernel.errors import Unavailable
from cauce.kernel.money import Money
from cauce.marketplace.reconciliation import service, store
from cauce.marketplace.reconciliation.rules import ResolutionNeedsTwo, TooLargeToAccept
from cauce.marketplace.settlement.rules import PayoutsPaused
from cauce.marketplace.settlement.service import channel_pauses
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market

FIRST = BEGIN.date()


@pytest.fixture(params=["owned", "pooled"])
async def shop(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[Market]:
    capabilities = OWNED if request.param == "owned" else POOLED
    async with market(dsn, {"ch": Bank(capabilities)}) as one:
        yield one


async def _trade(shop: Market, until: timedelta = timedelta(days=14)) -> None:
    """Two weeks with three orders, their releases and payouts."""
    await shop.take(
        shop.order("A1", "ch", [("ana", 10_000, 500)], deliver_at=BEGIN + timedelta(days=1)),
        shop.order("A2", "ch", [("ana", 2_000, 0), ("bia", 700, 20)], 500, 2_220, deliver_at=BEGIN + timedelta(days=2)),
        shop.order("A3", "ch", [("bia", 3_000, 100)], 3_107, deliver_at=BEGIN + timedelta(days=3)),
        shop.order("A4", "ch", [("ana", 4_000, 100)], deliver_at=BEGIN + timedelta(days=8)),
    )
    await shop.advance(until)


async def _run(shop: Market, days: int = 14) -> list[tuple[str, str, int]]:
    await reconcile.fetch_statements(shop.context, "ch", [FIRST + timedelta(days=n) for n in range(days)])
    await reconcile.reconcile(shop.context, "ch", FIRST, FIRST + timedelta(days=days))
    return await _breaks(shop)


async def _breaks(shop: Market) -> list[tuple[str, str, int]]:
    async with shop.context.transaction() as tx:
        return [(row["type"], row["kind"], row["amount_minor"]) for row in await store.open_breaks(tx, "ch")]


async def test_only_the_order_whose_payments_differ_from_its_lines_is_a_break(shop: Market) -> None:
    await _trade(shop)
    assert await _run(shop) == [("amount", "order", 7)]
    assert await reconcile.check_mirror(shop.context, "ch") == {}
    assert await shop.differences() == []


async def test_a_second_run_and_a_second_import_find_nothing_new(shop: Market) -> None:
    await _trade(shop)
    first = await _run(shop)
    again = await reconcile.fetch_statements(shop.context, "ch", [FIRST + timedelta(days=n) for n in range(14)])
    assert again == 0
    found = await reconcile.reconcile(shop.context, "ch", FIRST, FIRST + timedelta(days=14))
    assert found.breaks == 0
    assert await _breaks(shop) == first


@pytest.mark.parametrize("kind", [LineKind.COLLECTION, LineKind.SPLIT, LineKind.PAYOUT])
async def test_a_missing_line_a_doubled_one_and_a_wrong_amount_are_each_found(shop: Market, kind: LineKind) -> None:
    await _trade(shop)
    bank = shop.banks["ch"]
    wanted = [n for n, line in enumerate(bank.lines) if line.kind is kind]
    original = list(bank.lines)
    gone, doubled, wrong = wanted[0], wanted[1], wanted[-1]
    bank.lines[wrong] = replace(original[wrong], amount=Money(original[wrong].amount.amount_minor + 5, "brl"))
    bank.lines.append(replace(original[doubled], row_key="999999"))
    del bank.lines[gone]
    found = [one for one in await _run(shop) if one[1] not in ("order", "fee")]
    in_part = kind is LineKind.SPLIT and bank.owned  # the rest of that order has its own line
    assert sorted(one[0] for one in found) == sorted(["amount", "duplicate", "amount" if in_part else "missing_there"])
    assert {one[1] for one in found} == {kind.value}


async def test_a_line_that_we_know_nothing_of_is_missing_here(shop: Market) -> None:
    await _trade(shop)
    bank = shop.banks["ch"]
    stranger = replace(
        bank.lines[0], row_key="stranger", key="", ref="tx_stranger", amount=Money(77, "brl"), fee_minor=0
    )
    bank.lines.append(stranger)
    assert ("missing_here", "collection", 77) in await _run(shop)


async def test_a_fee_that_differs_is_a_break_of_its_own(shop: Market) -> None:
    await _trade(shop)
    bank = shop.banks["ch"]
    bank.lines[0] = replace(bank.lines[0], fee_minor=bank.lines[0].fee_minor + 2)
    assert ("fee", "fee", 2) in await _run(shop)


async def test_what_arrives_a_day_later_was_a_matter_of_timing(shop: Market) -> None:
    night = timedelta(days=13, hours=14)
    await _trade(shop, night)
    await shop.take(shop.order("A9", "ch", [("ana", 900, 0)], placed_at=BEGIN + night))
    bank = shop.banks["ch"]
    bank.lines[-1] = replace(bank.lines[-1], occurred_at=BEGIN + timedelta(days=14))
    await shop.advance(timedelta(hours=10))
    found = await _run(shop)
    assert ("timing", "collection", -900) in found
    await shop.advance(timedelta(days=1))
    await reconcile.fetch_statements(shop.context, "ch", [FIRST + timedelta(days=14)])
    await reconcile.reconcile(shop.context, "ch", FIRST + timedelta(days=14), FIRST + timedelta(days=15))
    assert await _breaks(shop) == [("amount", "order", 7)]


async def test_a_day_that_is_not_over_is_compared_when_it_is(shop: Market) -> None:
    await _trade(shop)
    await shop.take(shop.order("A8", "ch", [("ana", 800, 0)], placed_at=BEGIN + timedelta(days=14)))
    await shop.take(shop.order("A9", "ch", [("ana", 900, 0)], placed_at=BEGIN + timedelta(days=14)))
    assert await _run(shop) == [("amount", "order", 7)]
    assert await _run(shop, 15) == [("amount", "order", 7)], "nor when its end is named"
    bank = shop.banks["ch"]
    bank.lines[:] = [one for one in bank.lines if one.kind is not LineKind.COLLECTION or one.amount.amount_minor != 900]
    await shop.advance(timedelta(days=1))
    assert ("timing", "collection", -900) in await _run(shop, 15)
    await shop.advance(timedelta(days=4))
    assert ("missing_there", "collection", -900) in await _run(shop, 19)


async def test_a_statement_that_comes_again_with_another_line_is_compared_again(shop: Market) -> None:
    await _trade(shop)
    bank = shop.banks["ch"]
    late = next(line for line in bank.lines if line.kind is LineKind.PAYOUT)
    bank.lines.remove(late)
    assert ("missing_there", "payout", late.amount.amount_minor) in await _run(shop)
    bank.lines.append(late)
    assert await _run(shop) == [("amount", "order", 7)]


async def test_a_statement_that_does_not_come_stops_the_payouts_and_nothing_else(shop: Market) -> None:
    await _trade(shop)
    bank, ask = shop.banks["ch"], AskPayout(shop.sellers["ana"], "ch", "brl", 1)
    bank.flaws[FIRST + timedelta(days=13)] = Unavailable("it is being made")  # yesterday's may still come
    assert await _run(shop) == [("amount", "order", 7)]
    async with shop.context.transaction() as tx:
        assert await channel_pauses(tx) == []
    bank.flaws[FIRST + timedelta(days=12)] = Unavailable("it is being made")
    assert await _run(shop) == [("amount", "order", 7)], "it is there from the time before"
    await shop.advance(timedelta(days=2))
    await _run(shop, 16)
    async with shop.context.transaction() as tx:
        assert [row["reason"] for row in await channel_pauses(tx)] == ["statement_missing"]
    with pytest.raises(PayoutsPaused):
        await request_payout(shop.context, ask)
    bank.flaws.clear()
    await _run(shop, 16)
    async with shop.context.transaction() as tx:
        assert await channel_pauses(tx) == []


async def test_a_row_that_is_gone_when_its_statement_comes_again_is_missed(shop: Market) -> None:
    await _trade(shop)
    bank = shop.banks["ch"]
    assert await _run(shop) == [("amount", "order", 7)]
    gone = next(line for line in bank.lines if line.kind is LineKind.COLLECTION)
    bank.lines.remove(gone)
    found = await _run(shop)
    assert found == [("amount", "order", 7), ("missing_there", "collection", -gone.amount.amount_minor)]
    bank.lines.insert(0, gone)
    assert await _run(shop) == [("amount", "order", 7)]


async def test_a_row_that_stands_twice_under_one_number_is_a_duplicate(shop: Market) -> None:
    await _trade(shop)
    bank = shop.banks["ch"]
    twice = next(line for line in bank.lines if line.kind is LineKind.COLLECTION)
    bank.lines += [twice, twice]
    found = [one for one in await _run(shop) if one[1] != "order"]
    assert found == [("duplicate", "collection", 2 * twice.amount.amount_minor)]


async def test_money_that_the_holder_lacks_stops_the_payouts(shop: Market) -> None:
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 500)], deliver_at=BEGIN + timedelta(days=1)))
    await shop.advance(timedelta(days=2))
    bank = shop.banks["ch"]
    bank.available["acct_ana"] -= 3
    assert await reconcile.check_mirror(shop.context, "ch") == {shop.sellers["ana"]: -3}
    await shop.advance(timedelta(days=7))
    assert not any(call.startswith("payout") for call in bank.calls)
    bank.available["acct_ana"] += 3
    assert await reconcile.check_mirror(shop.context, "ch") == {}
    await shop.advance(timedelta(days=7))
    assert sum(call.startswith("payout") for call in bank.calls) == 1


async def test_a_break_that_touches_money_is_resolved_by_two_persons(shop: Market) -> None:
    await _trade(shop)
    await _run(shop)
    async with shop.context.transaction() as tx:
        (row,) = await store.open_breaks(tx, "ch")
        with pytest.raises(ResolutionNeedsTwo):
            await service.resolve(tx, row["id"], "accept", "interest", "contract 7", by="a", approved_by="a", at=BEGIN)
        await store.set_terms(tx, "ch", {}, 3, abs(row["amount_minor"]) - 1)
        with pytest.raises(TooLargeToAccept):
            await service.resolve(tx, row["id"], "accept", "interest", "contract 7", by="a", approved_by="b", at=BEGIN)
        await store.set_terms(tx, "ch", {}, 3, abs(row["amount_minor"]))
        await service.resolve(tx, row["id"], "accept", "interest", "contract 7", by="a", approved_by="b", at=BEGIN)
        assert await store.open_breaks(tx, "ch") == []


async def test_the_end_of_the_freeze_gives_the_rest_to_the_owner(dsn: str) -> None:
    async with market(dsn, {"ch": Bank(OWNED)}) as shop:
        (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 1_000, 0)]))
        await shop.advance(timedelta(days=180))
        (collection,) = shop.banks["ch"].held
        shop.banks["ch"].expire(collection)
        day = date(2026, 7, 14)
        await shop.advance(timedelta(days=1))
        await reconcile.fetch_statements(shop.context, "ch", [FIRST, day])
        await reconcile.reconcile(shop.context, "ch", FIRST, day + timedelta(days=1))
        assert await _breaks(shop) == []
        assert "custody member:ana:withdrawable: 994" in await shop.books()
        assert await shop.differences() == []
        assert taken.order_id
