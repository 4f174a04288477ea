"""The system's own sequences on the clock: a failed payment told step by step, offers, cards, receipts, copies for staff (S16)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import NewPlan, NewPrice, PlanPolicy, TrialEnd
from cauce.billing.customers.rules import CustomerData
from cauce.billing.payments import service as payments
from cauce.flows.billing import cancel, quotes
from cauce.flows.billing.cancel import Cancel
from cauce.flows.billing.methods import BeginSetup, begin_setup
from cauce.flows.billing.price_migration import PriceMigration, migrate_prices
from cauce.flows.billing.signup import Signup
from cauce.gateway.charging import SavedMethod
from cauce.storage.directory import people
from tests.flows.outreach.office import Office, office


def at(day: int, hour: int = 10, month: int = 1) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


async def when(desk: Office, who: str) -> list[tuple[str, str]]:
    return [(mail["subject"], mail["at"][:16]) for mail in await desk.mails(who)]


async def test_a_debt_is_told_from_the_first_failure_to_the_end_of_access(desk: Office) -> None:
    await desk.plan(policy=PlanPolicy(trial_end=TrialEnd.CREATE_INVOICE))
    ana = await desk.sign_up("ana")
    await desk.advance_to(at(20, 0, month=2))
    told = [one for one in await when(desk, "ana") if one[1] >= "2026-01-29"]
    assert told == [
        ("The payment for Pro did not go through", "2026-01-29T09:00"),
        ("We try the payment for Pro again on January 30, 2026", "2026-01-29T21:00"),
        ("We try the payment for Pro again on February 1, 2026", "2026-01-31T21:00"),
        ("We try the payment for Pro again on February 3, 2026", "2026-02-02T21:00"),
        ("Full access to Pro until February 5, 2026", "2026-02-04T10:00"),
        ("We try the payment for Pro again on February 5, 2026", "2026-02-04T21:00"),
        ("Pro can be read only for now", "2026-02-05T09:00"),
    ]
    assert "subscription.unpaid" in await desk.story(ana.subscription_id)
    (first,) = [mail for mail in await desk.mails("ana") if mail["subject"] == told[0][0]]
    assert "/pay?token=" in first["text"], "the invoice is paid without signing in"
    assert "€30.00" in first["text"] and "There is no card on file." in first["text"]


async def _type_card(desk: Office, customer_id: str, behaviour: str) -> None:
    """The customer types a card in at Stripe, and it has its consequences."""
    begun = await begin_setup(
        desk.context, BeginSetup(customer_id, desk.channels["stripe"], "https://shop.example/back")
    )
    await desk.advance(timedelta(0))
    await desk.control.payer("stripe", "approve", key=begun.setup_id, method=behaviour)
    await desk.control.quiet()
    await desk.advance(timedelta(hours=1))


async def test_a_card_that_is_refused_after_the_trial_is_told_and_one_that_wants_its_owner_gets_the_pay_link(
    dsn: str, tmp_path: Path
) -> None:
    async with office(dsn, tmp_path, "smtp", "stripe") as desk:
        await desk.plan(trial_days=7)
        poor, shy = await desk.sign_up("ana"), await desk.sign_up("bia")
        await desk.advance_to(at(23))
        await _type_card(desk, poor.customer_id, "insufficient_funds")
        await _type_card(desk, shy.customer_id, "needs_authentication")
        refused, asked = (await desk.mails("ana"))[-1], (await desk.mails("bia"))[-1]
        assert refused["subject"] == "Your card for Pro was refused"
        assert "you owe nothing" in refused["text"] and "/pay?token=" not in refused["text"]
        assert asked["subject"] == "The payment for Pro did not go through"
        assert "/pay?token=" in asked["text"] and "€30.00" in asked["text"]
        for one in (poor, shy):
            assert "subscription.trial_converted" not in await desk.story(one.subscription_id)


async def test_a_card_that_expires_is_told_thirty_and_seven_days_before(desk: Office) -> None:
    await desk.plan(trial_days=60)
    ana = await desk.sign_up("ana")
    async with desk.context.transaction() as tx:
        card = SavedMethod("pm_1", "card", "visa", "4242", date(2026, 2, 28), "fp_1")
        await payments.save_method(tx, ana.customer_id, "ch_nowhere", "cus_1", card, now=await desk.context.now(tx))
    await desk.advance_to(at(22, month=2))
    told = [one for one in await when(desk, "ana") if "4242" in one[0]]
    assert told == [
        ("Your card ending in 4242 expires soon", "2026-01-29T00:00"),
        ("Your card ending in 4242 expires soon", "2026-02-21T00:00"),
    ]


async def test_an_offer_is_sent_remembered_and_named_before_it_lapses(desk: Office) -> None:
    await desk.plan()
    data = CustomerData("ana", email="ana@example.com", name="Ana")
    await quotes.send_quote(desk.context, Signup(data, "pro", "eur"))
    await desk.advance_to(at(20, 0, month=2))
    assert all("/quote?token=" in mail["text"] for mail in await desk.mails("ana")), "answered without signing in"
    told = await when(desk, "ana")
    assert told == [
        ("An offer from Office: Pro", "2026-01-15T09:00"),
        ("Your offer is waiting: Pro", "2026-01-18T10:00"),
        ("Your offer of Pro is good until February 14, 2026", "2026-02-11T10:00"),
    ]


async def test_a_price_change_is_told_thirty_and_seven_days_before_it_comes(desk: Office) -> None:
    await desk.plan(trial_days=0)
    await desk.sign_up("ana", collection="send_invoice")
    async with desk.context.transaction() as tx:
        now = await desk.context.now(tx)
        product = await catalog.find_product(tx, "product-pro")
        assert product is not None
        dearer = NewPrice("base", "eur", {"type": "flat", "amount_minor": 3_500})
        await catalog.create_plan(tx, NewPlan("pro", product["id"], "Pro", (dearer,)), now=now)
    await migrate_prices(desk.context, PriceMigration("pro", at(1, month=3).date()))
    await desk.advance_to(at(16, 0, month=3))
    told = [one for one in await when(desk, "ana") if "price" in one[0]]
    assert told == [
        ("The price of Pro changes on March 15, 2026", "2026-02-13T10:00"),
        ("The price of Pro changes on March 15, 2026", "2026-03-08T10:00"),
    ]
    (first, _) = [mail for mail in await desk.mails("ana") if mail["subject"] == told[0][0]]
    assert "costs €35.00 instead of €30.00" in first["text"]


async def test_staff_with_the_role_gets_a_copy_of_a_cancellation_and_others_do_not(desk: Office) -> None:
    async with desk.product.runtime.db.transaction() as tx:
        await people.add_member(tx, desk.org.id, "boss@example.com", people.Role.OWNER, name="Boss")
        await people.add_member(tx, desk.org.id, "books@example.com", people.Role.FINANCE, name="Books")
    await desk.plan()
    ana = await desk.sign_up("ana")
    await cancel.cancel(desk.context, Cancel(ana.subscription_id))
    await desk.advance(timedelta(0))
    assert await desk.subjects("boss") == ["A cancellation was requested: Ana"]
    assert await desk.subjects("books") == []
    assert (await desk.subjects("ana"))[-1] == "Your cancellation of Pro"


async def test_mail_carries_what_keeps_it_out_of_the_junk(desk: Office) -> None:
    await desk.plan()
    await desk.sign_up("ana")
    await desk.advance(timedelta(days=2))
    for mail in await desk.mails("ana"):
        headers = mail["headers"]
        assert headers["Message-ID"].endswith("@shop.example>") and headers["Auto-Submitted"] == "auto-generated"
        assert mail["text"].strip() and mail["html"].startswith("<!doctype html>")
    optional = (await desk.mails("ana"))[-1]["headers"]
    assert optional["List-Unsubscribe"].startswith("<http") and "One-Click" in optional["List-Unsubscribe-Post"]
