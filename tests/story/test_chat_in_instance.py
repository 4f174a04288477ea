"""The chat on the page of a customer's own instance: the one script opens it there, with a help desk and without (L7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.entrypoints.screenshots import CHROMIUM
from tests.story.people import EMAIL, Customer, Operator
from tests.story.stage import open_stage
from tests.story.test_story import working

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine; as root on Debian: apt install chromium"),
]


@pytest.mark.parametrize("help_desk", [True, False])
async def test_the_chat_opens_on_the_instance_and_nowhere_else(dsn: str, tmp_path: Path, help_desk: bool) -> None:
    async with open_stage(dsn, tmp_path, help_desk=help_desk) as stage, working(stage):
        url = await Customer(stage).request_trial(Operator(stage))
        page = stage.customer
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        await page.goto(url)
        await page.get_by_role("button", name="Chat").click()
        chat = page.frame_locator("iframe[title=Chat]")
        if help_desk:
            desk = chat.frame_locator("#intercom-frame")
            await desk.locator("input[name=text]").fill("From inside")
            await desk.get_by_role("button", name="Send").click()
            await desk.get_by_text("From inside").wait_for()
            await stage.control.quiet()
        else:
            await chat.locator("textarea[name=text]").fill("From inside")
            await chat.locator("main form button").last.click()
            await chat.locator(".said-customer", has_text="From inside").wait_for()
        await Operator(stage).settle()
        (said,) = await stage.rows(
            "SELECT c.email, m.body FROM conversations.message m JOIN customers.customer c ON c.org_id = m.org_id AND c.id = m.customer_id"
            " WHERE m.org_id = $1"
        )
        assert (said["email"], said["body"]) == (EMAIL, "From inside"), "he is signed in at the pages beside it"
        assert [one for one in complaints if "favicon" not in one] == []
        origin = url.rstrip("/")
        answers = [
            await page.request.get(f"{stage.portal}/chat?panel=yes&from={one}") for one in (origin, f"{origin}9")
        ]
        policies = [answer.headers["content-security-policy"] for answer in answers]
        assert [f"frame-ancestors 'self' {origin};" in f"{policy};" for policy in policies] == [True, False]
