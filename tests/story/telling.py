"""The steps of the story, from the pricing page to the return (§0), and what everything came to in the end."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cauce.flows.billing import extra
from cauce.flows.outreach import tracking
from tests.story.people import EMAIL, Customer, Operator
from tests.story.stage import HELP_DESK, Stage

Between = Callable[[str], Awaitable[None]]
"""Called before each step with its name: there a run may do harm."""


async def nothing(_step: str) -> None:
    """A plain run."""


def _nameless(text: str) -> str:
    return re.sub(r"[a-z]+_[0-9A-Za-z]{8,}", "*", text)


def _balances(books: dict[str, Any]) -> list[tuple[str, int]]:
    return [(f"{one['account']} {one['currency']}", one["balance_minor"]) for one in books["balances"]]


@dataclass
class Story:
    """One run of it."""

    stage: Stage
    customer: Customer
    operator: Operator
    before_step: Between = nothing
    instance_url: str = ""
    ids: dict[str, str] = field(default_factory=dict)

    async def play(self) -> dict[str, Any]:
        """All of it; what it came to."""
        for step in (
            self.a_trial_is_requested,
            self.messages_follow_the_trial_and_a_chat_holds_them,
            self.the_trial_expires,
            self.a_card_is_added,
            self.an_extra_charge_a_renewal_a_failure_and_its_recovery,
            self.a_cancellation_and_a_return,
        ):
            await self.before_step(step.__name__)
            await step()
            await self.operator.settle()
        return await self.outcome()

    async def a_trial_is_requested(self) -> None:
        """Step 1: one request makes customer, trial, payer at the card company, contact in the help desk, instance."""
        self.instance_url = await self.customer.request_trial(self.operator)
        await self.customer.instance_says(self.instance_url, "Lucía")
        await self.operator.settle()
        (one,) = await self.stage.rows(
            "SELECT id, customer_id, status FROM subscriptions.subscription WHERE org_id = $1"
        )
        assert one["status"] == "trialing"
        self.ids = {"subscription": one["id"], "customer": one["customer_id"]}
        payers = await self.stage.rows("SELECT ref FROM payments.payer WHERE org_id = $1")
        assert len(payers) == 1, "the card company knows him from the first day"
        assert "welcome" in await self._templates()
        (mail,) = await self.stage.mails(EMAIL)
        assert self.instance_url.rstrip("/") in mail["text"], "the mail leads to his instance"
        if self.stage.help_desk:
            (contact,) = (await self.stage.control.verb(HELP_DESK, "contacts", {}))["contacts"]
            assert (contact["email"], contact["tags"]) == (EMAIL, ["cauce:trialing"])
            assert "trial-started" in await self._told_to_the_help_desk()

    async def messages_follow_the_trial_and_a_chat_holds_them(self) -> None:
        """Steps 2 and 7: help for who has not begun; a step is held while persons talk; reminder and call in time."""
        await self._pass(days=2)
        assert "first_login" in await self._templates()
        did = tracking.Track(await self._external_id(), "project_made", "did-1")
        await tracking.track(self.stage.context, [did])
        await self.customer.write("Can I bring my old files?")
        await self.operator.settle()
        await self.operator.answer("Yes: Settings, Import.")
        await self.customer.reads("Yes: Settings, Import.")
        await self._pass(days=1, hours=2)
        assert await self._step("onboarding", "o3") == ("waiting", "held"), "a person is talking to him"
        assert "goal" not in await self._templates()
        await self._pass(days=7)
        assert await self._step("onboarding", "o3") == ("skipped", "followed_by:o4")
        assert await self._step("onboarding", "o4") == ("queued", "")
        assert "trial_ending" not in await self._templates()
        await self._pass(days=2)
        assert {"trial_ending", "call_offer"} <= await self._templates()
        (call,) = [mail for mail in await self.stage.mails(EMAIL) if "List-Unsubscribe-Post" in mail["headers"]][-1:]
        assert "call" in f"{call['subject']} {call['text']}".lower()

    async def the_trial_expires(self) -> None:
        """Step 3: without a card access ends, his instance says so, his data are kept."""
        await self._pass(days=2)
        assert await self._status() == "paused"
        assert {"trial_last_day", "trial_ended"} <= await self._templates()
        await self.customer.instance_says(self.instance_url, "suspended")
        await self.customer.sees("Your trial has ended")
        await self._pass(days=8)
        assert "feedback" in await self._templates(), "lead recovery"

    async def a_card_is_added(self) -> None:
        """Step 4: a card with authentication at the bank; invoice, charge, access again."""
        await self.customer.add_card("Visa 3155")
        await self.operator.settle()
        assert await self._status() == "active"
        await self.customer.sees("Renews on")
        await self.customer.instance_says(self.instance_url, "Lucía")

    async def an_extra_charge_a_renewal_a_failure_and_its_recovery(self) -> None:
        """Step 5: an extra charge stands on the next invoice; a card that is refused is recovered by a link."""
        await extra.add_charge(
            self.stage.context, extra.ExtraCharge(self.ids["subscription"], 2_500, "Data import by hand")
        )
        await self._pass(days=32)
        assert await self._status() == "active"
        await self.customer.add_card("Visa 0341")
        await self._make_default("0341")
        await self._pass(days=31)
        assert await self._status() == "past_due"
        assert "payment_failed" in await self._templates()
        await self.customer.pay(await self._pay_link(), "Mastercard 4444")
        await self.operator.settle()
        assert await self._status() == "active"
        await self.customer.add_card("Mastercard 4444")
        await self._make_default("4444")

    async def a_cancellation_and_a_return(self) -> None:
        """Step 6: access to the end of the period, then the instance goes; he comes back to the same subscription."""
        await self.customer.cancel("too many features")
        await self.operator.settle()
        assert await self._status() == "active"
        await self._pass(days=32)
        assert await self._status() == "canceled"
        await self._pass(days=31)
        assert (await self._instance())["state"] == "deleted"
        assert {"feedback", "whats_new"} <= await self._templates(), "lead recovery again"
        await self.customer.come_back()
        await self.operator.settle()
        assert await self._status() == "active"
        one = await self._instance()
        assert one["state"] == "ready"
        await self.customer.instance_says(one["redirect_url"], "Lucía")
        trials = await self.stage.rows(
            "SELECT 1 FROM subscriptions.trial_use WHERE org_id = $1 AND identity LIKE 'customer:%'"
        )
        assert len(trials) == 1

    async def outcome(self) -> dict[str, Any]:
        """Ledger, invoices, messages, instances and events of the business, with names instead of what differs between runs.

        Events and messages are dated by their day, what became of a message by that of the message. What the card
        company, the mailbox and the help desk have seen stands below `outside`.
        """
        rows = self.stage.rows
        return {
            "ledger": [
                f"{_nameless(row['code'])} {row['currency']} {row['balance_minor']}"
                for row in await rows(
                    "SELECT a.code, p.currency, a.balance_minor FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id"
                    " WHERE a.org_id = $1 ORDER BY a.code, p.currency"
                )
            ],
            "journals": [
                tuple(row.values())
                for row in await rows(
                    "SELECT recipe, effective_at::date::text AS day, count(*) AS times FROM ledger.journal WHERE org_id = $1"
                    " GROUP BY 1, 2 ORDER BY 2, 1"
                )
            ],
            "invoices": [
                tuple(row.values())
                for row in await rows(
                    "SELECT number, status, reason, total_minor, paid_minor, issued_on::text, period_start::text FROM"
                    " invoicing.invoice WHERE org_id = $1 ORDER BY sequence"
                )
            ],
            "messages": sorted(
                (row["template"], row["channel"], row["state"], row["day"])
                for row in await rows(
                    "SELECT template, channel, state, created_at::date::text AS day FROM outreach.message WHERE org_id = $1"
                )
            ),
            "steps": [
                tuple(row.values())
                for row in await rows(
                    "SELECT campaign, step, state, reason FROM outreach.step WHERE org_id = $1 ORDER BY 1, 2, 3, 4"
                )
            ],
            "instances": [
                tuple(row.values())
                for row in await rows("SELECT state, wanted, failure FROM provisioning.instance WHERE org_id = $1")
            ],
            "events": [
                (row["type"], row["at"])
                for row in await rows(
                    "SELECT e.type, coalesce(m.created_at, e.occurred_at)::date::text AS at FROM storage.event e"
                    " LEFT JOIN outreach.message m ON m.org_id = e.org_id AND m.id = e.object_id WHERE e.org_id = $1"
                    " AND e.type !~ '^(task|clock|provider)[.]' ORDER BY 2, 1"
                )
            ],
            "said": [
                tuple(row.values())
                for row in await rows("SELECT side, body FROM conversations.message WHERE org_id = $1 ORDER BY at, id")
            ],
            "outside": await self._outside(),
        }

    async def _outside(self) -> dict[str, Any]:
        control = self.stage.control
        books = await control.books("stripe", postings=False)
        assert books["wrong"] == []
        seen: dict[str, Any] = {
            "card company": sorted(f"{_nameless(name)} {minor}" for name, minor in _balances(books)),
            "mailbox": sorted(mail["subject"] for mail in await self.stage.mails(EMAIL)),
        }
        if self.stage.help_desk:
            (contact,) = (await control.verb(HELP_DESK, "contacts", {}))["contacts"]
            seen["help desk"] = [sorted(await self._told_to_the_help_desk()), contact["tags"]]
        return seen

    async def _told_to_the_help_desk(self) -> list[str]:
        return [one["event_name"] for one in (await self.stage.control.verb(HELP_DESK, "events", {}))["events"]]

    async def _pass(self, **by: int) -> None:
        await self.operator.let_time_pass(await self.stage.now() + timedelta(**by))

    async def _status(self) -> str:
        (one,) = await self.stage.rows("SELECT status FROM subscriptions.subscription WHERE org_id = $1")
        return str(one["status"])

    async def _instance(self) -> dict[str, Any]:
        (one,) = await self.stage.rows("SELECT id, state, redirect_url FROM provisioning.instance WHERE org_id = $1")
        return one

    async def _external_id(self) -> str:
        (one,) = await self.stage.rows("SELECT external_id FROM customers.customer WHERE org_id = $1")
        return str(one["external_id"])

    async def _step(self, campaign: str, step: str) -> tuple[str, str]:
        (one,) = await self.stage.rows(
            "SELECT state, reason FROM outreach.step WHERE org_id = $1 AND campaign = $2 AND step = $3", campaign, step
        )
        return one["state"], one["reason"]

    async def _templates(self) -> set[str]:
        return {
            row["template"] for row in await self.stage.rows("SELECT template FROM outreach.message WHERE org_id = $1")
        }

    async def _pay_link(self) -> str:
        texts = [mail["text"] for mail in await self.stage.mails(EMAIL)]
        links = [link for text in texts for link in re.findall(r"http\S+/(?:pay\?token=|invoices/in_)[^\s>\")]+", text)]
        assert links, "no mail says where to pay"
        return str(links[-1])

    async def _make_default(self, last4: str) -> None:
        page = self.stage.customer
        await self.customer.account()
        line = page.locator(".method", has_text=last4)
        make = line.get_by_role("button", name="Make default")
        if await make.count():
            await make.click()
            await page.wait_for_load_state()
