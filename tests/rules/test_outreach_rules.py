"""Pure rules of outreach: the template language, offsets over clock changes, quiet hours, conditions, shipped texts; and D7."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import cauce
from cauce.billing.outreach import texts, wording
from cauce.billing.outreach.campaigns import BadCampaign, check, from_plain, to_plain
from cauce.billing.outreach.defaults import SHIPPED
from cauce.billing.outreach.presenting import LOCALES, presented
from cauce.billing.outreach.rules import MESSAGE, Category, Condition, Standing, holds, may_send
from cauce.billing.outreach.templating import BadTemplate, Text, names_in, render
from cauce.billing.outreach.templating import check as check_text
from cauce.billing.outreach.timing import after_hold, after_quiet_hours, offset_of, shifted
from cauce.reports.outreach import FIELDS


def test_values_are_shown_and_never_read() -> None:
    text = Text("Hi {{ name }}", "Hello {{ name }}.\n\n[Open]({{ link }})")
    said = render(text, {"name": "<i>{{ link }}</i> [a](http://b)", "link": 'https://shop.example/?a=1&b="2'})
    assert said.subject == "Hi <i>{{ link }}</i> [a](http://b)"
    assert "&lt;i&gt;" in said.html and 'href="http://b' not in said.html and "Open" in said.html
    assert "href" not in said.html, "an address with a quote leads nowhere"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "//x.example", "data:text/html,x", ""])
def test_only_http_addresses_become_links(address: str) -> None:
    said = render(Text("x", "[Open]({{ link }})"), {"link": address})
    assert "href" not in said.html and "Open" in said.text


def test_lists_buttons_and_conditions() -> None:
    text = Text("x", "{% if a %}yes{% else %}no{% end %}\n\n- one\n- two\n\n[Go](https://x.example)")
    said = render(text, {"a": True})
    assert "<ul><li>one</li><li>two</li></ul>" in said.html and ">Go</a></p>" in said.html
    assert render(text, {}).text.startswith("no\n\n- one\n- two\n\nGo: https://x.example")


@pytest.mark.parametrize(
    "body",
    [
        "{{ a.b }}",
        "{{ A }}",
        "{% if %}x{% end %}",
        "{% if a %}x",
        "{% end %}",
        "{% else %}",
        "{{ a",
        "{% for a %}{% end %}",
    ],
)
def test_what_does_not_parse_is_refused(body: str) -> None:
    with pytest.raises(BadTemplate):
        check_text(Text("x", body), frozenset({"a"}))


def test_every_template_ships_in_every_language_with_the_same_values() -> None:
    for key in sorted(set(texts.keys())):
        words = {locale: texts.shipped()[key, locale] for locale in LOCALES}
        assert len({frozenset(names_in(one)) for one in words.values()}) == 1, key
        for one in words.values():
            check_text(one, wording.known_names())


def test_every_phrase_is_there_in_every_language() -> None:
    known = {(kind, value) for _, kind, value in texts.phrases()}
    assert all((locale, kind, value) in texts.phrases() for locale in LOCALES for kind, value in known)


def test_shipped_campaigns_are_sound_and_survive_being_stored() -> None:
    for campaign in SHIPPED.values():
        check(campaign, FIELDS, texts.keys())
        assert from_plain(to_plain(campaign)) == campaign
    assert {"onboarding", "trial", "recovery", "dunning"} <= set(SHIPPED)


def test_days_mean_the_local_hour_also_over_a_change_of_the_clock() -> None:
    friday = datetime(2026, 3, 27, 23, 30, tzinfo=UTC)  # Saturday in Madrid; summer time begins on Sunday
    assert shifted(friday, "1d", "Europe/Madrid", 10) == datetime(2026, 3, 29, 8, tzinfo=UTC)
    assert shifted(friday, "-12h", "Europe/Madrid", 10) == datetime(2026, 3, 27, 11, 30, tzinfo=UTC)
    assert offset_of("0") == offset_of("0d")
    for text in ("3", "d", "1w", "+1d", "1.5h", ""):
        with pytest.raises(BadCampaign):
            offset_of(text)


@pytest.mark.parametrize(
    ("hour", "until"), [(20, (28, 20)), (21, (29, 8)), (23, (29, 8)), (3, (28, 8)), (8, (28, 8)), (10, (28, 10))]
)
def test_quiet_hours_end_in_the_morning(hour: int, until: tuple[int, int]) -> None:
    found = after_quiet_hours(datetime(2026, 1, 28, hour, tzinfo=UTC), "UTC", 21, 8)
    assert (found.day, found.hour) == until


def test_a_hold_ends_at_the_next_hour_of_sending() -> None:
    assert after_hold(datetime(2026, 1, 28, 11, tzinfo=UTC), "UTC", 10) == datetime(2026, 1, 29, 10, tzinfo=UTC)
    assert after_hold(datetime(2026, 1, 28, 9, tzinfo=UTC), "UTC", 10) == datetime(2026, 1, 28, 10, tzinfo=UTC)


def test_conditions_compare_what_is_known_and_never_stop_on_what_is_not() -> None:
    facts = {"status": "trialing", "mrr_minor": 3000, "events": ["first_login"]}
    assert holds(Condition("status", "in", ["trialing"]), facts) and holds(
        Condition("mrr_minor", "at_least", 3000), facts
    )
    assert holds(Condition("events", "has", "first_login"), facts) and not holds(
        Condition("events", "has", "paid"), facts
    )
    assert not holds(Condition("mrr_minor", "at_least", "many"), facts) and not holds(Condition("nothing"), facts)


def test_consent_by_category() -> None:
    assert may_send(Category.SERVICE, Standing(refused=frozenset({"service", "marketing"})))
    assert not may_send(Category.MARKETING, Standing(refused=frozenset({"marketing"})))
    assert may_send(Category.MARKETING, Standing()) and not may_send(Category.MARKETING, Standing(), opt_in=True)


def test_what_may_have_left_is_never_queued_again_but_by_a_person() -> None:
    leads_back = {step.source for step in MESSAGE.transitions if step.target == "queued"}
    assert leads_back == {"-", "sending", "unknown"}
    assert {step.trigger for step in MESSAGE.transitions if (step.source, step.target) == ("unknown", "queued")} == {
        "send_again"
    }
    assert {step.trigger for step in MESSAGE.transitions if (step.source, step.target) == ("sending", "queued")} == {
        "put_off"
    }


def test_amounts_and_days_are_written_as_the_reader_writes_them() -> None:
    data = {"total_minor": 123456, "currency": "eur", "trial_end": "2026-01-31T23:30:00+00:00"}
    assert presented(data, "es", "Europe/Madrid") == {
        "total": "1.234,56\xa0€",
        "currency": "eur",
        "trial_end": "1 de febrero de 2026",
    }
    assert presented(data, "zh", "UTC")["trial_end"] == "2026年1月31日"


_THREATS = re.compile(
    r"terminat|delete your|lose (all|your)|final warning|legal|collections? agency|immediately or", re.IGNORECASE
)


def test_no_shipped_message_threatens() -> None:
    for (key, locale), text in texts.shipped().items():
        assert not _THREATS.search(text.subject + text.body), (key, locale)


def test_no_queue_rate_limit_or_inbox_asks_whether_somebody_is_still_in_his_trial() -> None:
    """D7: trial and paying customers share one queue, one order, one access."""
    root = Path(cauce.__file__).parent
    served_alike = [
        *(root / "storage").rglob("*.*"),
        *(root / "billing" / "conversations").rglob("*.*"),
        *(root / "flows" / "chat").rglob("*.*"),
        *(root / "billing" / "provisioning").rglob("*.*"),
        root / "flows" / "runner.py",
        root / "flows" / "attempt.py",
        root / "flows" / "outreach" / "send.py",
        root / "providers" / "kit" / "rate.py",
    ]
    report = root / "billing" / "conversations" / "rules.py"  # names the two sides of the report, and orders nothing
    sources = [one for one in served_alike if one.suffix in (".py", ".sql") and one != report]
    assert len(sources) > 40
    assert [one for one in sources if "trialing" in one.read_text(encoding="utf-8")] == []
