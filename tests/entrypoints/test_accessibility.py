"""Every page of portal and console under axe-core, light and wide, dark and narrow: nothing serious (WCAG 2.2 AA)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import resources
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.entrypoints.screenshots import CHROMIUM, OPTIONS, addresses, own_address, portal_pages, signed_in
from tests.entrypoints.stage import Stage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine; as root on Debian: apt install chromium"),
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield started
        await started.close()


async def _serious(page: Page) -> list[str]:
    """What axe-core finds on a page that is serious or critical, with the first element of each."""
    script = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    await page.evaluate(script)
    found: dict[str, Any] = await page.evaluate(
        "async (tags) => await axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})",
        RULES,
    )
    return [
        f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:160]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
async def test_axe_finds_nothing_serious(played: Stage, browser: Browser, scheme: Any, width: int) -> None:
    look: dict[str, Any] = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "locale": "en-US"}
    context = await browser.new_context(storage_state=await signed_in(browser, played, **look), **look)
    page, found, looked_at = await context.new_page(), {}, 0
    for name, path in (await addresses(played)).items():
        await page.goto(f"{played.url}{path}")
        looked_at += 1
        if serious := await _serious(page):
            found[name] = serious
    for name, (link, address) in (await portal_pages(played)).items():
        if link:
            await page.goto(own_address(played, link))
            await page.click("main button")
        await page.goto(address)
        looked_at += 1
        if serious := await _serious(page):
            found[name] = serious
    await context.close()
    assert found == {}
    assert looked_at >= 45
