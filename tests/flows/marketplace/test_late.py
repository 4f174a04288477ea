"""What a provider takes back after it was final: payouts and refunds, told by its notice, by its statement, or by both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cauce.entrypoints.demo.proof import prove
from cauce.flows.marketplace import reconcile
from cauce.flows.marketplace.bounced import refund_told
from cauce.flows.marketplace.refunds import AskRefund, refund_orders
from cauce.flows.marketplace.returned import payout_told
from cauce.gateway.outcome import Declined, Refusal
from cauce.gateway.reporting import LineKind, Notice, NoticeKind
from cauce.kernel.money import Money
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.reconciliation import store
from cauce.storage.database import Row
from tests.flows.marketplace.at_stripe import STRIPE, stripe_market
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import Market, market
from tests.support.runtime import BEGIN

FIRST = BEGIN.date()
CLOSED = Declined("account_closed", Refusal.INSTRUMENT_INVALID, "the bank account is closed")
SENT_BACK = Declined("could_not_process", Refusal.DECLINED, "the bank sent it back")
"""Nothing is said against the account itself: it is paid again."""


@pytest.fixture(params=["owned", "pooled"])
async def shop(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[Market]:
    capabilities = OWNED if request.param == "owned" else POOLED
    async with market(dsn, {"ch": Bank(capabilities)}) as one:
        yield one


async def _pay_out(shop: Market) -> Row:
    """An order that is released, settled and paid out; the payout."""
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN + timedelta(days=1)))
    await shop.advance(timedelta(days=5))
    (payout,) = await _payouts(shop)
    assert payout["state"] == "paid"
    return payout


async def _payouts(shop: Market) -> list[Row]:
    async with shop.context.transaction() as tx:
        return await tx.rows("SELECT * FROM settlement.payout WHERE org_id = $1 ORDER BY requested_at", tx.org)


async def _told(shop: Market, noun: str = "payout") -> list[str]:
    async with shop.context.transaction() as tx:
        rows = await tx.rows("SELECT type FROM storage.event WHERE org_id = $1 ORDER BY id", tx.org)
    return [row["type"] for row in rows if row["type"].startswith(f"{noun}.")]


def _come_back(shop: Market, payout: Row) -> Notice:
    """The merchant's bank sends it back to the holder, whose statement shows it; the notice of it."""
    bank, amount = shop.banks["ch"], payout["amount_minor"]
    bank.available["acct_ana"] = bank.available.get("acct_ana", 0) + amount
    bank._line(LineKind.PAYOUT_RETURN, payout["id"], amount, 0, "brl", "acct_ana")
    bank.done[payout["id"]] = SENT_BACK
    return Notice("evt_1", NoticeKind.PAYOUT, bank.now, key=payout["id"])


async def _reconcile(shop: Market) -> list[tuple[str, str, int]]:
    await reconcile.fetch_statements(shop.context, "ch", [FIRST + timedelta(days=n) for n in range(14)])
    await reconcile.reconcile(shop.context, "ch", FIRST, FIRST + timedelta(days=14))
    async with shop.context.transaction() as tx:
        return [(row["type"], row["kind"], row["amount_minor"]) for row in await store.open_breaks(tx, "ch")]


@pytest.mark.parametrize("first", ["notice", "statement"])
async def test_a_payout_that_comes_back_is_returned_once_and_due_again(shop: Market, first: str) -> None:
    payout = await _pay_out(shop)
    notice = _come_back(shop, payout)
    if first == "notice":
        await payout_told(shop.context, "ch", notice)
        await payout_told(shop.context, "ch", replace(notice, event_id="evt_2"))
    await shop.advance(timedelta(days=1))
    assert await _reconcile(shop) == []
    await payout_told(shop.context, "ch", notice)
    assert await _reconcile(shop) == []
    assert [row["state"] for row in await _payouts(shop)] == ["returned"]
    assert (await _told(shop)).count("payout.returned") == 1
    assert await shop.differences() == []
    await shop.advance(timedelta(days=7))
    assert [(row["state"], row["amount_minor"]) for row in await _payouts(shop)] == [
        ("returned", payout["amount_minor"]),
        ("paid", payout["amount_minor"]),
    ]
    assert await shop.differences() == []


async def test_a_notice_that_the_provider_does_not_confirm_moves_nothing(shop: Market) -> None:
    payout = await _pay_out(shop)
    before = await shop.books()
    await payout_told(shop.context, "ch", Notice("evt_1", NoticeKind.PAYOUT, BEGIN, key=payout["id"]))
    await payout_told(shop.context, "ch", Notice("evt_2", NoticeKind.PAYOUT, BEGIN, key="po_unknown"))
    assert [row["state"] for row in await _payouts(shop)] == ["paid"]
    assert await shop.books() == before


async def test_a_return_of_another_amount_is_a_difference_and_moves_nothing(shop: Market) -> None:
    payout = await _pay_out(shop)
    _come_back(shop, payout)
    bank = shop.banks["ch"]
    bank.lines[-1] = replace(bank.lines[-1], amount=Money(payout["amount_minor"] - 5, "brl"))
    await shop.advance(timedelta(days=1))
    assert await _reconcile(shop) == [("missing_here", "payout_return", payout["amount_minor"] - 5)]
    assert [row["state"] for row in await _payouts(shop)] == ["paid"]


async def test_two_lines_of_one_return_are_a_duplicate(shop: Market) -> None:
    payout = await _pay_out(shop)
    _come_back(shop, payout)
    bank = shop.banks["ch"]
    bank.lines.append(replace(bank.lines[-1], row_key="999999"))
    await shop.advance(timedelta(days=1))
    assert await _reconcile(shop) == [("duplicate", "payout_return", payout["amount_minor"])]
    assert (await _told(shop)).count("payout.returned") == 1


async def test_a_payout_that_failed_before_it_was_paid_came_to_nothing(shop: Market) -> None:
    bank = shop.banks["ch"]
    bank.decline["payout"] = CLOSED
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN + timedelta(days=1)))
    await shop.advance(timedelta(days=5))
    (payout,) = await _payouts(shop)
    assert payout["state"] == "failed"
    for kind, amount in ((LineKind.PAYOUT, -payout["amount_minor"]), (LineKind.PAYOUT_RETURN, payout["amount_minor"])):
        bank._line(kind, payout["id"], amount, 0, "brl", "acct_ana")
    await shop.advance(timedelta(days=1))
    assert await _reconcile(shop) == []
    assert await shop.differences() == []


@pytest.mark.parametrize("first", ["notice", "statement"])
@pytest.mark.parametrize("divided", [False, True])
async def test_a_refund_that_fails_late_goes_back_to_its_sources(shop: Market, first: str, divided: bool) -> None:
    bank = shop.banks["ch"]
    (taken,) = await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN + timedelta(days=1)))
    await shop.advance(timedelta(days=1, hours=1) if divided else timedelta(hours=1))
    before = await shop.books()
    asked = await refund_orders(shop.context, [AskRefund(taken.order_id, "r1", 3_000)])
    await shop.work()
    ((refund_id,),) = asked.values()
    assert (await _told(shop, "order_refund"))[-1] == "order_refund.succeeded"
    shown = bank.lines[-1]
    assert shown.kind is LineKind.REFUND
    (held,), back = bank.held.values(), -shown.fee_minor
    held.refunded, held.fee_back = held.refunded - 3_000, held.fee_back - back
    if bank.owned and not divided:
        held.frozen += 3_000 - back
    else:
        bank.available["acct_ana" if bank.owned else ""] += 3_000 - back
    bank.lines.append(replace(shown, row_key="back", amount=-shown.amount, fee_minor=-shown.fee_minor))
    bank.done[refund_id] = Declined("expired_or_canceled_card", Refusal.DECLINED, "the card is closed")
    notice = Notice("evt_1", NoticeKind.REFUND, bank.now, key=refund_id)
    if first == "notice":
        await refund_told(shop.context, "ch", notice)
        await refund_told(shop.context, "ch", notice)
        await shop.work()
        if divided and bank.owned:  # what came back of the fee lies with the order's own merchant
            assert "custody member:ana:withdrawable: 9100" in await shop.books()
        else:
            assert await shop.books() == before
    await shop.advance(timedelta(days=1))
    await _reconcile(shop)
    await shop.work()
    await refund_told(shop.context, "ch", notice)
    assert (await _told(shop, "order_refund")).count("order_refund.failed") == 1
    assert [one for one in await _reconcile(shop) if one[1] == "refund"] == []
    async with shop.context.transaction() as tx:
        (row,) = await order_store.refunds_of(tx, [taken.order_id])
    assert row["state"] == "failed"
    if first == "notice":  # else the holder had released what we thought refunded
        assert await shop.differences() == []


async def test_stripe_tells_that_a_paid_payout_failed(dsn: str, tmp_path: Path) -> None:
    async with stripe_market(dsn, tmp_path) as shop:
        await shop.buy("o-1", 10_000)
        await shop.forward(8)
        (payout,) = await shop.objects("payout")
        assert await shop.told("payout") == ["payout.requested", "payout.submitted", "payout.paid"]
        await shop.stage.control.verb(STRIPE, f"payouts/{payout['id']}/fail", {})
        await shop.stage.settle()
        assert (await shop.told("payout"))[3:] == ["payout.returned"]
        assert (await shop.books())["member:ana:withdrawable"] == payout["amount"] == await shop.theirs()
        for sent in await shop.stage.control.callbacks(STRIPE, "payout.failed"):
            await shop.stage.control.resend(STRIPE, sent["id"], copies=2)
        await shop.forward(7)
        assert (await shop.told("payout"))[4:] == ["payout.requested", "payout.submitted", "payout.paid"]
        assert "member:ana:withdrawable" not in await shop.books()
        assert await shop.theirs() == 0
        assert (await prove(shop.stage)).holds
