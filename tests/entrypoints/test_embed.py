"""Pages inside a host page, over real HTTP: who may show them, who is let in, what a token may decide and a form may not."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from cauce.flows import portal, portal_settings
from cauce.kernel import tokens
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import signed_in, visitor
from tests.flows.billing.shop import flat, per_unit

HOST = "https://www.example.com"


@pytest.fixture(scope="module")
async def key(played: Stage) -> AsyncIterator[str]:
    """The identity key of the played organization, whose pages `HOST` may show."""
    async with played.context.transaction() as tx:
        await portal_settings.save_settings(tx, played.context, origins=[HOST], redirects=["https://docs.example.com"])
        made = await portal.rotate_identity_key(tx, played.context)
    yield made


def _token(one: Stage, key: str, **change: Any) -> str:
    claims = {"sub": "ana", "aud": one.org.public_id, "exp": int(time.time()) + 600, "jti": uuid.uuid4().hex}
    return tokens.sign(key, {name: value for name, value in (claims | change).items() if value is not None})


async def _enter(one: Stage, origin: str = HOST, **form: str) -> httpx2.Response:
    person = visitor(one.url)
    return await person.http.post(
        f"/portal/{one.org.public_id}/embed", data={"page": "account", **form}, headers={"origin": origin}
    )


async def test_a_host_page_names_its_customer_and_he_is_let_in(played: Stage, key: str) -> None:
    home = f"/portal/{played.org.public_id}"
    person = visitor(played.url)
    entered = await person.http.post(
        f"{home}/embed", data={"page": "account", "token": _token(played, key)}, headers={"origin": HOST}
    )
    assert entered.status_code == 303
    account = await person.http.get(entered.headers["location"])
    assert "ana@customers.example" in account.text
    assert f"frame-ancestors 'self' {HOST}" in account.headers["content-security-policy"]
    assert "x-frame-options" not in account.headers
    assert f'name="cauce-host" content="{HOST}"' in account.text


@pytest.mark.parametrize(
    "change",
    [
        {"exp": int(time.time()) - 5},
        {"exp": int(time.time()) + 7_200},
        {"aud": "org_01aaaaaaaaaaaaaaaaaaaaaaaa"},
        {"sub": None, "email": "ana@customers.example"},
        {"sub": ""},
        {"sub": 7},
        {"jti": None},
    ],
)
async def test_a_token_that_is_not_in_order_is_refused(played: Stage, key: str, change: dict[str, Any]) -> None:
    answer = await _enter(played, token=_token(played, key, **change))
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


async def test_an_address_alone_names_nobody(played: Stage, key: str) -> None:
    answer = await _enter(played, email="ana@customers.example")
    assert answer.status_code == 401
    assert "identity_needed" in answer.text


async def test_a_token_works_once(played: Stage, key: str) -> None:
    token = _token(played, key)
    assert (await _enter(played, token=token)).status_code == 303
    again = await _enter(played, token=token)
    assert again.status_code == 401
    assert "used before" in again.text


async def test_another_tenants_key_names_nobody_here(played: Stage, key: str) -> None:
    elsewhere = await played.other_org()
    context = played.runtime.context(elsewhere.id)
    async with context.transaction() as tx:
        foreign = await portal.rotate_identity_key(tx, context)
    assert (await _enter(played, token=_token(played, foreign))).status_code == 401
    assert (await _enter(played, token=_token(played, key, aud=elsewhere.public_id))).status_code == 401


async def test_a_rotated_key_signs_for_a_day_longer_and_then_no_more(played: Stage, key: str) -> None:
    async with played.context.transaction() as tx:
        newer = await portal.rotate_identity_key(tx, played.context)
    assert (await _enter(played, token=_token(played, key))).status_code == 303
    assert (await _enter(played, token=_token(played, newer))).status_code == 303
    async with played.context.transaction() as tx:
        await portal.rotate_identity_key(tx, played.context)
    assert (await _enter(played, token=_token(played, key))).status_code == 401
    assert (await _enter(played, token=_token(played, newer))).status_code == 303


@pytest.mark.parametrize("origin", ["https://evil.example.net", "null", "", "https://www.example.com.evil.net"])
async def test_a_site_that_is_not_listed_gets_nothing(played: Stage, key: str, origin: str) -> None:
    answer = await _enter(played, origin, token=_token(played, key))
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers


async def test_nobody_frames_pages_of_an_organization_that_lists_no_site(played: Stage) -> None:
    elsewhere = await played.other_org()
    page = await visitor(played.url).http.get(f"/portal/{elsewhere.public_id}", headers={"origin": HOST})
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert "access-control-allow-origin" not in page.headers


async def test_a_redirect_leads_to_listed_sites_alone(played: Stage, key: str) -> None:
    async with played.context.transaction() as tx:
        fresh = await portal.rotate_identity_key(tx, played.context)
    for target in (f"{HOST}/thanks", "https://docs.example.com/start"):
        assert (await _enter(played, token=_token(played, fresh), redirect=target)).status_code == 303
    for target in (
        "https://evil.example.net/",
        "//evil.example.net",
        "javascript:alert(1)",
        f"{HOST}@evil.example.net/",
    ):
        refused = await _enter(played, token=_token(played, fresh), redirect=target)
        assert (refused.status_code, "redirect_not_allowed" in refused.text) == (422, True)


async def test_only_what_the_server_signed_goes_above_the_form(played: Stage, key: str) -> None:
    home = f"/portal/{played.org.public_id}"
    await played.shop.plan(
        "signed",
        flat(10_000),
        per_unit("500"),
        trial_days=14,
        options=[{"key": "deal", "type": "number", "private": True, "add_minor": -100}],
    )
    async with played.context.transaction() as tx:
        fresh = await portal.rotate_identity_key(tx, played.context)
    assert "unsigned_overrides" in (await _enter(played, overrides='{"trial_days": 700}')).text
    overrides = {"trial_days": 30, "quantities": {"seats": "4"}, "options": {"deal": 20}}
    token = _token(played, fresh, sub="sign-1", email="s1@customers.example", plan="signed", overrides=overrides)
    person = visitor(played.url)
    entered = await person.http.post(
        f"{home}/embed",
        data={"page": "checkout", "plan": "signed", "token": token},
        headers={"origin": HOST},
        follow_redirects=True,
    )
    path = urlsplit(str(entered.url)).path
    assert path == f"{home}/try/signed/eur"
    typed = {"form_token": entered.text.partition('form_token" value="')[2].partition('"')[0], "quantity_seats": "1"}
    tampered = await person.http.post(path, data={**typed, "option_deal": "90"})
    assert tampered.status_code == 422
    done = await person.http.post(path, data={**typed, "trial_days": "900", "total": "0"}, follow_redirects=True)
    assert done.url.path == f"{home}/account"
    async with played.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT r.key, i.quantity, i.adjust_minor, s.trial_end - s.trial_start AS trial FROM subscriptions.item i"
            " JOIN subscriptions.subscription s ON s.org_id = $1 AND s.id = i.subscription_id"
            " JOIN catalog.price r ON r.org_id = $1 AND r.id = i.price_id"
            " JOIN customers.customer c ON c.org_id = $1 AND c.id = s.customer_id"
            " WHERE i.org_id = $1 AND c.external_id = 'sign-1' ORDER BY 1",
            tx.org,
        )
    assert [(row["key"], int(row["quantity"]), row["adjust_minor"], row["trial"].days) for row in rows] == [
        ("base", 1, -2_000, 30),
        ("seats", 4, 0, 30),
    ]


async def test_a_host_page_hides_headers_and_the_change_of_plan(played: Stage, key: str) -> None:
    home = f"/portal/{played.org.public_id}"
    async with played.context.transaction() as tx:
        fresh = await portal.rotate_identity_key(tx, played.context)
    person = visitor(played.url)
    entered = await person.http.post(
        f"{home}/embed",
        data={"page": "account", "token": _token(played, fresh), "hide_headers": "true", "disable_plan_change": "1"},
        headers={"origin": HOST},
        follow_redirects=True,
    )
    assert "<footer>" not in entered.text
    assert "/change" not in entered.text
    subscription = entered.text.partition("/subscriptions/")[2].partition("/")[0]
    assert (await person.http.get(f"{home}/subscriptions/{subscription}/change")).status_code == 403
    elsewhere = await _enter(played, page="change", subscription="sub_nobody", token=_token(played, fresh))
    assert elsewhere.status_code == 404


async def test_an_operator_sets_sites_and_makes_a_key(played: Stage, key: str) -> None:
    owner = await signed_in(played)
    page = await owner.see("/console/settings/portal")
    saved = await owner.press(page, "/settings/portal", origins=f"{HOST}\nhttps://app.example.com:8443/path")
    assert "https://app.example.com:8443<" in saved.text
    refused = await owner.press(page, "/settings/portal", origins="ftp://x")
    assert refused.status_code == 422
    made = await owner.press(saved.text, "/portal/key")
    assert "idk_" in made.text
    assert "idk_" not in await owner.see("/console/settings/portal")
