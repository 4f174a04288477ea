"""A browser without JavaScript: trial, card with authentication at the bank, one invoice paid, the subscription cancelled (L5)."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page

from cauce.flows.billing import extra
from tests.entrypoints.screenshots import CHROMIUM
from tests.story.people import EMAIL, NAME, Operator
from tests.story.stage import PLAN, Stage, open_stage
from tests.story.test_story import working

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine; as root on Debian: apt install chromium"),
]


async def _looks_again(page: Page, wanted: str) -> None:
    """Load the page anew until something stands on it, as a reader without scripts does."""
    for _ in range(120):
        if await page.locator(wanted).count():
            return
        await page.wait_for_timeout(500)
        await page.reload()
    raise AssertionError(f"{page.url} never shows {wanted}: {await page.content()}")


async def _at_the_provider(page: Page, card: str) -> None:
    await _looks_again(page, "a.button[href*='/_sim/pages/']")
    await page.locator("a.button[href*='/_sim/pages/']").click()
    await page.get_by_role("button", name=card).click()
    if "/3ds/" in page.url:
        await page.get_by_role("button", name="Yes, it is me").click()


async def _subscription(stage: Stage) -> dict[str, object]:
    (one,) = await stage.rows(
        "SELECT id, status, cancel_at_period_end FROM subscriptions.subscription WHERE org_id = $1"
    )
    return one


async def test_trial_card_payment_and_cancellation_need_no_script(dsn: str, tmp_path: Path) -> None:
    async with open_stage(dsn, tmp_path, help_desk=False) as stage, working(stage):
        browser = stage.customer.context.browser
        assert browser is not None
        page = await (await browser.new_context(java_script_enabled=False, locale="en-US")).new_page()
        page.set_default_timeout(60_000)
        await page.goto(stage.portal)
        await page.locator(f"a[href*='/try/{PLAN}/']").first.click()
        await page.fill("input[name=name]", NAME)
        await page.fill("input[name=email]", EMAIL)
        await page.locator("main form button").first.click()
        await Operator(stage).settle()
        one = await _subscription(stage)
        assert one["status"] == "trialing"
        billed = await extra.add_charge(
            stage.context, extra.ExtraCharge(str(one["id"]), 2_500, "Import by hand", invoice_now=True)
        )
        await page.goto(f"{stage.portal}/invoices/{billed.invoice_id}")
        await page.locator("form:has(input[name=by][value=page]) button").first.click()
        await _at_the_provider(page, "Visa 3155")
        await Operator(stage).settle()
        paid = "SELECT status, paid_minor FROM invoicing.invoice WHERE org_id = $1 AND id = $2"
        (invoice,) = await stage.rows(paid, billed.invoice_id)
        assert (invoice["status"], invoice["paid_minor"]) == ("paid", 2_500)
        await page.goto(f"{stage.portal}/account")
        await page.get_by_role("button", name="Add a card").first.click()
        await _at_the_provider(page, "Visa 4242")
        await _looks_again(page, "text=The card is saved")
        await page.goto(f"{stage.portal}/account")
        await page.get_by_text("Cancel the subscription").first.click()
        await page.fill("textarea[name=reason]", "just looking")
        await page.click(".ask-form button")
        assert (await _subscription(stage))["cancel_at_period_end"] is True
