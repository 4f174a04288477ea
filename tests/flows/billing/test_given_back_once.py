"""What a customer gets back of a billed line is never more than was billed: by changes, notes by hand, voids and ends together (V23)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.policy_parts import DunningPolicy
from cauce.billing.catalog.rules import CancelCredit, ChangePolicy, ChangeRule, ChangeTiming, PlanPolicy
from cauce.billing.catalog.rules import ProrationBehavior as How
from cauce.billing.catalog.service import NewCoupon
from cauce.billing.invoicing.rules import AmountTooLarge, NothingToCredit
from cauce.flows.billing.cancel import Cancel, cancel, preview_cancel
from cauce.flows.billing.changes import Change, change, preview_change
from cauce.flows.billing.correct import CreditInvoice, PayByHand, credit_invoice, pay_by_hand, void, write_off
from cauce.flows.billing.pausing import pause_now
from cauce.flows.billing.resuming import resume_now
from cauce.flows.closing import close_month
from cauce.kernel.errors import CauceError
from cauce.ledger.months import MonthName
from cauce.ledger.rules import Book
from cauce.pricing.credit_notes import CreditExceedsInvoice
from cauce.storage.audit import Actor
from tests.flows.billing.shop import Shop, flat

NOW = ChangeTiming.NOW
DOWN_NOW = ChangePolicy(downgrade=ChangeRule(NOW))


async def _since_april(
    seller: Shop, plan: str = "large", *, tax: str = "", inclusive: bool = False, **more: Any
) -> str:
    """A subscription since 1 April; it is the 11th. Large costs 60.00, small 30.00."""
    if tax:
        async with seller.context.transaction() as tx:
            await catalog.put_tax_rate(tx, "", tax)
    policy = PlanPolicy(change=DOWN_NOW, cancel_credit=CancelCredit.CREDIT)
    await seller.plan("large", flat(6_000, tax_inclusive=inclusive), policy=policy)
    await seller.plan("small", flat(3_000, tax_inclusive=inclusive), policy=policy)
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    await seller.card("ana")
    one = (await seller.sign_up("ana", plan, **more)).subscription_id
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    return one


async def _first(seller: Shop, one: str) -> str:
    return str((await seller.invoices(one))[0]["id"])


@pytest.mark.parametrize("how", [How.CHARGE_NOW, How.NEXT_INVOICE, How.CHARGE_NOW_CREDIT_AT_RENEWAL])
async def test_a_note_by_hand_gives_back_what_a_change_left_of_the_line(seller: Shop, how: How) -> None:
    one = await _since_april(seller)
    await change(seller.context, Change(one, plan="small", proration=how))  # 40.00 of the 60.00 are given back
    first = await _first(seller, one)
    for too_much in (CreditInvoice(first, "odd", {1: 2_001}), CreditInvoice(first, "odd", total_minor=2_001)):
        with pytest.raises(CreditExceedsInvoice):
            await credit_invoice(seller.context, too_much)
    done = await credit_invoice(seller.context, CreditInvoice(first, "goodwill"))
    assert done.total_minor == 2_000, "the ten days that were used"
    with pytest.raises(NothingToCredit):
        await credit_invoice(seller.context, CreditInvoice(first, "again"))
    await seller.prove()
    await seller.advance_to(datetime(2026, 5, 1, 10, tzinfo=UTC))
    await seller.prove()


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("how", [How.CHARGE_NOW, How.NEXT_INVOICE])
async def test_the_same_with_tax(seller: Shop, how: How, *, inclusive: bool) -> None:
    one = await _since_april(seller, tax="20", inclusive=inclusive)
    await change(seller.context, Change(one, plan="small", proration=how))
    done = await credit_invoice(seller.context, CreditInvoice(await _first(seller, one), "goodwill"))
    assert done.total_minor == (2_000 if inclusive else 2_400)
    await seller.prove()


async def test_a_change_gives_back_what_a_note_by_hand_left_of_the_line(seller: Shop) -> None:
    one = await _since_april(seller)
    await credit_invoice(seller.context, CreditInvoice(await _first(seller, one), "half of it", {1: 3_000}))
    done = await change(seller.context, Change(one, plan="small"))
    assert [line.charge.amount_minor for line in done.lines] == [-2_000, 2_000]
    left = await credit_invoice(seller.context, CreditInvoice(await _first(seller, one), "the rest"))
    assert left.total_minor == 1_000
    await seller.prove()


async def test_a_line_credited_whole_by_hand_is_not_given_back_again(seller: Shop) -> None:
    one = await _since_april(seller)
    await credit_invoice(seller.context, CreditInvoice(await _first(seller, one), "all of it"))
    done = await change(seller.context, Change(one, plan="small"))
    assert [line.charge.amount_minor for line in done.lines] == [2_000]
    await seller.prove()


async def test_a_change_that_is_itself_credited_frees_its_line_again(seller: Shop) -> None:
    one = await _since_april(seller, "small")
    await change(seller.context, Change(one, plan="large"))  # -20.00 and 40.00
    upgrade = (await seller.invoices(one))[1]["id"]
    assert (await credit_invoice(seller.context, CreditInvoice(upgrade, "taken back"))).total_minor == 2_000
    done = await credit_invoice(seller.context, CreditInvoice(await _first(seller, one), "all of it"))
    assert done.total_minor == 3_000
    await seller.prove()


async def test_an_invoice_of_which_days_were_given_back_is_not_voided_but_credited(seller: Shop) -> None:
    one = await _since_april(seller, collection="send_invoice", net_days=30)
    await change(seller.context, Change(one, plan="small"))
    first = await _first(seller, one)
    with pytest.raises(AmountTooLarge):
        await void(seller.context, first)
    assert (await credit_invoice(seller.context, CreditInvoice(first, "agreed"))).total_minor == 2_000
    await seller.prove()


async def test_an_end_now_that_drops_open_invoices_gives_no_day_back_twice(seller: Shop) -> None:
    one = await _since_april(seller, collection="send_invoice", net_days=30)
    await change(seller.context, Change(one, plan="small"))  # 20.00 of credit, to be had against the 60.00
    await cancel(seller.context, Cancel(one, now=True, void_open=True, credit=CancelCredit.NONE))
    first, second = await seller.invoices(one)
    assert first["total_minor"] + second["total_minor"] == 4_000
    owed = first["total_minor"] - first["credited_minor"] - first["credit_minor"]
    held = [line for line in await seller.books() if line.startswith("customer:ana:credit")]
    # 40.00 of the 60.00 were given back by the change: only the rest is dropped, and nobody keeps credit for unpaid days
    assert (owed, held) in ((4_000, ["customer:ana:credit: 2000"]), (2_000, []))
    await seller.prove()


async def test_an_end_now_bills_no_unused_day_of_a_change_that_waits_for_the_next_invoice(seller: Shop) -> None:
    one = await _since_april(seller, "small")
    await change(seller.context, Change(one, plan="large", proration=How.NEXT_INVOICE))  # -20.00, +40.00 wait
    await seller.advance_to(datetime(2026, 4, 21, 9, tzinfo=UTC))
    foreseen = await preview_cancel(seller.context, Cancel(one, now=True))
    assert [line.charge.amount_minor for line in foreseen.lines] == [-2_000, 2_000]
    await cancel(seller.context, Cancel(one, now=True))
    paid = [invoice["total_minor"] for invoice in await seller.invoices(one)]
    assert sum(paid) == 3_000, "ten days of small, ten of large"
    final = (await seller.invoices(one))[-1]
    assert {str(line["period_end"]) for line in final["lines"] if line["amount_minor"] > 0} == {"2026-04-21"}
    await seller.prove()


async def test_on_the_day_of_the_change_nothing_of_it_is_billed(seller: Shop) -> None:
    one = await _since_april(seller, "small")
    await change(seller.context, Change(one, plan="large", proration=How.NEXT_INVOICE))
    await cancel(seller.context, Cancel(one, now=True))
    assert sum(invoice["total_minor"] for invoice in await seller.invoices(one)) == 1_000
    await seller.prove()


async def test_where_an_end_gives_nothing_back_the_change_is_billed_whole(seller: Shop) -> None:
    one = await _since_april(seller, "small")
    await change(seller.context, Change(one, plan="large", proration=How.NEXT_INVOICE))
    await seller.advance_to(datetime(2026, 4, 21, 9, tzinfo=UTC))
    await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.NONE))
    assert sum(invoice["total_minor"] for invoice in await seller.invoices(one)) == 5_000
    await seller.prove()


async def test_days_of_a_pause_are_not_billed_by_a_change_that_waited(seller: Shop) -> None:
    one = await _since_april(seller, "small")
    await change(seller.context, Change(one, plan="large", proration=How.NEXT_INVOICE))
    await seller.advance_to(datetime(2026, 4, 21, 9, tzinfo=UTC))
    await pause_now(seller.context, one)
    await seller.advance_to(datetime(2026, 4, 26, 9, tzinfo=UTC))
    await resume_now(seller.context, one)  # the last five days are billed anew: 10.00
    await seller.advance_to(datetime(2026, 5, 1, 10, tzinfo=UTC))
    total = sum(invoice["total_minor"] for invoice in await seller.invoices(one))
    assert total - 6_000 == 1_000 + 2_000 + 1_000, "ten days of small, ten and five of large, and May"
    await seller.prove()


@pytest.mark.parametrize("percent", ["", "50", "100"])
async def test_there_and_back_before_the_next_invoice_costs_and_yields_nothing(seller: Shop, percent: str) -> None:
    if percent:
        async with seller.context.transaction() as tx:
            coupon = NewCoupon("OFF", percent, duration="forever")
            await catalog.create_coupon(tx, coupon, now=await seller.context.now(tx))
    one = await _since_april(seller, "small", coupon="OFF" if percent else "")
    for plan in ("large", "small", "large", "small"):
        await change(seller.context, Change(one, plan=plan, proration=How.NEXT_INVOICE))
    await seller.advance_to(datetime(2026, 5, 1, 10, tzinfo=UTC))
    april, may = [invoice["total_minor"] for invoice in await seller.invoices(one)]
    assert april == may == {"": 3_000, "50": 1_500, "100": 0}[percent]
    await seller.prove()


@pytest.mark.parametrize("interval", ["month", "year"])
async def test_who_pays_late_for_a_period_that_still_runs_pays_no_day_of_it_twice(seller: Shop, interval: str) -> None:
    policy = PlanPolicy(dunning=DunningPolicy(unpaid_days=300))
    await seller.plan("pro", flat(36_500, interval=interval), policy=policy)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    good, seller.cards.cards = dict(seller.cards.cards), dict.fromkeys(seller.cards.cards, "poor")
    begun = (await seller.subscription(one)).due_at
    assert begun is not None
    await seller.advance_to(begun + timedelta(days=10))
    assert (await seller.subscription(one)).status == "unpaid"
    seller.cards.cards = good
    debt = (await seller.invoices(one))[-1]
    await pay_by_hand(seller.context, PayByHand(debt["id"], 36_500, "by bank"))
    await seller.work()
    back = await seller.subscription(one)
    assert (back.status, back.period_index) == ("active", 0)
    first = (await seller.invoices(one))[-1]
    days = (debt["period_end"] - debt["period_start"]).days
    unused = (2 * 36_500 * (days - 10) + days) // (2 * days)
    assert [line["amount_minor"] for line in first["lines"]] == [-unused, 36_500]
    assert (await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.CREDIT))).credit_minor == 36_500
    held = sum(invoice["total_minor"] for invoice in await seller.invoices(one)) - 36_500
    assert held == 36_500 + 36_500 - unused, "the first period, ten days of the second, and what was given back"
    await seller.prove()


async def test_who_returns_by_a_write_off_is_given_nothing_back(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000), policy=PlanPolicy(dunning=DunningPolicy(unpaid_days=90)))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    good, seller.cards.cards = dict(seller.cards.cards), dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance(timedelta(days=41))
    assert (await seller.subscription(one)).status == "unpaid"
    seller.cards.cards = good
    await write_off(seller.context, (await seller.invoices(one))[-1]["id"])
    await seller.work()
    assert [line["amount_minor"] for line in (await seller.invoices(one))[-1]["lines"]] == [3_000]
    await seller.prove()


@pytest.mark.parametrize(("credit", "left"), [(CancelCredit.NONE, 36_500), (CancelCredit.CREDIT, 1_000)])
async def test_an_end_of_who_is_unpaid_lowers_his_debt_by_the_days_to_come(
    seller: Shop, credit: CancelCredit, left: int
) -> None:
    await seller.plan("pro", flat(36_500, interval="year"), policy=PlanPolicy(dunning=DunningPolicy(unpaid_days=300)))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    begun = (await seller.subscription(one)).due_at
    assert begun is not None
    await seller.advance_to(begun + timedelta(days=10))
    assert (await seller.subscription(one)).status == "unpaid"
    done = await cancel(seller.context, Cancel(one, now=True, credit=credit))
    assert (done.status, done.credit_minor) == ("canceled", 36_500 - left)
    debt = (await seller.invoices(one))[-1]
    assert debt["total_minor"] - debt["credited_minor"] == left
    await seller.prove()


async def test_a_change_dated_into_a_closed_month_is_refused(seller: Shop) -> None:
    for key, fee in (("small", 36_500), ("large", 73_000)):
        await seller.plan(key, flat(fee, interval="year"))
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    one = (await seller.sign_up("ana", "small", collection="send_invoice", net_days=300)).subscription_id
    await seller.advance_to(datetime(2026, 5, 10, 9, tzinfo=UTC))
    for month in (1, 2, 3, 4):
        name = MonthName(Book.PLATFORM, "", date(2026, month, 1))
        await close_month(seller.runtime.db, seller.org_id, name, explained={}, actor=Actor("person:finance"))
    for act in (change, preview_change):
        with pytest.raises(CauceError) as refused:
            await act(seller.context, Change(one, plan="large", at=datetime(2026, 4, 16, 9, tzinfo=UTC)))
        assert refused.value.code == "closed_period"
    assert len(await seller.invoices(one)) == 1
    await change(seller.context, Change(one, plan="large", at=datetime(2026, 5, 2, 9, tzinfo=UTC)))
    await seller.work()
    await seller.prove()


async def test_a_refund_at_the_end_is_no_more_than_was_paid(seller: Shop) -> None:
    one = await _since_april(seller)
    await credit_invoice(
        seller.context, replace(CreditInvoice(await _first(seller, one), "goodwill", {1: 5_000}), refund=True)
    )
    done = await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.REFUND))
    assert done.credit_minor == 1_000
    await seller.work()
    assert sum(each.amount.amount_minor for each in seller.cards.refunded) == 6_000
    await seller.prove()


@pytest.mark.parametrize("inclusive", [False, True])
async def test_what_is_unused_goes_back_with_the_tax_that_it_was_billed_with(seller: Shop, *, inclusive: bool) -> None:
    one = await _since_april(seller, "small", tax="20", inclusive=inclusive)
    async with seller.context.transaction() as tx:
        await catalog.put_tax_rate(tx, "", "10")
    done = await change(seller.context, Change(one, plan="large"))
    unused, rest = done.lines
    assert (unused.charge.amount_minor, rest.charge.amount_minor) == (-2_000, 4_000)
    assert (unused.tax_minor, rest.tax_minor) == ((-333, 364) if inclusive else (-400, 400))
    await seller.work()
    await seller.prove()


async def test_who_was_billed_without_tax_gets_none_back(seller: Shop) -> None:
    one = await _since_april(seller, "small", tax="20", tax_treatment="reverse_charge")
    done = await change(seller.context, Change(one, plan="large"))
    assert [line.tax_minor for line in done.lines] == [0, 0]
    await seller.work()
    await seller.prove()
