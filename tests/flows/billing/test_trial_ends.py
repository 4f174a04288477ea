"""When a trial ends: at an exact instant (V26), by another plan's days (S4), and what is told of it once (D3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from cauce.billing.catalog.rules import PlanPolicy
from cauce.billing.customers.rules import CustomerData
from cauce.billing.subscriptions.trials import BadTrialEnd
from cauce.flows.billing.changes import Change, change
from cauce.flows.billing.quotes import approve_quote, send_quote
from cauce.flows.billing.signup import Signup, sign_up
from cauce.flows.billing.trial_dates import move_trial_end
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.machine import IllegalTransition
from cauce.storage import outbox
from tests.flows.billing.shop import BEGIN, Shop, flat

DAY = timedelta(days=1)
ANA = CustomerData("ana", name="Ana")


async def told(seller: Shop, one: str) -> list[datetime]:
    """When the end of the trial was announced."""
    async with seller.context.transaction() as tx:
        happened = await outbox.events_of(tx, one)
    return [row["occurred_at"] for row in happened if row["type"] == "subscription.trial_will_end"]


async def test_a_trial_ends_at_the_very_instant_that_was_given_at_sign_up(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000), trial_days=14)
    await seller.card("ana")
    end = datetime(2026, 1, 22, 6, 30, 15, tzinfo=timezone(timedelta(hours=-5)))
    one = (await seller.sign_up("ana", "pro", trial_end=end, timezone="America/Bogota")).subscription_id
    stands = await seller.subscription(one)
    assert (stands.status, stands.trial_end, stands.due_at) == ("trialing", end, end)
    assert stands.trial_end is not None and stands.trial_end.utcoffset() == timedelta(0)
    await seller.advance_to(end - timedelta(seconds=1))
    assert (await seller.subscription(one)).status == "trialing"
    assert await told(seller, one) == [end - 3 * DAY]
    await seller.advance_to(end)
    stands = await seller.subscription(one)
    assert (stands.status, str(stands.period_start), str(stands.period_end)) == ("active", "2026-01-22", "2026-02-22")
    assert stands.due_at == datetime(2026, 2, 22, 11, 30, 15, tzinfo=UTC), "the first period keeps the time of day"
    await seller.prove()


@pytest.mark.parametrize(
    "end",
    [BEGIN, BEGIN - DAY, BEGIN + timedelta(days=3_651), datetime(9999, 1, 1, tzinfo=UTC), datetime(2026, 2, 1)],
    ids=["now", "past", "too far", "at the end of time", "without an offset"],
)
async def test_an_end_that_is_none_is_refused_and_nothing_is_written(seller: Shop, end: datetime) -> None:
    await seller.plan("pro", flat(3_000), trial_days=14)
    with pytest.raises(BadTrialEnd):
        await sign_up(seller.context, Signup(ANA, "pro", "eur", trial_end=end))
    with pytest.raises(BadTrialEnd):
        await send_quote(seller.context, Signup(ANA, "pro", "eur", trial_end=end))
    async with seller.context.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM customers.customer WHERE org_id = $1", tx.org) == 0
    one = (await seller.sign_up("ana", "pro")).subscription_id
    if end != BEGIN:
        with pytest.raises(BadTrialEnd):
            await move_trial_end(seller.context, one, end)
    assert (await seller.subscription(one)).trial_end == BEGIN + 14 * DAY


async def test_a_trial_has_days_or_an_end(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000))
    both = Signup(ANA, "pro", "eur", trial_days=3, trial_end=BEGIN + DAY)
    for ask in (sign_up, send_quote):
        with pytest.raises(InvalidRequest, match="not both"):
            await ask(seller.context, both)


async def test_a_quote_with_an_end_of_the_trial_is_good_until_then(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000))
    end = BEGIN + 5 * DAY
    sent = [await send_quote(seller.context, Signup(ANA, "pro", "eur", trial_end=end, again="asked")) for _ in range(2)]
    await seller.advance(2 * DAY)
    await approve_quote(seller.context, sent[0].subscription_id)
    stands = await seller.subscription(sent[0].subscription_id)
    assert (stands.status, stands.trial_end, stands.metadata) == ("trialing", end, {})
    await seller.advance_to(end - timedelta(seconds=1))
    assert (await seller.subscription(sent[1].subscription_id)).status == "draft"
    await seller.advance_to(end + DAY)
    assert (await seller.subscription(sent[1].subscription_id)).status == "expired"
    with pytest.raises(IllegalTransition):
        await approve_quote(seller.context, sent[1].subscription_id)


@pytest.mark.parametrize(
    ("how", "end"),
    [("from_first_start", BEGIN + 30 * DAY), ("from_change", BEGIN + 34 * DAY), ("keep", BEGIN + 14 * DAY)],
)
async def test_s4_another_plan_in_the_trial_moves_its_end_and_its_notice(seller: Shop, how: str, end: datetime) -> None:
    await seller.plan("small", flat(3_000), trial_days=14)
    await seller.plan("large", flat(5_000), trial_days=30, policy=PlanPolicy(notice_days=(5,)))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "small")).subscription_id
    await seller.advance(4 * DAY)
    await change(seller.context, Change(one, plan="large", policy={"trial_on_change": how}))
    assert (await seller.subscription(one)).trial_end == end
    await seller.advance_to(end - timedelta(seconds=1))
    assert (await seller.subscription(one)).status == "trialing"
    assert await told(seller, one) == [end - (3 if how == "keep" else 5) * DAY]
    await seller.advance_to(end)
    assert [line["total_minor"] for line in await seller.invoices(one)] == [5_000]
    story = await seller.story(one)
    assert story.count("subscription.trial_extended") == (0 if how == "keep" else 1)
    await seller.prove()


async def test_s4_a_shorter_trial_moves_the_end_forward_but_never_ends_the_trial(seller: Shop) -> None:
    for key, days in (("long", 30), ("short", 14), ("none", 0)):
        await seller.plan(key, flat(3_000), trial_days=days)
    one = (await seller.sign_up("ana", "long")).subscription_id
    await seller.advance(4 * DAY)
    await change(seller.context, Change(one, plan="short"))
    assert (await seller.subscription(one)).trial_end == BEGIN + 14 * DAY
    await change(seller.context, Change(one, plan="none"))
    assert (await seller.subscription(one)).trial_end == BEGIN + 14 * DAY, "its days would be over: the old end stays"


async def test_s4_an_end_that_was_agreed_on_stays_whatever_the_plan(seller: Shop) -> None:
    await seller.plan("small", flat(3_000), trial_days=14)
    await seller.plan("large", flat(5_000), trial_days=30)
    given = (await seller.sign_up("ana", "small", trial_end=BEGIN + 5 * DAY)).subscription_id
    moved = (await seller.sign_up("bea", "small")).subscription_id
    await move_trial_end(seller.context, moved, BEGIN + 20 * DAY)
    for one, end in ((given, BEGIN + 5 * DAY), (moved, BEGIN + 20 * DAY)):
        await change(seller.context, Change(one, plan="large"))
        assert (await seller.subscription(one)).trial_end == end


async def test_a_notice_is_told_once_though_the_trial_is_shortened_and_again_of_a_later_end(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000), trial_days=14)
    one = (await seller.sign_up("ana", "pro")).subscription_id
    await seller.advance(11 * DAY)
    assert len(await told(seller, one)) == 1
    await move_trial_end(seller.context, one, BEGIN + 13 * DAY)
    await seller.work()
    assert len(await told(seller, one)) == 1, "shortened: told already"
    await move_trial_end(seller.context, one, BEGIN + 20 * DAY)
    await seller.advance_to(BEGIN + 18 * DAY)
    assert await told(seller, one) == [BEGIN + 11 * DAY, BEGIN + 17 * DAY]
