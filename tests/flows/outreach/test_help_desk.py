"""A help desk mirrors customers: contact and company first, then events in order; consent and conversations come back (K3, K6, S29)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cauce.billing.customers import service as customers
from cauce.billing.outreach import desks, schedule, service
from tests.flows.outreach.office import Office, office


@pytest.fixture
async def both(dsn: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with office(dsn, tmp_path, "smtp", "intercom") as one:
        await one.plan()
        yield one


async def contacts(both: Office) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await both.control.verb("intercom", "contacts", {}))["contacts"]
    return found


async def events(both: Office) -> list[str]:
    found = (await both.control.verb("intercom", "events", {}))["events"]
    return [event["event_name"] for event in found if event["event_name"] != "message-sent"]


async def heard(both: Office) -> None:
    """Let notifications arrive and have their effect."""
    await both.control.quiet()
    await both.advance(timedelta(0))


async def test_a_sign_up_is_contact_company_tag_and_event_and_stays_up_to_date(both: Office) -> None:
    ana = await both.sign_up("ana")
    (contact,) = await contacts(both)
    assert (contact["external_id"], contact["email"], contact["name"]) == (ana.customer_id, "ana@example.com", "Ana")
    told = contact["custom_attributes"]
    assert (told["cauce_status"], told["cauce_plan"], told["cauce_has_payment_method"]) == ("trialing", "pro", False)
    assert "trial-started" in await events(both)
    async with both.context.transaction() as tx:
        known = await desks.read_contact(tx, both.channels["intercom"], ana.customer_id)
    assert known.ref == contact["id"] and known.company_ref and known.tag == "cauce:trialing"
    await both.advance(timedelta(days=15))
    (contact,) = await contacts(both)
    assert contact["custom_attributes"]["cauce_status"] == "paused"
    told_events = await events(both)
    assert told_events.index("trial-started") < told_events.index("trial-ending") < told_events.index("trial-expired")


async def test_lost_answers_make_neither_a_second_contact_nor_a_second_event(both: Office) -> None:
    await both.control.fault("intercom", "drop_after", "*", times=3)
    await both.sign_up("ana")
    await both.advance(timedelta(hours=1))
    assert len(await contacts(both)) == 1
    assert (await events(both)).count("trial-started") == 1


async def test_a_person_who_unsubscribes_there_gets_no_marketing_here(both: Office) -> None:
    ana = await both.sign_up("ana")
    (contact,) = await contacts(both)
    await both.control.verb("intercom", f"contacts/{contact['id']}/unsubscribe", {})
    await heard(both)
    async with both.context.transaction() as tx:
        assert (await service.standings(tx, [ana.customer_id]))[ana.customer_id].refused == {"marketing"}
    await both.control.verb("intercom", f"contacts/{contact['id']}/subscribe", {})
    await heard(both)
    async with both.context.transaction() as tx:
        assert not (await service.standings(tx, [ana.customer_id]))[ana.customer_id].refused


async def test_a_refusal_made_here_is_told_there_and_not_undone_from_there(both: Office) -> None:
    ana = await both.sign_up("ana")
    async with both.context.transaction() as tx:
        now = await both.context.now(tx)
        await service.set_consent(tx, ana.customer_id, "marketing", False, source="link", now=now)
    await both.advance(timedelta(0))
    (contact,) = await contacts(both)
    assert contact["unsubscribed_from_emails"] is True
    await both.control.verb("intercom", f"contacts/{contact['id']}/subscribe", {})
    await heard(both)
    async with both.context.transaction() as tx:
        assert (await service.standings(tx, [ana.customer_id]))[ana.customer_id].refused == {"marketing"}


async def test_a_message_of_a_person_holds_the_step_of_that_day(both: Office) -> None:
    ana = await both.sign_up("ana")
    await both.advance(timedelta(days=10, hours=12))
    await both.control.verb("intercom", "conversations/write", {"who": ana.customer_id, "text": "How do I …?"})
    await heard(both)
    await both.advance(timedelta(days=2))
    assert not [one for one in await both.subjects("ana") if "days left" in one]
    async with both.context.transaction() as tx:
        held = {row["step"]: row["reason"] for row in await schedule.steps_of(tx, ana.customer_id)}
    assert held["c1"] == "held"


async def test_a_revoked_token_stops_the_desk_and_mail_goes_on(both: Office) -> None:
    await both.control.verb("intercom", "revoke", {})
    await both.sign_up("ana")
    await both.advance(timedelta(minutes=30))
    assert (await both.subjects("ana"))[0].startswith("Welcome")
    async with both.context.transaction() as tx:
        (stopped,) = await desks.stopped(tx)
    assert stopped["channel_id"] == both.channels["intercom"]
    assert await both.story(stopped["channel_id"]) == ["provider.key_invalid"]


async def test_an_erased_customer_is_erased_there_and_never_told_again(both: Office) -> None:
    ana = await both.sign_up("ana")
    async with both.context.transaction() as tx:
        await customers.erase(tx, ana.customer_id, now=await both.context.now(tx), actor="test")
    await both.advance(timedelta(days=20))
    assert await contacts(both) == []
