"""Cards in a browser, at every page that takes one: checkout, account, an invoice's link; refused, asked by the bank, expiring (L1)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import NewPlan, PlanPolicy
from cauce.entrypoints.web.texts import catalogue
from cauce.entrypoints.web.visits import make_link
from cauce.flows.billing import extra
from cauce.flows.portal import pay_link
from tests.entrypoints.screenshots import CHROMIUM
from tests.flows.billing.shop import flat
from tests.story.people import Operator
from tests.story.stage import Stage, open_stage
from tests.story.test_story import working

EN = catalogue("en")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine; as root on Debian: apt install chromium"),
]


async def _sell(stage: Stage) -> None:
    async with stage.context.transaction() as tx:
        (product,) = await catalog.list_products(tx)
        policy = PlanPolicy(force_card=True)
        plan = NewPlan("careful", product["id"], "Careful", (flat(2_000),), trial_days=7, policy=policy)
        await catalog.create_plan(tx, plan, now=await stage.context.now(tx))


async def _to_provider(page: Page) -> None:
    page.set_default_timeout(60_000)
    await page.locator("a.button[href*='/_sim/pages/']").click()


async def _choose(page: Page, card: str) -> None:
    await page.get_by_role("button", name=card).click()


async def _subscription(stage: Stage) -> dict[str, object]:
    (one,) = await stage.rows("SELECT id, customer_id, status FROM subscriptions.subscription WHERE org_id = $1")
    return one


async def test_cards_are_refused_authenticated_and_replaced(dsn: str, tmp_path: Path) -> None:
    async with open_stage(dsn, tmp_path, help_desk=False) as stage, working(stage):
        await _sell(stage)
        page, operator = stage.customer, Operator(stage)

        # Checkout of a plan that wants a card first: one is refused, the bank's question is first answered wrongly.
        await page.goto(f"{stage.portal}/try/careful/eur")
        await page.get_by_text(EN["portal.card_first"]).wait_for()
        await page.fill("input[name=name]", "Ana")
        await page.fill("input[name=email]", "ana@river.example")
        await page.locator("main form button").first.click()
        await _to_provider(page)
        await _choose(page, "Visa 0002")
        await page.get_by_role("alert").wait_for()
        await _choose(page, "Visa 3155")
        await page.get_by_role("button", name="No", exact=True).click()
        await page.get_by_role("alert").wait_for()
        assert await stage.rows("SELECT id FROM payments.method WHERE org_id = $1") == []
        await _choose(page, "Visa 3155")
        await page.get_by_role("button", name="Yes, it is me").click()
        await page.get_by_text(EN["portal.card_saved"]).wait_for()
        await page.get_by_role("button", name=EN["portal.subscribe"]).click()
        await operator.settle()
        one = await _subscription(stage)
        assert one["status"] == "trialing"

        # The account: another card, which the bank declines when it is charged.
        await page.goto(f"{stage.portal}/account")
        await page.get_by_role("button", name=EN["portal.add_card"]).first.click()
        await _to_provider(page)
        await _choose(page, "Visa 0341")
        await page.get_by_text(EN["portal.card_done"]).wait_for()
        await page.goto(f"{stage.portal}/account")
        row = page.locator(".method", has_text="0341")
        if await row.get_by_role("button", name=EN["methods.make_default"]).count():
            await row.get_by_role("button", name=EN["methods.make_default"]).click()
        billed = await extra.add_charge(
            stage.context, extra.ExtraCharge(str(one["id"]), 1_500, "Import", invoice_now=True)
        )
        await operator.settle()
        assert billed.invoice_id is not None
        (invoice,) = await stage.rows(
            "SELECT status FROM invoicing.invoice WHERE org_id = $1 AND id = $2", billed.invoice_id
        )
        assert invoice["status"] == "open"

        # The invoice's link, signed in or not: refused, then paid with another card on the provider's page.
        async with stage.context.transaction() as tx:
            link = await pay_link(tx, stage.context.runtime, billed.invoice_id)
        await page.context.clear_cookies()
        await page.goto(link)
        await page.get_by_text(EN["pay.refused.declined"]).wait_for()
        await page.locator("form:has(input[name=by][value=page]) button").click()
        await _to_provider(page)
        await _choose(page, "Visa 0002")
        await page.get_by_role("alert").wait_for()
        await _choose(page, "Visa 4242")
        await page.get_by_text(EN["pay.paid"]).wait_for()

        # A card that ends soon is told, and its page takes the next one.
        soon = await stage.now() + timedelta(days=2)
        await stage.rows(
            "UPDATE payments.method SET expires_on = $2, due_at = $3 WHERE org_id = $1 RETURNING id",
            (soon + timedelta(days=30)).date(),
            soon,
        )
        await stage.advance(soon + timedelta(days=1))
        subjects = [str(mail["subject"]) for mail in await stage.mails("ana@river.example")]
        assert "Your card ending in 0341 expires soon" in subjects
        await page.goto(await make_link(stage.context, str(one["customer_id"])))
        await page.click("main button")
        await page.get_by_role("button", name=EN["portal.add_card"]).first.click()
        await _to_provider(page)
        await _choose(page, "Mastercard 4444")
        await page.get_by_text(EN["portal.card_done"]).wait_for()
