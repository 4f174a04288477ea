"""Introductory prices: trial, so many periods at a low price, then the regular one (A9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cauce.billing.catalog.rules import (
    BadPlan,
    CancelCredit,
    ChangePolicy,
    ChangeRule,
    ChangeTiming,
    NewPhase,
    NewPrice,
    PlanPolicy,
)
from cauce.flows.billing.cancel import Cancel, cancel, preview_cancel, reactivate
from cauce.flows.billing.catalogue import apply_catalogue, export_catalogue
from cauce.flows.billing.changes import Change, change, preview_change
from cauce.flows.billing.pausing import pause_now
from cauce.flows.billing.price_migration import PriceMigration, migrate_prices
from cauce.flows.billing.resuming import resume_now
from cauce.flows.billing.upcoming import upcoming_invoice
from tests.flows.billing.shop import Shop, flat, per_unit

NOW = ChangeTiming.NOW


def easy(amount_minor: int = 3_000, intro_minor: int = 1_000, periods: int = 2, **more: Any) -> NewPrice:
    """A monthly fee that is low at first."""
    phase = NewPhase({"type": "flat", "amount_minor": intro_minor}, periods)
    return flat(amount_minor, phases=(phase,), **more)


async def _fees(seller: Shop, one: str) -> list[int]:
    return [invoice["total_minor"] for invoice in await seller.invoices(one)]


async def test_a_trial_is_followed_by_two_periods_at_the_low_price_and_then_the_regular_one(seller: Shop) -> None:
    await seller.plan("easy", easy(), trial_days=14)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "easy")).subscription_id
    upcoming = await upcoming_invoice(seller.context, one)
    assert (upcoming.bill.priced.total_minor, upcoming.at) == (1_000, datetime(2026, 1, 29, 9, tzinfo=UTC))
    await seller.advance(timedelta(days=15))
    assert (await seller.subscription(one)).mrr_minor == 1_000
    await seller.advance(timedelta(days=31))
    upcoming = await upcoming_invoice(seller.context, one)
    assert upcoming.bill.priced.total_minor == 3_000
    await seller.advance(timedelta(days=62))
    assert await _fees(seller, one) == [1_000, 1_000, 3_000, 3_000]
    assert (await seller.subscription(one)).mrr_minor == 3_000
    await seller.prove()


async def test_a_phase_that_ends_within_a_period_divides_its_fee_by_days(seller: Shop) -> None:
    await seller.plan("easy", easy(periods=1), policy=PlanPolicy(anchor_day=1))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "easy")).subscription_id
    await seller.advance_to(datetime(2026, 2, 1, 9, tzinfo=UTC))
    stub, divided = await seller.invoices(one)
    assert [line["amount_minor"] for line in stub["lines"]] == [548]  # 1000 * 17 / 31
    assert [(line["period_start"].day, line["amount_minor"]) for line in divided["lines"]] == [(1, 500), (15, 1_500)]
    await seller.advance_to(datetime(2026, 3, 1, 9, tzinfo=UTC))
    assert await _fees(seller, one) == [548, 2_000, 3_000]
    await seller.prove()


def _short(days: int = 10) -> NewPrice:
    """A monthly fee of 30.00 that is 10.00 for so many days."""
    return flat(3_000, phases=(NewPhase({"type": "flat", "amount_minor": 1_000}, days, "day"),))


@pytest.mark.parametrize("trial_days", [0, 5])
async def test_a_phase_that_ends_within_the_stub_divides_the_stub_by_days(seller: Shop, trial_days: int) -> None:
    await seller.plan("short", _short(), trial_days=trial_days, policy=PlanPolicy(anchor_day=1))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "short")).subscription_id
    foreseen = (await upcoming_invoice(seller.context, one)).bill.priced if trial_days else None
    await seller.advance(timedelta(days=trial_days))
    first = 15 + trial_days
    (stub,) = await seller.invoices(one)
    low, regular = (1_000 * 10 + 15) // 31, (3_000 * (32 - first - 10) + 15) // 31  # of the 31 days of January, half up
    assert [(line["period_start"].day, line["period_end"].day, line["amount_minor"]) for line in stub["lines"]] == [
        (first, first + 10, low),
        (first + 10, 1, regular),
    ]
    assert foreseen is None or foreseen.total_minor == stub["total_minor"]
    await seller.advance_to(datetime(2026, 2, 1, 9, tzinfo=UTC))
    assert await _fees(seller, one) == [low + regular, 3_000]
    await seller.prove()


async def test_a_change_and_an_end_within_such_a_stub_give_back_what_each_day_cost(seller: Shop) -> None:
    policy = PlanPolicy(anchor_day=1, cancel_credit=CancelCredit.CREDIT)
    await seller.plan("short", _short(), policy=policy)
    await seller.plan("large", flat(6_200), policy=policy)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "short")).subscription_id  # 10 days at 1000 / 31, 7 at 3000 / 31
    await seller.advance_to(datetime(2026, 1, 20, 9, tzinfo=UTC))
    assert (await preview_cancel(seller.context, Cancel(one, now=True))).credit_minor == 162 + 677  # 5 of 10, and all 7
    seen = await preview_change(seller.context, Change(one, plan="large"))
    assert [line.charge.amount_minor for line in seen.lines] == [-839, 2_400]  # 6200 * 12 / 31
    await seller.advance_to(datetime(2026, 1, 28, 9, tzinfo=UTC))
    assert (await cancel(seller.context, Cancel(one, now=True))).credit_minor == 387  # 677 * 4 / 7
    await seller.prove()


async def test_a_phase_that_ends_with_the_stub_leaves_one_line(seller: Shop) -> None:
    await seller.plan("short", _short(17), policy=PlanPolicy(anchor_day=1))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "short")).subscription_id
    await seller.advance_to(datetime(2026, 2, 1, 9, tzinfo=UTC))
    stub, month = await seller.invoices(one)
    assert [line["amount_minor"] for line in (*stub["lines"], *month["lines"])] == [548, 3_000]
    await seller.prove()


async def test_a_change_credits_what_was_really_billed(seller: Shop) -> None:
    await seller.plan("easy", easy())
    await seller.plan("large", flat(6_000))
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "easy")).subscription_id
    await seller.advance_to(datetime(2026, 4, 16, 9, tzinfo=UTC))
    preview = await preview_change(seller.context, Change(one, plan="large"))
    assert [line.charge.amount_minor for line in preview.lines] == [-500, 3_000]
    done = await change(seller.context, Change(one, plan="large", expect_total_minor=2_500))
    assert [line.charge.amount_minor for line in done.lines] == [-500, 3_000]
    await seller.work()
    await seller.prove()


async def test_more_seats_are_charged_at_the_price_of_the_phases_that_are_left(seller: Shop) -> None:
    seats = per_unit("300", phases=(NewPhase({"type": "per_unit", "unit_amount": "100"}, 10, "day"),))
    await seller.plan("easy", seats)
    await seller.advance_to(datetime(2026, 4, 1, 9, tzinfo=UTC))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "easy", quantities={"seats": "3"})).subscription_id
    assert await _fees(seller, one) == [700]  # 300 * 10/30 + 900 * 20/30
    await seller.advance_to(datetime(2026, 4, 6, 9, tzinfo=UTC))
    done = await change(seller.context, Change(one, quantities={"seats": "6"}))
    assert [line.charge.amount_minor for line in done.lines] == [-650, 100, 1_200]
    await seller.work()
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    assert await _fees(seller, one) == [700, 650, 1_800]
    await seller.prove()


async def test_nobody_begins_the_low_price_a_second_time(seller: Shop) -> None:
    await seller.plan("easy", easy(), policy=PlanPolicy(change=ChangePolicy(downgrade=ChangeRule(NOW))))
    await seller.plan("large", flat(6_000), policy=PlanPolicy(change=ChangePolicy(downgrade=ChangeRule(NOW))))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "easy")).subscription_id
    await seller.advance(timedelta(days=40))
    for plan in ("large", "easy"):
        await change(seller.context, Change(one, plan=plan))
        await seller.work()
    await seller.advance_to(datetime(2026, 3, 15, 9, tzinfo=UTC))
    assert (await _fees(seller, one))[-1] == 3_000
    await cancel(seller.context, Cancel(one, now=True))
    await seller.work()
    await seller.advance(timedelta(days=3))
    await reactivate(seller.context, one)
    await seller.work()
    assert (await _fees(seller, one))[-1] == 3_000
    await seller.prove()


async def test_a_pause_does_not_lengthen_the_low_price(seller: Shop) -> None:
    await seller.plan("easy", easy())
    await seller.card("ana")
    one = (await seller.sign_up("ana", "easy")).subscription_id
    await pause_now(seller.context, one)
    await seller.advance_to(datetime(2026, 3, 15, 9, tzinfo=UTC))
    await resume_now(seller.context, one)
    await seller.work()
    assert (await _fees(seller, one))[-1] == 3_000
    assert (await seller.subscription(one)).mrr_minor == 3_000
    await seller.prove()


async def test_a_move_to_a_new_version_goes_on_with_the_phase(seller: Shop) -> None:
    await seller.plan("easy", easy(periods=3))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "easy")).subscription_id
    await seller.plan("easy", easy(3_500, 1_200, periods=3))
    (moved,) = await migrate_prices(
        seller.context, PriceMigration("easy", datetime(2026, 2, 15, tzinfo=UTC).date(), notice_days=10)
    )
    assert (moved.old_amount_minor, moved.new_amount_minor) == (3_000, 3_500)
    await seller.advance_to(datetime(2026, 5, 1, 9, tzinfo=UTC))
    assert await _fees(seller, one) == [1_000, 1_200, 1_200, 3_500]
    await seller.prove()


async def test_recurring_revenue_grows_with_the_renewal_that_ends_a_phase(seller: Shop) -> None:
    await seller.plan("easy", easy(intro_minor=0, periods=1))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "easy")).subscription_id
    assert (await seller.subscription(one)).mrr_minor == 0
    await seller.advance_to(datetime(2026, 2, 15, 9, tzinfo=UTC))
    assert (await seller.subscription(one)).mrr_minor == 3_000
    async with seller.context.transaction() as tx:
        told = await tx.rows(
            "SELECT trigger, mrr_before_minor, mrr_after_minor FROM subscriptions.history WHERE org_id = $1 ORDER BY id",
            tx.org,
        )
    assert [tuple(row) for row in told] == [("subscribe", 0, 0), ("renew", 0, 3_000)]
    assert await _fees(seller, one) == [0, 3_000]
    await seller.prove()


async def test_only_a_recurring_price_has_phases_and_each_a_length(seller: Shop) -> None:
    phase = NewPhase({"type": "flat", "amount_minor": 1})
    for bad in (
        NewPrice("once", "eur", {"type": "flat", "amount_minor": 2}, kind="one_time", phases=(phase,)),  # type: ignore[arg-type]
        flat(2, phases=(replace(phase, periods=0),)),
    ):
        with pytest.raises(BadPlan):
            await seller.plan("bad", bad)


async def test_a_catalogue_file_with_phases_is_read_and_written_alike(seller: Shop) -> None:
    content = {
        "products": [
            {
                "key": "app",
                "name": "The app",
                "description": "",
                "plans": [
                    {
                        "key": "easy",
                        "name": "Easy",
                        "published": True,
                        "prices": [
                            {
                                "key": "base",
                                "currency": "eur",
                                "model": {"type": "flat", "amount_minor": 3_000},
                                "phases": [{"periods": 3, "model": {"type": "flat", "amount_minor": 1_000}}],
                            }
                        ],
                    }
                ],
            }
        ]
    }
    assert await apply_catalogue(seller.context, content)
    exported = await export_catalogue(seller.context)
    assert exported["products"] == content["products"]
    assert await apply_catalogue(seller.context, content) == []
    await seller.card("ana")
    one = (await seller.sign_up("ana", "easy")).subscription_id
    assert await _fees(seller, one) == [1_000]
