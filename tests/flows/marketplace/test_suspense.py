"""Money that nobody knows the owner of (T17) gets one by two persons alone (T18, K15), whichever way somebody tries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from cauce.flows.marketplace import funds, reconcile
from cauce.flows.marketplace.funds import AskFunding
from cauce.gateway.errors import CapabilityMissing
from cauce.gateway.outcome import Declined, Refusal
from cauce.gateway.reporting import LineKind, StatementLine
from cauce.kernel.errors import CauceError
from cauce.kernel.money import Money
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import Event, Holder, withdrawable
from cauce.ledger.recipes.funding import suspense_assigned
from cauce.marketplace.merchants.rules import MerchantNotPayable
from cauce.marketplace.settlement import suspense
from cauce.marketplace.settlement.funding import FundingKind, FundingNeedsSecondPerson, TopUpSpent
from cauce.marketplace.settlement.suspense import SuspenseAssigned, UnknownSuspense
from cauce.reports import compliance
from tests.flows.marketplace.bank import FUNDING, POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market

DAY = timedelta(days=1)


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(FUNDING), "plain": Bank(POOLED)}) as one:
        await _stray(one, "ch")
        yield one


async def _stray(shop: Market, channel: str, amount: int = 500) -> None:
    """A credit of nobody's arrives and the statement tells of it."""
    bank = shop.banks[channel]
    bank.available["suspense"] = bank.available.get("suspense", 0) + amount
    line = StatementLine("s1", LineKind.OTHER, Money(amount, "brl"), BEGIN, ref="bank-77")

    async def lines() -> AsyncIterator[StatementLine]:
        yield line

    await shop.advance(DAY)
    await reconcile.take_statement(shop.context, channel, "bank", BEGIN.date(), lines())
    await reconcile.reconcile(shop.context, channel, BEGIN.date(), BEGIN.date() + DAY)


async def _item(shop: Market) -> str:
    async with shop.context.transaction() as tx:
        (row, *_) = await suspense.page(tx)
    return str(row["id"])


async def _left(shop: Market) -> int:
    async with shop.context.transaction() as tx:
        return sum(row["amount_minor"] - row["assigned_minor"] for row in await suspense.page(tx))


def _give(shop: Market, item: str, amount: int, who: str = "ana", **more: str) -> AskFunding:
    merchant = shop.sellers.get(who, who)
    return AskFunding(FundingKind.ASSIGN_SUSPENSE, "ch", "brl", amount, merchant, parent_id=item, **more)


async def _given(shop: Market, asked: AskFunding) -> str:
    made = await funds.request_funding(shop.context, asked)
    await funds.approve_funding(shop.checker, made)
    await shop.work()
    return made


async def _suspense(shop: Market) -> list[str]:
    return [line for line in await shop.books() if "suspense" in line or "member" in line or "marketing" in line]


async def test_two_persons_give_a_credit_to_its_owner_and_take_it_back(shop: Market) -> None:
    item = await _item(shop)
    assert await _suspense(shop) == ["custody suspense: 500"]
    asked = await funds.request_funding(shop.context, _give(shop, item, 300))
    with pytest.raises(FundingNeedsSecondPerson):
        await funds.approve_funding(shop.context, asked)
    await funds.approve_funding(shop.checker, asked)
    await shop.work()
    assert await _suspense(shop) == ["custody member:ana:withdrawable: 300", "custody suspense: 200"]
    assert "assign " + asked in shop.banks["ch"].calls
    await _given(shop, _give(shop, item, 50, who=""))
    assert "custody marketing: 50" in await _suspense(shop)
    back = AskFunding(FundingKind.UNDO_ASSIGN, "ch", "brl", 100, shop.sellers["ana"], parent_id=asked)
    await _given(shop, back)
    assert "custody suspense: 250" in await _suspense(shop)
    assert await _left(shop) == 250
    with pytest.raises(TopUpSpent):
        await _given(shop, AskFunding(FundingKind.UNDO_ASSIGN, "ch", "brl", 201, shop.sellers["ana"], parent_id=asked))
    async with shop.context.transaction() as tx:
        assert await compliance.violations(tx, await shop.context.now(tx)) == []
    assert shop.banks["ch"].available["suspense"] == 250


async def test_the_same_credit_is_not_given_twice(shop: Market) -> None:
    item = await _item(shop)
    first = await funds.request_funding(shop.context, _give(shop, item, 400))
    second = await funds.request_funding(shop.context, _give(shop, item, 400, who="bia"))
    await funds.approve_funding(shop.checker, first)
    with pytest.raises(SuspenseAssigned):
        await funds.approve_funding(shop.checker, second)
    await shop.work()
    assert await _left(shop) == 100
    await _stray(shop, "ch")
    assert await _left(shop) == 100, "the same statement again brings no second credit"


async def test_lost_answers_give_once_and_a_refusal_leaves_it_where_it_was(shop: Market) -> None:
    item = await _item(shop)
    shop.banks["ch"].lose = 3
    await _given(shop, _give(shop, item, 100))
    await shop.advance(DAY)
    assert await _suspense(shop) == ["custody member:ana:withdrawable: 100", "custody suspense: 400"]
    shop.banks["ch"].decline["assign"] = Declined("no", Refusal.DECLINED, "not his")
    await _given(shop, _give(shop, item, 400))
    assert (await _left(shop), await _suspense(shop)) == (
        400,
        ["custody member:ana:withdrawable: 100", "custody suspense: 400"],
    )


async def test_no_flow_gives_suspense_to_whom_it_must_not(shop: Market) -> None:
    item, before = await _item(shop), await shop.books()
    attacks: list[tuple[type[CauceError], AskFunding]] = [
        (MerchantNotPayable, _give(shop, item, 5, who="mer_nobody")),
        (UnknownSuspense, _give(shop, "sus_none", 5)),
        (SuspenseAssigned, _give(shop, item, 501)),
        (CauceError, _give(shop, item, 0)),
        (CauceError, _give(shop, item, -5)),
        (CapabilityMissing, AskFunding(FundingKind.ASSIGN_SUSPENSE, "plain", "brl", 5, "", parent_id=item)),
        (SuspenseAssigned, AskFunding(FundingKind.ASSIGN_SUSPENSE, "ch", "usd", 5, "", parent_id=item)),
        (CauceError, AskFunding(FundingKind.UNDO_ASSIGN, "ch", "brl", 5, shop.sellers["ana"], parent_id=item)),
    ]
    for refusal, asked in attacks:
        with pytest.raises(refusal):
            await _given(shop, asked)
    assert await shop.books() == before


@pytest.mark.parametrize(
    ("attack", "wall"),
    [
        ("UPDATE settlement.funding SET state = 'submitted', approved_by = requested_by", "two_persons"),
        ("UPDATE settlement.funding SET state = 'paid'", "two_persons"),
        ("UPDATE settlement.funding SET parent_id = ''", "suspense_has_an_item"),
        ("UPDATE settlement.suspense SET assigned_minor = amount_minor + 1", "assigned_at_most_arrived"),
        ("UPDATE settlement.suspense SET assigned_minor = -1", "assigned_at_most_arrived"),
        ("DELETE FROM settlement.suspense", "permission denied"),
        ("UPDATE ledger.account SET balance_minor = 0 WHERE code = 'suspense'", "permission denied"),
    ],
)
async def test_the_database_refuses_the_same_by_sql(shop: Market, attack: str, wall: str) -> None:
    await funds.request_funding(shop.context, _give(shop, await _item(shop), 100))
    with pytest.raises(Exception, match=wall):
        async with shop.context.transaction() as tx:
            await tx.run(attack)


async def test_a_journal_behind_which_nobody_stands_is_found(shop: Market) -> None:
    event = Event("forged", "asg_none", "line:1:s1", BEGIN)
    journal = suspense_assigned(Holder("ch", "brl"), event, withdrawable(shop.sellers["ana"]), 5)
    async with shop.context.transaction() as tx:
        assert all(result.code.stands for result in await post(tx, [journal]))
        found = await compliance.violations(tx, await shop.context.now(tx))
    assert [one.rule for one in found if "two persons" in one.problem] == ["K15"]
