"""Money that is not an order's, on a holder that keeps it: books equal to the cent; elsewhere refused when it is planned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from cauce.flows.marketplace import funds, orders, pay_out, refunds, release
from cauce.flows.marketplace.funds import AskFunding
from cauce.flows.marketplace.pay_out import AskPayout
from cauce.flows.marketplace.refunds import AskRefund
from cauce.gateway.capabilities import TopUpKind
from cauce.gateway.errors import CapabilityMissing
from cauce.kernel.errors import InvalidRequest
from cauce.ledger.rules import JournalRefused
from cauce.marketplace.orders.rules import NewPayment
from cauce.marketplace.settlement.funding import OF_ORDERS, FundingKind, FundingNeedsSecondPerson, TopUpSpent
from cauce.providers.kit.registry import installed
from tests.flows.marketplace.bank import FUNDING, POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(FUNDING)}, ("ana", "bia", "buyer")) as one:
        yield one


def _ask(shop: Market, kind: FundingKind, amount: int, who: str = "", **more: str) -> AskFunding:
    return AskFunding(kind, "ch", "brl", amount, shop.sellers[who] if who else "", **more)


async def _balance(shop: Market, name: str) -> int:
    found = [line for line in await shop.books() if line.startswith(f"custody member:{name}:withdrawable: ")]
    return int(found[0].rpartition(" ")[2]) if found else 0


async def test_a_members_own_money_from_top_up_to_withdrawal(shop: Market) -> None:
    first = await funds.request_funding(shop.context, _ask(shop, FundingKind.TOP_UP, 10_000, "buyer"))
    second = await funds.request_funding(shop.context, _ask(shop, FundingKind.TOP_UP, 5_000, "buyer"))
    await shop.work()
    assert await _balance(shop, "buyer") == 15_000
    order = shop.order("A1", "ch", [("ana", 6_000, 0)])
    paying = NewPayment(6_000, from_balance_of=shop.sellers["buyer"])
    (taken,) = await shop.take(type(order)(**{**_fields(order), "payments": (paying,)}))
    assert taken.refused is None
    await shop.work()
    assert await _balance(shop, "buyer") == 9_000
    await release.release_orders(shop.context, [taken.order_id])
    await shop.work()
    assert (await _balance(shop, "ana"), await shop.differences()) == (5_280, [])
    await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "1", 2_000)])
    await shop.work()
    assert await _balance(shop, "buyer") == 11_000, "a refund goes back into the balance that paid"
    undo = _ask(shop, FundingKind.UNDO_TOP_UP, 5_000, "buyer", parent_id=second)
    await funds.request_funding(shop.context, undo)
    await shop.work()
    assert await _balance(shop, "buyer") == 6_000
    with pytest.raises(TopUpSpent):
        await funds.request_funding(shop.context, undo)
    with pytest.raises(JournalRefused):  # the other top-up was spent on the order in part
        await funds.request_funding(shop.context, _ask(shop, FundingKind.UNDO_TOP_UP, 10_000, "buyer", parent_id=first))
    await pay_out.request_payout(shop.context, AskPayout(shop.sellers["buyer"], "ch", "brl", 6_000))
    await shop.work()
    assert (await _balance(shop, "buyer"), await shop.differences()) == (0, [])


def _fields(order: object) -> dict[str, object]:
    return {name: getattr(order, name) for name in order.__slots__}  # type: ignore[attr-defined]


async def test_an_advance_is_approved_by_another_and_recovered_from_the_next_sale(shop: Market) -> None:
    advance = await funds.request_funding(shop.context, _ask(shop, FundingKind.ADVANCE, 1_000, "ana"))
    with pytest.raises(FundingNeedsSecondPerson):
        await funds.approve_funding(shop.context, advance)
    await funds.approve_funding(shop.checker, advance)
    await shop.work()
    assert await _balance(shop, "ana") == 1_000
    assert "platform advance_receivable: 1000" in await shop.books()
    await shop.take(shop.order("A1", "ch", [("ana", 500, 0)], deliver_at=BEGIN + timedelta(hours=1)))
    await shop.advance(timedelta(days=1))
    await shop.work()
    assert "platform advance_receivable: 563" in await shop.books(), "437 of the sale came back"
    await shop.take(shop.order("A2", "ch", [("ana", 5_000, 0)], deliver_at=BEGIN + timedelta(days=2)))
    await shop.advance(timedelta(days=2))
    await shop.work()
    books = await shop.books()
    assert not [line for line in books if "advance_receivable" in line]
    assert await shop.differences() == []


async def test_subsidies_and_the_fee_sweep_move_the_platforms_own_money(shop: Market) -> None:
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN))
    await shop.advance(timedelta(hours=1))
    (fee,) = [line for line in await shop.books() if line.startswith("custody fee: ")]
    subsidy = await funds.request_funding(shop.context, _ask(shop, FundingKind.SUBSIDY, 300, "ana"))
    await funds.approve_funding(shop.checker, subsidy)
    amount = int(fee.rpartition(" ")[2])
    await funds.request_funding(shop.context, _ask(shop, FundingKind.FEE_SWEEP, amount))
    with pytest.raises(JournalRefused):
        await funds.request_funding(shop.context, _ask(shop, FundingKind.FEE_SWEEP, 1))
    await shop.work()
    books = await shop.books()
    assert not [line for line in books if "custody fee" in line or "fee_due_from_custody" in line]
    assert f"platform own_bank: {amount - 300}" in books
    assert await shop.differences() == []


async def test_what_the_holder_refuses_leaves_every_balance_as_it_was(shop: Market) -> None:
    top_up = await funds.request_funding(shop.context, _ask(shop, FundingKind.TOP_UP, 1_000, "buyer"))
    await shop.work()
    before = await shop.books()
    shop.banks["ch"].available["acct_buyer"] = 0
    await funds.request_funding(shop.context, _ask(shop, FundingKind.UNDO_TOP_UP, 1_000, "buyer", parent_id=top_up))
    await shop.work()
    assert await shop.books() == before
    shop.banks["ch"].available["acct_buyer"] = 1_000
    await funds.request_funding(shop.context, _ask(shop, FundingKind.UNDO_TOP_UP, 1_000, "buyer", parent_id=top_up))
    await shop.work()
    assert (await _balance(shop, "buyer"), await shop.differences()) == (0, [])


async def test_lost_answers_move_such_money_once(shop: Market) -> None:
    shop.banks["ch"].lose = 4
    await funds.request_funding(shop.context, _ask(shop, FundingKind.TOP_UP, 1_000, "buyer"))
    await shop.advance(timedelta(hours=6))
    assert (await _balance(shop, "buyer"), await shop.differences()) == (1_000, [])


@pytest.mark.parametrize("kind", [one for one in FundingKind if one not in OF_ORDERS])
async def test_a_channel_without_the_capability_refuses_when_it_is_planned(dsn: str, kind: FundingKind) -> None:
    async with market(dsn, {"ch": Bank(POOLED)}, ("ana", "buyer")) as shop:
        with pytest.raises(CapabilityMissing):
            await funds.request_funding(shop.context, _ask(shop, kind, 100, "buyer"))
        order = shop.order("A1", "ch", [("ana", 6_000, 0)])
        paying = NewPayment(6_000, from_balance_of=shop.sellers["buyer"])
        (taken,) = await orders.take_orders(shop.context, [type(order)(**{**_fields(order), "payments": (paying,)})])
        assert taken.refused is not None and taken.refused.code == "capability_missing"
        assert shop.banks["ch"].calls == []


@pytest.mark.parametrize("kind", sorted(OF_ORDERS))
async def test_the_subsidy_of_an_order_is_not_asked_for_by_itself(shop: Market, kind: FundingKind) -> None:
    with pytest.raises(InvalidRequest):
        await funds.request_funding(shop.context, _ask(shop, kind, 100, "ana"))


@pytest.mark.parametrize("name", ["stripe", "wechat"])
def test_neither_a_card_scheme_nor_wechat_keeps_members_own_money(name: str) -> None:
    provider = installed()[name]
    assert provider.sandbox_channel is not None
    probe = provider.sandbox_channel("probe", "http://localhost/probe", "http://localhost/notices")
    found = provider.capabilities(probe.opened(name, channel_id="ch_probe", org_id=1))
    assert (found.member_topup, found.pay_from_balance) == (TopUpKind.NONE, False)
