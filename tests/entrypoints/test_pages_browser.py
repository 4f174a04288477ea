"""Every page in a real browser: nothing to scroll sideways at either width, no complaint in the console, keys and forms work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.entrypoints.screenshots import CHROMIUM, OPTIONS, addresses, own_address, portal_pages, signed_in
from tests.entrypoints.stage import Stage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine; as root on Debian: apt install chromium"),
]
SIZES: dict[str, Any] = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield started
        await started.close()


def _listen(page: Page) -> list[str]:
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"{page.url}: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(f"{page.url}: {error}"))
    return heard


async def _too_wide(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth > innerWidth"))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("locale", ["en-US", "es-ES", "zh-CN"])
async def test_pages_fit_their_screen_and_nothing_complains(
    played: Stage, browser: Browser, size: str, locale: str
) -> None:
    look: dict[str, Any] = {"viewport": SIZES[size], "locale": locale, "color_scheme": "dark"}
    state = await signed_in(browser, played, **look)
    context = await browser.new_context(storage_state=state, **look)
    page = await context.new_page()
    heard, wide = _listen(page), []
    for name, path in (await addresses(played)).items():
        answer = await page.goto(f"{played.url}{path}")
        assert answer is not None
        assert answer.status == 200, name
        if await _too_wide(page):
            wide.append(name)
    for name, (link, address) in (await portal_pages(played)).items():
        if link:
            await page.goto(own_address(played, link))
            await page.click("main button")
        await page.goto(address)
        if name == "portal-refused":  # the browser says that it was
            heard[:] = [line for line in heard if address not in line]
        if await _too_wide(page):
            wide.append(name)
    await context.close()
    assert (wide, heard) == ([], [])


async def test_the_search_field_answers_to_its_keys(played: Stage, browser: Browser) -> None:
    context = await browser.new_context(storage_state=await signed_in(browser, played))
    page = await context.new_page()
    await page.goto(f"{played.url}/console/orders")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("carla")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/search?q=carla")
    assert await page.locator("main").get_by_role("link", name="Carla").count() == 1
    await context.close()


async def test_a_row_is_a_card_on_the_phone(played: Stage, browser: Browser) -> None:
    state = await signed_in(browser, played)
    context = await browser.new_context(storage_state=state, viewport=SIZES["phone"])
    page = await context.new_page()
    await page.goto(f"{played.url}/console/merchants")
    cell = page.locator("tbody tr").first.locator("td").nth(3)
    label = await cell.evaluate("one => getComputedStyle(one, '::before').content")
    assert label == '"Available"'
    assert await page.locator("thead").evaluate("one => one.getBoundingClientRect().height") <= 1
    await context.close()


async def test_language_and_theme_are_kept(played: Stage, browser: Browser) -> None:
    context = await browser.new_context(storage_state=await signed_in(browser, played), locale="en-US")
    page = await context.new_page()
    await page.goto(f"{played.url}/console/invoices")
    await page.select_option(".side select[name=locale]", "es")
    await page.wait_for_selector("html[lang=es]")
    await page.select_option(".side select[name=theme]", "dark")
    await page.wait_for_selector("html[data-theme=dark]")
    assert page.url.endswith("/console/invoices")
    assert await page.locator("h1").inner_text() == "Facturas"
    await context.close()


async def test_a_customer_cancels_and_stays_with_javascript_switched_off(played: Stage, browser: Browser) -> None:
    context = await browser.new_context(java_script_enabled=False, viewport=SIZES["phone"])
    page = await context.new_page()
    link, account = (await portal_pages(played))["portal-account"]
    await page.goto(own_address(played, link))
    await page.click("main button")
    assert page.url == account
    await page.get_by_text("Cancel the subscription").first.click()
    await page.fill("textarea[name=reason]", "too many features")
    await page.click(".ask-form button")
    await page.get_by_text("Nothing more will be charged").wait_for()
    await page.get_by_role("button", name="Keep the subscription").click()
    await page.get_by_text("Cancel the subscription").first.wait_for()
    await context.close()
