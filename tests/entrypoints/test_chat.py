"""Talking with people: visitors and customers in one queue, answers by page and mail, a help desk's chat on the pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from cauce.channels import service as channels
from cauce.entrypoints.web.texts import catalogue
from cauce.entrypoints.web.visits import make_link
from cauce.flows import portal_settings
from cauce.flows.chat import talking
from cauce.gateway.reporting import Notice, NoticeKind
from cauce.kernel.errors import NotFound
from cauce.providers.kit.registry import installed
from cauce.reports import conversations as report
from cauce.storage import audit
from cauce.storage.directory.people import Role
from tests.entrypoints.stage import VIEWER, Stage
from tests.entrypoints.visitor import first_link, let_in, signed_in, visitor

EN = catalogue("en")
DESK = "ch_desk"


@pytest.fixture
def home(played: Stage) -> str:
    """Where the portal of the played organization is."""
    return f"/portal/{played.org.public_id}"


async def _held_until(one: Stage, customer_id: str) -> timedelta | None:
    async with one.context.transaction() as tx:
        now = await one.context.now(tx)
        until = await tx.value(
            "SELECT held_until FROM outreach.hold WHERE org_id = $1 AND customer_id = $2", tx.org, customer_id
        )
    return until - now if until is not None else None


async def test_a_visitor_writes_without_javascript_and_becomes_a_customer_with_his_words(
    played: Stage, home: str
) -> None:
    person, owner = visitor(played.url), await signed_in(played)
    page = await person.see(f"{home}/chat")
    unknown = await person.press(page, "/chat", text="Hello?", email="")
    assert unknown.status_code == 422
    written = await person.press(
        page, "/chat", text="Do you have <b>calendars</b>?", email="vera@customers.example", name="Vera"
    )
    assert "Do you have &lt;b&gt;calendars&lt;/b&gt;?" in written.text
    inbox = await owner.see("/console/conversations?view=waiting")
    thread = first_link(inbox, "/console/conversations/cnv_")
    answered = await owner.press(await owner.see(thread), "/answer", text="From May on.")
    assert "From May on." in answered.text
    assert "From May on." in await person.see(f"{home}/chat/news")
    done = await person.http.post(
        f"{home}/try/starter/eur", data={"name": "Vera", "email": "vera@customers.example"}, follow_redirects=True
    )
    assert done.status_code == 200
    assert "From May on." in await person.see(f"{home}/chat")
    async with played.context.transaction() as tx:
        customer_id = await tx.value(
            "SELECT id FROM customers.customer WHERE org_id = $1 AND email = 'vera@customers.example'", tx.org
        )
        (mine,) = await report.inbox(tx, customer_id=customer_id)
        lines = [row for row in await audit.page(tx) if row["action"] == "conversation.answer"]
    assert thread.endswith(mine["id"])
    assert await _held_until(played, customer_id) == timedelta(days=7)
    assert "From May on." not in str([dict(row) for row in lines])


async def test_nobody_reads_another_ones_conversation(played: Stage, home: str) -> None:
    done = await played.shop.sign_up("walt", "starter", email="walt@customers.example")
    walt = await let_in(played, await make_link(played.context, done.customer_id))
    await walt.press(await walt.see(f"{home}/chat"), "/chat", text="My secret question")
    assert "My secret question" not in await visitor(played.url).see(f"{home}/chat")
    other = await played.shop.sign_up("xena", "starter", email="xena@customers.example")
    xena = await let_in(played, await make_link(played.context, other.customer_id))
    assert "My secret question" not in await xena.see(f"{home}/chat")
    forged = await xena.http.post(f"{home}/chat", data={"text": "x", "form_token": "0"})
    assert forged.status_code == 403


async def test_whoever_does_not_look_gets_it_by_mail_and_only_once(played: Stage, home: str) -> None:
    done = await played.shop.sign_up("yara", "starter", email="yara@customers.example")
    yara = await let_in(played, await make_link(played.context, done.customer_id))
    await yara.press(await yara.see(f"{home}/chat"), "/chat", text="Is anybody there?")
    before = len(played.mail.taken)
    await played.advance(timedelta(minutes=3))
    alerts = played.mail.taken[before:]
    assert {mail.to_address for mail in alerts} == {"ana@example.com"}
    assert "/console/conversations/cnv_" in alerts[0].text
    async with played.context.transaction() as tx:
        (mine,) = await report.inbox(tx, customer_id=done.customer_id)
    before = len(played.mail.taken)
    await talking.answer(played.context, mine["id"], "Ana", "Yes, I am.")
    await talking.answer(played.context, mine["id"], "Ana", "Sorry for the wait.")
    await played.advance(timedelta(minutes=3))
    (mail,) = played.mail.taken[before:]
    assert mail.to_address == "yara@customers.example"
    assert "Yes, I am." in mail.text
    assert "Sorry for the wait." in mail.text
    await yara.see(f"{home}/chat")
    before = len(played.mail.taken)
    await talking.answer(played.context, mine["id"], "Ana", "One more thing.")
    await yara.see(f"{home}/chat/news")
    await played.advance(timedelta(minutes=3))
    assert played.mail.taken[before:] == []


async def test_an_operator_says_where_answers_by_mail_go(played: Stage, home: str) -> None:
    owner, reader = await signed_in(played), await signed_in(played, VIEWER, Role.VIEWER)
    page = await owner.see("/console/campaigns")
    await owner.press(page, "/console/campaigns/mail", answers_to="chat@in.shop.example", opt_in="yes")
    assert 'value="chat@in.shop.example"' in await owner.see("/console/campaigns")
    refused = await reader.http.post(
        "/console/campaigns/mail",
        data={"form_token": re.findall(r'form_token" value="(\w+)"', await reader.see("/console"))[0]},
    )
    assert refused.status_code == 403
    done = await played.shop.sign_up("yago", "starter", email="yago@customers.example")
    yago = await let_in(played, await make_link(played.context, done.customer_id))
    await yago.press(await yago.see(f"{home}/chat"), "/chat", text="Is anybody there?")
    await played.advance(timedelta(minutes=3))
    assert re.match(r"chat\+\d+-\w{42}@in\.shop\.example$", played.mail.taken[-1].reply_to)
    await owner.press(page, "/console/campaigns/mail", answers_to="", opt_in="")


async def test_two_clicks_open_one_conversation_and_a_closed_one_opens_again(played: Stage, home: str) -> None:
    done = await played.shop.sign_up("zack", "starter", email="zack@customers.example")
    zack = await let_in(played, await make_link(played.context, done.customer_id))
    page = await zack.see(f"{home}/chat")
    await zack.press(page, "/chat", text="First")
    await zack.press(page, "/chat", text="Second")
    async with played.context.transaction() as tx:
        (mine,) = await report.inbox(tx, customer_id=done.customer_id)
    await talking.assign(played.context, mine["id"], "ana@example.com")
    await talking.close(played.context, mine["id"])
    await talking.close(played.context, mine["id"])
    async with played.context.transaction() as tx:
        assert await report.inbox(tx, customer_id=done.customer_id) == []
    await zack.press(page, "/chat", text="Third")
    assert await played.shop.story(mine["id"]) == [
        "conversation.opened",
        "conversation.replied",
        "conversation.assigned",
        "conversation.closed",
        "conversation.replied",
    ]


async def test_a_help_desk_tells_its_conversations_into_the_same_timeline(played: Stage) -> None:
    done = await played.shop.sign_up("abel", "starter", email="abel@customers.example")

    def told(number: int, change: str, side: str, text: str) -> Notice:
        data: dict[str, object] = {
            "change": change, "side": side, "text": text, "author": "Somebody", "external_id": done.customer_id,
            "contact_ref": "c1", "message_ref": f"part_{number}",
        }  # fmt: skip
        return Notice(f"notif_{number}", NoticeKind.CONVERSATION, played.shop.cards.now, ref="conv_77", data=data)

    opened, answered = told(1, "opened", "customer", "Help!"), told(2, "replied", "staff", "Coming.")
    for notice in (opened, answered, opened, answered):
        await talking.told_outside(played.context, DESK, notice)
    async with played.context.transaction() as tx:
        (mine,) = await report.inbox(tx, customer_id=done.customer_id)
        said = await tx.rows(
            "SELECT side, body FROM conversations.message WHERE org_id = $1 AND conversation_id = $2 ORDER BY id",
            tx.org,
            mine["id"],
        )
    assert [tuple(row) for row in said] == [("customer", "Help!"), ("staff", "Coming.")]
    assert await _held_until(played, done.customer_id) == timedelta(days=7)
    owner = await signed_in(played)
    refused = await owner.http.post(
        f"/console/conversations/{mine['id']}/answer",
        data={"text": "x", "form_token": re.findall(r'form_token" value="(\w+)"', await owner.see("/console"))[0]},
    )
    assert refused.status_code == 409
    await talking.told_outside(played.context, DESK, told(3, "closed", "staff", ""))
    async with played.context.transaction() as tx:
        assert await report.inbox(tx, customer_id=done.customer_id) == []


@asynccontextmanager
async def desk_on(one: Stage, base_url: str = "") -> AsyncIterator[None]:
    """A help desk whose chat stands on the pages: the real adapter, with made-up credentials."""
    provider = next(found for found in installed().values() if found.title == "Intercom")
    async with one.context.transaction() as tx:
        try:
            await channels.read_channel(tx, DESK)
        except NotFound:
            await channels.create_channel(
                tx, one.runtime.sealer, provider.name, "Help desk", base_url=base_url, channel_id=DESK,
                settings={"app_id": "app_x1"},
                secrets={"access_token": "t", "client_secret": "c", "messenger_secret": "m"},
            )  # fmt: skip
        channel = await channels.open_channel(tx, one.runtime.sealer, DESK, livemode=False)
        one.holders.others[DESK] = (channel, provider.connect(channel, None), provider.capabilities(channel))  # type: ignore[arg-type]
        await portal_settings.save_settings(tx, one.context, origins=[], redirects=[], chat_channel=DESK)
    yield
    async with one.context.transaction() as tx:
        await portal_settings.save_settings(tx, one.context, origins=[], redirects=[])
    del one.holders.others[DESK]


async def test_a_help_desks_chat_widens_the_policy_only_while_it_is_on(played: Stage, home: str) -> None:
    done = await played.shop.sign_up("beth", "starter", email="beth@customers.example")
    person = await let_in(played, await make_link(played.context, done.customer_id))
    before = await person.http.get(f"{home}/account")
    assert "strict-dynamic" not in before.headers["content-security-policy"]
    async with desk_on(played):
        on = await person.http.get(f"{home}/account")
        policy = on.headers["content-security-policy"]
        (nonce,) = re.findall(r"'nonce-([\w-]+)' 'strict-dynamic'", policy)
        assert f'<script nonce="{nonce}">window.intercomSettings=' in on.text
        assert "intercom_user_jwt" in on.text
        assert "unsafe-inline" not in policy
        own = re.findall(r'<script src="/static/[^>]*>', on.text)
        assert own and all(f'nonce="{nonce}"' in one for one in own), "strict-dynamic stops scripts without a nonce"
        again = await person.http.get(f"{home}/account")
        assert nonce not in again.headers["content-security-policy"]
        stranger = await visitor(played.url).http.get(home)
        assert "window.intercomSettings=" in stranger.text
        assert "intercom_user_jwt" not in stranger.text
        left = await person.press(on.text, "/sign-out")
        assert "Intercom('shutdown')" in left.text
        assert "intercom_user_jwt" not in left.text
    after = await visitor(played.url).http.get(home)
    assert "strict-dynamic" not in after.headers["content-security-policy"]
    assert "window.intercomSettings" not in after.text
