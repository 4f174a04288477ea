"""Paying over the hosted pages, without JavaScript: a link for one invoice, the provider's page, cards that come first."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from cauce.billing.catalog.rules import PlanPolicy
from cauce.entrypoints.web.texts import catalogue
from cauce.entrypoints.web.visits import make_link
from cauce.flows import instruct
from cauce.flows.billing import pausing
from cauce.flows.portal import pay_link
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import first_link, let_in, visitor
from tests.flows.billing.shop import flat

EN = catalogue("en")


@pytest.fixture
def home(played: Stage) -> str:
    """Where the portal of the played organization is."""
    return f"/portal/{played.org.public_id}"


async def _pay_link(one: Stage, invoice_id: str) -> str:
    async with one.context.transaction() as tx:
        link = await pay_link(tx, one.runtime, invoice_id)
    return link[link.index("/portal") :]


async def _invoice_of(one: Stage, subscription_id: str) -> str:
    (invoice, *_) = await one.shop.invoices(subscription_id)
    return str(invoice["id"])


async def test_a_bank_that_wants_its_customer_is_answered_by_the_pay_link(played: Stage) -> None:
    shop = played.shop
    await shop.card("nina", "auth")
    done = await shop.sign_up("nina", "starter", trial_days=0)
    invoice_id = await _invoice_of(played, done.subscription_id)
    person, path = visitor(played.url), await _pay_link(played, invoice_id)
    page = await person.see(path)
    assert EN["pay.refused.action"] in page
    assert "€9.00" in page
    assert "4242" not in page  # the saved card would be refused again
    waiting = await person.press(page, "/pay", by="page")
    assert EN["portal.card_waits"] in waiting.text
    await played.work()
    ready = await person.see(path)
    provider = first_link(ready, "https://cards.example/pay/pat_")
    again = await person.http.post(
        f"{path.partition('?')[0]}", data={"token": path.partition("token=")[2], "by": "page"}, follow_redirects=True
    )
    assert provider in again.text, "a second click leads to the same page"
    attempt_id = provider.rsplit("/", 1)[1]
    shop.cards.finish(attempt_id, well=True)
    await instruct.ask_by_key(played.context, attempt_id)
    await played.work()
    assert EN["pay.paid"] in await person.see(path)
    assert (await shop.subscription(done.subscription_id)).status == "active"
    async with played.context.transaction() as tx:
        paid = await tx.rows(
            "SELECT source, amount_minor FROM payments.payment WHERE org_id = $1 AND invoice_id = $2",
            tx.org,
            invoice_id,
        )
    assert [tuple(row) for row in paid] == [("link", 900)]


async def test_the_pay_page_says_who_sold_and_who_is_billed_as_the_invoice_was_issued(played: Stage) -> None:
    done = await played.shop.sign_up("petra", "starter", trial_days=0)
    invoice_id = await _invoice_of(played, done.subscription_id)
    said = {
        "seller": "Árbol S.L.", "seller_address": "Calle Mayor 1\n28013 Madrid", "seller_tax_id": "ESB1", "seller_country": "ES",
        "name": "Petra <GmbH>", "address": {"city": "Köln", "line1": "Ring 2"}, "tax_ids": [{"value": "DE99"}],
    }  # fmt: skip
    async with played.shop.context.transaction() as tx:
        await tx.run(
            "UPDATE invoicing.invoice SET snapshot = snapshot || $3::jsonb WHERE org_id = $1 AND id = $2",
            tx.org,
            invoice_id,
            said,
        )
    path = await _pay_link(played, invoice_id)
    for locale, sold, billed in (
        ("en", "Sold by", "Billed to"),
        ("es", "Vendido por", "Facturado a"),
        ("zh", "卖方", ""),
    ):
        page = (await visitor(played.url).http.get(path, headers={"Accept-Language": locale})).text
        for text in (
            sold,
            billed,
            "Árbol S.L.",
            "Calle Mayor 1<br>28013 Madrid<br>ES<br>ESB1",
            "Petra &lt;GmbH&gt;<br>Ring 2<br>Köln",
            "DE99",
        ):
            assert text in page, (locale, text)


async def test_a_pay_link_is_for_one_invoice_ends_and_cannot_be_made_elsewhere(played: Stage, home: str) -> None:
    done = await played.shop.sign_up("olga", "starter", trial_days=0)
    invoice_id = await _invoice_of(played, done.subscription_id)
    path = await _pay_link(played, invoice_id)
    person = visitor(played.url)
    assert (await person.http.get(path)).status_code == 200
    assert (await person.http.get(f"{home}/invoices/{invoice_id}")).status_code == 303
    assert (await person.http.get(f"{home}/pay?token=nonsense")).status_code == 401
    head, _, tail = path.rpartition(".")
    assert (await person.http.get(f"{head}.{tail[:-2]}AA")).status_code == 401
    elsewhere = await played.other_org()
    foreign = path.replace(played.org.public_id, elsewhere.public_id)
    assert (await person.http.get(foreign)).status_code == 401
    await played.advance(timedelta(days=15))
    late = await person.http.get(path)
    assert late.status_code == 401
    assert "has ended" in late.text


async def test_a_plan_that_wants_a_card_first_begins_its_trial_after_the_card(played: Stage, home: str) -> None:
    await played.shop.plan(
        "careful",
        flat(4_000),
        trial_days=7,
        policy=PlanPolicy(force_card=True),
        options=[
            {"key": "region", "type": "select", "required": True, "choices": [{"value": "eu"}, {"value": "us", "add_minor": 500}]},
            {"key": "discount", "type": "number", "private": True, "add_minor": -1},
        ],
    )  # fmt: skip
    person = visitor(played.url)
    form = await person.see(f"{home}/try/careful/eur")
    assert EN["portal.card_first"] in form
    assert "option_region" in form
    assert "option_discount" not in form
    asked = {"name": "Rosa", "email": "rosa@customers.example"}
    for tampered in ({"option_region": "us", "option_discount": "4000"}, {"option_region": "moon"}, {}):
        refused = await person.http.post(f"{home}/try/careful/eur", data={**asked, **tampered})
        assert refused.status_code == 422, tampered
    waiting = await person.http.post(
        f"{home}/try/careful/eur", data={**asked, "option_region": "us"}, follow_redirects=True
    )
    setup_id = urlsplit(str(waiting.url)).path.rsplit("/", 1)[1]
    await played.work()
    card = await person.see(f"{urlsplit(str(waiting.url)).path}?{urlsplit(str(waiting.url)).query}")
    first_link(card, "https://cards.example/setup/")
    played.shop.cards.complete_setup(setup_id, fingerprint="fp_rosa")
    await instruct.ask_by_key(played.context, setup_id)
    await played.work()
    saved = await person.see(f"{urlsplit(str(waiting.url)).path}?{urlsplit(str(waiting.url)).query}")
    assert EN["portal.card_saved"] in saved
    begun = await person.press(saved, "/careful/eur")
    assert begun.url.path == f"{home}/account"
    assert EN["state.trialing"] in begun.text
    async with played.context.transaction() as tx:
        added = await tx.value(
            "SELECT i.adjust_minor FROM subscriptions.item i JOIN subscriptions.subscription s ON s.org_id = $1 AND s.id = i.subscription_id"
            " JOIN customers.customer c ON c.org_id = $1 AND c.id = s.customer_id WHERE i.org_id = $1 AND c.email = $2",
            tx.org,
            "rosa@customers.example",
        )
    assert added == 500


async def test_a_link_by_mail_signs_in_and_strangers_learn_nothing(played: Stage, home: str) -> None:
    done = await played.shop.sign_up("pia", "starter", email="Pia@customers.example")
    person = visitor(played.url)
    door = await person.see(f"{home}/sign-in")
    known = await person.press(door, "/sign-in/mail", email="pia@Customers.example")
    unknown = await person.press(door, "/sign-in/mail", email="nobody@customers.example")
    assert known.text == unknown.text
    await person.press(door, "/sign-in/mail", email="pia@customers.example")
    before = len(played.mail.taken)
    await played.work()
    (mail,) = played.mail.taken[before:]
    assert mail.to_address == "Pia@customers.example"
    link = re.search(r"/portal/\S+", mail.text)
    assert link is not None
    signed_in = await let_in(played, link[0])
    assert done.subscription_id in await signed_in.see(f"{home}/account")


async def test_a_customer_leaves_and_comes_back_on_the_same_subscription_without_a_second_trial(
    played: Stage, home: str
) -> None:
    await played.shop.card("quim")
    done = await played.shop.sign_up("quim", "starter")
    person = await let_in(played, await make_link(played.context, done.customer_id))
    leaving = await person.press(
        await person.see(f"{home}/account"), "/cancel", why="missing_feature", reason="calendars"
    )
    assert EN["state.ends_then"] in leaving.text
    assert (await played.shop.subscription(done.subscription_id)).cancel_reason == "missing_feature: calendars"
    await played.advance(timedelta(days=15))
    gone = await person.see(f"{home}/account")
    assert EN["state.canceled"] in gone
    back = await person.press(gone, "/reactivate")
    await played.work()
    assert back.url.path == f"{home}/account"
    again = await played.shop.subscription(done.subscription_id)
    assert (again.status, again.term, again.trial_end is None or again.trial_end <= played.shop.cards.now) == (
        "active",
        2,
        True,
    )


async def test_a_pause_that_was_asked_for_is_ended_by_the_customer(played: Stage, home: str) -> None:
    await played.shop.card("raul")
    done = await played.shop.sign_up("raul", "starter", trial_days=0)
    await pausing.pause_now(played.context, done.subscription_id)
    person = await let_in(played, await make_link(played.context, done.customer_id))
    resumed = await person.press(await person.see(f"{home}/account"), "/resume")
    assert EN["state.active"] in resumed.text
