"""What a reduction gives back is kept as credit or refunded, as the plan or the call says; never more than was paid (B5, F5, V23)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cauce.billing.catalog.rules import (
    CancelCredit,
    ChangeCredit,
    ChangePolicy,
    ChangeRule,
    ChangeTiming,
    PlanPolicy,
    ProrationBehavior,
)
from cauce.flows.billing.cancel import Cancel, cancel, preview_cancel, reactivate
from cauce.flows.billing.changes import Change, RefundNotNow, change, preview_change
from cauce.flows.billing.correct import PayByHand, pay_by_hand
from cauce.flows.billing.pausing import pause_now
from cauce.flows.billing.resuming import resume_now
from tests.flows.billing.shop import Shop, flat, per_unit

NOW, REFUND, KEEP = ChangeTiming.NOW, ChangeCredit.REFUND, ChangeCredit.CREDIT
ALL_NOW = ChangePolicy(downgrade=ChangeRule(NOW), quantity_down=ChangeRule(NOW))
COLOURS: dict[str, Any] = {
    "key": "support", "label": "Support", "type": "select", "choices": [
        {"value": "none", "label": "None"}, {"value": "phone", "label": "Phone", "add_minor": 1_500},
    ],
}  # fmt: skip


async def _on_april_11(seller: Shop, policy: ChangePolicy = ALL_NOW, plan: str = "large", **more: Any) -> str:
    """A subscription since 1 April, ten days used."""
    await seller.plan("large", flat(6_000), per_unit("300"), policy=PlanPolicy(change=policy))
    await seller.plan("small", flat(3_000), per_unit("300"), policy=PlanPolicy(change=policy))
    await seller.plan("free", flat(0), policy=PlanPolicy(change=policy))
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    await seller.card("ana")
    one = (await seller.sign_up("ana", plan, quantities={"seats": "10"}, **more)).subscription_id
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    return one


def refunds(seller: Shop) -> list[int]:
    return [each.amount.amount_minor for each in seller.cards.refunded]


async def credit(seller: Shop) -> list[str]:
    return [line for line in await seller.books() if line.startswith("customer:ana:credit")]


REDUCTIONS = {
    "plan": (Change("", plan="small"), 2_000),
    "quantity": (Change("", quantities={"seats": "4"}), 1_200),
    "both": (Change("", plan="small", quantities={"seats": "0"}), 4_000),
}


@pytest.mark.parametrize("by_call", [True, False], ids=["the call says so", "the plan says so"])
@pytest.mark.parametrize("what", REDUCTIONS)
async def test_a_reduction_now_is_refunded_and_its_preview_says_how_much(
    seller: Shop, what: str, by_call: bool
) -> None:
    one = await _on_april_11(seller, ALL_NOW if by_call else replace(ALL_NOW, credit=REFUND))
    wish, back = REDUCTIONS[what]
    command = replace(wish, subscription_id=one, credit=REFUND if by_call else None)
    preview = await preview_change(seller.context, command)
    assert (preview.total_minor, preview.refunded_minor) == (-back, back)
    assert refunds(seller) == []
    done = await change(seller.context, command)
    assert (done.total_minor, done.refunded_minor) == (-back, back)
    await seller.work()
    assert refunds(seller) == [back]
    assert await credit(seller) == []
    await seller.prove()


@pytest.mark.parametrize("what", REDUCTIONS)
async def test_a_reduction_that_is_kept_pays_the_next_invoice(seller: Shop, what: str) -> None:
    one = await _on_april_11(seller, replace(ALL_NOW, credit=REFUND))
    wish, back = REDUCTIONS[what]
    done = await change(seller.context, replace(wish, subscription_id=one, credit=KEEP))
    assert (done.total_minor, done.refunded_minor) == (-back, 0)
    await seller.work()
    assert (refunds(seller), await credit(seller)) == ([], [f"customer:ana:credit: {back}"])
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    assert (await seller.invoices(one))[-1]["credit_minor"] == min(
        back, (await seller.invoices(one))[-1]["total_minor"]
    )
    await seller.prove()


async def test_an_option_that_is_left_out_is_refunded_too(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000), options=(COLOURS,), policy=PlanPolicy(change=ALL_NOW))
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro", options={"support": "phone"})).subscription_id
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    done = await change(seller.context, Change(one, options={"support": "none"}, credit=REFUND))
    await seller.work()
    assert (done.total_minor, refunds(seller)) == (-1_000, [1_000])
    await seller.prove()


async def test_what_two_payments_paid_goes_back_to_both_the_newest_first(seller: Shop) -> None:
    one = await _on_april_11(seller, plan="small")
    await change(seller.context, Change(one, plan="large"))
    await seller.work()
    assert [each["paid_minor"] for each in await seller.invoices(one)] == [6_000, 2_000]
    done = await change(seller.context, Change(one, plan="free", timing=NOW, credit=REFUND))
    await seller.work()
    assert (done.total_minor, refunds(seller)) == (-6_000, [2_000, 4_000])
    assert await credit(seller) == []
    await seller.prove()


async def test_never_more_goes_back_than_a_provider_got_and_has_not_given_back(seller: Shop) -> None:
    one = await _on_april_11(seller, collection="send_invoice", net_days=30)
    (invoice,) = await seller.invoices(one)
    await pay_by_hand(seller.context, PayByHand(invoice["id"], 9_000))
    done = await change(seller.context, Change(one, plan="small", credit=REFUND))
    await seller.work()
    assert (done.total_minor, done.refunded_minor, refunds(seller)) == (-2_000, 0, [])
    assert await credit(seller) == ["customer:ana:credit: 2000"], "what came by hand is given back by hand"
    await seller.prove()


async def test_what_is_not_paid_yet_is_not_refunded(seller: Shop) -> None:
    one = await _on_april_11(seller, collection="send_invoice", net_days=30)
    done = await change(seller.context, Change(one, plan="small", credit=REFUND))
    assert (done.total_minor, done.refunded_minor) == (-2_000, 0)
    await seller.prove()


async def test_reductions_one_after_the_other_never_give_back_twice(seller: Shop) -> None:
    one = await _on_april_11(seller)
    for seats in ("9", "5", "0"):
        await change(seller.context, Change(one, quantities={"seats": seats}, credit=REFUND))
        await seller.work()
    await change(seller.context, Change(one, plan="free", timing=NOW, credit=REFUND))
    await seller.work()
    done = await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.REFUND))
    await seller.work()
    assert done.credit_minor == 0
    assert (refunds(seller), sum(refunds(seller))) == ([200, 800, 1_000, 4_000], 6_000)
    assert await credit(seller) == []
    await seller.prove()


async def test_a_cancellation_refunds_what_a_kept_reduction_had_paid_for(seller: Shop) -> None:
    one = await _on_april_11(seller)
    await change(seller.context, Change(one, plan="small", credit=KEEP))
    await seller.work()
    await seller.advance_to(datetime(2026, 4, 21, 9, tzinfo=UTC))
    command = Cancel(one, now=True, credit=CancelCredit.REFUND)
    preview = await preview_cancel(seller.context, command)
    done = await cancel(seller.context, command)
    await seller.work()
    assert (done.credit_minor, done.refunded_minor) == (2_000, 2_000)
    assert (preview.credit_minor, preview.refunded_minor) == (2_000, 2_000)
    assert (refunds(seller), await credit(seller)) == ([2_000], ["customer:ana:credit: 2000"])
    await seller.prove()


async def test_a_pause_gives_back_as_the_call_says(seller: Shop) -> None:
    one = await _on_april_11(seller)
    done = await pause_now(seller.context, one, credit=CancelCredit.REFUND)
    await seller.work()
    assert (done.credit_minor, done.refunded_minor, refunds(seller)) == (6_000, 6_000, [6_000])
    await seller.prove()


async def test_a_refund_that_fails_stays_as_credit(seller: Shop) -> None:
    one = await _on_april_11(seller)
    seller.cards.refuse_refunds = True
    await change(seller.context, Change(one, plan="small", credit=REFUND))
    await seller.work()
    assert await credit(seller) == ["customer:ana:credit: 2000"]
    await seller.prove()


@pytest.mark.parametrize("proration", [ProrationBehavior.NEXT_INVOICE, ProrationBehavior.CHARGE_NOW_CREDIT_AT_RENEWAL])
async def test_a_refund_of_what_waits_for_the_next_invoice_is_refused(
    seller: Shop, proration: ProrationBehavior
) -> None:
    one = await _on_april_11(seller)
    with pytest.raises(RefundNotNow):
        await change(seller.context, Change(one, plan="small", credit=REFUND, proration=proration))
    assert (await seller.subscription(one)).mrr_minor == 9_000


async def test_the_plan_refunds_only_what_is_given_back_now(seller: Shop) -> None:
    one = await _on_april_11(seller, replace(ALL_NOW, credit=REFUND))
    later = ProrationBehavior.NEXT_INVOICE
    done = await change(seller.context, Change(one, plan="small", proration=later))
    await seller.work()
    assert (done.total_minor, done.refunded_minor, refunds(seller)) == (0, 0, [])
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    assert (await seller.invoices(one))[-1]["total_minor"] == 6_000 - 2_000
    await seller.prove()


async def test_days_that_a_pause_gave_back_are_not_given_back_again(seller: Shop) -> None:
    one = await _on_april_11(seller)
    assert (await pause_now(seller.context, one)).credit_minor == 6_000
    await seller.advance_to(datetime(2026, 4, 16, 9, tzinfo=UTC))
    await resume_now(seller.context, one)
    await seller.work()
    await seller.advance_to(datetime(2026, 4, 21, 9, tzinfo=UTC))
    seen = await preview_change(seller.context, Change(one, plan="small"))
    assert [line.total_minor for line in seen.lines] == [-2_000, -1_000, 1_000, 1_000]
    assert (await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.CREDIT))).credit_minor == 3_000
    await seller.prove()


async def test_days_that_a_new_period_gave_back_are_not_given_back_again(seller: Shop) -> None:
    one = await _on_april_11(seller)
    await change(seller.context, Change(one, quantities={"seats": "20"}, proration=ProrationBehavior.FULL_RESET))
    await seller.work()
    await seller.advance_to(datetime(2026, 4, 21, 9, tzinfo=UTC))
    done = await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.CREDIT))
    assert done.credit_minor == 8_000, "twenty of the thirty days of 12000"
    await seller.prove()


async def test_days_that_an_end_gave_back_are_not_given_back_after_a_return(seller: Shop) -> None:
    one = await _on_april_11(seller)
    assert (await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.CREDIT))).credit_minor == 6_000
    await seller.advance_to(datetime(2026, 4, 16, 9, tzinfo=UTC))
    await reactivate(seller.context, one)
    await seller.work()
    await seller.advance_to(datetime(2026, 4, 21, 9, tzinfo=UTC))
    done = await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.CREDIT))
    assert done.credit_minor == 7_500, "25 of the thirty days of the new term"
    await seller.prove()
