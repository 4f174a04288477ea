"""The chat by server-sent events: told at once, nobody else's; where no stream gets through the page looks by itself (L8)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from playwright.async_api import Route, async_playwright

from cauce.entrypoints.web import news
from cauce.entrypoints.web.visits import make_link
from cauce.flows.chat import talking
from cauce.reports import conversations as report
from tests.entrypoints.screenshots import CHROMIUM, OPTIONS, own_address
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import Visitor, let_in, signed_in, visitor


async def _talking(one: Stage, who: str) -> tuple[str, str, str]:
    """A customer who has written: (customer, conversation, link that lets him in)."""
    done = await one.shop.sign_up(who, "starter", email=f"{who}@customers.example")
    link = await make_link(one.context, done.customer_id)
    person = await let_in(one, link)
    home = f"/portal/{one.org.public_id}"
    await person.press(await person.see(f"{home}/chat"), "/chat", text="Hello?")
    async with one.context.transaction() as tx:
        (mine,) = await report.inbox(tx, customer_id=done.customer_id)
    return done.customer_id, str(mine["id"]), await make_link(one.context, done.customer_id)


@asynccontextmanager
async def _open(person: Visitor, path: str) -> AsyncIterator[AsyncIterator[str]]:
    async with person.http.stream("GET", path) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield answer.aiter_lines()


async def _said(lines: AsyncIterator[str], seconds: float) -> bool:
    async def wait() -> bool:
        async for line in lines:
            if line == "event: said":
                return True
        return False

    try:
        return await asyncio.wait_for(wait(), seconds)
    except TimeoutError:
        return False


async def test_both_sides_are_told_at_once_and_nobody_else_is(played: Stage) -> None:
    _, mine, link = await _talking(played, "stream-ines")
    _, other, other_link = await _talking(played, "stream-otto")
    home = f"/portal/{played.org.public_id}"
    ines, otto, owner = await let_in(played, link), await let_in(played, other_link), await signed_in(played)
    async with (
        _open(ines, f"{home}/chat/stream") as hers,
        _open(otto, f"{home}/chat/stream") as his,
        _open(owner, f"/console/conversations/{mine}/stream") as staff,
    ):
        await talking.answer(played.context, mine, "Ana", "Here I am.")
        assert await _said(hers, 5)
        assert await _said(staff, 5)
        assert not await _said(his, 3), "another one's conversation"
    async with _open(owner, f"/console/conversations/{other}/stream") as staff:
        await otto.press(await otto.see(f"{home}/chat"), "/chat", text="Still there?")
        assert await _said(staff, 5)


async def test_a_stream_is_for_whoever_has_a_conversation_and_only_so_many(
    played: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = f"/portal/{played.org.public_id}"
    assert (await visitor(played.url).http.get(f"{home}/chat/stream")).status_code == 204
    _, mine, link = await _talking(played, "stream-paula")
    stranger = visitor(played.url)
    assert (await stranger.http.get(f"/console/conversations/{mine}/stream")).status_code == 303
    elsewhere = await played.other_org()
    foreign = await signed_in(played, "far@example.com", org=elsewhere)
    assert (await foreign.http.get(f"/console/conversations/{mine}/stream")).status_code == 404
    paula = await let_in(played, link)
    monkeypatch.setattr(news, "STREAMS_MAX", 1)
    async with _open(paula, f"{home}/chat/stream"):
        full = await paula.http.get(f"{home}/chat/stream", timeout=httpx2.Timeout(10))
        assert full.status_code == 503


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine; as root on Debian: apt install chromium")
@pytest.mark.parametrize("streams", [True, False])
async def test_an_open_page_shows_an_answer_with_and_without_a_stream(played: Stage, streams: bool) -> None:
    _, mine, link = await _talking(played, f"stream-rosa-{streams}".lower())
    looked: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = await browser.new_page()

        async def stop(route: Route) -> None:
            await route.abort()

        if not streams:
            await page.route("**/chat/stream", stop)
        page.on("request", lambda request: looked.append(request.url) if request.url.endswith("/news") else None)
        await page.goto(own_address(played, link))
        await page.click("main button")
        await page.goto(f"{played.url}/portal/{played.org.public_id}/chat")
        if streams:
            await page.wait_for_selector("[data-live]")
            await page.wait_for_timeout(5_000)
            assert len(looked) <= 1, "a page with a stream asks only when it is told to"
        await talking.answer(played.context, mine, "Ana", "Good morning, Rosa.")
        await page.get_by_text("Good morning, Rosa.").wait_for(timeout=10_000)
        await browser.close()
