"""Attacks on the rules that keep merchants' money apart: by SQL, by flow, by one person alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from cauce.flows.marketplace import merchants, pay_out
from cauce.flows.marketplace.pay_out import AskPayout
from cauce.kernel.ids import new_id
from cauce.ledger.rules import JournalRefused
from cauce.marketplace.compliance.rules import QUESTIONS, Answer, GateClosed, LicenceNotInForce, NewLicence, PooledMoney
from cauce.marketplace.compliance.service import record_licence, require_gate, sign_self_check
from cauce.marketplace.merchants.rules import HolderDiffers, MerchantNotPayable, NewAccount, NewMerchant, SamePerson
from cauce.marketplace.merchants.service import approve_instrument, record_instrument, request_instrument
from cauce.marketplace.merchants.service import connect_merchants as connect_accounts
from cauce.marketplace.orders.rules import NewLine
from cauce.marketplace.settlement.rules import PayoutNeedsSecondPerson
from cauce.marketplace.splits.service import RuleNeedsSecondPerson
from cauce.storage.directory.orgs import Mode, create_org
from tests.flows.marketplace.bank import OWNED, Bank
from tests.flows.marketplace.market import BEGIN, COMMISSION, Market, market


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(OWNED)}) as one:
        await one.take(one.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN))
        await one.advance(timedelta(hours=1))
        yield one


@pytest.mark.parametrize(
    ("rule", "attack"),
    [
        ("K1", "UPDATE orders.collection SET destination = 'platform'"),
        ("K6", "UPDATE orders.collection SET escrow_minor = -1"),
        ("K6", "UPDATE orders.collection SET released_minor = amount_minor + 1"),
        ("K12", "UPDATE orders.collection SET refunded_minor = amount_minor + 1"),
        ("K12", "UPDATE orders.purchase SET refunded_minor = collected_minor + 1"),
        ("K10", "UPDATE merchants.account SET agreed_at = NULL"),
        ("K21", "UPDATE orders.line SET sold_by = 'platform'"),
        ("reversed", "UPDATE splits.allocation SET reversed_minor = amount_minor + 1"),
    ],
)
async def test_sql_cannot_break_a_rule(dsn: str, shop: Market, rule: str, attack: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await connection.execute(attack)
    finally:
        await connection.close()
    assert rule


async def test_the_application_cannot_change_a_line_or_a_balance(shop: Market) -> None:
    for attack in ("DELETE FROM orders.line", "UPDATE ledger.account SET balance_minor = 0"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with shop.context.transaction() as tx:
                await tx.run(attack)


async def test_one_person_alone_neither_activates_a_rule_nor_a_bank_account(shop: Market) -> None:
    rule_id, version = await merchants.draft_split_rule(shop.context, COMMISSION)
    with pytest.raises(RuleNeedsSecondPerson):
        await merchants.activate_split_rule(shop.context, rule_id, version)
    async with shop.context.transaction() as tx:
        with pytest.raises(HolderDiffers):
            await request_instrument(tx, shop.sellers["ana"], "ch", "brl", "The Platform Ltd", at=BEGIN, actor="a")
        pin = await request_instrument(tx, shop.sellers["ana"], "ch", "brl", "ANA", at=BEGIN, actor="a")
        from cauce.gateway.accounts import Instrument

        await record_instrument(tx, pin, Instrument("ba_1", "6789", verified=True), at=BEGIN, actor="a")
        with pytest.raises(SamePerson):
            await approve_instrument(tx, pin, approved_by="a", at=BEGIN)
        await approve_instrument(tx, pin, approved_by="b", at=BEGIN)


async def test_a_payout_over_the_limit_waits_for_another_person_and_its_money_is_out_of_reach(shop: Market) -> None:
    await merchants.create_payout_schedule(
        shop.context, "careful", {"interval": "manual", "approval_over": 1_000}, is_default=True
    )
    ask = AskPayout(shop.sellers["ana"], "ch", "brl", 5_000)
    payout = await pay_out.request_payout(shop.context, ask)
    with pytest.raises(PayoutNeedsSecondPerson):
        await pay_out.approve_payouts(shop.context, [payout])
    with pytest.raises(JournalRefused):
        await pay_out.request_payout(shop.context, ask)  # 8,740 less 5,000 that wait
    await pay_out.approve_payouts(shop.checker, [payout])
    await shop.work()
    assert "custody member:ana:withdrawable: 3740" in await shop.books()
    assert await shop.differences() == []
    other = await pay_out.request_payout(shop.context, AskPayout(shop.sellers["ana"], "ch", "brl", 3_740))
    await pay_out.cancel_payouts(shop.context, [other])
    await pay_out.request_payout(shop.context, AskPayout(shop.sellers["ana"], "ch", "brl", 900))
    await shop.work()
    assert await shop.differences() == []


async def test_nobody_without_an_active_account_is_paid(shop: Market) -> None:
    (stranger,) = await merchants.create_merchants(shop.context, [NewMerchant("Stranger")])
    with pytest.raises(MerchantNotPayable):
        await pay_out.request_payout(shop.context, AskPayout(stranger, "ch", "brl", 1))


async def test_no_sellers_money_is_taken_into_an_account_of_the_platforms_own(dsn: str) -> None:
    own = replace(OWNED, platform_refs=frozenset({"acct_platform"}))
    for_itself = replace(own, collects_for_caller=True)
    async with market(dsn, {"ch": Bank(own), "own": Bank(for_itself)}) as shop:
        (merchant_id,) = await merchants.create_merchants(shop.context, [NewMerchant("All of them")])
        with pytest.raises(PooledMoney):
            await merchants.connect_merchants(shop.context, [NewAccount(merchant_id, "ch", "acct_platform", "A-1")])
        async with shop.context.transaction() as tx:
            await connect_accounts(tx, [NewAccount(merchant_id, "ch", "acct_platform", "A-1")], at=BEGIN, actor="sql")
        big = shop.order("B1", "ch", [("ana", 100, 0)])
        taken = await shop.take(
            replace(big, lines=(NewLine(merchant_id, 100),)),
            shop.order("B2", "ch", [("ana", 100, 0)]),
            shop.order("B3", "own", [("ana", 100, 0)]),
        )
        assert [one.refused.code if one.refused else "" for one in taken] == ["pooled_money", "", "pooled_money"]
        await merchants.connect_merchants(shop.context, [NewAccount(merchant_id, "own", "acct_platform", "A-1")])
        (itself,) = await shop.take(
            replace(big, channel_id="own", external_id="B4", lines=(NewLine(merchant_id, 100),))
        )
        assert itself.refused is None, "what the channel's own merchant sells is his own money"


async def test_a_live_organization_takes_no_order_before_the_gate_and_the_licence(shop: Market) -> None:
    async with shop.runtime.db.transaction() as tx:
        org = await create_org(tx, "Live", Mode.LIVE)
    answers = {question.number: Answer("holder", "contract") for question in QUESTIONS}
    answers |= {n: Answer("no", "contract") for n in (3, 4, 5, 6)} | {n: Answer("yes", "contract") for n in (7, 10, 11)}
    async with shop.runtime.db.transaction(org.id) as tx:
        with pytest.raises(GateClosed):
            await require_gate(tx, "ch", at=BEGIN)
        await sign_self_check(tx, answers, ["ch"], signed_by="person:owner", at=BEGIN)
        with pytest.raises(LicenceNotInForce):
            await require_gate(tx, "ch", at=BEGIN)
        day = BEGIN.date()
        licence = NewLicence(
            "ch", "Bank", "bank", "payment", new_id("no"), "PBOC", "the bank", day, day + timedelta(days=400)
        )
        await record_licence(tx, licence, at=BEGIN)
        await require_gate(tx, "ch", at=BEGIN)
        with pytest.raises(GateClosed):
            await require_gate(tx, "another", at=BEGIN)
        with pytest.raises(GateClosed):
            await require_gate(tx, "ch", at=BEGIN + timedelta(days=366))
