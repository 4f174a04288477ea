"""Parts of a period counted by seconds, by months of thirty days, by days: by the organization or by a price (V8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from cauce.billing.catalog.pauses import PausePolicy
from cauce.billing.catalog.rules import (
    CancelCredit,
    ChangePolicy,
    ChangeRule,
    ChangeTiming,
    NewPrice,
    PlanPolicy,
)
from cauce.flows.billing.cancel import Cancel, cancel, preview_cancel
from cauce.flows.billing.changes import Change, ChangeNotDue, change, preview_change
from cauce.flows.billing.conventions import Conventions, set_conventions
from cauce.flows.billing.pausing import pause_now
from cauce.flows.billing.resuming import resume_now
from cauce.kernel.money import half_up
from cauce.pricing.proration import Basis, CancellationDay
from cauce.pricing.schedule import Billing
from tests.flows.billing.shop import Shop, flat

NOW = ChangeTiming.NOW
ALL_NOW = ChangePolicy(downgrade=ChangeRule(NOW), interval_up=ChangeRule(NOW))
APRIL_1, BERLIN = datetime(2026, 4, 1, 9, tzinfo=UTC), ZoneInfo("Europe/Berlin")


async def count_by(seller: Shop, basis: Basis) -> None:
    async with seller.context.transaction() as tx:
        await set_conventions(tx, seller.context, Conventions(proration_basis=basis))


async def subscribed(
    seller: Shop, basis: Basis, begin: datetime = APRIL_1, *, policy: PlanPolicy | None = None, **more: str
) -> str:
    policy = policy or PlanPolicy(change=ALL_NOW)
    await count_by(seller, basis)
    await seller.plan("small", flat(3_000), policy=policy)
    await seller.plan("large", flat(5_000), policy=policy)
    await seller.plan("yearly", flat(36_500, interval="year"), policy=policy)
    await seller.advance_to(begin)
    await seller.card("ana")
    return (await seller.sign_up("ana", "small", **more)).subscription_id


async def changed(seller: Shop, command: Change) -> list[int]:
    """The lines of a change; its preview, made at the very instant, said the same."""
    seen = await preview_change(seller.context, command)
    done = await change(seller.context, replace(command, at=seen.effective_at, expect_total_minor=seen.total_minor))
    assert [line.total_minor for line in done.lines] == [line.total_minor for line in seen.lines]
    await seller.work()
    await seller.prove()
    return [line.total_minor for line in done.lines]


@pytest.mark.parametrize(
    ("basis", "lines"),
    [
        (Basis.SECOND, [-1_950, 3_250]),  # 19.5 of 30 days
        (Basis.DAY, [-2_000, 3_333]),  # 20 of 30
        (Basis.FIXED_30, [-2_000, 3_333]),
    ],
)
async def test_an_upgrade_in_the_evening_of_day_eleven(seller: Shop, basis: Basis, lines: list[int]) -> None:
    one = await subscribed(seller, basis)
    await seller.advance_to(datetime(2026, 4, 11, 21, tzinfo=UTC))
    assert await changed(seller, Change(one, plan="large")) == lines


@pytest.mark.parametrize(
    ("basis", "left"),
    [(Basis.SECOND, Fraction(383, 743)), (Basis.DAY, Fraction(16, 31)), (Basis.FIXED_30, Fraction(15, 30))],
)
async def test_a_month_in_which_the_clocks_change_has_an_hour_less(seller: Shop, basis: Basis, left: Fraction) -> None:
    one = await subscribed(seller, basis, datetime(2026, 3, 1, 9, tzinfo=BERLIN), timezone="Europe/Berlin")
    await seller.advance_to(datetime(2026, 3, 16, 9, tzinfo=BERLIN))
    assert await changed(seller, Change(one, plan="large")) == [-half_up(3_000 * left), half_up(5_000 * left)]
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=BERLIN))
    assert (await seller.invoices(one))[-1]["total_minor"] == 5_000


async def test_there_and_back_at_one_instant_costs_nothing_and_hours_later_their_part(seller: Shop) -> None:
    one = await subscribed(seller, Basis.SECOND)
    await seller.advance_to(datetime(2026, 4, 11, 21, tzinfo=UTC))
    there = await changed(seller, Change(one, plan="large"))
    back = await changed(seller, Change(one, plan="small"))
    assert (there, back) == ([-1_950, 3_250], [-3_250, 1_950])
    await changed(seller, Change(one, plan="large"))
    await seller.advance(timedelta(hours=12))
    assert await changed(seller, Change(one, plan="small")) == [-half_up(Fraction(3_250 * 19 * 2, 39)), 1_900]


async def test_what_was_billed_for_the_parts_of_a_period_adds_up(seller: Shop) -> None:
    one = await subscribed(seller, Basis.SECOND)
    held, at, due = {"small": 0, "large": 0}, APRIL_1, Fraction(0)
    fee = {"small": 3_000, "large": 5_000}
    plan = "small"
    for hours in (7, 100, 31, 260, 1, 55, 150):
        await seller.advance(timedelta(hours=hours))
        held[plan] += hours
        plan = "large" if plan == "small" else "small"
        await changed(seller, Change(one, plan=plan))
        at += timedelta(hours=hours)
    held[plan] += 720 - sum(held.values())
    due = sum((Fraction(fee[name] * hours, 720) for name, hours in held.items()), Fraction(0))
    billed = sum(each["total_minor"] for each in await seller.invoices(one))
    assert abs(billed - due) < 7, "each change rounds twice by less than half a cent"


async def test_prorations_for_the_next_invoice_keep_the_instant_at_which_they_begin(seller: Shop) -> None:
    from cauce.billing.catalog.rules import ProrationBehavior

    one = await subscribed(seller, Basis.SECOND)
    later = ProrationBehavior.NEXT_INVOICE
    await seller.advance_to(datetime(2026, 4, 11, 21, tzinfo=UTC))
    await change(seller.context, Change(one, plan="large", proration=later))
    await seller.advance_to(datetime(2026, 4, 21, 9, tzinfo=UTC))
    await change(seller.context, Change(one, plan="small", proration=later))
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    dearer = Fraction(2_000 * 19, 60)  # nine days and a half at 2000 more
    assert abs((await seller.invoices(one))[-1]["total_minor"] - 3_000 - dearer) <= 2
    await seller.prove()


async def test_another_interval_begins_at_the_very_instant(seller: Shop) -> None:
    one = await subscribed(seller, Basis.SECOND)
    await seller.advance_to(datetime(2026, 4, 11, 21, tzinfo=UTC))
    assert await changed(seller, Change(one, plan="yearly")) == [-1_950, 36_500]
    after = await seller.subscription(one)
    assert (after.period_end, after.due_at) == (date(2027, 4, 11), datetime(2027, 4, 11, 21, tzinfo=UTC))
    await seller.advance_to(datetime(2026, 9, 10, 9, tzinfo=UTC))
    done = await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.CREDIT))
    assert done.credit_minor == half_up(36_500 * Fraction(213 * 24 + 12, 365 * 24))
    await seller.prove()


async def test_a_cancellation_credits_to_the_second_or_from_the_end_of_its_day(seller: Shop) -> None:
    one = await subscribed(seller, Basis.SECOND, policy=PlanPolicy(cancel_credit=CancelCredit.CREDIT))
    billed = PlanPolicy(cancel_credit=CancelCredit.CREDIT, cancellation_day=CancellationDay.BILLED)
    await seller.plan("kept", flat(3_000), policy=billed)
    await seller.card("bia")
    other = (await seller.sign_up("bia", "kept")).subscription_id
    await seller.advance_to(datetime(2026, 4, 11, 21, tzinfo=UTC))
    assert (await preview_cancel(seller.context, Cancel(one, now=True))).credit_minor == 1_950
    assert (await cancel(seller.context, Cancel(one, now=True))).credit_minor == 1_950
    assert (await cancel(seller.context, Cancel(other, now=True))).credit_minor == 1_900
    await seller.prove()


async def test_fees_in_arrears_are_billed_to_the_second(seller: Shop) -> None:
    await count_by(seller, Basis.SECOND)
    await seller.plan("behind", flat(3_000, billing=Billing.IN_ARREARS))
    await seller.advance_to(APRIL_1)
    await seller.card("ana")
    one, two = [(await seller.sign_up(who, "behind")).subscription_id for who in ("ana", "bia")]
    await seller.advance(timedelta(hours=6))
    assert [line.total_minor for line in (await cancel(seller.context, Cancel(two, now=True))).lines] == [25]
    await seller.advance_to(datetime(2026, 4, 11, 21, tzinfo=UTC))
    assert [line.total_minor for line in (await cancel(seller.context, Cancel(one, now=True))).lines] == [1_050]
    await seller.prove()


async def test_a_pause_credits_and_its_end_bills_to_the_second(seller: Shop) -> None:
    one = await subscribed(seller, Basis.SECOND)
    await seller.advance_to(datetime(2026, 4, 11, 21, tzinfo=UTC))
    assert (await pause_now(seller.context, one)).credit_minor == 1_950
    await seller.advance_to(datetime(2026, 4, 16, 15, tzinfo=UTC))
    await resume_now(seller.context, one)
    assert (await seller.invoices(one))[-1]["total_minor"] == half_up(3_000 * Fraction(14 * 24 + 18, 720))
    await seller.advance_to(datetime(2026, 4, 21, 9, tzinfo=UTC))
    assert (await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.CREDIT))).credit_minor == 1_000
    await seller.prove()


async def test_paused_days_that_were_kept_are_credited_from_the_instant_of_the_pause(seller: Shop) -> None:
    kept = PlanPolicy(pause=PausePolicy(credit="none"))
    one = await subscribed(seller, Basis.SECOND, policy=kept)
    await seller.advance_to(datetime(2026, 4, 11, 21, tzinfo=UTC))
    assert (await pause_now(seller.context, one)).credit_minor == 0
    await seller.advance_to(datetime(2026, 4, 16, 15, tzinfo=UTC))
    assert (await cancel(seller.context, Cancel(one, now=True, credit=CancelCredit.CREDIT))).credit_minor == 1_950
    await seller.prove()


async def test_a_price_may_count_otherwise_than_its_organization(seller: Shop) -> None:
    exact = {"type": "flat", "amount_minor": 3_000, "proration_basis": "second"}
    thirty = {"type": "flat", "amount_minor": 3_100, "proration_basis": "fixed_30"}
    prices = NewPrice("base", "eur", exact), NewPrice("desk", "eur", thirty), flat(3_000, "plain")
    await seller.plan("mixed", *prices, policy=PlanPolicy(cancel_credit=CancelCredit.CREDIT))
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "mixed")).subscription_id
    await seller.advance_to(datetime(2026, 5, 16, 21, tzinfo=UTC))
    done = await cancel(seller.context, Cancel(one, now=True))
    assert done.credit_minor == half_up(3_000 * Fraction(31, 62)) + half_up(3_100 * Fraction(15, 30)) + half_up(
        3_000 * Fraction(16, 31)
    )
    await seller.prove()


@pytest.mark.parametrize(("basis", "left"), [(Basis.DAY, Fraction(0)), (Basis.SECOND, Fraction(2, 720))])
async def test_a_change_in_the_last_hours_of_a_period(seller: Shop, basis: Basis, left: Fraction) -> None:
    one = await subscribed(seller, basis)
    await seller.advance_to(datetime(2026, 5, 1, 7, tzinfo=UTC))
    lines = await changed(seller, Change(one, plan="large"))
    assert lines == [line for line in (-half_up(3_000 * left), half_up(5_000 * left)) if line]
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    assert (await seller.invoices(one))[-1]["total_minor"] == 5_000
    with pytest.raises(ChangeNotDue):
        await change(seller.context, Change(one, plan="small", at=datetime(2026, 4, 30, 9, tzinfo=UTC)))
