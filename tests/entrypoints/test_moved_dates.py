"""An operator moves the end of a trial, ends it, and says when a pause ends, from the console (D1, T12, T33)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import signed_in
from tests.flows.billing.shop import BEGIN, flat

DAY = timedelta(days=1)


async def test_a_trial_is_extended_shortened_and_ended_from_its_page(empty: Stage) -> None:
    await empty.shop.plan("pro", flat(3_000), trial_days=14)
    await empty.shop.card("ana")
    done = await empty.shop.sign_up("ana", "pro", timezone="America/Bogota")
    owner = await signed_in(empty)
    path = f"/console/subscriptions/{done.subscription_id}"
    for typed in ("2026-02-10", "2026-01-20"):
        answer = await owner.press(await owner.see(path), "/trial", ends_on=typed)
        assert answer.status_code == 200
        stands = await empty.shop.subscription(done.subscription_id)
        assert stands.trial_end == datetime.fromisoformat(f"{typed}T09:00:00Z"), "the same local time of day"
    for wrong in ("2020-01-01", "soon", "9999-12-31", ""):
        refused = await owner.press(await owner.see(path), "/trial", ends_on=wrong)
        assert refused.status_code == 422, wrong
    page = await owner.see(path)
    assert (await owner.press(page, "/trial", now="yes")).status_code == 200
    await empty.work()
    assert (await empty.shop.subscription(done.subscription_id)).status == "active"
    assert f"{path}/trial" not in await owner.see(path)
    await empty.shop.prove()


async def test_a_pause_ends_by_itself_on_the_day_that_was_typed(empty: Stage) -> None:
    await empty.shop.plan("pro", flat(3_100))
    await empty.shop.card("ana")
    done = await empty.shop.sign_up("ana", "pro")
    owner = await signed_in(empty)
    page = await owner.see(f"/console/subscriptions/{done.subscription_id}")
    assert (await owner.press(page, "/pause", resume_on="2026-01-10")).status_code == 422, "before it begins"
    assert (await owner.press(page, "/pause", resume_on="2026-01-25")).status_code == 200
    assert (await empty.shop.subscription(done.subscription_id)).resume_at == datetime(2026, 1, 25, tzinfo=UTC)
    assert BEGIN.day == 15
    await empty.advance(11 * DAY)
    assert (await empty.shop.subscription(done.subscription_id)).status == "active"
    await empty.shop.prove()
