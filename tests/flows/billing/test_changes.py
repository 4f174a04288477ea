"""Changes in the middle of a period: credit for unused, charge for new; previews; changes that wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cauce.billing.catalog.rules import ChangeTiming, ProrationBehavior
from cauce.flows.billing.changes import Change, PreviewOutdated, change, preview_change, withdraw_change
from cauce.pricing.invoice_lines import PricedLine
from tests.flows.billing.shop import Shop, flat, per_unit

NOW = ChangeTiming.NOW


def unborn(line: PricedLine) -> PricedLine:
    """The line without the id of its item, which a preview does not make."""
    return replace(line, charge=replace(line.charge, item_id=None))


async def _on_april_1(seller: Shop, *prices: object, **more: object) -> str:
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    await seller.card("ana")
    return (await seller.sign_up("ana", "small", **more)).subscription_id


async def test_an_upgrade_on_day_eleven_credits_2000_and_charges_3333(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(5_000))
    one = await _on_april_1(seller)
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    preview = await preview_change(seller.context, Change(one, plan="large"))
    assert [line.charge.amount_minor for line in preview.lines] == [-2_000, 3_333]
    assert len(await seller.invoices(one)) == 1
    done = await change(seller.context, Change(one, plan="large", at=preview.effective_at, expect_total_minor=1_333))
    assert [unborn(line) for line in done.lines] == [unborn(line) for line in preview.lines]
    await seller.work()
    invoices = await seller.invoices(one)
    assert [(each["total_minor"], each["status"]) for each in invoices] == [(3_000, "paid"), (1_333, "paid")]
    assert (await seller.subscription(one)).mrr_minor == 5_000
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    assert [each["total_minor"] for each in await seller.invoices(one)] == [3_000, 1_333, 5_000]
    await seller.prove()


async def test_upgrade_and_back_on_one_day_costs_nothing(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(5_000))
    one = await _on_april_1(seller)
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    totals = []
    for plan in ("large", "small", "large", "small"):
        totals.append((await change(seller.context, Change(one, plan=plan, timing=NOW))).total_minor)
        await seller.work()
    assert sum(totals) == 0
    await seller.prove()


async def test_a_downgrade_waits_for_the_renewal_and_can_be_withdrawn(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("tiny", flat(1_000))
    one = await _on_april_1(seller)
    first = await change(seller.context, Change(one, plan="tiny"))
    assert (first.timing, first.lines) == (ChangeTiming.AT_RENEWAL, ())
    await withdraw_change(seller.context, one)
    await change(seller.context, Change(one, plan="tiny"))
    await seller.advance_to(datetime(2026, 6, 1, 9, tzinfo=UTC))
    assert [each["total_minor"] for each in await seller.invoices(one)] == [3_000, 1_000, 1_000]
    await seller.prove()


async def test_more_seats_now_and_fewer_at_renewal(seller: Shop) -> None:
    await seller.plan("small", flat(1_000), per_unit("300"))
    one = await _on_april_1(seller, quantities={"seats": "2"})
    await seller.advance_to(datetime(2026, 4, 16, 9, tzinfo=UTC))
    more = await change(seller.context, Change(one, quantities={"seats": "4"}))
    assert (more.timing, more.total_minor) == (NOW, 300)
    fewer = await change(seller.context, Change(one, quantities={"seats": "1"}))
    assert fewer.timing is ChangeTiming.AT_RENEWAL
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    assert [each["total_minor"] for each in await seller.invoices(one)] == [1_600, 300, 1_300]
    await seller.prove()


async def test_prorations_for_the_next_invoice_are_not_credited_twice(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(6_000))
    one = await _on_april_1(seller)
    later = ProrationBehavior.NEXT_INVOICE
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    await change(seller.context, Change(one, plan="large", proration=later))
    await seller.advance_to(datetime(2026, 4, 21, 9, tzinfo=UTC))
    await change(seller.context, Change(one, plan="small", timing=NOW, proration=later))
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    invoices = await seller.invoices(one)
    assert [each["total_minor"] for each in invoices] == [3_000, 3_000 + 1_000]  # ten days at twice the price
    await seller.prove()


async def test_a_yearly_plan_begins_a_new_period_now(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("yearly", flat(30_000, interval="year"))
    one = await _on_april_1(seller)
    await seller.advance_to(datetime(2026, 4, 16, 9, tzinfo=UTC))
    done = await change(seller.context, Change(one, plan="yearly", timing=NOW))
    assert done.total_minor == 30_000 - 1_500
    await seller.work()
    assert str((await seller.subscription(one)).period_end) == "2027-04-16"
    await seller.prove()


async def test_a_preview_that_no_longer_holds_is_refused(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(5_000))
    one = await _on_april_1(seller)
    with pytest.raises(PreviewOutdated):
        await change(seller.context, Change(one, plan="large", expect_total_minor=1))
    assert (await seller.subscription(one)).mrr_minor == 3_000
