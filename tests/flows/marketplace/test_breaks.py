"""Every kind of difference, planted in the provider's files at once: each is found with its amount, and nothing else is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from cauce.flows.marketplace import breaks, pay_out, reconcile
from cauce.flows.marketplace.breaks import NothingToConfirm
from cauce.gateway.errors import BalanceGap, CountDiffers
from cauce.gateway.reporting import LineKind, LineStatus, StatementFacts, StatementLine
from cauce.kernel.money import Money
from cauce.marketplace.reconciliation import store
from cauce.marketplace.reconciliation.rules import BreakType, Severity, UnknownBreak
from cauce.marketplace.settlement.rules import PayoutsPaused
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market

FIRST = BEGIN.date()
DAYS = 15
Found = list[tuple[str, str, int]]


@pytest.fixture(params=["owned", "pooled"])
async def shop(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[Market]:
    capabilities = OWNED if request.param == "owned" else POOLED
    async with market(dsn, {"ch": Bank(capabilities)}) as one:
        yield one


async def _trade(shop: Market, count: int = 8) -> None:
    """Two weeks of orders of one seller, a day apart, released a day later and paid out on Mondays."""
    new = [
        shop.order(
            f"A{n}",
            "ch",
            [("ana", 10_000 + n, 500)],
            placed_at=BEGIN + timedelta(days=n),
            deliver_at=BEGIN + timedelta(days=n + 1),
        )
        for n in range(count)
    ]
    unpaid = {"placed_at": BEGIN + timedelta(days=12), "deliver_at": BEGIN + timedelta(days=13)}
    new.append(shop.order("last", "ch", [("ana", 5_000, 0)], **unpaid))
    await shop.take(*new)
    await shop.advance(timedelta(days=14))


def _lines(shop: Market, kind: LineKind) -> list[int]:
    return [n for n, line in enumerate(shop.banks["ch"].lines) if line.kind is kind]


async def _file(*lines: StatementLine, ends: Exception | None = None) -> AsyncIterator[StatementLine]:
    for line in lines:
        yield line
    if ends is not None:
        raise ends


def _bank_line(row: str, amount: int, key: str = "") -> StatementLine:
    return StatementLine(row, LineKind.OTHER, Money(amount, "brl"), BEGIN + timedelta(days=13), key=key, ref=f"b{row}")


async def _compare(shop: Market) -> Found:
    await reconcile.fetch_statements(shop.context, "ch", [FIRST + timedelta(days=n) for n in range(DAYS)])
    await reconcile.reconcile(shop.context, "ch", FIRST, FIRST + timedelta(days=DAYS))
    return await _open(shop)


async def _open(shop: Market) -> Found:
    async with shop.context.transaction() as tx:
        rows = await store.open_breaks(tx, "ch")
    return sorted((row["type"], row["kind"], row["amount_minor"]) for row in rows)


async def test_every_kind_of_break_is_found_and_only_those(shop: Market) -> None:
    await _trade(shop)
    bank = shop.banks["ch"]
    lines, expected = bank.lines, list[tuple[str, str, int]]()

    def plant(kind: LineKind, place: int) -> StatementLine:
        return lines[_lines(shop, kind)[place]]

    def change(line: StatementLine, **fields: object) -> None:
        lines[lines.index(line)] = replace(line, **fields)  # type: ignore[arg-type]

    lines.append(
        replace(plant(LineKind.COLLECTION, 0), row_key="s", key="col_stranger", amount=Money(777, "brl"), fee_minor=0)
    )
    expected.append(("missing_here", "collection", 777))
    change(plant(LineKind.COLLECTION, 1), amount=Money(plant(LineKind.COLLECTION, 1).amount.amount_minor + 5, "brl"))
    expected.append(("amount", "collection", 5))
    change(plant(LineKind.COLLECTION, 2), fee_minor=plant(LineKind.COLLECTION, 2).fee_minor + 2)
    expected.append(("fee", "fee", 2))
    whole = LineKind.SPLIT if not bank.owned else LineKind.PAYOUT
    gone = plant(whole, 0)
    lines.remove(gone)
    expected.append(("missing_there", whole.value, -abs(gone.amount.amount_minor)))
    if bank.owned:
        failed = plant(LineKind.RELEASE, 0)  # the platform's part of the same split arrived
        change(failed, status=LineStatus.FAILED)
        expected.append(("status", "split", -failed.amount.amount_minor))
    else:
        failed = plant(LineKind.SPLIT, 0)
        change(failed, status=LineStatus.FAILED)
        expected.append(("status", "split", -failed.amount.amount_minor))
        twice = plant(LineKind.SPLIT, 1)
        lines.append(replace(twice, row_key="twice"))
        expected.append(("duplicate", "split", twice.amount.amount_minor))
    flipped = plant(LineKind.PAYOUT, -1)
    lines.append(replace(flipped, row_key="flip", status=LineStatus.FAILED))
    expected.append(("status_conflict", "payout", 0))
    if bank.owned:
        once = plant(LineKind.COLLECTION, 3)
        lines.append(replace(once, row_key="once", fee_minor=0))
        expected.append(("duplicate", "collection", once.amount.amount_minor))
    bank.flaws[FIRST + timedelta(days=10)] = CountDiffers(5, 4)
    expected.append(("count", "statement", 1))
    bank.available["acct_ana"] -= 3
    assert await reconcile.check_mirror(shop.context, "ch") == {shop.sellers["ana"]: -3}
    expected.append(("balance", "balance", -3))
    day = FIRST + timedelta(days=13)
    strays = _file(_bank_line("1", -400), _bank_line("2", -60, "CI00000000000013"))
    await reconcile.take_statement(
        shop.context, "ch", "bank", day, strays, facts=StatementFacts("acct", "brl", 900, 440)
    )
    expected += [("unknown_debit", "other", 400), ("unknown_reference", "other", 60)]
    with pytest.raises(BalanceGap):
        gap = _file(_bank_line("3", 10), ends=BalanceGap(450, 449, "brl"))
        await reconcile.take_statement(shop.context, "ch", "bank", day + timedelta(days=1), gap)
    expected.append(("balance_gap", "statement", -1))
    late = shop.order("late", "ch", [("ana", 900, 0)], placed_at=BEGIN + timedelta(days=14))
    await shop.take(late)
    bank.lines[:] = [line for line in bank.lines if line.occurred_at.date() != FIRST + timedelta(days=14)]
    await shop.advance(timedelta(hours=15))
    found = await _compare(shop)
    timing = [one for one in found if one[0] == "timing"]
    assert ("timing", "collection", -900) in timing
    assert {one[1] for one in timing} <= {"collection", "fee"}
    assert [one for one in found if one[0] != "timing"] == sorted(expected)
    assert {one[0] for one in found} == {one.value for one in BreakType}


async def test_a_debit_that_nobody_ordered_stops_the_payouts_until_it_is_resolved(shop: Market) -> None:
    await _trade(shop)
    day = FIRST + timedelta(days=13)
    await reconcile.take_statement(shop.context, "ch", "bank", day, _file(_bank_line("1", -400)))
    assert await _compare(shop) == [("unknown_debit", "other", 400)]
    ask = pay_out.AskPayout(shop.sellers["ana"], "ch", "brl", 1)
    with pytest.raises(PayoutsPaused, match="transit_break"):
        await pay_out.request_payout(shop.context, ask)
    async with shop.context.transaction() as tx:
        (row,) = await store.open_breaks(tx, "ch")
        await breaks.resolve_break(
            shop.context,
            tx,
            row["id"],
            "correct",
            "the bank took its yearly fee",
            "contract 3",
            by="a",
            approved_by="b",
        )
    await pay_out.request_payout(shop.context, ask)


async def test_a_credit_that_nobody_knows_waits_in_suspense(shop: Market) -> None:
    await _trade(shop, 1)
    day = FIRST + timedelta(days=13)
    await reconcile.take_statement(shop.context, "ch", "bank", day, _file(_bank_line("1", 300)))
    assert await _compare(shop) == [("missing_here", "other", 300)]
    assert await _compare(shop) == [("missing_here", "other", 300)], "once, however often it is compared"
    assert "custody suspense: 300" in await shop.books()


async def test_a_statement_opens_with_what_the_one_before_closed_with(shop: Market) -> None:
    days: list[date] = [FIRST + timedelta(days=n) for n in range(3)]
    first = StatementFacts("acct", "brl", 0, 300)
    await reconcile.take_statement(shop.context, "ch", "bank", days[0], _file(_bank_line("1", 300)), facts=first)

    async def second(opening: int) -> int:
        facts = StatementFacts("acct", "brl", opening, opening - 50)
        return await reconcile.take_statement(
            shop.context, "ch", "bank", days[1], _file(_bank_line("2", -50, "x")), facts=facts
        )

    with pytest.raises(BalanceGap):
        await second(301)
    assert await _open(shop) == [("balance_gap", "statement", 1)]
    assert await second(300) == 1
    assert await _open(shop) == [], "the right file ended it"
    assert await second(300) == 0, "the same file again changes nothing"


async def test_two_halves_of_one_thing_are_proposed_and_a_person_confirms(shop: Market) -> None:
    await _trade(shop)
    bank = shop.banks["ch"]
    lost = [bank.lines[n] for n in _lines(shop, LineKind.PAYOUT)]
    for line in lost:
        bank.lines.remove(line)
    whole = sum(line.amount.amount_minor for line in lost)
    day = lost[-1].occurred_at.date()
    assert len({line.occurred_at.date() for line in lost}) == 2
    each = [
        StatementLine(f"b{n}", LineKind.OTHER, line.amount, line.occurred_at, ref=f"bank{n}")
        for n, line in enumerate(lost)
    ]
    await reconcile.take_statement(shop.context, "ch", "bank", day, _file(*each))
    found = await _compare(shop)
    assert sorted(one[0] for one in found) == ["missing_there", "missing_there", "unknown_debit", "unknown_debit"]
    assert sum(one[2] for one in found) == 0
    assert whole < 0
    async with shop.context.transaction() as tx:
        rows = await store.open_breaks(tx, "ch")
    assert all(row["proposal"].startswith("1:1 brk_") for row in rows)
    confirmed = await breaks.confirm_match(shop.checker, rows[0]["id"])
    assert len(confirmed) == 2
    assert len(await _open(shop)) == 2


async def test_a_case_has_an_owner_and_a_time_and_ends_with_its_last_break(shop: Market) -> None:
    await _trade(shop)
    bank = shop.banks["ch"]
    for n in (_lines(shop, LineKind.PAYOUT)[-1], _lines(shop, LineKind.COLLECTION)[-1]):
        line = bank.lines[n]
        bank.lines[n] = replace(line, amount=Money(line.amount.amount_minor + 1, "brl"))
    await _compare(shop)
    async with shop.context.transaction() as tx:
        ids = [row["id"] for row in await store.open_breaks(tx, "ch")]
    case_id = await breaks.open_case(shop.context, ids, "a cent too much", "person:finance", Severity.HIGH)
    with pytest.raises(UnknownBreak):
        await breaks.open_case(shop.context, [], "nothing", "person:finance", Severity.HIGH)
    await breaks.assign_case(shop.context, case_id, "person:other")
    async with shop.context.transaction() as tx:
        case = await store.lock_case(tx, case_id)
        assert case is not None
        assert (case["owner"], case["due_at"] - case["opened_at"]) == ("person:other", timedelta(days=1))
        for one in ids:
            await breaks.resolve_break(shop.context, tx, one, "explain", "rounding of the bank", "mail 4", by="a")
        case = await store.lock_case(tx, case_id)
    assert case is not None and case["closed_at"] is not None
    with pytest.raises(NothingToConfirm):
        await breaks.confirm_match(shop.context, ids[0])
