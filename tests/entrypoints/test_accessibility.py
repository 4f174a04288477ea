"""Every page of portal and console under axe-core, in three languages, light and dark, wide and narrow (WCAG 2.2 AA)."""

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


LOOKS: dict[str, tuple[tuple[str, int], tuple[str, int]]] = {
    "en-US": (("light", 1280), ("dark", 390)),
    "es-ES": (("dark", 1280), ("light", 390)),
    "zh-CN": (("light", 390), ("dark", 1280)),
}
"""Scheme and width by language, for every second page and for the others.

Each page is seen in three languages, light and dark, narrow and wide; all pairs of the three occur.
"""


@pytest.mark.parametrize("locale", LOOKS)
async def test_axe_finds_nothing_serious(played: Stage, browser: Browser, locale: str) -> None:
    console = {name: ("", f"{played.url}{path}") for name, path in (await addresses(played)).items()}
    found: dict[str, list[str]] = {}
    looked_at = 0
    for turn, (scheme, width) in enumerate(LOOKS[locale]):
        look: dict[str, Any] = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "locale": locale}
        context = await browser.new_context(storage_state=await signed_in(browser, played, **look), **look)
        page, pages = await context.new_page(), {**console, **await portal_pages(played)}
        for place, (name, (link, address)) in enumerate(pages.items()):
            if link:
                await page.goto(own_address(played, link))
                await page.click("main button")
            if place % 2 != turn:
                continue
            await page.goto(address)
            if locale != "en-US":  # what unfolds is looked at too
                await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
            looked_at += 1
            if serious := await _serious(page):
                found[f"{name} {scheme} {width}"] = serious
        await context.close()
    assert found == {}
    assert looked_at == len(pages) >= 70
