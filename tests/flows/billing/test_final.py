"""An end or a pause in the middle of a period bills what was used until then, once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from cauce.billing.catalog.policy_parts import DunningPolicy
from cauce.billing.catalog.rules import CancelCredit, NewPrice, PlanPolicy, PriceKind
from cauce.billing.usage.rules import UsageEvent
from cauce.flows.billing.cancel import Cancel, cancel, preview_cancel, reactivate
from cauce.flows.billing.current_usage import current_usage
from cauce.flows.billing.extra import ExtraCharge, add_charge
from cauce.flows.billing.pausing import pause_now
from cauce.flows.billing.resuming import resume_now
from cauce.flows.billing.usage import create_meter, record_usage
from cauce.pricing.schedule import Billing
from tests.flows.billing.shop import Shop, flat
from tests.flows.billing.test_changes import unborn

ARREARS = Billing.IN_ARREARS


def calls(meter: str = "calls", **model: Any) -> NewPrice:
    """Ten cents a call."""
    stated = {"type": "per_unit", "unit_amount": "10", **model}
    return NewPrice(meter, "eur", stated, kind=PriceKind.USAGE, billing=ARREARS, meter_key=meter, nickname=meter)


async def used(seller: Shop, value: int, at: datetime, meter: str = "calls") -> None:
    """Ana uses something."""
    await record_usage(seller.context, [UsageEvent("app", f"{meter}{at}", meter, "ana", Decimal(value), at)])


async def begun(seller: Shop, *prices: NewPrice, policy: PlanPolicy | None = None) -> str:
    """Ana's subscription from 1 April, nine o'clock, with twenty calls on the fifth."""
    await create_meter(seller.context, "calls", "sum")
    await create_meter(seller.context, "store", "weighted")
    await seller.plan("pro", *prices, policy=policy)
    await seller.card("ana")
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance_to(datetime(2026, 4, 5, 9, tzinfo=UTC))
    await used(seller, 20, datetime(2026, 4, 5, 8, tzinfo=UTC))
    return one


def amounts(invoice: dict[str, Any]) -> list[tuple[str, int]]:
    """Kind and amount of each line."""
    return [(line["kind"], line["amount_minor"]) for line in invoice["lines"]]


async def test_cancelling_now_bills_the_use_up_to_this_instant_and_fees_in_arrears(seller: Shop) -> None:
    one = await begun(seller, flat(3_000), flat(600, "support", billing=ARREARS), calls(minimum_minor=900))
    await add_charge(seller.context, ExtraCharge(one, 77, "Help", False))
    await seller.advance_to(datetime(2026, 4, 11, 9, tzinfo=UTC))
    await used(seller, 3, datetime(2026, 4, 11, 8, tzinfo=UTC))
    command = Cancel(one, now=True)
    preview = await preview_cancel(seller.context, command)
    assert (await seller.subscription(one)).status == "active"
    assert len(await seller.invoices(one)) == 1
    done = await cancel(seller.context, command)
    assert [unborn(line) for line in preview.lines] == [unborn(line) for line in done.lines]
    await seller.work()
    final = (await seller.invoices(one))[-1]
    assert (final["id"], final["reason"], final["status"]) == (done.invoice_id, "final", "paid")
    # 600 for ten of thirty days, 23 calls, of the minimum 900 eleven thirtieths are 330 less 230
    assert sorted(amounts(final)) == [("minimum", 100), ("pending", 77), ("recurring", 200), ("usage", 230)]
    assert (await seller.subscription(one)).status == "canceled"
    await seller.advance_to(datetime(2026, 6, 1, 9, tzinfo=UTC))
    assert len(await seller.invoices(one)) == 2
    await seller.prove()


async def test_what_is_given_back_of_the_fee_pays_for_the_use(seller: Shop) -> None:
    one = await begun(seller, flat(3_000), calls())
    await seller.advance_to(datetime(2026, 4, 16, 9, tzinfo=UTC))
    moved = await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.CREDIT))
    await seller.work()
    final = (await seller.invoices(one))[-1]
    assert (moved.credit_minor, final["total_minor"], final["credit_minor"], final["status"]) == (
        1_500,
        200,
        200,
        "paid",
    )
    assert "customer:ana:credit: 1300" in await seller.books()
    assert len(seller.cards.charged) == 1
    await seller.prove()


async def test_who_returns_on_the_day_he_left_pays_its_use_once(seller: Shop) -> None:
    one = await begun(seller, flat(3_000), calls())
    await cancel(seller.context, Cancel(one, now=True))
    await seller.work()
    await reactivate(seller.context, one)
    await seller.work()
    assert [meter.used for meter in (await current_usage(seller.context, one)).meters] == [0]
    await used(seller, 5, datetime(2026, 4, 5, 8, 30, tzinfo=UTC))  # of the day that is billed already
    await seller.advance_to(datetime(2026, 4, 6, 9, tzinfo=UTC))
    await used(seller, 7, datetime(2026, 4, 6, 8, tzinfo=UTC))
    await seller.advance_to(datetime(2026, 5, 5, 9, tzinfo=UTC))
    billed = [amounts(each) for each in await seller.invoices(one)]
    assert billed[1] == [("usage", 200)]
    assert sorted(billed[3]) == [("recurring", 3_000), ("usage", 50), ("usage", 70)]
    await seller.prove()


@pytest.mark.parametrize("resumed", [datetime(2026, 4, 5, 15, tzinfo=UTC), datetime(2026, 4, 21, 9, tzinfo=UTC)])
async def test_a_pause_bills_the_use_before_it_and_the_renewal_the_use_after_it(
    seller: Shop, resumed: datetime
) -> None:
    one = await begun(seller, flat(600, billing=ARREARS), calls(minimum_minor=3_000))
    await pause_now(seller.context, one)
    await seller.work()
    (_, rest) = await seller.invoices(one)
    assert sorted(amounts(rest)) == [("minimum", 300), ("recurring", 80), ("usage", 200)]  # 4 days, and 5 for the use
    await seller.advance_to(resumed)
    await resume_now(seller.context, one)
    await seller.work()
    await seller.advance_to(datetime(2026, 4, 22, 9, tzinfo=UTC))
    await used(seller, 11, datetime(2026, 4, 22, 8, tzinfo=UTC))
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    last = [line for line in (await seller.invoices(one))[-1]["lines"] if line["period_end"] == date(2026, 5, 1)]
    days = 26 if resumed.day == 5 else 10  # of the fee; the use of the fifth is billed already
    minimum = 100 * (25 if resumed.day == 5 else 10) - 110
    assert sorted((line["kind"], line["amount_minor"]) for line in last) == [
        ("minimum", minimum), ("recurring", 20 * days), ("usage", 110),
    ]  # fmt: skip
    await seller.prove()


async def test_a_level_is_weighed_until_the_instant_of_the_end(seller: Shop) -> None:
    one = await begun(seller, calls("store", unit_amount="720"))
    await used(seller, 100, datetime(2026, 4, 5, 9, tzinfo=UTC), "store")
    await seller.advance_to(datetime(2026, 4, 6, 15, tzinfo=UTC))
    await cancel(seller.context, Cancel(one, now=True))
    await seller.work()
    assert [amounts(each) for each in await seller.invoices(one)][-1] == [("usage", 3_000)]  # 100 * 30 hours of 720
    await seller.prove()


async def test_nothing_used_is_nothing_billed_and_a_trial_owes_nothing(seller: Shop) -> None:
    one = await begun(seller, flat(3_000))
    await cancel(seller.context, Cancel(one, now=True))
    assert len(await seller.invoices(one)) == 1
    await seller.plan("try", calls(), trial_days=14)
    two = (await seller.sign_up("ana", "try")).subscription_id
    await used(seller, 9, datetime(2026, 4, 5, 7, tzinfo=UTC))
    await cancel(seller.context, Cancel(two, now=True))
    assert await seller.invoices(two) == []


async def test_who_never_pays_owes_his_last_use_too(seller: Shop) -> None:
    policy = PlanPolicy(dunning=DunningPolicy(retry_days=(1,), terminal="cancel"))
    one = await begun(seller, flat(3_000), calls(), policy=policy)
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance_to(datetime(2026, 5, 1, 12, tzinfo=UTC))
    await used(seller, 4, datetime(2026, 5, 1, 11, tzinfo=UTC))
    await seller.advance_to(datetime(2026, 6, 1, 12, tzinfo=UTC))
    assert (await seller.subscription(one)).status == "canceled"
    assert [amounts(each) for each in await seller.invoices(one)][-1] == [("usage", 40)]
    await seller.prove()
