"""The stand-in of Stripe's script in a real browser: choose a card, answer the bank, come back."""

from __future__ import annotations

import asyncio
import shutil

import pytest
from playwright.async_api import async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cauce.providers.kit.serving import serving
from tests.providers.stripe.conftest import Platform

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""

_PAGE = """<!doctype html><title>Shop</title><div id="card"></div><button id="save">Save</button>
<script src="{script}"></script><script>
const stripe = Stripe("{key}");
const elements = stripe.elements({{clientSecret: "{secret}"}});
elements.create("payment").mount("#card");
document.querySelector("#save").onclick = () =>
  stripe.confirmSetup({{elements, confirmParams: {{return_url: location.origin + "/done"}}}});
</script>"""


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
async def test_a_card_is_saved_through_the_element_with_authentication(platform: Platform) -> None:
    made = (await asyncio.to_thread(platform.post, "/v1/setup_intents", {"usage": "off_session"})).json()
    script = f"{platform.api}/_sim/pages/{platform.tenant}/element.js"

    async def shop(_: Request) -> HTMLResponse:
        return HTMLResponse(_PAGE.format(script=script, key=f"pk_test_{platform.tenant}", secret=made["client_secret"]))

    async def done(request: Request) -> HTMLResponse:
        return HTMLResponse(f"<title>Done</title>{request.query_params['redirect_status']}")

    app = Starlette(routes=[Route("/", shop), Route("/done", done)])
    async with serving(app) as url, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page()
        await page.goto(url)
        await page.get_by_label("Test card").select_option("pm_card_authenticationRequiredOnSetup")
        await page.get_by_role("button", name="Save").click()
        await page.get_by_role("button", name="Yes, it is me").click()
        await page.wait_for_url("**/done*")
        assert "succeeded" in await page.content()
        await browser.close()
    seen = await asyncio.to_thread(platform.get, f"/v1/setup_intents/{made['id']}")
    assert seen["status"] == "succeeded"
