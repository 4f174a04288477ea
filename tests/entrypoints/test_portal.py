"""The portal over real HTTP without JavaScript: try, cancel and stay, save a card, pay, read one's own and nothing else."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import ChangeTiming, NewPhase, NewPlan
from cauce.entrypoints.web.texts import catalogue
from cauce.entrypoints.web.visits import make_link
from cauce.flows import instruct
from cauce.flows.billing import changes, pausing
from cauce.flows.billing.cancel import Cancel, cancel
from cauce.flows.billing.correct import CreditInvoice, credit_invoice
from cauce.reports import subscriptions
from cauce.storage import audit
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import Visitor, first_link, let_in, signed_in, visitor
from tests.flows.billing.shop import flat, per_unit

EN = catalogue("en")


@pytest.fixture
def home(played: Stage) -> str:
    """Where the portal of the played organization is."""
    return f"/portal/{played.org.public_id}"


async def _customer(one: Stage, external_id: str) -> tuple[str, Visitor]:
    async with one.context.transaction() as tx:
        customer_id = await tx.value(
            "SELECT id FROM customers.customer WHERE org_id = $1 AND external_id = $2", tx.org, external_id
        )
    return customer_id, await let_in(one, await make_link(one.context, customer_id))


async def test_a_portal_link_works_once_and_only_in_its_organization(played: Stage, home: str) -> None:
    async with played.context.transaction() as tx:
        customer_id = await tx.value("SELECT min(id) FROM customers.customer WHERE org_id = $1", tx.org)
    link = await make_link(played.context, customer_id)
    person, thief = visitor(played.url), visitor(played.url)
    door = await person.see(link[link.index("/portal") :])
    elsewhere = await played.other_org()
    token = link.rpartition("=")[2]
    wrong_place = await thief.http.post(f"/portal/{elsewhere.public_id}/sign-in", data={"token": token})
    assert wrong_place.status_code == 401
    assert (await person.press(door, "/sign-in")).url.path == f"{home}/account"
    assert (await thief.press(door, "/sign-in")).status_code == 401
    stolen = {"cookie": f"cauce_portal={elsewhere.public_id}.{token}"}
    answer = await thief.http.get(f"/portal/{elsewhere.public_id}/account", headers=stolen)
    assert answer.headers["location"].endswith("/sign-in")


async def test_an_operator_makes_a_portal_link_for_a_customer(played: Stage) -> None:
    owner = await signed_in(played)
    customer = first_link(await owner.see("/console/customers?find=bruno"), "/console/customers/cus_")
    made = await owner.press(await owner.see(customer), f"/portal-links/{customer.rsplit('/', 1)[1]}")
    link = re.search(r"/portal/org_\w+/sign-in\?token=[\w-]+", made.text)
    assert link is not None
    person = await let_in(played, link[0])
    assert "Bruno" in await person.see(f"/portal/{played.org.public_id}/account")


async def test_an_introductory_price_is_told_before_anybody_subscribes(played: Stage, home: str) -> None:
    low = NewPhase({"type": "flat", "amount_minor": 500}, 3)
    seats = NewPhase({"type": "per_unit", "unit_amount": "99"})
    prices = flat(2_500, phases=(low,)), per_unit("300", phases=(seats,))
    async with played.context.transaction() as tx:
        now = await played.context.now(tx)
        product = (await catalog.find_product(tx, "app") or {})["id"]
        await catalog.create_plan(tx, NewPlan("easy", product, "Easy", prices), now=now)
        await catalog.create_plan(tx, NewPlan("easy-later", product, "Later", prices, trial_days=3), now=now)
    person = visitor(played.url)
    pricing = await person.see(home)
    assert all(told in pricing for told in ("€25.00", "At first, for 3 months: €5.00", "At first, for 1 month: €0.99"))
    assert "At first, for 3 months: €5.00" in await person.see(f"{home}/try/easy/eur")
    done = await person.http.post(
        f"{home}/try/easy-later/eur", data={"name": "Ida", "email": "ida@example.com", "quantity_seats": "1"}
    )
    assert done.status_code == 303
    async with played.context.transaction() as tx:
        one = await tx.value("SELECT max(id) FROM subscriptions.subscription WHERE org_id = $1", tx.org)
    owner = await signed_in(played)
    assert "Introductory price since" in await owner.see(f"/console/subscriptions/{one}")


async def test_plans_are_shown_by_category_once_there_are_several(played: Stage, home: str) -> None:
    person = visitor(played.url)
    assert 'name="category"' not in await person.see(home)
    async with played.context.transaction() as tx:
        now = await played.context.now(tx)
        for key, category in (("optics", "Optics"), ("audio", "Audio")):
            product = await catalog.create_product(tx, key, key.capitalize(), now=now, category=category)
            await catalog.create_plan(tx, NewPlan(f"{key}-plan", product, f"{category} plan", (flat(100),)), now=now)
    everything, optics = await person.see(home), await person.see(f"{home}?category=Optics")
    assert 'name="category"' in everything and "Audio plan" in everything
    assert "Optics plan" in optics and "Audio plan" not in optics


async def test_somebody_tries_a_plan_and_is_let_in(played: Stage, home: str) -> None:
    person = visitor(played.url)
    pricing = await person.see(home)
    assert "€29.00" in pricing
    assert "$10.00" in await person.see(f"{home}?currency=usd")
    assert "quantity_seats" in await person.see(first_link(pricing, f"{home}/try/team/eur"))
    done = await person.http.post(
        f"{home}/try/team/eur",
        data={"name": "Zoë & Söhne", "email": "zoe@example.com", "quantity_seats": "3"},
        follow_redirects=True,
    )
    assert done.url.path == f"{home}/account"
    assert EN["state.trialing"] in done.text
    assert "Zoë &amp; Söhne" in done.text
    again = await visitor(played.url).http.post(
        f"{home}/try/team/eur", data={"name": "Zoë", "email": "zoe@example.com", "quantity_seats": "3"}
    )
    assert again.status_code == 409
    stranger = visitor(played.url)
    assert (await stranger.http.post(f"{home}/try/team/eur", data={"name": "", "email": ""})).status_code == 422
    assert (await person.http.post(f"{home}/try/team/eur", data={"quantity_seats": "1"})).status_code == 403


async def test_a_customer_cancels_with_a_reason_and_changes_his_mind(played: Stage, home: str) -> None:
    customer_id, person = await _customer(played, "ana")
    ending = await person.press(await person.see(f"{home}/account"), "/cancel", reason="Moving to <b>paper</b>")
    assert EN["state.ends_then"] in ending.text
    kept = await person.press(ending.text, "/undo")
    assert EN["state.ends_then"] not in kept.text
    async with played.context.transaction() as tx:
        lines = [row for row in await audit.page(tx) if row["actor"] == f"customer:{customer_id}"]
    assert [row["action"] for row in lines][:2] == ["subscription.undo_cancel", "subscription.cancel"]
    assert lines[1]["after"] == {"reason": "Moving to <b>paper</b>"}


async def test_a_customer_changes_his_plan_for_the_very_sum_that_he_was_shown(played: Stage, home: str) -> None:
    await played.shop.card("ines")
    done = await played.shop.sign_up("ines", "team", trial_days=0, quantities={"seats": "2"})
    person = await let_in(played, await make_link(played.context, done.customer_id))
    path = first_link(await person.see(f"{home}/account"), f"{home}/subscriptions/")
    assert 'value="2"' in await person.see(path)
    shown = await person.see(f"{path}?preview=yes&plan=team&quantity_seats=5")
    assert "€15.00" in shown
    assert EN["portal.change_now"] in shown
    stale = await person.press(shown, "/change", total="1")
    assert stale.status_code == 409
    assert (await person.press(shown, "/change")).url.path == f"{home}/account"
    await played.work()
    account = await person.see(f"{home}/account")
    assert "€15.00" in account
    assert 'value="5"' in await person.see(path)


async def test_a_customer_sees_the_change_that_waits_and_keeps_what_he_has(played: Stage, home: str) -> None:
    await played.shop.card("otto")
    done = await played.shop.sign_up("otto", "team", trial_days=0, quantities={"seats": "4"})
    person = await let_in(played, await make_link(played.context, done.customer_id))
    assert "/keep" not in await person.see(f"{home}/account")
    fewer = changes.Change(done.subscription_id, quantities={"seats": "2"}, timing=ChangeTiming.AT_RENEWAL)
    await changes.change(played.context, fewer)
    account = await person.see(f"{home}/account")
    assert EN["portal.change_on"].split("{", 1)[0] in account
    kept = await person.press(account, "/keep")
    assert "/keep" not in kept.text
    await pausing.pause_at_end(played.context, done.subscription_id)
    account = await person.see(f"{home}/account")
    assert EN["portal.pauses_on"].split("{", 1)[0] in account
    owner = await signed_in(played)
    assert EN["subscriptions.pauses_on"] in await owner.see(f"/console/subscriptions/{done.subscription_id}")
    await person.press(account, "/keep")
    async with played.context.transaction() as tx:
        assert await subscriptions.waiting_changes(tx, [done.subscription_id]) == {}


async def test_a_card_saved_on_the_providers_page_pays_what_is_owed(played: Stage, home: str) -> None:
    shop = played.shop
    done = await shop.sign_up("gil", "starter", email="gil@customers.example", trial_days=0)
    person = await let_in(played, await make_link(played.context, done.customer_id))
    page = await person.see(f"{home}/account")
    assert "€9.00" in page
    waiting = await person.press(page, "/pay")
    setup_id = waiting.url.path.rsplit("/", 1)[1]
    assert 'http-equiv="refresh"' in waiting.text
    await played.work()
    ready = await person.see(f"{home}/card/{setup_id}")
    assert first_link(ready, "https://cards.example/setup/").endswith(setup_id)
    shop.cards.complete_setup(setup_id, fingerprint="fp_gil")
    await instruct.ask_by_key(played.context, setup_id)
    await played.work()
    assert EN["portal.card_done"] in await person.see(f"{home}/card/{setup_id}")
    account = await person.see(f"{home}/account")
    assert EN["portal.pay"] not in account
    assert EN["state.active"] in account
    assert "•••• 4242" in account


async def _card_saved(played: Stage, person: Visitor, home: str) -> tuple[str, str]:
    """The page after a card was saved at the provider, and the id of the set-up."""
    waiting = await person.press(await person.see(f"{home}/account"), "/card")
    setup_id = waiting.url.path.rsplit("/", 1)[1]
    await played.work()
    played.shop.cards.complete_setup(setup_id, fingerprint=f"fp_{setup_id}")
    await instruct.ask_by_key(played.context, setup_id)
    await played.work()
    return await person.see(f"{home}/card/{setup_id}"), setup_id


async def test_who_left_is_offered_to_come_back_with_the_card_that_he_adds(played: Stage, home: str) -> None:
    shop = played.shop
    done = await shop.sign_up("rita", "starter", email="rita@customers.example")
    await cancel(played.context, Cancel(done.subscription_id, now=True))
    person = await let_in(played, await make_link(played.context, done.customer_id))
    page, _ = await _card_saved(played, person, home)
    assert EN["portal.card_done"] in page and EN["portal.card_return"].split("{", 1)[0] in page
    assert (await shop.subscription(done.subscription_id)).status == "canceled", "an offer, no charge"
    charged = len(shop.cards.charged)
    await person.press(page, "/reactivate")
    await played.work()
    assert (await shop.subscription(done.subscription_id)).status == "active"
    assert len(shop.cards.charged) == charged + 1
    again, _ = await _card_saved(played, person, home)
    assert EN["portal.card_return"].split("{", 1)[0] not in again, "he is back"


async def test_who_never_paid_in_time_is_led_to_the_plans_when_he_adds_a_card(played: Stage, home: str) -> None:
    done = await played.shop.sign_up("saul", "starter", email="saul@customers.example", trial_days=0)
    await played.advance(timedelta(hours=24))
    assert (await played.shop.subscription(done.subscription_id)).status == "expired"
    person = await let_in(played, await make_link(played.context, done.customer_id))
    assert f'class="button quiet" href="{home}"' in await person.see(f"{home}/account")
    page, _ = await _card_saved(played, person, home)
    assert EN["portal.card_return"].split("{", 1)[0] not in page and f'<a href="{home}">{EN["portal.plans"]}' in page


async def test_an_open_invoice_is_paid_with_the_saved_card_by_one_attempt(played: Stage, home: str) -> None:
    shop = played.shop
    await shop.card("hugo", "poor")
    done = await shop.sign_up("hugo", "starter", trial_days=0)
    person = await let_in(played, await make_link(played.context, done.customer_id))
    shop.cards.cards = dict.fromkeys(shop.cards.cards, "good")
    page = await person.see(f"{home}/account")
    await person.press(page, "/pay")
    await person.press(page, "/pay")
    charged = len(shop.cards.charged)
    await played.work()
    assert len(shop.cards.charged) == charged + 1
    assert EN["portal.pay"] not in await person.see(f"{home}/account")


async def test_nobody_reads_or_moves_what_is_another_customers(played: Stage, home: str) -> None:
    _, ana = await _customer(played, "ana")
    _, bruno = await _customer(played, "bruno")
    account = await ana.see(f"{home}/account")
    invoice = first_link(account, f"{home}/invoices/in_")
    assert (await bruno.http.get(invoice)).status_code == 404
    token = re.findall(r'form_token" value="(\w+)"', await bruno.see(f"{home}/account"))[0]
    subscription = re.findall(rf"{home}/subscriptions/(sub_\w+)/cancel", account)[0]
    for path in (f"subscriptions/{subscription}/cancel", f"invoices/{invoice.rsplit('/', 1)[1]}/pay"):
        assert (await bruno.http.post(f"{home}/{path}", data={"form_token": token})).status_code == 404
    assert (await bruno.http.post(f"{home}/subscriptions/{subscription}/cancel", data={})).status_code == 403
    assert (await bruno.http.get(f"{home}/merchant")).status_code == 404


async def test_a_credit_note_is_downloaded_by_its_customer_and_by_the_operator_alone(played: Stage, home: str) -> None:
    await played.shop.card("nil")
    done = await played.shop.sign_up("nil", "starter", trial_days=0)
    (invoice,) = await played.shop.invoices(done.subscription_id)
    note = await credit_invoice(played.context, CreditInvoice(invoice["id"], "goodwill", total_minor=100))
    mine = await let_in(played, await make_link(played.context, done.customer_id))
    shown = await mine.see(f"{home}/invoices/{invoice['id']}")
    link = first_link(shown, f"{home}/credit_notes/cn_")
    first, again = [await mine.http.get(link) for _ in range(2)]
    assert first.headers["content-type"] == "application/pdf" and first.content == again.content
    _, bruno = await _customer(played, "bruno")
    assert (await bruno.http.get(link)).status_code == 404
    owner = await signed_in(played)
    page = await owner.see(f"/console/invoices/{invoice['id']}")
    console = await owner.http.get(first_link(page, "/console/credit_notes/cn_"))
    assert note.number in page and console.content.startswith(b"%PDF-")


async def test_a_merchant_sees_his_money_and_his_statement_alone(played: Stage, home: str) -> None:
    merchant_id = played.market.sellers["bia"]
    person = await let_in(played, await make_link(played.context, merchant_id))
    page = await person.see(f"{home}/merchant")
    assert ">bia<" in page
    assert EN["merchants.in_transit"] in page
    file = await person.http.get(f"{home}/merchant/statement.csv")
    rows = [line.split(",") for line in file.text.splitlines()]
    assert rows[0] == ["at", "movement", "reference", "channel", "currency", "amount", "balance"]
    balances: dict[str, int] = {}
    for row in rows[1:]:
        cents = int(row[5].replace(".", ""))
        balances[row[3]] = balances.get(row[3], 0) + cents
        assert balances[row[3]] == int(row[6].replace(".", ""))
    assert len(rows) > 3
    assert (await person.http.get(f"{home}/invoices/in_x")).status_code == 404


async def test_signing_out_ends_the_visit(played: Stage, home: str) -> None:
    _, person = await _customer(played, "ana")
    page = await person.see(f"{home}/account")
    cookie = person.http.cookies["cauce_portal"]
    await person.press(page, "/sign-out")
    answer = await person.http.get(f"{home}/account", headers={"cookie": f"cauce_portal={cookie}"})
    assert answer.status_code == 303
