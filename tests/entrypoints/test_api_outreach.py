"""Outreach over real HTTP: product events and goals, campaigns read, changed, previewed, tried and counted, consent by one click."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cauce.flows.outreach.links import unsubscribe_link
from tests.entrypoints.test_api_billing import Caller, caller
from tests.flows.outreach.office import Office
from tests.support.runtime import World, world


@pytest.fixture(scope="module")
async def product(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    home: Path = tmp_path_factory.mktemp("home")
    async with world(shared_dsn, home, sandbox=True) as one:
        yield one


async def opened(product: World) -> tuple[Office, Caller]:
    """An office with mail and one customer in his trial, and its program."""
    org = await product.sandbox_org()
    desk = Office(product, org)
    desk.channels["smtp"] = await product.channel(org, "smtp")
    await desk.plan()
    return desk, await caller(product, org)


def events(customer: str, *names: str) -> dict[str, Any]:
    return {"events": [{"customer": customer, "event": name, "event_id": f"{customer}-{name}"} for name in names]}


async def test_a_product_event_counts_once_and_lets_a_goal_be_reached(product: World) -> None:
    desk, me = await opened(product)
    ana = await desk.sign_up("ana")
    goals = [
        {"event_name": "invited", "title": "Invite a colleague", "article_url": "https://help.example/invite"},
        {"event_name": "exported", "title": "Export a report", "article_url": "https://help.example/export"},
    ]
    assert len((await me.done("PUT", "/plans/pro/goals", {"goals": goals}))["data"]) == 2
    told = events("ana", "first_login", "invited")
    assert (await me.done("POST", "/track", told)) == {"object": "track_batch", "recorded": 2, "known": 0}
    assert (await me.done("POST", "/track", told))["known"] == 2
    await desk.advance(timedelta(days=4))
    subjects = await desk.subjects("ana")
    assert "A good next step: Export a report" in subjects and "Need a hand signing in?" not in subjects
    await me.done("POST", "/track", events("ana", "exported"))
    await desk.advance(timedelta(days=4))
    steps = (await me.get(f"/customers/{ana.customer_id}/outreach"))["steps"]
    (last,) = [one for one in steps if one["step"] == "o4"]
    assert (last["state"], last["reason"]) == ("stopped", "stop:goals_done")


async def test_events_of_strangers_and_goals_without_an_address_change_nothing(product: World) -> None:
    _, me = await opened(product)
    refused = await me.send("POST", "/track", events("nobody", "first_login"))
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    bad = {"goals": [{"event_name": "x", "article_url": "javascript:alert(1)"}]}
    assert (await me.send("PUT", "/plans/pro/goals", bad)).status_code == 422


async def test_a_campaign_is_read_changed_refused_and_returned_to_what_ships(product: World) -> None:
    _, me = await opened(product)
    trial = await me.get("/campaigns/trial")
    assert trial["enabled"] and trial["ships"] and not trial["changed"]
    content = trial["content"]
    content["steps"][0]["offset"] = "-5d"
    changed = await me.done("PUT", "/campaigns/trial", {"enabled": True, "content": content})
    assert changed["changed"] and changed["content"]["steps"][0]["offset"] == "-5d"
    for place, value in (("offset", "soon"), ("template", "nothing"), ("conditions", [{"field": "shoe_size"}])):
        broken = {**content, "steps": [{**content["steps"][0], place: value}]}
        assert (await me.send("PUT", "/campaigns/trial", {"content": broken})).status_code == 422, place
    await me.done("DELETE", "/campaigns/trial")
    assert (await me.get("/campaigns/trial"))["content"]["steps"][0]["offset"] == "-3d"


async def test_a_preview_speaks_each_language_and_a_test_goes_to_its_sender(product: World) -> None:
    desk, me = await opened(product)
    ana = await desk.sign_up("ana")
    for locale, word in (("en", "days left"), ("es", "días de prueba"), ("zh", "试用还剩")):
        shown = await me.done("POST", "/campaigns/trial/preview", {"step": "c1", "locale": locale})
        assert word in shown["subject"] and "<a href=" in shown["html"]
    shown = await me.done("POST", "/campaigns/trial/preview", {"step": "c1", "customer": ana.customer_id})
    assert shown["to"] == "ana@example.com" and "Hello Ana" in shown["text"]
    before = len(await desk.mails())
    test = await me.done("POST", "/campaigns/trial/test", {"step": "c1", "to": "me@example.com"})
    await desk.advance(timedelta(0))
    assert await desk.subjects("me") == [shown["subject"].replace("14", "3")]
    assert len(await desk.mails()) == before + 1
    assert (await me.get(f"/messages/{test['id']}"))["audience"] == "test"


async def test_a_dry_run_tells_what_would_have_gone_out_and_sends_nothing(product: World) -> None:
    desk, me = await opened(product)
    ana = await desk.sign_up("ana")
    before = len(await desk.mails())
    tried = (await me.done("POST", "/campaigns/trial/dry_run", {"days": 30}))["data"]
    assert {(one["step"], one["action"]) for one in tried} == {
        ("c1", "send"),
        ("c1b", "skip"),
        ("c2", "skip"),
        ("c3", "send"),
    }
    assert {one["customer"] for one in tried} == {ana.customer_id}
    assert len(await desk.mails()) == before


async def test_statistics_count_each_step_with_its_reasons(product: World) -> None:
    desk, me = await opened(product)
    await desk.sign_up("ana")
    await desk.advance(timedelta(days=15))
    rows = (await me.get("/campaigns/trial/statistics"))["data"]
    counted = {(one["step"], one["state"], one["reason"]): (one["steps"], one["sent"]) for one in rows}
    assert counted["c1", "queued", ""] == (1, 1)
    assert counted["c1b", "skipped", "condition:has_method"] == (1, 0)


async def test_own_words_replace_those_that_ship_until_they_are_dropped(product: World) -> None:
    _, me = await opened(product)
    words = {"subject": "Hi {{ customer_name }}", "body": "Soon over: {{ trial_end }}"}
    await me.done("PUT", "/message_templates/trial_ending/en", words)
    shown = await me.done("POST", "/campaigns/trial/preview", {"step": "c1", "locale": "en"})
    assert shown["subject"] == "Hi Ana Sample"
    for body in ("{{ password }}", "{% if x %}", "{{ customer_name", "{% for x in y %}{% end %}"):
        refused = await me.send("PUT", "/message_templates/trial_ending/en", {"subject": "x", "body": body})
        assert (refused.status_code, refused.json()["code"]) == (422, "bad_template"), body
    await me.done("DELETE", "/message_templates/trial_ending/en")
    assert "days left" in (await me.done("POST", "/campaigns/trial/preview", {"step": "c1"}))["subject"]


async def test_consent_and_holds_are_written_and_read(product: World) -> None:
    desk, me = await opened(product)
    ana = (await desk.sign_up("ana")).customer_id
    said = await me.done("PUT", f"/customers/{ana}/consent", {"category": "marketing", "granted": False})
    assert said["consent"] == {"onboarding": True, "marketing": False}
    held = await me.done("POST", f"/customers/{ana}/hold", {"until": "2026-02-01T00:00:00Z"})
    assert held["held_until"].startswith("2026-02-01")
    assert (await me.done("DELETE", f"/customers/{ana}/hold"))["held_until"] is None


async def test_the_messages_of_a_customer_are_paged_without_their_words(product: World) -> None:
    desk, me = await opened(product)
    ana = (await desk.sign_up("ana")).customer_id
    await desk.advance(timedelta(days=2))
    page = await me.get("/messages", customer=ana, limit=1)
    assert page["has_more"] and "body_text" not in page["data"][0]
    rest = await me.get("/messages", customer=ana, limit=10, cursor=page["next_cursor"])
    assert [one["template"] for one in (*page["data"], *rest["data"])] == ["first_login", "welcome"]


async def test_one_click_refuses_a_category_and_looking_refuses_nothing(product: World) -> None:
    desk, me = await opened(product)
    ana = (await desk.sign_up("ana")).customer_id
    link = unsubscribe_link(product.url, product.runtime.sealer, desk.org.id, ana, "marketing")
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as mail_program:
        assert "offers" in (await mail_program.get(link)).text
        assert (await me.get(f"/customers/{ana}/outreach"))["consent"]["marketing"]
        done = await mail_program.post(link, data={"List-Unsubscribe": "One-Click"})
        assert done.status_code == 200
        assert not (await me.get(f"/customers/{ana}/outreach"))["consent"]["marketing"]
        await mail_program.post(link, data={"again": "yes"})
        assert (await me.get(f"/customers/{ana}/outreach"))["consent"]["marketing"]
        forged = link[:-2] + ("aa" if not link.endswith("aa") else "bb")
        assert (await mail_program.post(forged)).status_code == 404
