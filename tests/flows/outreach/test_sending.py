"""A queued message leaves once: by mail, with its secrets only in what is sent; bounces and consent stop it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import CustomerData
from cauce.billing.outreach import service, store
from cauce.billing.outreach.rules import Category
from cauce.flows.outreach import send, settling
from cauce.flows.outreach.door import queue_message
from cauce.flows.outreach.links import read_unsubscribe_link
from cauce.storage.jobs import Job
from tests.flows.outreach.office import Office


async def _customer(desk: Office, who: str = "ana", **about: str) -> str:
    async with desk.context.transaction() as tx:
        data = CustomerData(who, **{"email": f"{who}@example.com", "name": who.capitalize(), **about})
        customer, _ = await customers.put(tx, data, now=await desk.context.now(tx), actor="test")
    return customer.id


async def _queue(desk: Office, customer_id: str, template: str = "registered", **more: object) -> str | None:
    async with desk.context.transaction() as tx:
        return await queue_message(tx, desk.context, customer_id, template, {}, **more)  # type: ignore[arg-type]


async def test_a_message_is_queued_with_its_cause_and_arrives_in_text_and_html(desk: Office) -> None:
    ana = await _customer(desk, locale="es-MX")
    message = await _queue(desk, ana)
    assert message is not None
    await desk.advance(timedelta(0))
    (mail,) = await desk.mails("ana")
    assert mail["subject"] == "Tu cuenta en Office"
    assert "Hola, Ana:" in mail["text"] and "<p>Hola, Ana:</p>" in mail["html"]
    assert await desk.story(message) == ["message.queued", "message.sent"]
    assert "List-Unsubscribe" not in mail["headers"], "service messages cannot be refused"


async def test_a_sign_in_link_stands_in_the_mail_and_in_no_record(desk: Office) -> None:
    ana = await _customer(desk)
    message = await _queue(desk, ana, "sign_in_link", secrets={"link": "https://shop.example/in?token=geheim"})
    (kept,) = await desk.messages(ana)
    assert "geheim" not in str(dict(kept)) and "Sign in" in kept["body_text"]
    await desk.advance(timedelta(0))
    (mail,) = await desk.mails("ana")
    assert "https://shop.example/in?token=geheim" in mail["text"]
    (sent,) = await desk.messages(ana)
    assert sent["id"] == message and "geheim" not in str(dict(sent))


async def test_what_a_customer_wrote_into_his_name_makes_neither_markup_nor_header(desk: Office) -> None:
    ana = await _customer(desk, name="<b>Ana</b> [x](http://evil.example)\r\nBcc: all@example.com")
    await _queue(desk, ana)
    await desk.advance(timedelta(0))
    (mail,) = await desk.mails("ana")
    assert "&lt;b&gt;Ana&lt;/b&gt;" in mail["html"] and "http://evil.example" in mail["html"]
    assert 'href="http://evil.example' not in mail["html"]
    assert "Bcc" not in mail["headers"]


async def test_refused_marketing_is_suppressed_and_service_goes_on(desk: Office) -> None:
    ana = await _customer(desk)
    async with desk.context.transaction() as tx:
        now = await desk.context.now(tx)
        assert await service.set_consent(tx, ana, "marketing", False, source="test", now=now)
        assert not await service.set_consent(tx, ana, "marketing", False, source="test", now=now)
    assert await _queue(desk, ana, "whats_new", category=Category.MARKETING) is None
    assert await _queue(desk, ana) is not None
    await desk.advance(timedelta(0))
    assert await desk.subjects("ana") == ["Your account at Office"]
    states = {row["template"]: (row["state"], row["reason"]) for row in await desk.messages(ana)}
    assert states["whats_new"] == ("suppressed", "no_consent")


async def test_a_refusal_that_comes_while_the_message_waits_still_holds(desk: Office) -> None:
    ana = await _customer(desk)
    message = await _queue(desk, ana, "whats_new", category=Category.MARKETING)
    assert message is not None
    async with desk.context.transaction() as tx:
        await service.set_consent(tx, ana, "marketing", False, source="test", now=await desk.context.now(tx))
    await desk.advance(timedelta(0))
    assert await desk.mails("ana") == []
    assert await desk.story(message) == ["message.queued", "message.suppressed"]


async def test_optional_mail_carries_a_link_that_refuses_its_category(desk: Office) -> None:
    ana = await _customer(desk)
    await _queue(desk, ana, "whats_new", category=Category.MARKETING)
    await desk.advance(timedelta(0))
    (mail,) = await desk.mails("ana")
    link = mail["headers"]["List-Unsubscribe"].strip("<>")
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = link.rpartition("/")[2]
    found = read_unsubscribe_link(desk.product.runtime.sealer, token)
    assert found == (desk.org.id, ana, "marketing")


async def test_an_address_without_a_mailbox_gets_nothing_more(desk: Office) -> None:
    ana = await _customer(desk, "ana", email="unknown@example.com")
    first = await _queue(desk, ana)
    await desk.advance(timedelta(0))
    assert first is not None and await desk.story(first) == ["message.queued", "message.bounced"]
    assert await _queue(desk, ana, "subscribed") is None
    async with desk.context.transaction() as tx:
        await service.forget_bounce(tx, "unknown@example.com")
    assert await _queue(desk, ana, "suspended") is not None


async def test_a_relay_that_puts_a_mail_off_gets_it_later(desk: Office) -> None:
    ana = await _customer(desk, "ana", email="greylisted@example.com")
    message = await _queue(desk, ana)
    await desk.advance(timedelta(hours=1))
    assert message is not None and await desk.story(message) == ["message.queued", "message.sent"]


async def test_a_message_that_may_have_left_is_unknown_and_never_sent_again(desk: Office) -> None:
    ana = await _customer(desk)
    await _queue(desk, ana)
    await desk.control.fault("smtp", "drop_after", "data")
    await desk.advance(timedelta(days=3))
    (row,) = await desk.messages(ana)
    assert row["state"] == "unknown"
    assert len(await desk.mails("ana")) == 1, "the relay had taken it"


async def test_a_worker_that_died_between_sending_and_noting_it_sends_nothing_again(desk: Office) -> None:
    ana = await _customer(desk)
    message = await _queue(desk, ana)
    assert message is not None
    async with desk.context.transaction() as tx:  # what the first try had committed before it died
        await store.set_message(tx, message, "sending", medium="mail", channel_id=desk.channels["smtp"])
    job = Job(desk.org.id, 0, service.SEND_JOB, {"message": message}, await desk.now(), 2, 0)
    await send.send(desk.context, job)
    await desk.advance(timedelta(0))
    assert await desk.mails("ana") == []
    (row,) = await desk.messages(ana)
    assert row["state"] == "unknown" and "worker" in row["reason"]


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_person_ends_an_unknown_message_by_what_he_found_out(desk: Office, arrived: bool) -> None:
    ana = await _customer(desk)
    message = await _queue(desk, ana)
    assert message is not None
    await desk.control.fault("smtp", "drop_after" if arrived else "drop_before", "data")
    await desk.advance(timedelta(0))
    await settling.settle(desk.context, message, arrived=arrived)
    await desk.advance(timedelta(0))
    (row,) = await desk.messages(ana)
    assert row["state"] == "sent"
    assert len(await desk.mails("ana")) == 1
    assert await desk.story(message) == ["message.queued", "message.sent"]
    with pytest.raises(settling.MessageSettled):
        await settling.settle(desk.context, message, arrived=False)


async def test_without_any_channel_a_message_is_written_to_the_log(desk: Office) -> None:
    other = Office(desk.product, await desk.product.sandbox_org("Other"))
    ana = await _customer(other)
    await _queue(other, ana)
    await other.advance(timedelta(0))
    (row,) = await other.messages(ana)
    assert (row["channel"], row["state"]) == ("log", "sent")


async def test_a_hold_is_only_ever_prolonged(desk: Office) -> None:
    ana = await _customer(desk)
    now = await desk.now()
    async with desk.context.transaction() as tx:
        await service.hold_steps(tx, ana, now + timedelta(days=7))
        await service.hold_steps(tx, ana, now + timedelta(days=1))
        assert (await service.standings(tx, [ana]))[ana].held_until == now + timedelta(days=7)
        await service.release_steps(tx, ana)
        assert (await service.standings(tx, [ana]))[ana].held_until is None
