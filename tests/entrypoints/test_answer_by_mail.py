"""An answer by mail joins its conversation: mail out through a relay, the answer in through the door, once, genuine, recent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cauce.billing.conversations.rules import Person
from cauce.flows.chat import talking
from cauce.flows.outreach import mail_settings
from cauce.flows.outreach.mail_settings import BadMailbox, MailSettings
from cauce.reports import conversations as report
from cauce.storage import audit
from cauce.storage.database import Row
from cauce.storage.directory import keys, people
from cauce.storage.directory.orgs import Org
from cauce.storage.directory.people import Role
from tests.flows.outreach.office import Office, office

ANA = "ana@office.example"


@dataclass
class Post:
    """An office whose answers by mail come in through the door of the API."""

    desk: Office
    http: httpx2.AsyncClient
    customer_id: str
    conversation_id: str

    async def hand_in(self, mail: EmailMessage | bytes, **query: str) -> httpx2.Response:
        raw = mail if isinstance(mail, bytes) else mail.as_bytes()
        return await self.http.post(
            "/v1/mail/answers", content=raw, params=query, headers={"Content-Type": "message/rfc822"}
        )

    async def said(self) -> list[tuple[str, str, str]]:
        async with self.desk.context.transaction() as tx:
            rows = await tx.rows(
                "SELECT side, author, body FROM conversations.message WHERE org_id = $1 AND conversation_id = $2 ORDER BY id",
                tx.org, self.conversation_id,
            )  # fmt: skip
        return [tuple(row) for row in rows]

    async def mailed(self, to: str) -> dict[str, Any]:
        """The newest mail to an address."""
        return [mail for mail in await self.desk.mails() if to in mail["to"]][-1]

    async def inbox(self) -> Sequence[Row]:
        async with self.desk.context.transaction() as tx:
            return await report.inbox(tx, customer_id=self.customer_id)


def answer_to(mail: dict[str, Any], text: str, *, sender: str = "", **headers: str) -> EmailMessage:
    """What a mail program makes of pressing reply."""
    made = EmailMessage()
    made["From"], made["To"] = sender or mail["to"][0], mail["headers"]["Reply-To"]
    made["Subject"], made["Message-ID"] = f"Re: {mail['subject']}", headers.pop("message_id", "<a1@mua.example>")
    made["In-Reply-To"] = mail["message_id"]
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    quoted = "\n".join(f"> {line}" for line in mail["text"].splitlines())
    made.set_content(f"{text}\n\nOn Thu, 15 Jan 2026 at 10:02, Office <billing@shop.example>\nwrote:\n\n{quoted}\n")
    return made


async def _key(one: Office, org: Org, scope: str) -> str:
    async with one.product.runtime.db.transaction() as tx:
        _, secret = await keys.create_key(tx, org.id, org.mode, "mail", frozenset({scope}))
    return secret


@pytest.fixture
async def post(dsn: str, tmp_path: Path) -> AsyncIterator[Post]:
    """Vera asked in the chat; Ana answered, Vera did not look, and a mail went out."""
    async with office(dsn, tmp_path, "smtp") as desk:
        async with desk.context.transaction() as tx:
            await mail_settings.save_settings(tx, desk.context, MailSettings(answers_to="chat@in.office.example"))
        async with desk.product.runtime.db.transaction() as tx:
            await people.add_member(tx, desk.org.id, ANA, Role.SUPPORT, name="Ana")
        await desk.plan()
        done = await desk.sign_up("vera")
        cnv = await talking.hear(desk.context, Person(done.customer_id, name="Vera"), "Do you have calendars?")
        await desk.advance(timedelta(minutes=1))
        await talking.answer(desk.context, cnv, "Ana", "From May on.")
        await desk.advance(timedelta(minutes=3))
        headers = {"Authorization": f"Bearer {await _key(desk, desk.org, 'mail:write')}"}
        async with httpx2.AsyncClient(base_url=desk.product.url, headers=headers, trust_env=False, timeout=30) as http:
            yield Post(desk, http, done.customer_id, cnv)


async def test_an_answer_by_mail_stands_in_the_inbox_once_and_holds_the_campaign(post: Post) -> None:
    mail = await post.mailed("vera@example.com")
    assert "just reply to this message" in mail["text"]
    local, _, domain = mail["headers"]["Reply-To"].partition("@")
    assert (local.startswith("chat+"), len(local) <= 64, domain) == (True, True, "in.office.example")
    await post.desk.advance(timedelta(days=2))
    sent = answer_to(mail, "Then I wait for May.\n\nVera")
    first, again = await post.hand_in(sent), await post.hand_in(sent)
    assert (first.status_code, first.json()["result"], again.json()["result"]) == (200, "taken", "known"), first.text
    assert (await post.said())[-1] == ("customer", "Vera", "Then I wait for May.\n\nVera")
    assert len(await post.said()) == 3
    (waiting,) = await post.inbox()
    assert waiting["waiting_since"] is not None
    async with post.desk.context.transaction() as tx:
        held = await tx.value("SELECT held_until FROM outreach.hold WHERE org_id = $1", tx.org)
    assert held == await post.desk.now() + timedelta(days=7)
    await post.desk.advance(timedelta(minutes=3))
    alert = await post.mailed(ANA)
    assert "Then I wait for May." in alert["text"]
    assert await post.desk.story(post.conversation_id) == ["conversation.opened"] + ["conversation.replied"] * 2


async def test_a_member_answers_by_mail_from_his_own_address_alone(post: Post) -> None:
    await talking.hear(post.desk.context, Person(post.customer_id, name="Vera"), "And maps?")
    await post.desk.advance(timedelta(minutes=3))
    alert = await post.mailed(ANA)
    refused = await post.hand_in(answer_to(alert, "I am Ana, really.", sender="mallory@example.com"))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_the_member")
    taken = await post.hand_in(answer_to(alert, "Maps too."))
    assert taken.json()["result"] == "taken", taken.text
    assert (await post.said())[-1] == ("staff", "Ana", "Maps too.")
    (one,) = await post.inbox()
    assert one["waiting_since"] is None
    async with post.desk.context.transaction() as tx:
        lines = await audit.page(tx, object_id=post.conversation_id)
    assert [(line["actor"], line["action"]) for line in lines] == [(f"person:{ANA}", "conversation.answer")]
    await post.desk.advance(timedelta(minutes=3))
    assert "Maps too." in (await post.mailed("vera@example.com"))["text"]
    async with post.desk.product.runtime.db.transaction() as tx:
        person = await people.add_member(tx, post.desk.org.id, ANA, Role.VIEWER)
        assert person
    gone = await post.hand_in(answer_to(alert, "Still me.", message_id="<a2@mua.example>"))
    assert gone.status_code == 403, "who may not answer in the console may not by mail"


async def test_what_is_not_genuine_recent_or_a_persons_changes_nothing(post: Post) -> None:
    mail, before = await post.mailed("vera@example.com"), await post.said()
    address = mail["headers"]["Reply-To"]
    tag_end = address.index("@") - 1
    forged = address[:tag_end] + ("a" if address[tag_end] != "a" else "b") + address[tag_end + 1 :]
    for wrong in (forged, "chat@in.office.example", address.replace("chat+1", "chat+2")):
        refused = await post.hand_in(answer_to({**mail, "headers": {"Reply-To": wrong}}, "Hello"))
        assert (refused.status_code, refused.json()["code"]) == (404, "bad_answer_address"), refused.text
    for name, value in (("Auto_Submitted", "auto-replied"), ("Precedence", "bulk"), ("List_Id", "<l.example>")):
        away = await post.hand_in(answer_to(mail, "I am away.", **{name: value}))
        assert (away.status_code, away.json()["result"]) == (200, "ignored"), away.text
    for raw, status in ((b"", 422), (b"no mail", 422), (b"From: a@b.example\n\n" + b"x" * 10_000_000, 413)):
        assert (await post.hand_in(raw)).status_code == status
    assert (await post.hand_in(answer_to(mail, ""))).json()["code"] == "bad_mail", "a quotation alone says nothing"
    await post.desk.advance(timedelta(days=61))
    late = await post.hand_in(answer_to(mail, "Now I have time."))
    assert late.json()["code"] == "bad_answer_address"
    assert await post.said() == before


async def test_another_organizations_key_or_a_key_for_reading_takes_no_mail(post: Post) -> None:
    mail = answer_to(await post.mailed("vera@example.com"), "Hello")
    other = await post.desk.product.sandbox_org("Elsewhere")
    for secret, status in (
        (await _key(post.desk, other, "mail:write"), 404),
        (await _key(post.desk, post.desk.org, "read"), 403),
        ("nothing", 401),
    ):
        refused = await post.http.post(
            "/v1/mail/answers", content=mail.as_bytes(), headers={"Authorization": f"Bearer {secret}"}
        )
        assert refused.status_code == status
    assert (await post.http.get("/v1/customers")).status_code == 403


async def test_files_are_named_and_left_out_and_long_words_are_cut(post: Post) -> None:
    mail = answer_to(await post.mailed("vera@example.com"), "See the picture. " * 400)
    mail.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="screen.png")
    assert (await post.hand_in(mail)).json()["result"] == "taken"
    words = (await post.said())[-1][2]
    assert words.startswith("See the picture.")
    assert words.endswith("[The rest of this mail was left out.]\n\n[Files are not taken by mail: screen.png]")
    assert len(words) <= 4_000


async def test_words_belong_to_the_open_conversation_when_the_old_one_was_closed(post: Post) -> None:
    mail = await post.mailed("vera@example.com")
    await talking.close(post.desk.context, post.conversation_id)
    assert (await post.hand_in(answer_to(mail, "One more thing."))).json()["conversation"] == post.conversation_id
    (open_again,) = await post.inbox()
    assert open_again["id"] == post.conversation_id


async def test_a_mail_server_pipes_an_answer_into_the_command(post: Post, dsn: str, tmp_path: Path) -> None:
    mail = await post.mailed("vera@example.com")
    sealer = post.desk.product.runtime.sealer
    environment = {
        **os.environ, "CAUCE_HOME": str(tmp_path), "CAUCE_DATABASE_URL": dsn,
        "CAUCE_MASTER_KEY": sealer.keys[sealer.current].hex(),
    }  # fmt: skip

    def pipe(raw: bytes, *more: str) -> subprocess.CompletedProcess[bytes]:
        words = [sys.executable, "-m", "cauce.entrypoints.cli.main", "mail", "receive", *more]
        return subprocess.run(words, input=raw, env=environment, capture_output=True, timeout=60, check=False)

    sent = answer_to(mail, "By pipe.")
    address = str(sent["To"])
    del sent["To"]
    taken = pipe(sent.as_bytes(), "--recipient", address)
    assert taken.returncode == 0, taken.stderr
    assert (await post.said())[-1] == ("customer", "Vera", "By pipe.")
    assert pipe(sent.as_bytes()).returncode == 65, "no address of ours: back to the sender"


async def test_an_answer_mailbox_leaves_room_for_its_signed_part(post: Post) -> None:
    for wrong in ("no-address", "a-very-long-mailbox@office.example", "chat+x@office.example", "chat@in\r\n.example"):
        async with post.desk.context.transaction() as tx:
            with pytest.raises(BadMailbox):
                await mail_settings.save_settings(tx, post.desk.context, MailSettings(answers_to=wrong))
