"""A charge that its customer is asked about: by mail, in the portal, without JavaScript, through the API; for nobody else (G4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from cauce.billing.catalog import service as catalog
from cauce.entrypoints.web.texts import catalogue
from cauce.entrypoints.web.visits import make_link
from cauce.flows.billing import cancel, changes, extra
from cauce.flows.portal import charge_link, pay_link
from cauce.storage.directory import keys
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import let_in, signed_in, visitor

EN = catalogue("en")


async def _of(one: Stage, who: str) -> tuple[str, str]:
    async with one.context.transaction() as tx:
        row = await tx.row(
            "SELECT s.id, s.customer_id FROM subscriptions.subscription s JOIN customers.customer c ON c.org_id = s.org_id AND c.id = s.customer_id"
            " WHERE s.org_id = $1 AND c.external_id = $2",
            tx.org, who,
        )  # fmt: skip
    assert row is not None
    return row["id"], row["customer_id"]


async def _ask(one: Stage, who: str, what: str, *, invoice_now: bool = False, amount_minor: int = 2_500) -> str:
    subscription_id, _ = await _of(one, who)
    done = await extra.add_charge(
        one.context, extra.ExtraCharge(subscription_id, amount_minor, what, invoice_now=invoice_now, ask=True)
    )
    assert (done.state, done.invoice_id) == ("proposed", None)
    return done.pending_line_id


async def _charge(one: Stage, charge_id: str) -> Any:
    async with one.context.transaction() as tx:
        return await extra.read_charge(tx, charge_id)


async def _link(one: Stage, charge_id: str) -> str:
    async with one.context.transaction() as tx:
        link = await charge_link(tx, one.runtime, charge_id)
    return link[link.index("/portal") :]


async def _told(one: Stage, charge_id: str) -> list[str]:
    async with one.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT type FROM storage.event WHERE org_id = $1 AND object_id = $2 ORDER BY id", tx.org, charge_id
        )
    return [row["type"] for row in rows]


async def test_the_link_of_the_mail_approves_once_and_the_next_invoice_has_it(played: Stage) -> None:
    async with played.context.transaction() as tx:
        await catalog.put_tax_rate(tx, "ES", "21")
    before = len(played.mail.taken)
    charge_id = await _ask(played, "bruno", "Data <b>import</b>")
    await played.work()
    mails = [one for one in played.mail.taken[before:] if one.to_address == "bruno@customers.example"]
    assert [one.subject for one in mails] == [f"{played.org.name} asks: may we charge €25.00?"]
    assert "Data <b>import</b>" in mails[0].text
    link = next(word.strip("<>()") for word in mails[0].text.split() if "/charge?token=" in word)
    path = link[link.index("/portal") :]
    person = visitor(played.url)
    page = await person.see(path)
    assert "Data &lt;b&gt;import&lt;/b&gt;" in page
    assert "€30.25" in page  # 21 % of tax in Spain
    assert EN["charge.then_next"] in page
    answered = await person.press(page, "/charge", answer="approve")
    assert EN["charge.is_waiting"] in answered.text
    again = await person.press(page, "/charge", answer="reject")
    assert EN["charge.is_waiting"] in again.text, "an answer is final"
    assert await _told(played, charge_id) == ["pending_line.added", "pending_line.approved"]
    assert (await _charge(played, charge_id))["state"] == "waiting"
    await played.advance(timedelta(days=31))
    charge = await _charge(played, charge_id)
    assert charge["state"] == "invoiced"
    assert EN["charge.is_invoiced"] in await person.see(await _link(played, charge_id))
    async with played.context.transaction() as tx:
        lines = await tx.rows(
            "SELECT net_minor, total_minor FROM invoicing.line WHERE org_id = $1 AND invoice_id = $2 AND description = 'Data <b>import</b>'",
            tx.org,
            charge["invoice_id"],
        )
    assert [tuple(line) for line in lines] == [(2_500, 3_025)], "what was approved is what is billed"


async def test_in_the_account_an_approved_charge_is_invoiced_at_once_and_a_rejected_one_never(played: Stage) -> None:
    _, customer_id = await _of(played, "ana")
    await signed_in(played)  # an owner, who is told of a no
    yes = await _ask(played, "ana", "Training", invoice_now=True)
    no = await _ask(played, "ana", "Consulting")
    person = await let_in(played, await make_link(played.context, customer_id))
    home = f"/portal/{played.org.public_id}"
    account = await person.see(f"{home}/account")
    assert "Training" in account
    assert "Consulting" in account
    page = await person.see(f"{home}/charges/{yes}")
    assert EN["charge.then_now"] in page
    done = await person.press(page, f"/charges/{yes}/decide", answer="approve")
    assert EN["charge.is_invoiced"] in done.text
    assert (await _charge(played, yes))["state"] == "invoiced"
    page = await person.see(f"{home}/charges/{no}")
    done = await person.press(page, f"/charges/{no}/decide", answer="reject")
    assert EN["charge.is_rejected"] in done.text
    assert await _told(played, no) == ["pending_line.added", "pending_line.rejected"]
    await played.work()
    staff = [one for one in played.mail.taken if "rejected a charge" in one.subject + one.text]
    assert staff, "whoever asked is told of the no"
    await played.advance(timedelta(days=31))
    assert (await _charge(played, no))["state"] == "rejected"
    account = await person.see(f"{home}/account")
    assert "Consulting" not in account


async def test_nobody_answers_for_another_nor_with_another_link(played: Stage) -> None:
    charge_id = await _ask(played, "ana", "Secret project")
    _, bruno = await _of(played, "bruno")
    person, home = await let_in(played, await make_link(played.context, bruno)), f"/portal/{played.org.public_id}"
    foreign = await person.http.get(f"{home}/charges/{charge_id}")
    assert foreign.status_code == 404
    assert "Secret" not in foreign.text
    stranger, path = visitor(played.url), await _link(played, charge_id)
    assert (await stranger.http.get(f"{home}/charges/{charge_id}")).status_code == 303
    head, _, tail = path.rpartition(".")
    elsewhere = await played.other_org()
    async with played.context.transaction() as tx:
        paying = await pay_link(tx, played.runtime, charge_id)
    for bad in (
        f"{home}/charge?token=nonsense",
        f"{head}.{tail[:-2]}AA",
        path.replace(played.org.public_id, elsewhere.public_id),
        f"{home}/charge?{paying.partition('?')[2]}",
    ):
        assert (await stranger.http.get(bad)).status_code == 401, bad
        token = bad.partition("token=")[2]
        sent = await stranger.http.post(bad.partition("?")[0], data={"token": token, "answer": "approve"})
        assert sent.status_code == 401, bad
    token = path.partition("token=")[2]
    assert (await stranger.http.post(f"{home}/charge", data={"token": token, "answer": "perhaps"})).status_code == 422
    await played.advance(timedelta(days=31))
    assert (await stranger.http.get(path)).status_code == 401, "a link ends"
    assert (await _charge(played, charge_id))["state"] == "proposed"
    await extra.settle_charge(played.context, charge_id, "withdraw")
    assert EN["charge.is_removed"] in await stranger.see(await _link(played, charge_id))


async def test_the_api_asks_shows_and_takes_the_answer(played: Stage) -> None:
    subscription_id, _ = await _of(played, "ana")
    other, _ = await _of(played, "bruno")
    async with played.runtime.db.transaction() as tx:
        _, secret = await keys.create_key(tx, played.org.id, played.org.mode, "charges", frozenset({"admin"}))
    headers = {"Authorization": f"Bearer {secret}"}
    async with httpx2.AsyncClient(base_url=played.url, trust_env=False, timeout=30, headers=headers) as http:
        path = f"/v1/subscriptions/{subscription_id}/charges"

        async def post(to: str, key: str, **body: Any) -> httpx2.Response:
            return await http.post(to, json=body, headers={"Idempotency-Key": key})

        made = (await post(path, "c1", amount=700, description="Help", ask=True, invoice_now=True)).json()
        assert made["state"] == "proposed"
        assert EN["charge.then_now"] in await visitor(played.url).see(
            made["approval_url"][made["approval_url"].index("/portal") :]
        )
        shown = (await http.get(f"{path}/{made['id']}")).json()
        assert (shown["amount"]["amount"], shown["state"], shown["invoice_now"]) == (700, "proposed", True)
        assert (await http.get(f"/v1/subscriptions/{other}/charges/{made['id']}")).status_code == 404
        wrong = await post(f"/v1/subscriptions/{other}/charges/{made['id']}/decide", "c2", approve=True)
        assert wrong.status_code == 404, "a charge is answered at its own subscription alone"
        for _ in range(2):
            done = (await post(f"{path}/{made['id']}/decide", "c3", approve=True)).json()
            assert (done["state"], done["approval_url"]) == ("invoiced", None)
            assert done["invoice"].startswith("in_")
        late = await post(f"{path}/{made['id']}/decide", "c4", approve=False)
        assert (late.status_code, late.json()["code"]) == (409, "charge_settled")
        made = (await post(path, "c5", amount=700, description="More help", ask=True)).json()
        said = (await post(f"{path}/{made['id']}/decide", "c6", approve=False)).json()
        assert said["state"] == "rejected"


async def test_the_console_shows_the_link_and_asks_for_a_charge_of_its_own(played: Stage) -> None:
    subscription_id, _ = await _of(played, "bruno")
    owner, path = await signed_in(played), f"/console/subscriptions/{subscription_id}"
    typed = {"amount": "8", "description": "Ask, then bill", "when": "ask_now"}
    seen = await owner.press(await owner.see(path), f"{path}/charges/preview", **typed)
    await owner.press(seen.text, f"{path}/charges", **typed)
    async with played.context.transaction() as tx:
        charge_id = await tx.value(
            "SELECT id FROM invoicing.pending_line WHERE org_id = $1 AND description = 'Ask, then bill'", tx.org
        )
    page = await owner.see(path)
    link = await owner.press(page, f"{path}/charges/{charge_id}/link")
    assert "/charge?token=" in link.text
    other, _ = await _of(played, "ana")
    elsewhere = await owner.press(
        page.replace(f"{path}/charges/{charge_id}/link", f"/console/subscriptions/{other}/charges/{charge_id}/link"),
        f"/console/subscriptions/{other}/charges/{charge_id}/link",
    )
    assert elsewhere.status_code == 404
    billed = await owner.press(page, f"{path}/charges/{charge_id}/approve")
    assert "/console/invoices/in_" in str(billed.url)


async def test_a_subscription_that_has_ended_is_billed_nothing_more(played: Stage) -> None:
    await played.shop.card("gone")
    done = await played.shop.sign_up("gone", "starter", trial_days=0)
    charge_id = await _ask(played, "gone", "Too late")
    await cancel.cancel(played.context, cancel.Cancel(done.subscription_id, now=True))
    person = visitor(played.url)
    page = await person.see(await _link(played, charge_id))
    answered = await person.press(page, "/charge", answer="approve")
    assert answered.status_code == 409
    assert (await _charge(played, charge_id))["state"] == "proposed"
    assert EN["charge.is_rejected"] in (await person.press(page, "/charge", answer="reject")).text


async def test_what_an_unpaid_change_keeps_for_later_is_no_charge_to_answer(played: Stage) -> None:
    await played.shop.card("held")
    done = await played.shop.sign_up("held", "starter", trial_days=0)
    await changes.change(played.context, changes.Change(done.subscription_id, "team", proration="next_invoice"))
    async with played.context.transaction() as tx:
        lines = await tx.rows(
            "SELECT id, kind FROM invoicing.pending_line WHERE org_id = $1 AND subscription_id = $2 AND kind <> 'pending'",
            tx.org,
            done.subscription_id,
        )
    assert lines
    with pytest.raises(extra.NotFound):
        await extra.settle_charge(played.context, lines[0]["id"], "withdraw")
