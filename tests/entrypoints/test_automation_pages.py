"""Automations in the console: written in a form, looked at before they are kept, tried, switched, removed (K7)."""

from __future__ import annotations

import re

from cauce.billing.outreach import runs
from cauce.billing.outreach.automations import Action, Automation
from cauce.billing.outreach.rules import Category, Condition
from cauce.entrypoints.console.automating import fields_of, rule_of
from cauce.entrypoints.web.texts import catalogue
from cauce.storage.directory.people import Role
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import signed_in

EN = catalogue("en")
TYPED = {
    "name": "Welcome gift",
    "event0": "subscription.trial_started",
    "field0": "plan",
    "op0": "in",
    "value0": "starter, team",
    "kind0": "message.onboarding",
    "what0": "note",
    "said0": "A gift\nEnjoy it.",
    "kind1": "task",
    "what1": "Call",
    "days1": "2",
}


def test_what_a_form_shows_is_what_it_gives_back() -> None:
    rule = Automation(
        ("invoice.paid", "refund.succeeded"),
        (
            Action(
                "message", template="note", category=Category.MARKETING, data={"title": "Hi", "text": "a\nb", "x": "y"}
            ),
            Action("feature", feature="exports", value=5, days=0),
            Action("task", title="Call", owner="ana@example.com", days=3),
            Action("hold", days=1),
        ),
        (Condition("owes", "is", False), Condition("plan", "in", ["a", "b"]), Condition("mrr_minor", "at_least", 100)),
        "seg_1",
    )
    form = fields_of(rule, {"events": (), "fields": (), "segments": (), "kinds": ()})
    inputs = [
        *form["events"],
        form["segment"],
        *(one for row in (*form["conditions"], *form["actions"]) for one in row),
    ]
    assert rule_of({one.name: one.value for one in inputs}, rule) == rule


async def test_an_automation_is_previewed_kept_tried_switched_and_removed(played: Stage) -> None:
    owner = await signed_in(played)
    form = await owner.see("/console/automations/new")
    looked = await owner.press(form, "/automations/new", **TYPED, do="preview")
    assert looked.status_code == 200
    assert EN["automations.past"] in looked.text
    assert re.search(r'name="value0"[^>]*value="starter, team"', looked.text)
    made = await owner.press(looked.text, "/automations/new", **TYPED, do="save")
    assert made.url.path.startswith("/console/automations/aut_"), made.text[:500]
    async with played.context.transaction() as tx:
        kept = await runs.read(tx, made.url.path.rsplit("/", 1)[1])
    assert kept.rule.conditions == (Condition("plan", "in", ["starter", "team"]),)
    assert kept.rule.actions[0].data == {"title": "A gift", "text": "Enjoy it."}
    tried = await owner.see(f"{made.url.path}?customer=ana")
    assert EN["automations.would_run"] in tried
    changed = await owner.press(
        await owner.see(f"{made.url.path}/edit"), kept.id, **{**TYPED, "value0": "nobody"}, do="save"
    )
    assert EN["automations.would_not"] in await owner.see(f"{changed.url.path}?customer=ana")
    off = await owner.press(await owner.see(changed.url.path), "/switch")
    assert EN["state.disabled"] in off.text
    gone = await owner.press(off.text, "/drop")
    assert gone.url.path == "/console/automations"
    assert "Welcome gift" not in gone.text


async def test_a_reader_writes_no_automation_and_nonsense_is_refused(played: Stage) -> None:
    viewer = await signed_in(played, "reader@example.com", Role.VIEWER)
    form = await viewer.see("/console/automations/new")
    assert (await viewer.press(form, "/automations/new", **TYPED, do="save")).status_code == 403
    owner = await signed_in(played)
    form = await owner.see("/console/automations/new")
    for wrong in ({"kind0": "shell"}, {"days1": "soon"}, {"event0": ""}, {"what0": "no_such_text"}, {"field0": "shoe"}):
        refused = await owner.press(form, "/automations/new", **{**TYPED, **wrong, "do": "save"})
        assert refused.status_code == 422, wrong
    async with played.context.transaction() as tx:
        assert "Welcome gift" not in {one.name for one in await runs.automations(tx)}


async def test_everybody_of_a_segment_is_written_to_from_its_page(played: Stage) -> None:
    owner = await signed_in(played)
    listed = await owner.see("/console/segments")
    (path,) = set(re.findall(r'href="(/console/segments/seg_\w+)"', listed))
    before = len(played.mail.taken)
    sent = await owner.press(await owner.see(path), "/write", category="service", title="New rooms", text="We moved.")
    assert sent.url.path == "/console/messages"
    await played.work()
    written = [mail.to_address for mail in played.mail.taken[before:] if mail.subject == "New rooms"]
    assert "ana@customers.example" in written
    assert len(written) == len(set(written))


async def test_a_campaigns_step_is_previewed_in_each_language_and_sent_to_oneself(played: Stage) -> None:
    owner = await signed_in(played)
    opened = await owner.press(await owner.see("/console/campaigns/trial"), "/campaigns/trial/open")
    assert opened.url.path == "/console/campaigns/trial/preview"
    for locale, words in (("en", "days left"), ("es", "días"), ("zh", "天")):
        assert words in await owner.see(f"/console/campaigns/trial/preview?step=c1&locale={locale}")
    before = len(played.mail.taken)
    await owner.press(opened.text, "/campaigns/trial/test", to="me@example.com")
    await played.work()
    assert [mail.to_address for mail in played.mail.taken[before:]] == ["me@example.com"]
