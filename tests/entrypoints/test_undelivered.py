"""A bounce or a complaint posted by the mail server: the message, the address, the customer's page; nobody else's (K2)."""

from __future__ import annotations

from typing import Any

import httpx2

from cauce.entrypoints.web.texts import catalogue
from cauce.flows.billing import extra
from cauce.storage.directory import keys
from cauce.storage.directory.orgs import Org
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import signed_in
from tests.flows.outreach.test_undelivered import complaint, dsn

EN = catalogue("en")


async def _post(one: Stage, raw: bytes, org: Org | None = None) -> dict[str, Any]:
    chosen = org or one.org
    async with one.runtime.db.transaction() as tx:
        _, secret = await keys.create_key(tx, chosen.id, chosen.mode, "mail", frozenset({"mail:write"}))
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "message/rfc822"}
    async with httpx2.AsyncClient(base_url=one.url, trust_env=False, timeout=30) as http:
        answer = await http.post("/v1/mail/answers", content=raw, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _mailed(one: Stage, who: str) -> tuple[str, str, str]:
    """A customer, his subscription, and a mail that he was sent."""
    email = f"{who}@customers.example"
    done = await one.shop.sign_up(who, "starter", email=email)
    await _charge(one, done.subscription_id)
    mail = [mail for mail in one.mail.taken if mail.to_address == email][-1]
    return done.customer_id, done.subscription_id, mail.key


async def _charge(one: Stage, subscription_id: str) -> None:
    await extra.add_charge(one.context, extra.ExtraCharge(subscription_id, 100, "Help"))
    await one.work()


async def test_an_address_that_does_not_exist_is_sent_nothing_more_until_somebody_says_so(played: Stage) -> None:
    customer_id, subscription_id, message = await _mailed(played, "gone")
    raw, path = dsn(message_id=f"<{message}@shop.example>"), f"/console/customers/{customer_id}"
    elsewhere = await played.other_org()
    assert (await _post(played, raw, elsewhere))["result"] == "ignored"
    assert [(await _post(played, raw))["result"] for _ in range(2)] == ["noted", "known"]
    assert await played.shop.story(message) == ["message.queued", "message.sent", "message.bounced"]
    owner = await signed_in(played)
    page = await owner.see(path)
    assert EN["state.mail_stopped"] in page
    assert "User unknown" in page
    before = len(played.mail.taken)
    await _charge(played, subscription_id)
    assert [mail for mail in played.mail.taken[before:] if mail.to_address == "gone@customers.example"] == []
    free = await owner.press(page, f"{path}/mail")
    assert EN["state.mail_stopped"] not in free.text
    await _charge(played, subscription_id)
    assert [mail for mail in played.mail.taken[before:] if mail.to_address == "gone@customers.example"]


async def test_a_complaint_stops_the_address_and_a_full_mailbox_does_not(played: Stage) -> None:
    customer_id, _, message = await _mailed(played, "annoyed")
    assert (await _post(played, dsn("5.2.2", message_id=f"<{message}@x.example>")))["result"] == "noted"
    owner, path = await signed_in(played), f"/console/customers/{customer_id}"
    assert EN["state.mail_stopped"] not in await owner.see(path)
    raw = complaint(message_id=f"<{message}@x.example>")
    assert [(await _post(played, raw))["result"] for _ in range(2)] == ["noted", "known"]
    assert (await played.shop.story(message))[-2:] == ["message.bounced", "message.complained"]
    assert "complaint: abuse" in await owner.see(path)
