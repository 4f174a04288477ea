"""Rows of C, H and I of the requirements that no other test plays: cards that expire, what a refusal means, grants that end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from cauce.billing.catalog.policy_parts import DunningPolicy
from cauce.billing.catalog.rules import PlanPolicy
from cauce.billing.entitlements.rules import Level
from cauce.flows.billing.correct import PayByHand, pay_by_hand
from cauce.flows.billing.disputes import method_told
from cauce.flows.billing.methods import BeginSetup, begin_setup
from cauce.flows.billing.standing import HandGrant, grant_by_hand, revoke_grant
from cauce.gateway.reporting import Notice, NoticeKind
from cauce.storage import audit, outbox
from tests.flows.billing.shop import BEGIN, CHANNEL, Shop, flat
from tests.flows.billing.test_members import level

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


async def _save(
    seller: Shop, customer_id: str, behaviour: str = "good", fingerprint: str = "", expires: date | None = None
) -> None:
    """The customer types in a card, and it has its consequences."""
    setup = await begin_setup(seller.context, BeginSetup(customer_id, CHANNEL, "https://shop.example/back"))
    await seller.work()
    seller.cards.complete_setup(
        setup.setup_id, behaviour, fingerprint or f"fp_{len(seller.cards.cards)}", expires or date(2030, 1, 1)
    )
    await seller.advance(2 * HOUR)


async def _methods(seller: Shop, customer_id: str) -> list[tuple[str, str, date]]:
    async with seller.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT id, ref, expires_on FROM payments.method WHERE org_id = $1 AND customer_id = $2 AND removed_at IS NULL ORDER BY id",
            tx.org,
            customer_id,
        )
    return [(row["id"], row["ref"], row["expires_on"]) for row in rows]


async def _told(seller: Shop, object_id: str, type: str) -> list[str]:
    async with seller.context.transaction() as tx:
        events = await outbox.events_of(tx, object_id)
    return [f"{event['occurred_at']:%m-%d}" for event in events if event["type"] == type]


async def test_c5_a_card_that_expires_is_told_thirty_and_seven_days_before_and_its_renewal_silences_it(
    seller: Shop,
) -> None:
    await seller.plan("pro", flat(900), trial_days=7)
    ana, bia = await seller.sign_up("ana", "pro"), await seller.sign_up("bia", "pro")
    for done in (ana, bia):
        await _save(seller, done.customer_id, expires=date(2026, 4, 1))
    ((hers, _, _),) = await _methods(seller, ana.customer_id)
    ((other, ref, _),) = await _methods(seller, bia.customer_id)
    await seller.advance_to(datetime(2026, 3, 10, tzinfo=UTC))
    assert await _told(seller, hers, "payment_method.expiring") == ["03-02"]
    renewed = {
        "ref": ref,
        "kind": "card",
        "brand": "visa",
        "last4": "4242",
        "expires_on": "2029-04-01",
        "fingerprint": "fp_new",
    }
    await method_told(
        seller.context,
        CHANNEL,
        Notice("evt_1", NoticeKind.METHOD, BEGIN, ref=ref, data={"attached": True, "method": renewed}),
    )
    assert await _methods(seller, bia.customer_id) == [(other, ref, date(2029, 4, 1))]
    assert await seller.story(other) == ["payment_method.added", "payment_method.expiring", "payment_method.updated"]
    await seller.advance_to(datetime(2026, 5, 1, tzinfo=UTC))
    assert await _told(seller, hers, "payment_method.expiring") == ["03-02", "03-25"]
    assert await _told(seller, other, "payment_method.expiring") == ["03-02"]
    await seller.prove()


async def test_c7_the_same_card_typed_in_twice_is_one_method(seller: Shop) -> None:
    await seller.plan("pro", flat(900), trial_days=7)
    done = await seller.sign_up("ana", "pro")
    for _ in range(2):
        await _save(seller, done.customer_id, fingerprint="fp_same")
    ((method, ref, _),) = await _methods(seller, done.customer_id)
    assert ref == "pm_good_1", "it is charged as the provider knows it last"
    assert (await seller.story(method)).count("payment_method.added") == 1


async def test_c8_a_payment_says_at_the_provider_which_invoice_and_period_it_is_for(seller: Shop) -> None:
    await seller.plan("pro", flat(900))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    (invoice,) = await seller.invoices(one)
    (charged,) = seller.cards.charged
    assert charged.metadata == {
        "cauce_invoice": invoice["id"],
        "cauce_invoice_number": invoice["number"],
        "cauce_subscription": one,
        "cauce_period": "2026-01-15/2026-02-15",
    }


@pytest.mark.parametrize(
    ("behaviour", "tries", "event"),
    [
        ("poor", 5, "invoice.payment_failed"),  # soft: the renewal and four retries
        ("stolen", 1, "invoice.payment_failed"),  # hard: never again
        ("old", 1, "invoice.payment_failed"),  # to be replaced
        ("auth", 1, "invoice.payment_action_required"),  # the customer must be there: the pay link
    ],
)
async def test_h1_the_class_of_a_refusal_decides_whether_the_card_is_tried_again(
    seller: Shop, behaviour: str, tries: int, event: str
) -> None:
    await seller.plan("pro", flat(900))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    seller.cards.cards = dict.fromkeys(seller.cards.cards, behaviour)
    await seller.advance_to(datetime(2026, 2, 15, 9, tzinfo=UTC))
    invoice = (await seller.invoices(one))[-1]
    assert event in await seller.story(invoice["id"])
    await seller.advance(8 * DAY)
    assert len(seller.cards.tries) == 1 + tries
    assert (await seller.subscription(one)).status == "unpaid", "each step is told and counts, tried or not"
    done = await seller.subscription(one)
    await _save(seller, done.customer_id)
    assert (await seller.subscription(one)).status == "active", "a new card is tried at once, whatever was refused"
    await seller.prove()


async def test_h1_no_more_tries_than_the_policy_allows(seller: Shop) -> None:
    policy = PlanPolicy(dunning=DunningPolicy(retry_days=(1,) * 12, tries_max=3, grace_days=2))
    await seller.plan("pro", flat(900), policy=policy)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance(45 * DAY)
    assert len(seller.cards.tries) == 1 + 1 + 3
    assert (await seller.subscription(one)).status == "unpaid"


async def test_h6_a_payment_by_hand_stops_the_schedule(seller: Shop) -> None:
    await seller.plan("pro", flat(900))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance_to(datetime(2026, 2, 16, 10, tzinfo=UTC))
    tried = len(seller.cards.tries)
    await pay_by_hand(seller.context, PayByHand((await seller.invoices(one))[-1]["id"], 900, "by bank"))
    await seller.advance(20 * DAY)
    assert len(seller.cards.tries) == tried == 3
    assert (await seller.subscription(one)).status == "active"
    await seller.prove()


async def test_h6_a_try_under_way_holds_the_schedule(seller: Shop) -> None:
    await seller.plan("pro", flat(900))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance_to(datetime(2026, 2, 15, 10, tzinfo=UTC))
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "slow")
    await seller.advance(12 * DAY)
    assert len(seller.cards.tries) == 3, "the first retry is under way, so no other is made"
    seller.cards.finish(seller.cards.tries[-1], well=True)
    await seller.advance(2 * DAY)
    assert (await seller.subscription(one)).status == "active"
    await seller.prove()


async def test_i7_a_grant_by_hand_stands_above_the_bill_until_its_end_or_until_it_is_taken_back(seller: Shop) -> None:
    await seller.plan("pro", flat(900), policy=PlanPolicy(dunning=DunningPolicy(retry_days=(20, 20), grace_days=3)))
    await seller.card("ana")
    done = await seller.sign_up("ana", "pro")
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance_to(datetime(2026, 2, 20, 9, tzinfo=UTC))
    assert await level(seller, done.customer_id) is Level.READ_ONLY
    until = datetime(2026, 2, 25, 12, tzinfo=UTC)
    await grant_by_hand(seller.context, HandGrant(done.customer_id, "a promise", Level.FULL, ends_at=until))
    assert await level(seller, done.customer_id) is Level.FULL
    await seller.advance_to(until - timedelta(seconds=1))
    assert await level(seller, done.customer_id) is Level.FULL
    await seller.advance_to(until)
    assert (await seller.subscription(done.subscription_id)).status == "past_due", "it ends while he owes"
    assert await level(seller, done.customer_id) is Level.READ_ONLY
    again = await grant_by_hand(seller.context, HandGrant(done.customer_id, "another", Level.FULL))
    none = await grant_by_hand(seller.context, HandGrant(done.customer_id, "misuse", Level.NONE))
    assert await level(seller, done.customer_id) is Level.NONE, "the last one decides"
    await revoke_grant(seller.context, done.customer_id, none)
    assert await level(seller, done.customer_id) is Level.FULL
    await revoke_grant(seller.context, done.customer_id, again)
    assert await level(seller, done.customer_id) is Level.READ_ONLY
    async with seller.context.transaction() as tx:
        lines = [row["action"] for row in await audit.page(tx, object_id=done.customer_id)]
    assert lines == ["access.revoke_grant"] * 2 + ["access.grant"] * 3
