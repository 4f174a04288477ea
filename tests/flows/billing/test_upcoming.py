"""The next invoice is told before the renewal, once a period, on the organization's clock (section 5.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cauce.billing.subscriptions import service as subscriptions
from cauce.flows.billing import upcoming
from cauce.flows.billing.cancel import Cancel, cancel
from cauce.flows.billing.changes import Change, change
from cauce.flows.billing.extra import ExtraCharge, add_charge
from cauce.flows.billing.pausing import pause_now
from cauce.storage import outbox
from tests.flows.billing.shop import Shop, flat, per_unit


async def told(seller: Shop, one: str) -> list[tuple[str, dict[str, Any]]]:
    """When the next invoice was told (day and hour), and what was said."""
    async with seller.context.transaction() as tx:
        events = await outbox.events_of(tx, one)
    found = [event for event in events if event["type"] == "invoice.upcoming"]
    return [(f"{event['occurred_at']:%m-%d %H}", event["data"]) for event in found]


async def test_it_is_told_seven_days_before_and_the_invoice_is_the_one_that_was_told(seller: Shop) -> None:
    await seller.plan("small", flat(3_000), per_unit("500"))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "small", quantities={"seats": "2"})).subscription_id
    await add_charge(seller.context, ExtraCharge(one, 700, "Help", False))
    await seller.advance_to(datetime(2026, 2, 8, 8, 59, tzinfo=UTC))
    assert await told(seller, one) == []
    await seller.advance(timedelta(minutes=1))
    ((at, said),) = await told(seller, one)
    assert at == "02-08 09"
    assert (said["total"], said["amount_due"], said["currency"]) == (4_700, 4_700, "eur")
    assert (said["renews_at"], said["period_start"]) == ("2026-02-15T09:00:00Z", "2026-02-15")
    await seller.advance(timedelta(days=7))
    assert [each["total_minor"] for each in await seller.invoices(one)] == [4_000, 4_700]
    assert len(await told(seller, one)) == 1
    await seller.prove()


async def test_every_period_that_a_jump_passes_is_told_once_and_a_year_thirty_days_before(seller: Shop) -> None:
    await seller.plan("monthly", flat(3_000))
    await seller.plan("yearly", flat(30_000, interval="year"))
    await seller.plan("weekly", flat(700, interval="week"))
    for who in ("ana", "bia", "cid"):
        await seller.card(who)
    monthly, yearly, weekly = [
        (await seller.sign_up(who, plan)).subscription_id
        for who, plan in (("ana", "monthly"), ("bia", "yearly"), ("cid", "weekly"))
    ]
    await seller.advance_to(datetime(2026, 2, 5, 10, tzinfo=UTC))
    assert [at for at, _ in await told(seller, weekly)] == ["01-15 09", "01-22 09", "01-29 09", "02-05 09"]
    await seller.advance_to(datetime(2027, 1, 15, 10, tzinfo=UTC))
    assert [at for at, _ in await told(seller, yearly)] == ["12-16 09"]
    assert [at for at, _ in await told(seller, monthly)][:3] == ["02-08 09", "03-08 09", "04-08 09"]
    assert len(await told(seller, monthly)) == 12
    await seller.prove()


async def test_who_ends_or_rests_is_told_nothing_and_who_changes_what_he_will_pay(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("tiny", flat(1_000))
    ids = []
    for who in ("ana", "bia", "cid"):
        await seller.card(who)
        ids.append((await seller.sign_up(who, "small")).subscription_id)
    ends, rests, changes = ids
    await cancel(seller.context, Cancel(ends))
    await pause_now(seller.context, rests)
    await change(seller.context, Change(changes, plan="tiny"))
    await seller.advance_to(datetime(2026, 2, 8, 10, tzinfo=UTC))
    assert await told(seller, ends) == await told(seller, rests) == []
    assert [said["total"] for _, said in await told(seller, changes)] == [1_000]
    assert (await seller.subscription(changes)).plan_id == (await seller.subscription(rests)).plan_id, "nothing is made"
    await seller.advance_to(datetime(2026, 2, 15, 10, tzinfo=UTC))
    assert (await seller.invoices(changes))[-1]["total_minor"] == 1_000
    await seller.prove()


async def test_a_trial_is_told_by_its_own_notice_and_then_its_periods(seller: Shop) -> None:
    await seller.plan("small", flat(3_000), trial_days=20)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "small")).subscription_id
    await seller.advance(timedelta(days=20))
    assert await told(seller, one) == []
    await seller.advance(timedelta(days=28))
    assert [at for at, _ in await told(seller, one)] == ["02-25 09"]


async def test_telling_keeps_nothing_of_what_it_looked_at(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "small")).subscription_id
    before, books = await seller.subscription(one), await seller.books()
    async with seller.context.transaction() as tx:
        await upcoming.tell(tx, {one: await seller.context.now(tx)})
        after = await subscriptions.read(tx, one)
    assert (after.due_at, after.period_index, after.upcoming_at) == (before.due_at, before.period_index, None)
    assert (await seller.books(), len(await seller.invoices(one))) == (books, 1)
