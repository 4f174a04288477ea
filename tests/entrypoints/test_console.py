"""The console over real HTTP: who gets in, who may act, what a tenant never sees, and that every page is in three languages."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import cauce
from cauce.entrypoints.web.texts import LOCALES, catalogue
from cauce.flows.automation_steps import BY_NAME
from cauce.kernel.events import CATALOGUE
from cauce.marketplace.compliance.rules import QUESTIONS
from cauce.storage import audit
from cauce.storage.directory.people import Role
from tests.entrypoints.screenshots import addresses
from tests.entrypoints.stage import VIEWER, Stage
from tests.entrypoints.text_keys import used
from tests.entrypoints.visitor import first_link, forms, signed_in, visitor


async def test_a_sign_in_link_works_once_and_looking_at_it_spends_nothing(played: Stage) -> None:
    token = await played.link()
    scanner, person, thief = visitor(played.url), visitor(played.url), visitor(played.url)
    await scanner.see(f"/sign-in?token={token}")
    door = await person.see(f"/sign-in?token={token}")
    assert (await person.press(door, "/sign-in")).url.path == "/console"
    late = await thief.press(door, "/sign-in")
    assert late.status_code == 401
    assert (await thief.http.get("/console")).headers["location"] == "/sign-in"


async def test_whoever_is_not_signed_in_is_sent_to_the_door(played: Stage) -> None:
    stranger = visitor(played.url)
    for path in (await addresses(played)).values():
        answer = await stranger.http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in"), path


async def test_a_form_of_another_site_is_refused(played: Stage) -> None:
    owner = await signed_in(played)
    for token in ({}, {"form_token": "0" * 64}):
        answer = await owner.http.post("/console/settings/keys", data={"name": "stolen", "scope": "admin", **token})
        assert answer.status_code == 403
    assert "stolen" not in await owner.see("/console/settings")


async def test_a_viewer_sees_but_may_not_act(played: Stage) -> None:
    viewer = await signed_in(played, VIEWER, Role.VIEWER)
    page = await viewer.see("/console/settings")
    refused = await viewer.press(page, "/console/settings/keys", name="mine", scope="admin")
    assert refused.status_code == 403
    assert "mine" not in await viewer.see("/console/settings")


async def test_a_role_that_is_too_small_is_refused_and_the_audit_says_so(played: Stage) -> None:
    support = await signed_in(played, "support@example.com", Role.SUPPORT)
    page = await support.see("/console/settings")
    refused = await support.press(page, "/console/settings/keys", name="mine", scope="admin")
    assert refused.status_code == 403
    async with played.context.transaction() as tx:
        line = (await audit.page(tx))[0]
    assert (line["actor"], line["action"], line["refused"]) == ("person:support@example.com", "api_key.create", True)
    assert line["after"]["refusal"] == "role_too_small"


async def test_every_page_is_shown_with_a_strict_policy_in_three_languages(played: Stage) -> None:
    for language in LOCALES:
        owner = await signed_in(played, language=language)
        for name, path in (await addresses(played)).items():
            answer = await owner.http.get(path)
            assert answer.status_code == 200, f"{name} in {language}: {answer.status_code}"
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-frame-options"] == "DENY"
            assert f'<html lang="{language}"' in answer.text
            assert not re.search(r" (style|on[a-z]+)=\"", answer.text), f"{name} carries inline style or script"
            shown = set(re.findall(r">\s*((?:state|nav|recipe|[a-z_]+)\.[a-z_]+)\s*<", answer.text))
            assert not shown & {f"{key}" for key in _families(shown)}, f"{name} in {language} shows keys: {shown}"


def _families(shown: set[str]) -> set[str]:
    """Of what looks like a key, those whose family is one of the catalogue's (event types and steps look alike)."""
    known = {key.rpartition(".")[0] for key in catalogue("en")}
    alike = {*CATALOGUE, *BY_NAME}
    return {text for text in shown if text.rpartition(".")[0] in known and text not in alike}


async def test_empty_pages_say_what_will_stand_there(empty: Stage) -> None:
    owner = await signed_in(empty)
    for path in (await addresses(empty)).values():
        await owner.see(path)
    assert catalogue("en")["customers.none_hint"] in await owner.see("/console/customers")


async def test_another_tenants_objects_are_not_found(played: Stage) -> None:
    elsewhere = await played.other_org()
    stranger = await signed_in(played, "stranger@example.com", org=elsewhere)
    pages = {
        name: path
        for name, path in (await addresses(played)).items()
        if path.count("/") == 3
        and not path.startswith(("/console/settings/", "/console/campaigns/", "/console/objects/"))
        and not path.endswith("/new")
    }
    assert {"customer", "subscription", "invoice", "order", "merchant", "break"} <= set(pages)
    for path in pages.values():
        assert (await stranger.http.get(path)).status_code == 404, path
    token = next(
        one.values["form_token"] for one in forms(await stranger.see("/console")) if "form_token" in one.values
    )
    for path in (f"{pages['invoice']}/void", f"{pages['order2']}/release", f"{pages['subscription']}/cancel"):
        answer = await stranger.http.post(path, data={"form_token": token})
        assert answer.status_code == 404, path
    async with played.context.transaction() as tx:
        order = await tx.row(
            "SELECT state FROM orders.purchase WHERE org_id = $1 AND id = $2", tx.org, pages["order2"].rsplit("/", 1)[1]
        )
    assert order is not None
    assert order["state"] == "paid"


def test_every_text_stands_in_every_language_with_the_same_blanks() -> None:
    texts = {locale: catalogue(locale) for locale in LOCALES}
    for locale in LOCALES:
        assert set(texts[locale]) == set(texts["en"]), locale
        for key, text in texts[locale].items():
            assert text.strip(), f"{key} is empty in {locale}"
            blanks = {name for _, name, _, _ in Formatter().parse(text) if name}
            assert blanks == {name for _, name, _, _ in Formatter().parse(texts["en"][key]) if name}, f"{key} {locale}"


def test_every_text_that_a_page_uses_exists_and_every_text_is_used() -> None:
    known, found = set(catalogue("en")), used()
    assert {key: place for key, place in found.keys.items() if key not in known} == {}
    for beginning, place in found.beginnings.items():
        assert any(key.startswith(beginning) for key in known), f"{place} uses {beginning}…, which no text begins with"
    unused = {key for key in known if key not in found.keys and not key.startswith(tuple(found.beginnings))}
    assert {key for key in unused if not key.endswith("_hint")} == set()


def test_every_state_recipe_and_question_has_its_text() -> None:
    known, root = catalogue("en"), Path(cauce.__file__).parent
    from cauce.billing.invoicing.rules import INVOICE
    from cauce.billing.payments.rules import ATTEMPT
    from cauce.billing.subscriptions.machine import MACHINE
    from cauce.marketplace.merchants.rules import ACCOUNT, INSTRUMENT
    from cauce.marketplace.orders.rules import COLLECTION, PURCHASE
    from cauce.marketplace.reconciliation.rules import BREAK, RUN, BreakType
    from cauce.marketplace.settlement.rules import PAYOUT

    machines = (MACHINE, INVOICE, ATTEMPT, PURCHASE, COLLECTION, PAYOUT, ACCOUNT, INSTRUMENT, BREAK, RUN)
    missing = {f"state.{state}" for one in machines for state in one.states if f"state.{state}" not in known}
    missing |= {f"break.{one.value}" for one in BreakType if f"break.{one.value}" not in known}
    missing |= {f"question.{one.number}" for one in QUESTIONS if f"question.{one.number}" not in known}
    recipes = {
        code
        for path in (root / "ledger" / "recipes").glob("*.py")
        for code in re.findall(r'"([TB]\d\d)"', path.read_text(encoding="utf-8"))
    }
    assert recipes
    assert missing | {code for code in recipes if f"recipe.{code}" not in known} == set()


def test_the_catalogue_of_questions_is_the_products() -> None:
    english = catalogue("en")
    assert {one.number: english[f"question.{one.number}"] for one in QUESTIONS} == {
        one.number: one.text for one in QUESTIONS
    }


async def test_an_api_key_is_shown_once_and_ends_when_revoked(played: Stage) -> None:
    owner = await signed_in(played)
    page = await owner.see("/console/settings")
    made = await owner.press(page, "/console/settings/keys", name="shop", scope="read")
    (secret,) = re.findall(r"sk_test_[0-9A-Za-z]{38}", made.text)
    assert secret not in await owner.see("/console/settings")
    caller = {"Authorization": f"Bearer {secret}"}
    assert (await visitor(played.url).http.get("/v1/organization", headers=caller)).status_code == 200
    revoked = await owner.press(await owner.see("/console/settings"), "/revoke")
    assert revoked.status_code == 200
    assert catalogue("en")["state.revoked"] in revoked.text


async def test_the_last_owner_stays_and_a_new_member_gets_a_link(played: Stage) -> None:
    org = await played.other_org("With two")
    owner = await signed_in(played, "one@example.com", org=org)
    page = await owner.see("/console/settings")
    refused = await owner.press(page, "/console/settings/members", email="one@example.com", role="viewer")
    assert refused.status_code == 409
    added = await owner.press(page, "/console/settings/members", email="two@example.com", role="support")
    link = re.search(r"/sign-in\?token=[\w-]+", added.text)
    assert link is not None
    member = visitor(played.url)
    assert (await member.press(await member.see(link[0]), "/sign-in")).url.path == "/console"
    removed = await owner.press(await owner.see("/console/settings"), "/console/settings/members/remove")
    assert "two@example.com" not in removed.text
    assert (await member.http.get("/console")).headers["location"] == "/sign-in"


async def test_search_leads_to_an_object_or_lists_what_was_found(played: Stage) -> None:
    owner = await signed_in(played)
    found = await owner.see("/console/search?q=car")
    assert "Carla" in found
    customer = first_link(found, "/console/customers/cus_")
    straight = await owner.http.get(f"/console/search?q={customer.rsplit('/', 1)[1]}")
    assert (straight.status_code, straight.headers["location"]) == (303, customer)
    assert "A-1003" in await owner.see("/console/search?q=A-1003")
    assert "INV-000001" in await owner.see("/console/search?q=inv-000001")


async def test_lists_filter_and_turn_their_pages(played: Stage) -> None:
    owner = await signed_in(played)
    active = await owner.see("/console/subscriptions?state=active")
    assert "Team v1" in active
    assert 'class="state state-paused"' not in active
    assert 'class="state state-paused"' in await owner.see("/console/subscriptions")
    assert len(set(re.findall(r"A-10\d\d", await owner.see("/console/orders")))) == 24
    first = await owner.see("/console/events")
    second = await owner.see(first_link(first, "/console/events?before=").replace("&amp;", "&"))
    shown = [set(re.findall(r"/console/\w+/\w+_[0-9a-z]{26}", page)) for page in (first, second)]
    assert shown[0]
    assert shown[1]
    assert shown[0] != shown[1]
