"""Who acts in the story: the customer at the hosted pages and the operator at the console, each in a browser."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from playwright.async_api import expect

from tests.story.stage import PLAN, Stage

EMAIL, NAME = "lucia@river.example", "Lucía Ríos"
_PATIENCE_MS = 120_000
_LOOKS = 240


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who wants the software."""

    stage: Stage

    async def request_trial(self, operator: Operator) -> str:
        """From the pricing page to the running instance; its address. What waits for the operator he does meanwhile."""
        page = self.stage.customer
        await page.goto(self.stage.portal)
        await page.locator(f"a[href*='/try/{PLAN}/']").first.click()
        await page.fill("input[name=name]", NAME)
        await page.fill("input[name=email]", EMAIL)
        await page.locator("main form button").first.click()
        await page.wait_for_load_state()
        await operator.settle()
        await page.wait_for_function("() => location.pathname === '/'", timeout=_PATIENCE_MS)
        return page.url

    async def account(self) -> None:
        """His own page."""
        await self.stage.customer.goto(f"{self.stage.portal}/account")

    async def write(self, words: str) -> None:
        """A line in the chat: the help desk's window on his page, or a page of our own."""
        page = self.stage.customer
        if self.stage.help_desk:
            await self.account()
            window = page.frame_locator("#intercom-frame")
            await window.locator("input[name=text]").fill(words)
            await window.get_by_role("button", name="Send").click()
            await window.get_by_text(words).wait_for()
            return
        await page.goto(f"{self.stage.portal}/chat")
        await page.fill("textarea[name=text]", words)
        await page.locator("main form button").last.click()
        await page.locator(".said-customer", has_text=words).wait_for()

    async def reads(self, words: str) -> None:
        """He looks into the chat and finds the answer."""
        page = self.stage.customer
        if self.stage.help_desk:
            await self.account()
            await page.frame_locator("#intercom-frame").get_by_text(words).wait_for()
            return
        await page.goto(f"{self.stage.portal}/chat")
        await page.locator(".said-staff", has_text=words).wait_for()

    async def add_card(self, card: str = "Visa 4242") -> None:
        """A card, typed in at the provider's page, authentication included."""
        page = self.stage.customer
        await self.account()
        await page.get_by_role("button", name="Add a card").first.click()
        await self._at_provider(card)
        await page.get_by_text("The card is saved").wait_for(timeout=_PATIENCE_MS)

    async def pay(self, link: str, card: str = "Visa 4242") -> None:
        """Pay one invoice by the link of a mail, on the provider's page."""
        page = self.stage.customer
        await page.goto(link)
        await page.locator("form:has(input[name=by][value=page]) button").first.click()
        await self._at_provider(card)

    async def _at_provider(self, card: str) -> None:
        page = self.stage.customer
        await page.locator("a.button[href*='/_sim/pages/']").click(timeout=_PATIENCE_MS)
        await page.get_by_role("button", name=card).click()
        if "/3ds/" in page.url:
            await page.get_by_role("button", name="Yes, it is me").click()
        await page.wait_for_url(f"{self.stage.portal}/**")

    async def cancel(self, reason: str) -> None:
        """He has had enough, from the end of the period on."""
        page = self.stage.customer
        await self.account()
        await page.locator("details.ask summary").first.click()
        await page.fill("textarea[name=reason]", reason)
        await page.locator(".ask-form button").click()
        await page.get_by_text("Nothing more will be charged").wait_for()

    async def come_back(self) -> None:
        """The same subscription again."""
        page = self.stage.customer
        await self.account()
        await page.locator("form[action$='/reactivate'] button").click()

    async def sees(self, words: str) -> None:
        """His page says so, after a while."""
        page = self.stage.customer
        for _ in range(_LOOKS):
            await self.account()
            if await page.get_by_text(words).count():
                return
            await page.wait_for_timeout(500)
        await expect(page.get_by_text(words).first).to_be_visible(timeout=1_000)

    async def instance_says(self, url: str, words: str) -> None:
        """His instance says so, after a while."""
        page = self.stage.customer
        for _ in range(_LOOKS):
            await page.goto(url)
            if words in await page.content():
                return
            await page.wait_for_timeout(500)
        raise AssertionError(f"{url} does not say {words!r}: {await page.locator('body').inner_text()}")


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs the business. With `by_hand` every step waits for his click."""

    stage: Stage
    by_hand: bool = False

    async def answer(self, words: str) -> None:
        """Answer the conversation that waits: in the console, or in the help desk that holds it."""
        stage, page = self.stage, self.stage.operator
        await page.goto(f"{stage.console}/conversations?view=waiting")
        await page.locator("main table a[href*='/console/conversations/cnv_']").first.click()
        if stage.help_desk:
            (one,) = (await stage.control.verb("intercom", "conversations", {}))["conversations"]
            await stage.control.verb("intercom", "conversations/reply", {"conversation": one["id"], "text": words})
            await stage.control.quiet()
        else:
            await page.locator("form[action$='/answer'] textarea").fill(words)
            await page.locator("form[action$='/answer'] button").first.click()
        await page.get_by_text(words).first.wait_for()

    async def take_over_every_step(self) -> None:
        """Nothing goes by itself from now on."""
        page = self.stage.operator
        while True:
            await page.goto(f"{self.stage.console}/automation")
            waiting = page.locator("form:has(input[name=mode][value=manual])")
            if not await waiting.count():
                return
            async with page.expect_navigation():
                await waiting.first.locator("button").last.evaluate("one => one.form.requestSubmit()")

    async def do_tasks(self) -> None:
        """Click everything that waits."""
        page = self.stage.operator
        await page.goto(f"{self.stage.console}/tasks")
        everything = page.locator("form[action='/console/tasks/all'] button")
        while await everything.count():
            async with page.expect_navigation():
                await everything.first.click()

    async def let_time_pass(self, target: datetime) -> None:
        """Until `target`: in one go, or from one due step to the next where they wait for him."""
        stage = self.stage
        while self.by_hand:
            await self.settle()
            due_at = await stage.next_due()
            if due_at is None or due_at > target:
                break
            await stage.advance(max(due_at, await stage.now()))
        await stage.advance(target)
        await self.settle()

    async def settle(self) -> None:
        """Everything that is due now happens, by his clicks where it needs them."""
        stage = self.stage
        for _ in range(200):
            await stage.control.quiet()
            await stage.advance(await stage.now())
            lost = await self.look_for_lost_mails()
            waits = "SELECT id FROM relations.task WHERE org_id = $1 AND state = 'open'"
            if not lost and not (self.by_hand and await stage.rows(waits)):
                return
            if self.by_hand:
                await self.do_tasks()
        raise AssertionError("there is always another task")

    async def look_for_lost_mails(self) -> int:
        """A worker that dies while it sends leaves a message of which nobody knows: he looks for it at the relay."""
        stage, page = self.stage, self.stage.operator
        lost = await stage.rows("SELECT id FROM outreach.message WHERE org_id = $1 AND state = 'unknown'")
        for one in lost:
            kept = (await stage.control.verb("smtp", "messages", {}))["messages"]
            arrived = any(one["id"] in mail["message_id"] for mail in kept)
            await page.goto(f"{stage.console}/messages/{one['id']}")
            wanted = "It arrived" if arrived else "Send it again"
            async with page.expect_navigation():
                await page.get_by_role("button", name=wanted).evaluate("one => one.form.requestSubmit()")
        return len(lost)
