"""Quotes in the console: offered by a form, shown with what they come to, given as a link, withdrawn; and who sells in law."""

from __future__ import annotations

import re

from cauce.storage import audit
from cauce.storage.directory.people import Role
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import signed_in, visitor


async def test_an_offer_is_typed_in_seen_and_accepted_by_its_link(played: Stage) -> None:
    owner = await signed_in(played)
    page = await owner.see("/console/quotes")
    assert "New quote" in page and "No quotes" in page
    typed = {
        "customer": "nina", "name": "Nina <b>N</b>", "email": "nina@example.com", "plan": "team", "currency": "EUR",
        "quantities": "seats=2", "valid_days": "10", "trial_days": "0",
    }  # fmt: skip
    made = await owner.press(page, "/console/quotes", **typed)
    assert made.status_code == 200, made.text
    path = made.url.path
    assert "Nina &lt;b&gt;N&lt;/b&gt;" in made.text and "First bill" in made.text
    assert "Nina" in await owner.see("/console/quotes?state=open")
    given = await owner.press(await owner.see(path), f"{path}/link")
    (link,) = re.findall(r'href="(http[^"]+/quote\?token=[^"]+)"', given.text)
    person = visitor(played.url)
    assert "Accept this offer" in await person.see(link)
    token = link.partition("token=")[2]
    answer = await person.http.post(link.partition("?")[0], data={"token": token, "answer": "accept"})
    assert answer.status_code == 303 and "/pay?token=" in answer.headers["location"]
    assert "approved" in await owner.see(path)
    async with played.context.transaction() as tx:
        told = [row["action"] for row in await audit.page(tx, object_id=path.rsplit("/", 1)[1])]
    assert "quote.answer" in told


async def test_an_offer_is_withdrawn_once_and_wrong_words_are_refused(played: Stage) -> None:
    owner = await signed_in(played)
    page = await owner.see("/console/quotes")
    typed = {"customer": "nora", "plan": "team", "currency": "eur", "valid_days": "10"}
    for wrong in ({"valid_days": "soon"}, {"quantities": "seats"}, {"customer": " "}, {"plan": "none"}):
        assert (await owner.press(page, "/console/quotes", **{**typed, **wrong})).status_code in (404, 422)
    made = await owner.press(page, "/console/quotes", **typed)
    path = made.url.path
    assert (await owner.press(made.text, f"{path}/reject", reason="Budget cut")).status_code == 200
    assert "Budget cut" in await owner.see(path)
    assert (await owner.press(made.text, f"{path}/reject")).status_code == 409
    reader = await signed_in(played, "reader@shop.example", Role.VIEWER)
    assert (await reader.press(await reader.see("/console/quotes"), "/console/quotes", **typed)).status_code == 403


async def test_the_sellers_details_are_typed_in_and_a_wrong_country_changes_nothing(played: Stage) -> None:
    owner = await signed_in(played)
    page = await owner.see("/console/settings")
    typed = {"legal_name": "Árbol <i>S.L.</i>", "legal_address": "Calle Mayor 1", "tax_id": "ESB1", "country": "es"}
    assert (await owner.press(page, "/console/settings/seller", **{**typed, "country": "Spain"})).status_code == 422
    assert "ESB1" not in await owner.see("/console/settings")
    done = await owner.press(page, "/console/settings/seller", **typed)
    assert "Árbol &lt;i&gt;S.L.&lt;/i&gt;" in done.text and "ESB1" in done.text
