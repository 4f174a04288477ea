"""A new price for those who subscribe already: previewed, told, applied at their renewal, and nobody left out (A7)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from cauce.billing.catalog.rules import ChangeTiming
from cauce.flows.billing.changes import Change, change
from cauce.flows.billing.price_migration import Migrated, PriceMigration, migrate_prices
from cauce.kernel.errors import InvalidRequest
from cauce.reports import subscriptions as reports
from tests.flows.billing.shop import Shop, flat, per_unit

MARCH = PriceMigration("pro", date(2026, 3, 1))


async def moved(seller: Shop) -> list[tuple[str, str]]:
    """(subscription, state) of every move, as they were made."""
    async with seller.context.transaction() as tx:
        rows = await reports.migrations(tx, "pro", before="~", rows_max=100)
    return [(row["subscription_id"], row["state"]) for row in reversed(rows)]


async def totals(seller: Shop, subscription_id: str) -> list[int]:
    return [one["total_minor"] for one in await seller.invoices(subscription_id)]


def amounts(found: list[Migrated], subscription_id: str) -> tuple[str, int | None, int | None, date | None]:
    (one,) = [each for each in found if each.subscription_id == subscription_id]
    return one.state, one.old_amount_minor, one.new_amount_minor, one.effective_on


async def test_a_new_price_comes_at_the_renewal_that_was_told_with_what_each_has(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000), per_unit("100"), flat(1_100, currency="usd"))
    for who in ("ana", "bia", "carl"):
        await seller.card(who)
    ana = (await seller.sign_up("ana", "pro", quantities={"seats": "3"})).subscription_id
    bia = (await seller.sign_up("bia", "pro")).subscription_id
    carl = (await seller.sign_up("carl", "pro", currency="usd")).subscription_id
    await seller.plan("pro", flat(1_500), per_unit("200"))
    for too_early_or_late in (date(2026, 2, 1), date(9999, 12, 31)):
        with pytest.raises(InvalidRequest):
            await migrate_prices(seller.context, PriceMigration("pro", too_early_or_late))
    preview = await migrate_prices(seller.context, MARCH, dry_run=True)
    assert amounts(preview, ana) == ("scheduled", 1_300, 2_100, date(2026, 3, 15))
    assert amounts(preview, carl)[0] == "refused", "no price in his currency: named, not dropped"
    assert await moved(seller) == []
    done = await migrate_prices(seller.context, MARCH)
    assert done == preview
    assert [one.state for one in await migrate_prices(seller.context, MARCH)] == ["known", "known", "refused"]
    assert (await seller.story(ana))[-1] == "subscription.change_scheduled"
    # His own change of the same plan does not lose the move; the move does not lose his change.
    await change(seller.context, Change(bia, quantities={"seats": "5"}, timing=ChangeTiming.AT_RENEWAL))
    await seller.advance_to(datetime(2026, 2, 20, tzinfo=UTC))
    assert await totals(seller, ana) == [1_300, 1_300], "the renewal before the day is as it was"
    await change(seller.context, Change(bia, quantities={"seats": "7"}, timing=ChangeTiming.AT_RENEWAL))
    await seller.advance_to(datetime(2026, 4, 20, tzinfo=UTC))
    assert await totals(seller, ana) == [1_300, 1_300, 2_100, 2_100]
    assert await totals(seller, bia) == [1_100, 1_500, 2_900, 2_900]
    assert await totals(seller, carl) == [1_100, 1_100, 1_100, 1_100]
    assert await moved(seller) == [(ana, "applied"), (bia, "applied")]
    await seller.prove()


async def test_who_is_on_another_plan_by_then_is_not_moved_and_says_so(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000))
    await seller.plan("max", flat(3_000))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.plan("pro", flat(1_500))
    await migrate_prices(seller.context, MARCH)
    await change(seller.context, Change(one, plan="max", timing=ChangeTiming.AT_RENEWAL))
    await seller.advance_to(datetime(2026, 4, 20, tzinfo=UTC))
    assert await totals(seller, one) == [1_000, 3_000, 3_000, 3_000]
    assert await moved(seller) == [(one, "canceled")]
    await seller.prove()


async def test_a_trial_keeps_its_price_for_the_first_period(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000), trial_days=20)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.plan("pro", flat(1_500))
    found = await migrate_prices(seller.context, PriceMigration("pro", date(2026, 1, 20), notice_days=0))
    assert amounts(found, one) == ("scheduled", 1_000, 1_500, date(2026, 3, 4))
    await seller.advance(timedelta(days=60))
    assert await totals(seller, one) == [1_000, 1_500]
