"""A difference that two persons accept is a loss in the platform's own book, never a correction of the custody book (T26)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from cauce.flows.marketplace import breaks, reconcile
from cauce.gateway.reporting import LineKind
from cauce.kernel.money import Money
from cauce.ledger import reading
from cauce.marketplace.reconciliation import store
from cauce.marketplace.reconciliation.rules import BreakType, ResolutionNeedsTwo, TooLargeToAccept, loss_of
from tests.flows.marketplace.bank import POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(POOLED)}) as one:
        yield one


async def _accept(shop: Market, break_id: str, by: str, approved_by: str) -> None:
    async with shop.context.transaction() as tx:
        await breaks.resolve_break(
            shop.context, tx, break_id, "accept", "rounding", "mail of the bank", by=by, approved_by=approved_by
        )


async def test_what_the_bank_lacks_is_written_off_once_and_within_the_limit(shop: Market) -> None:
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)]), shop.order("A2", "ch", [("bia", 5_000, 0)]))
    lines = shop.banks["ch"].lines
    short, dear = [n for n, line in enumerate(lines) if line.kind is LineKind.COLLECTION]
    lines[short] = replace(lines[short], amount=Money(lines[short].amount.amount_minor - 5, "brl"))
    lines[dear] = replace(lines[dear], fee_minor=lines[dear].fee_minor + 2)
    await shop.advance(timedelta(days=2))
    await reconcile.fetch_statements(shop.context, "ch", [BEGIN.date()])
    await reconcile.reconcile(shop.context, "ch", BEGIN.date(), BEGIN.date() + timedelta(days=1))
    async with shop.context.transaction() as tx:
        found = {row["type"]: row["id"] for row in await store.open_breaks(tx, "ch")}
        await store.set_terms(tx, "ch", {}, 3, 4)
    assert sorted(found) == ["amount", "fee"]
    before = await shop.books()
    with pytest.raises(TooLargeToAccept):
        await _accept(shop, found["amount"], "person:a", "person:b")
    with pytest.raises(ResolutionNeedsTwo):
        await _accept(shop, found["fee"], "person:a", "person:a")
    assert await shop.books() == before
    await _accept(shop, found["fee"], "person:a", "person:b")
    with pytest.raises(Exception, match="accepted"):
        await _accept(shop, found["fee"], "person:a", "person:b")
    async with shop.context.transaction() as tx:
        await store.set_terms(tx, "ch", {}, 3, None)
    await _accept(shop, found["amount"], "person:a", "person:b")
    books = await shop.books()
    assert [line for line in books if line not in before] == ["platform difference:ch: 7", "platform loss: 7"]
    async with shop.context.transaction() as tx:
        assert not any(total.balance_minor for total in await reading.trial_balance(tx))


async def _accepted(shop: Market) -> list[tuple[str, str, int]]:
    async with shop.context.transaction() as tx:
        rows = await tx.rows("SELECT type, state, written_off_minor FROM reconciliation.break ORDER BY id")
    return [(row["type"], row["state"], row["written_off_minor"]) for row in rows]


async def _run(shop: Market, days: int = 2) -> None:
    await reconcile.fetch_statements(shop.context, "ch", [BEGIN.date() + timedelta(days=n) for n in range(days)])
    await reconcile.reconcile(shop.context, "ch", BEGIN.date(), BEGIN.date() + timedelta(days=days))


async def test_what_was_written_off_is_taken_back_when_the_other_side_arrives(shop: Market) -> None:
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)]))
    bank = shop.banks["ch"]
    (late,) = [line for line in bank.lines if line.kind is LineKind.COLLECTION]
    bank.lines.remove(late)
    await shop.advance(timedelta(days=6))
    before = await shop.books()
    await _run(shop)
    async with shop.context.transaction() as tx:
        (found,) = await store.open_breaks(tx, "ch")
    assert found["type"] == "missing_there"
    await _accept(shop, found["id"], "person:a", "person:b")
    assert "platform loss: 10000" in await shop.books()
    await _run(shop)
    assert await _accepted(shop) == [("missing_there", "accepted", 10_000)], "nothing arrived, nothing changes"
    bank.lines.append(replace(late, occurred_at=BEGIN + timedelta(days=1), amount=Money(9_990, "brl")))
    await _run(shop)
    assert await _accepted(shop) == [("missing_there", "closed", 0), ("amount", "open", 0)]
    assert await shop.books() == before
    async with shop.context.transaction() as tx:
        (found,) = await store.open_breaks(tx, "ch")
    await _accept(shop, found["id"], "person:a", "person:b")
    bank.lines[-1] = replace(bank.lines[-1], amount=Money(9_995, "brl"))
    await _run(shop)
    assert await _accepted(shop) == [("missing_there", "closed", 0), ("amount", "open", 0)], "it differs, by less"
    await _accept(shop, found["id"], "person:a", "person:b")
    assert [line for line in await shop.books() if line not in before] == [
        "platform difference:ch: 5",
        "platform loss: 5",
    ]
    bank.lines[-1] = replace(bank.lines[-1], amount=late.amount)
    await _run(shop)
    await _run(shop)
    assert [state for _, state, _ in await _accepted(shop)] == ["closed", "closed"]
    assert await shop.books() == before
    async with shop.context.transaction() as tx:
        assert not any(total.balance_minor for total in await reading.trial_balance(tx))


async def test_a_balance_that_is_right_again_takes_its_write_off_back(shop: Market) -> None:
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 500)], deliver_at=BEGIN))
    await shop.advance(timedelta(days=2))
    before = await shop.books()
    shop.banks["ch"].available["acct_ana"] -= 3
    await reconcile.check_mirror(shop.context, "ch")
    async with shop.context.transaction() as tx:
        (found,) = await store.open_breaks(tx, "ch")
    await _accept(shop, found["id"], "person:a", "person:b")
    await reconcile.check_mirror(shop.context, "ch")
    assert "platform loss: 3" in await shop.books()
    shop.banks["ch"].available["acct_ana"] += 3
    await reconcile.check_mirror(shop.context, "ch")
    assert (await shop.books(), await _accepted(shop)) == (before, [("balance", "closed", 0)])


@pytest.mark.parametrize(
    ("kind", "type_", "ours", "theirs", "loss"),
    [
        ("collection", BreakType.AMOUNT, 100, 95, 5),
        ("collection", BreakType.MISSING_HERE, None, 95, -95),
        ("collection", BreakType.MISSING_THERE, 100, None, 100),
        ("refund", BreakType.AMOUNT, 100, 103, 3),
        ("payout", BreakType.MISSING_THERE, 100, None, -100),
        ("fee", BreakType.FEE, 60, 61, 1),
        ("balance", BreakType.BALANCE, 10, -3, 13),
        ("other", BreakType.UNKNOWN_DEBIT, None, 400, 400),
        ("other", BreakType.MISSING_HERE, None, 300, 0),
        ("split", BreakType.AMOUNT, 10, 12, 0),
        ("order", BreakType.AMOUNT, 900, 907, 0),
        ("statement", BreakType.COUNT, 4, 5, 0),
        ("collection", BreakType.DUPLICATE, 100, 200, 0),
    ],
)
def test_what_a_difference_costs(kind: str, type_: BreakType, ours: int | None, theirs: int | None, loss: int) -> None:
    assert loss_of(kind, type_, ours, theirs) == loss
