"""The embed in a real browser: a host page on another origin shows the pages, hears of what happens and may stop it."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cauce.flows import portal, portal_settings
from cauce.kernel import tokens
from cauce.providers.kit.serving import serving
from tests.entrypoints.screenshots import CHROMIUM, OPTIONS
from tests.entrypoints.stage import Stage, free_port

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine; as root on Debian: apt install chromium"),
]

_PAGE = """<!doctype html><html lang="en"><title>Host</title><link rel="icon" href="data:,"><h1>Host</h1><div id="billing"></div><script>
window.heard = []; document.addEventListener("cauce", (event) => window.heard.push(event.detail));</script>
<script src="{url}/embed.js"></script><script>
Cauce.on("pre_subscribe", () => !location.hash.includes("veto"));
Cauce.mount("#billing", {{org: "{org}", page: "{page}", plan: "starter", currency: "eur", token: "{token}"}});
</script></html>"""


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield started
        await started.close()


@pytest.fixture(scope="module")
async def host(played: Stage) -> AsyncIterator[str]:
    """Where a host page listens: another origin than the product's."""
    port = free_port()
    async with played.context.transaction() as tx:
        key = await portal.rotate_identity_key(tx, played.context)
        listed = [f"http://127.0.0.1:{port}"]
        await portal_settings.save_settings(tx, played.context, origins=listed, redirects=[])

    async def page(request: Request) -> HTMLResponse:
        asked = request.query_params
        audience, seconds = asked.get("aud", played.org.public_id), int(asked.get("seconds", "600"))
        claims = {"sub": asked["sub"], "aud": audience, "jti": uuid.uuid4().hex, "exp": int(time.time()) + seconds}
        token = tokens.sign(key, {**claims, "email": "host@customers.example"}) if asked["sub"] else ""
        given = {"url": played.url, "org": played.org.public_id, "page": request.query_params["page"], "token": token}
        return HTMLResponse(_PAGE.format(**given))

    async with serving(Starlette(routes=[Route("/", page)]), port=port) as url:
        yield url


async def test_a_host_page_hears_of_a_subscription_and_can_stop_one(played: Stage, browser: Browser, host: str) -> None:
    context = await browser.new_context(locale="en-US")
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    await page.goto(f"{host}/?page=checkout&sub=embedded-1#veto")
    frame = page.frame_locator("iframe")
    await frame.get_by_role("button", name="Try free").click()
    await page.wait_for_function("window.heard.some((one) => one.event === 'pre_subscribe')")
    assert await frame.get_by_role("button", name="Try free").is_visible()
    await page.goto("about:blank")
    await page.goto(f"{host}/?page=checkout&sub=embedded-1")
    await frame.get_by_role("button", name="Try free").click()
    await page.wait_for_function("window.heard.some((one) => one.event === 'create_subscription')")
    heard: list[dict[str, Any]] = await page.evaluate("window.heard")
    names = [one["event"] for one in heard]
    assert names[0] == "pre_load"
    assert names.index("post_load") < names.index("pre_subscribe") < names.index("create_subscription")
    told = next(one for one in heard if one["event"] == "create_subscription")
    assert told["plan"] == "starter"
    assert told["subscription"].startswith("sub_")
    await frame.get_by_text("Free trial until").wait_for()
    assert complaints == []
    await context.close()


@pytest.mark.parametrize(
    ("page", "words"),
    [("pricing", "Starter"), ("account", "Free trial until"), ("chat", "Send")],
)
async def test_a_page_of_another_origin_shows_each_page_of_its_customer(
    played: Stage, browser: Browser, host: str, page: str, words: str
) -> None:
    await played.shop.sign_up(f"embedded-{page}", "starter", email=f"{page}@customers.example")
    context = await browser.new_context(locale="en-US")
    tab, complaints = await context.new_page(), list[str]()
    tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    await tab.goto(f"{host}/?page={page}&sub=embedded-{page}")
    await tab.frame_locator("iframe").get_by_text(words).first.wait_for()
    assert complaints == []
    framed = next(one for one in tab.frames if one.url.startswith(played.url))
    assert await framed.evaluate(
        "() => { try { return parent.document.title } catch (error) { return error.name } }"
    ) == ("SecurityError"), "neither page reads the other"
    await context.close()


@pytest.mark.parametrize("wrong", ["seconds=-5", "seconds=7200", "aud=org_00000000000000000000000000"])
async def test_a_token_that_has_ended_or_is_for_another_shows_nobodys_account(
    played: Stage, browser: Browser, host: str, wrong: str
) -> None:
    who = f"embedded-{wrong[-4:]}"
    await played.shop.sign_up(who, "starter", email=f"{who}@customers.example")
    context = await browser.new_context(locale="en-US")
    tab = await context.new_page()
    async with tab.expect_response(lambda answer: answer.status == 401):
        await tab.goto(f"{host}/?page=account&sub={who}&{wrong}")
    await tab.wait_for_timeout(500)
    assert await tab.frame_locator("iframe").get_by_text("Free trial until").count() == 0
    await context.close()


async def test_a_site_that_is_not_listed_shows_nothing(played: Stage, browser: Browser, host: str) -> None:
    context = await browser.new_context(locale="en-US")
    page = await context.new_page()
    await page.goto(host.replace("127.0.0.1", "localhost") + "/?page=checkout&sub=embedded-2")
    await page.wait_for_selector("iframe")
    await page.wait_for_timeout(1_500)
    assert await page.frame_locator("iframe").get_by_role("button", name="Try free").count() == 0
    async with played.context.transaction() as tx:
        known = await tx.value(
            "SELECT count(*) FROM customers.customer WHERE org_id = $1 AND external_id = 'embedded-2'", tx.org
        )
    assert known == 0
    await context.close()
