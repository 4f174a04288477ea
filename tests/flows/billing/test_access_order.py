"""Access events of a customer come in the order of his life, numbered without a gap (I3)."""

from __future__ import annotations

from datetime import timedelta

from cauce.flows import instruct
from cauce.flows.billing.cancel import Cancel, cancel, reactivate
from cauce.flows.billing.methods import BeginSetup, begin_setup
from cauce.storage import outbox
from tests.flows.billing.shop import CHANNEL, Shop, flat

DAY = timedelta(days=1)


async def _card(seller: Shop, customer_id: str, behaviour: str = "good") -> None:
    """A card by the provider's form."""
    begun = await begin_setup(seller.context, BeginSetup(customer_id, CHANNEL, "https://shop.example/"))
    await seller.work()
    seller.cards.complete_setup(begun.setup_id, fingerprint=f"fp_{begun.setup_id}")
    await instruct.ask_by_key(seller.context, begun.setup_id)
    await seller.work()


async def test_access_from_trial_to_a_second_life_is_told_in_order_without_a_gap(seller: Shop) -> None:
    await seller.plan("pro", flat(3_000), trial_days=7)
    done = await seller.sign_up("ana", "pro")
    one, who = done.subscription_id, done.customer_id
    lived: list[tuple[str, str]] = []

    async def stands() -> None:
        lived.append(((await seller.subscription(one)).status, await seller.access(one)))

    await stands()
    await seller.advance(7 * DAY)  # the trial ends without a card
    await stands()
    await _card(seller, who)  # and one is added
    await stands()
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance(32 * DAY)  # a renewal fails
    await stands()
    await seller.advance(8 * DAY)  # grace ends, and so do the retries
    await stands()
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "good")
    await _card(seller, who)  # another card pays
    await stands()
    await cancel(seller.context, Cancel(one, now=True))
    await stands()
    await seller.advance(DAY)
    await reactivate(seller.context, one)
    await seller.work()
    await stands()
    assert lived == [
        ("trialing", "full"),
        ("paused", "none"),
        ("active", "full"),
        ("past_due", "grace"),
        ("unpaid", "none"),
        ("active", "full"),
        ("canceled", "none"),
        ("active", "full"),
    ]
    async with seller.context.transaction() as tx:
        events = await outbox.events_of(tx, who)
    access = [(row["type"], row["data"].get("level")) for row in events if row["type"].startswith("access.")]
    assert access[:4] == [
        ("access.granted", "full"), ("access.revoked", "none"), ("access.restored", "full"), ("access.grace_started", "grace"),
    ]  # fmt: skip
    assert access[4:-4] in ([], [("access.restricted", "read_only")]), "the grace ends with the last try or before it"
    assert access[-4:] == [
        ("access.revoked", "none"), ("access.restored", "full"), ("access.revoked", "none"), ("access.restored", "full"),
    ]  # fmt: skip
    assert [row["sequence"] for row in events] == list(range(1, len(events) + 1))
    assert [row["occurred_at"] for row in events] == sorted(row["occurred_at"] for row in events)
    await seller.prove()


async def test_two_subscriptions_share_one_order(seller: Shop) -> None:
    for key in ("pro", "max"):
        await seller.plan(key, flat(3_000), trial_days=7)
    first = await seller.sign_up("ana", "pro")
    second = await seller.sign_up("ana", "max", again="two products")
    await seller.advance(7 * DAY)
    async with seller.context.transaction() as tx:
        events = await outbox.events_of(tx, first.customer_id)
    assert [row["sequence"] for row in events] == list(range(1, len(events) + 1))
    told = [(row["type"], row["data"]["subscription"]) for row in events if row["type"].startswith("access.")]
    assert told[:2] == [("access.granted", first.subscription_id), ("access.granted", second.subscription_id)]
    assert sorted(told[2:]) == sorted(("access.revoked", one.subscription_id) for one in (first, second))
