"""Who must agree before money leaves: the first payout to an instrument, and what an operator stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from cauce.billing.relations.rules import Mode
from cauce.channels import store as channels
from cauce.flows import automation
from cauce.flows.inventory import inventory
from cauce.flows.marketplace import pay_out, payout_pauses
from cauce.flows.marketplace.merchants import create_payout_schedule
from cauce.flows.marketplace.pay_out import AskPayout
from cauce.gateway.accounts import Instrument
from cauce.gateway.outcome import Declined, Refusal
from cauce.ledger import reading
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import Holder, withdrawable
from cauce.ledger.rules import PlaceHold, require_posted
from cauce.marketplace.merchants.service import accounts_of, approve_instrument, record_instrument, request_instrument
from cauce.marketplace.settlement.rules import PayoutNeedsSecondPerson, PayoutsPaused
from cauce.marketplace.settlement.service import merchant_pauses
from cauce.reports import automation as automation_report
from cauce.reports import marketplace as report
from cauce.reports import settlements
from tests.flows.marketplace.bank import POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market

DAY = timedelta(days=1)


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(POOLED)}) as one:
        yield one


async def _states(shop: Market) -> list[tuple[str, bool]]:
    async with shop.context.transaction() as tx:
        rows = await report.payouts(tx)
    return sorted((row["state"], row["needs_approval"]) for row in rows)


async def _first_settlement(shop: Market) -> None:
    """Ana has a new bank account and two orders; the first was settled, the second is delivered a week later."""
    async with shop.context.transaction() as tx:
        pin = await request_instrument(tx, shop.sellers["ana"], "ch", "brl", "ana", at=BEGIN, actor="a")
        await record_instrument(tx, pin, Instrument("ba_1", "6789", verified=True), at=BEGIN, actor="a")
        await approve_instrument(tx, pin, approved_by="b", at=BEGIN)
    await shop.take(
        shop.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN + DAY),
        shop.order("A2", "ch", [("ana", 5_000, 0)], placed_at=BEGIN + 6 * DAY, deliver_at=BEGIN + 7 * DAY),
    )
    await shop.advance(5 * DAY)


async def test_the_first_payout_to_an_instrument_waits_for_a_second_person_and_the_next_does_not(shop: Market) -> None:
    await _first_settlement(shop)
    assert await _states(shop) == [("requested", True)]
    async with shop.context.transaction() as tx:
        (waiting,) = await report.payouts(tx)
    await pay_out.approve_payouts(shop.checker, [waiting["id"]])
    async with shop.context.transaction() as tx:
        (sent,) = await channels.lock_instructions(tx, [waiting["id"]])
    assert sent.request.instrument_ref == "ba_1"
    await shop.advance(10 * DAY)
    assert await _states(shop) == [("paid", False), ("paid", True)]


async def test_a_payout_by_hand_is_the_same_payout(shop: Market) -> None:
    await automation.set_mode(shop.context, "payout.send", Mode.MANUAL)
    await _first_settlement(shop)
    async with shop.context.transaction() as tx:
        (waiting,) = await report.payouts(tx)
    await pay_out.approve_payouts(shop.checker, [waiting["id"]])
    await shop.advance(timedelta(days=1))
    assert not any(call.startswith("payout") for call in shop.banks["ch"].calls)
    async with shop.context.transaction() as tx:
        (task,) = await automation_report.tasks(tx)
    assert (task["step"], task["mode"]) == ("payout.send", "manual")
    await automation.release(shop.context, task["id"], minutes=4)
    await shop.advance(timedelta(days=1))
    assert await _states(shop) == [("paid", True)]
    line = next(one for one in await inventory(shop.context) if one.step == "payout.send")
    assert (line.occasion, line.runs, line.by_hand, line.minutes_by_hand) == ("paid_out", 1, 1, 4)


async def test_a_settlement_leaves_alone_what_waits_for_approval_or_is_reserved(shop: Market) -> None:
    await _first_settlement(shop)
    account = Holder("ch", "brl").account(withdrawable(shop.sellers["ana"]))
    async with shop.context.transaction() as tx:
        (first,) = await report.payouts(tx)
    await shop.advance(5 * DAY)
    async with shop.context.transaction() as tx:
        require_posted(await post(tx, [PlaceHold("hold:dispute", account, 400, "dispute", "dispute", BEGIN)]))
    await shop.advance(2 * DAY)
    async with shop.context.transaction() as tx:
        second, again = await report.payouts(tx)
        left = (await reading.availables(tx, [account]))[account]
    assert (again["id"], again["state"], second["state"], left) == (first["id"], "requested", "requested", 0)
    async with shop.context.transaction() as tx:
        statements = [await settlements.statement(tx, one["batch_id"]) for one in (first, second)]
    assert [(one.opening_minor, one.payout_minor, one.closing_minor) for one in statements] == [
        (0, first["amount_minor"], 0),
        (0, second["amount_minor"], 400),
    ]
    await pay_out.approve_payouts(shop.checker, [first["id"]])
    await pay_out.cancel_payouts(shop.context, [second["id"]])
    await shop.advance(7 * DAY)
    async with shop.context.transaction() as tx:
        third = (await report.payouts(tx))[0]
        last = await settlements.statement(tx, third["batch_id"])
    assert (third["state"], third["amount_minor"]) == ("paid", second["amount_minor"])
    assert (last.opening_minor, last.lines, last.closing_minor) == (second["amount_minor"] + 400, [], 400)


async def test_an_operator_stops_a_channel_and_lets_it_go_on(shop: Market) -> None:
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN + DAY))
    await payout_pauses.pause_payouts(shop.context, "ch", paused=True)
    await shop.advance(6 * DAY)
    assert await _states(shop) == []
    with pytest.raises(PayoutsPaused, match="operator"):
        await pay_out.request_payout(shop.context, AskPayout(shop.sellers["ana"], "ch", "brl", 100))
    await payout_pauses.pause_payouts(shop.context, "ch", paused=False)
    await shop.advance(7 * DAY)
    assert await _states(shop) == [("paid", False)]


async def test_an_operator_stops_one_merchant_and_lets_him_go_on(shop: Market) -> None:
    ana = shop.sellers["ana"]
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN + DAY))
    await shop.take(shop.order("B1", "ch", [("bia", 10_000, 0)], deliver_at=BEGIN + DAY))
    await payout_pauses.pause_merchant_payouts(shop.context, ana, paused=True, reason="an invoice is missing")
    await payout_pauses.pause_merchant_payouts(shop.context, ana, paused=True, reason="twice")
    await shop.advance(8 * DAY)
    async with shop.context.transaction() as tx:
        assert {row["merchant_id"] for row in await report.payouts(tx)} == {shop.sellers["bia"]}
        (stands,) = await merchant_pauses(tx)
    assert (stands["merchant_id"], stands["reason"]) == (ana, "an invoice is missing"), "the first reason stands"
    with pytest.raises(PayoutsPaused, match="operator"):
        await pay_out.request_payout(shop.context, AskPayout(ana, "ch", "brl", 100))
    await payout_pauses.pause_merchant_payouts(shop.context, ana, paused=False)
    await shop.advance(8 * DAY)
    async with shop.context.transaction() as tx:
        paid = {row["merchant_id"]: row["amount_minor"] for row in await report.payouts(tx)}
    assert paid[ana] == paid[shop.sellers["bia"]] == 8_740, "nothing was lost while it stood"
    assert await shop.differences() == []


async def test_a_payout_that_waits_is_not_approved_while_payouts_are_paused(shop: Market) -> None:
    await create_payout_schedule(shop.context, "all", {"approval_over": 0}, is_default=True)
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN + DAY))
    await shop.advance(8 * DAY)
    async with shop.context.transaction() as tx:
        (waits,) = await report.payouts(tx)
    await payout_pauses.pause_merchant_payouts(shop.context, shop.sellers["ana"], paused=True)
    with pytest.raises(PayoutsPaused):
        await pay_out.approve_payouts(shop.checker, [waits["id"]])
    await payout_pauses.pause_merchant_payouts(shop.context, shop.sellers["ana"], paused=False)
    await payout_pauses.pause_payouts(shop.context, "ch", paused=True)
    with pytest.raises(PayoutsPaused):
        await pay_out.approve_payouts(shop.checker, [waits["id"]])
    await payout_pauses.pause_payouts(shop.context, "ch", paused=False)
    await pay_out.approve_payouts(shop.checker, [waits["id"]])
    await shop.work()
    assert await _states(shop) == [("paid", True)]


async def test_who_asked_cannot_approve(shop: Market) -> None:
    async with shop.context.transaction() as tx:
        pin = await request_instrument(tx, shop.sellers["ana"], "ch", "brl", "ana", at=BEGIN, actor="a")
        await record_instrument(tx, pin, Instrument("ba_1", "6789", verified=True), at=BEGIN, actor="a")
        await approve_instrument(tx, pin, approved_by="b", at=BEGIN)
    await shop.take(shop.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN + DAY))
    await shop.advance(2 * DAY)
    payout = await pay_out.request_payout(shop.context, AskPayout(shop.sellers["ana"], "ch", "brl", 100))
    with pytest.raises(PayoutNeedsSecondPerson):
        await pay_out.approve_payouts(shop.context, [payout])


async def test_a_bank_that_takes_no_money_is_not_paid_again_until_there_is_another(shop: Market) -> None:
    bank = shop.banks["ch"]
    bank.decline["payout"] = Declined("account_closed", Refusal.INSTRUMENT_INVALID, "the account is closed")
    await _first_settlement(shop)
    async with shop.context.transaction() as tx:
        (waiting,) = await report.payouts(tx)
    await pay_out.approve_payouts(shop.checker, [waiting["id"]])
    await shop.work()
    assert await _states(shop) == [("failed", True)]
    await shop.advance(20 * DAY)
    assert await _states(shop) == [("failed", True)], "nothing was asked of the bank again"
    with pytest.raises(PayoutsPaused):
        await pay_out.request_payout(shop.context, AskPayout(shop.sellers["ana"], "ch", "brl", 100))
    async with shop.context.transaction() as tx:
        now = await shop.context.now(tx)
        (account,) = await accounts_of(tx, shop.sellers["ana"])
        assert (account["state"], list(account["needs"]), account["pays_out"]) == (
            "active",
            ["payout_instrument"],
            False,
        )
        pin = await request_instrument(tx, shop.sellers["ana"], "ch", "brl", "ana", at=now, actor="a")
        await record_instrument(tx, pin, Instrument("ba_2", "1234", verified=True), at=now, actor="a")
        await approve_instrument(tx, pin, approved_by="b", at=now)
    await shop.advance(20 * DAY)
    async with shop.context.transaction() as tx:
        (again,) = await report.payouts(tx, state="requested")
    await pay_out.approve_payouts(shop.checker, [again["id"]])
    await shop.work()
    assert await _states(shop) == [("failed", True), ("paid", True)]
    assert await shop.differences() == []
