"""Payers who contest an order's payment: what the provider took comes from the parties, and back when the dispute is won."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from cauce.flows.marketplace import pay_out, reconcile, refunds, release
from cauce.flows.marketplace.disputed import dispute_told
from cauce.flows.marketplace.pay_out import AskPayout
from cauce.flows.marketplace.refunds import AskRefund
from cauce.flows.marketplace.retries import RefundNotRetryable, retry_refund
from cauce.gateway.outcome import Declined, Refusal
from cauce.gateway.reporting import LineKind, Notice, NoticeKind, StatementLine
from cauce.kernel.money import Money
from cauce.marketplace.orders import disputing
from cauce.marketplace.orders import store as order_store
from cauce.storage.database import Row
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import BEGIN, COMMISSION, Market, market

FEE = 1_500


@dataclass
class Court:
    """One dispute at the bank: what it does to the bank's books, and the notices that tell of it."""

    shop: Market
    collection: Row
    ref: str = "dp_1"
    said: list[Notice] = field(default_factory=list)

    @property
    def amount(self) -> int:
        return int(self.collection["amount_minor"])

    def opens(self, amount: int | None = None) -> None:
        """The bank takes the money and its fee."""
        self._moves(-(self.amount if amount is None else amount), FEE)
        self._says("charge.dispute.created", "needs_response", 0)
        self._says("charge.dispute.funds_withdrawn", "needs_response", -1)

    def ends(self, verdict: str) -> None:
        """Won gives the money back, lost keeps it."""
        self._says("charge.dispute.closed", verdict, 0)
        if verdict == "won":
            self._moves(self.amount, 0)
            self._says("charge.dispute.funds_reinstated", verdict, 1)

    def _moves(self, amount: int, fee: int) -> None:
        bank = self.shop.banks["ch"]
        if bank.owned:
            bank._add(self.collection["merchant_ref"], amount - fee)
        else:
            bank._add("", amount - fee)
        row = f"{len(bank.lines) + 1:06d}"
        bank.lines.append(
            StatementLine(row, LineKind.DISPUTE, Money(amount, "brl"), bank.now, ref=self.ref, fee_minor=fee)
        )

    def _says(self, kind: str, status: str, moved: int) -> None:
        data: dict[str, object] = {
            "status": status, "closed": kind.endswith("closed"), "reason": "fraudulent", "amount_minor": self.amount,
            "money_moved": moved, "fee_minor": FEE if moved < 0 else 0, "collection_ref": self.collection["ref"],
            "respond_by": int((self.shop.banks["ch"].now + timedelta(days=7)).timestamp()),
        }  # fmt: skip
        number = f"evt_{self.ref}_{len(self.said)}"
        self.said.append(Notice(number, NoticeKind.DISPUTE, self.shop.banks["ch"].now, ref=self.ref, data=data))

    async def told(self, *notices: Notice) -> None:
        """The notices arrive, each twice; by default all that were not told yet, in order."""
        for notice in notices or self.said:
            for _ in range(2):
                await dispute_told(self.shop.context, "ch", notice)
        if not notices:
            self.said.clear()
        await self.shop.work()


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(POOLED)}) as one:
        await one.take(one.order("F1", "ch", [("bia", 200_000, 0)], deliver_at=BEGIN))
        await one.advance(timedelta(hours=1))
        yield one


async def _sold(shop: Market, number: str, price: int, *, divided: bool = True) -> Court:
    async with shop.context.transaction() as tx:
        now = await shop.context.now(tx)
    (taken,) = await shop.take(shop.order(number, "ch", [("ana", price, 0)], placed_at=now))
    assert taken.refused is None
    if divided:
        await release.release_orders(shop.context, [taken.order_id])
        await shop.advance(timedelta(hours=1))
    async with shop.context.transaction() as tx:
        (row,) = await order_store.collections_of(tx, [taken.order_id])
    return Court(shop, row)


async def _of(shop: Market, code: str) -> int:
    found = [line for line in await shop.books() if line.split(" ", 1)[1].startswith(f"{code}: ")]
    return int(found[0].rpartition(" ")[2]) if found else 0


async def _dispute(shop: Market) -> Row:
    async with shop.context.transaction() as tx:
        (row,) = await disputing.page(tx)
    return row


async def _breaks(shop: Market) -> list[tuple[str, str, int]]:
    days = [BEGIN.date() + timedelta(days=n) for n in range(3)]
    await shop.advance(timedelta(days=1))
    await reconcile.fetch_statements(shop.context, "ch", days)
    await reconcile.reconcile(shop.context, "ch", days[0], days[-1] + timedelta(days=1))
    async with shop.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT type, kind, amount_minor FROM reconciliation.break WHERE org_id = $1 AND state = 'open'", tx.org
        )
    return [(row["type"], row["kind"], row["amount_minor"]) for row in rows]


@pytest.mark.parametrize("divided", [True, False])
async def test_a_lost_dispute_is_paid_by_the_parties_and_its_fee_by_the_platform(shop: Market, divided: bool) -> None:
    court = await _sold(shop, "A1", 10_000, divided=divided)
    before = await _of(shop, "fee")
    court.opens()
    await court.told()
    assert await shop.differences() == []
    assert await _of(shop, "member:ana:withdrawable") == 0
    gave = before - await _of(shop, "fee")
    assert gave == FEE + 60 + (1_200 if divided else 0), "its own part, the fee of the payment and that of the dispute"
    row = await _dispute(shop)
    assert (row["state"], row["amount_minor"], row["fee_minor"]) == ("open", 10_000, FEE)
    assert row["respond_by"] is not None
    court.ends("lost")
    await court.told()
    assert ((await _dispute(shop))["state"], await shop.differences()) == ("lost", [])
    assert [call for call in shop.banks["ch"].calls if call.startswith("refund")] == [], "the bank has done it"
    assert await _breaks(shop) == []


@pytest.mark.parametrize("divided", [True, False])
@pytest.mark.parametrize("spent", [0, 5_000])
async def test_a_dispute_that_is_won_leaves_nothing_but_its_fee(shop: Market, divided: bool, spent: int) -> None:
    court = await _sold(shop, "A1", 10_000, divided=divided)
    if spent and divided:
        await pay_out.request_payout(shop.context, AskPayout(shop.sellers["ana"], "ch", "brl", spent))
        await shop.work()
    before = await shop.books()
    court.opens()
    await court.told()
    assert await shop.differences() == []
    assert await _of(shop, "advance_receivable") == (spent if divided else 0), "what he has no more is advanced"
    court.ends("won")
    await court.told()
    await shop.advance(timedelta(hours=2))
    row = await _dispute(shop)
    assert (row["state"], row["booked_back"]) == ("won", True)
    assert await shop.differences() == []
    cost = {"custody fee", "custody psp_in_transit", "platform fee_due_from_custody", "platform provider_cost"}
    after = await shop.books()
    differs = {line.rpartition(":")[0] for line in {*before} ^ {*after}}
    assert differs <= cost, "the parties have what they had"
    with pytest.raises(RefundNotRetryable):
        await retry_refund(shop.context, row["refund_id"])
    assert await _breaks(shop) == []


async def test_what_a_party_repaid_meanwhile_is_his_again_when_it_is_won(shop: Market) -> None:
    court = await _sold(shop, "A1", 10_000)
    await pay_out.request_payout(shop.context, AskPayout(shop.sellers["ana"], "ch", "brl", 8_740))
    await shop.work()
    court.opens()
    await court.told()
    await _sold(shop, "A2", 5_000)
    assert await _of(shop, "advance_receivable") == 8_740 - 4_370
    court.ends("won")
    await court.told()
    await shop.advance(timedelta(hours=2))
    assert (await _of(shop, "advance_receivable"), await shop.differences()) == (0, [])
    assert await _of(shop, "member:ana:withdrawable") == 4_370
    assert shop.banks["ch"].available["acct_ana"] == 4_370


@pytest.mark.parametrize("seed", range(6))
async def test_the_notices_come_in_any_order(shop: Market, seed: int) -> None:
    court = await _sold(shop, "A1", 10_000)
    court.opens()
    court.ends("won")
    shuffled = list(court.said)
    random.Random(seed).shuffle(shuffled)
    for notice in shuffled:
        await court.told(notice)
    await shop.advance(timedelta(hours=3))
    row = await _dispute(shop)
    assert (row["state"], row["booked_back"], await shop.differences()) == ("won", True, [])
    assert await _of(shop, "member:ana:withdrawable") == 8_740


async def test_what_was_refunded_before_is_the_platforms_loss(shop: Market) -> None:
    court = await _sold(shop, "A1", 10_000)
    await refunds.refund_orders(shop.context, [AskRefund(court.collection["order_id"], "1", 4_000)])
    await shop.work()
    before = await _of(shop, "fee")
    court.opens()
    await court.told()
    assert await shop.differences() == []
    assert await _of(shop, "member:ana:withdrawable") == 0
    assert before - await _of(shop, "fee") == FEE + 4_000 + 720 + 36
    court.ends("won")
    await court.told()
    await shop.advance(timedelta(hours=1))
    assert await shop.differences() == []
    assert await _of(shop, "fee") == before - FEE


async def test_a_part_that_does_not_come_back_is_advanced_whatever_the_reason(shop: Market) -> None:
    court = await _sold(shop, "A1", 10_000)
    shop.banks["ch"].decline["reverse"] = Declined("NO", Refusal.FORBIDDEN, "not today")
    court.opens()
    await court.told()
    assert (await _of(shop, "advance_receivable"), await shop.differences()) == (8_740, [])


async def test_without_commission_a_dispute_waits_for_it(dsn: str) -> None:
    async with market(dsn, {"ch": Bank(POOLED)}) as shop:
        court = await _sold(shop, "A1", 10_000)
        shop.banks["ch"]._add("", 5_000)  # whose money the bank takes meanwhile is its own business
        court.opens()
        await court.told()
        assert await _of(shop, "refund_in_transit") == 0
        await shop.take(shop.order("A2", "ch", [("bia", 50_000, 0)], deliver_at=BEGIN))
        await shop.advance(timedelta(days=1))
        assert await _of(shop, "member:ana:withdrawable") == 0
        shop.banks["ch"]._add("", -5_000)
        assert await shop.differences() == []


async def test_an_order_that_is_being_divided_is_looked_at_again(shop: Market) -> None:
    court = await _sold(shop, "A1", 10_000, divided=False)
    shop.banks["ch"].lost.add("split acct_ana")
    await release.release_orders(shop.context, [court.collection["order_id"]])
    await shop.work()
    court.opens()
    await court.told()
    await shop.advance(timedelta(hours=3))
    assert (await _of(shop, "member:ana:withdrawable"), await shop.differences()) == (0, [])


async def test_where_a_payment_has_an_owner_he_pays(dsn: str) -> None:
    async with market(dsn, {"ch": Bank(OWNED)}) as shop:
        shop.rule_id = await shop.rule(COMMISSION | {"name": "owned"})
        court = await _sold(shop, "A1", 10_000)
        await _sold(shop, "A2", 10_000)
        had = await _of(shop, "member:ana:withdrawable")
        shop.banks["ch"].decline["reverse"] = Declined("NO", Refusal.FORBIDDEN, "not today")
        court.opens()
        await court.told()
        assert had - await _of(shop, "member:ana:withdrawable") == 10_000 + FEE
        assert await _breaks(shop) == []


async def test_a_dispute_that_nobody_booked_and_lines_of_no_known_kind_are_shown(shop: Market) -> None:
    await _sold(shop, "A1", 10_000)
    bank = shop.banks["ch"]
    for number, (kind, amount) in enumerate(
        [(LineKind.DISPUTE, -700), (LineKind.ADJUSTMENT, -30), (LineKind.TOP_UP, 40), (LineKind.CHARGE, 50)]
    ):
        bank.lines.append(StatementLine(f"s{number}", kind, Money(amount, "brl"), bank.now, ref=f"x{number}"))
    found = await _breaks(shop)
    assert sorted(found) == [
        ("missing_here", "dispute", 700),
        ("missing_here", "other", 40),
        ("missing_here", "other", 50),
        ("unknown_debit", "other", 30),
    ]
