"""A one-off charge by the console's form: seen with its tax first, made once, withdrawn while it waits, by those who may.

And everything about a customer as a file, by the console, the API and the command, for those who may.
"""

from __future__ import annotations

import json
import re

import httpx2

from cauce.storage import audit
from cauce.storage.directory import keys
from cauce.storage.directory.people import Role
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import Visitor, signed_in


async def _subscription(one: Stage, who: str) -> tuple[str, str]:
    async with one.context.transaction() as tx:
        row = await tx.row(
            "SELECT s.id, s.customer_id FROM subscriptions.subscription s JOIN customers.customer c ON c.org_id = s.org_id AND c.id = s.customer_id"
            " WHERE s.org_id = $1 AND c.external_id = $2",
            tx.org, who,
        )  # fmt: skip
    assert row is not None
    return row["id"], row["customer_id"]


async def _lines(one: Stage, subscription_id: str) -> list[tuple[str, int, str]]:
    async with one.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT description, amount_minor, state FROM invoicing.pending_line WHERE org_id = $1 AND subscription_id = $2 AND kind = 'pending' ORDER BY id",
            tx.org, subscription_id,
        )  # fmt: skip
    return [tuple(row) for row in rows]


async def test_a_charge_is_seen_before_it_is_made_and_made_once(played: Stage) -> None:
    subscription_id, _ = await _subscription(played, "bruno")
    owner, path = await signed_in(played), f"/console/subscriptions/{subscription_id}"
    page = await owner.see(path)
    typed = {"amount": "25,00", "description": "Data <b>import</b>", "when": "next"}
    seen = await owner.press(page, f"{path}/charges/preview", **typed)
    assert "Data &lt;b&gt;import&lt;/b&gt;" in seen.text
    assert "25.00" in seen.text
    assert await _lines(played, subscription_id) == [], "a preview charges nothing"
    (line_id,) = re.findall(r'name="id" value="(pl_\w+)"', seen.text)
    for _ in range(2):
        await owner.press(seen.text, f"{path}/charges", **typed, id=line_id)
    assert await _lines(played, subscription_id) == [("Data <b>import</b>", 2_500, "waiting")]
    waiting = await owner.see(path)
    assert "Charges that wait" in waiting
    await owner.press(waiting, f"{path}/charges/{line_id}/withdraw")
    assert await _lines(played, subscription_id) == [("Data <b>import</b>", 2_500, "removed")]


async def test_a_charge_now_is_an_invoice_and_one_that_asks_waits_for_the_customer(played: Stage) -> None:
    subscription_id, _ = await _subscription(played, "ana")
    owner, path = await signed_in(played), f"/console/subscriptions/{subscription_id}"
    page = await owner.see(path)

    async def make(when: str) -> httpx2.Response:
        typed = {"amount": "10", "description": f"Help, {when}", "when": when}
        seen = await owner.press(page, f"{path}/charges/preview", **typed)
        (line_id,) = re.findall(r'name="id" value="(pl_\w+)"', seen.text)
        return await owner.press(seen.text, f"{path}/charges", **typed, id=line_id)

    invoiced = await make("now")
    assert "/console/invoices/in_" in str(invoiced.url)
    assert "Help, now" in invoiced.text
    asked = await make("ask")
    *_, line_id = re.findall(rf"{path}/charges/(pl_\w+)/approve", asked.text)  # one waits since the stage was set
    await owner.press(asked.text, f"{path}/charges/{line_id}/approve")
    assert ("Help, ask", 1_000, "waiting") in await _lines(played, subscription_id)
    await owner.press(await owner.see(path), f"{path}/charges/{line_id}/withdraw")


async def test_who_may_not_charge_is_refused_and_so_is_another_subscriptions_line(played: Stage) -> None:
    subscription_id, _ = await _subscription(played, "bruno")
    other, _ = await _subscription(played, "ana")
    path, before = f"/console/subscriptions/{subscription_id}", await _lines(played, subscription_id)
    support, owner = await signed_in(played, "support@example.com", Role.SUPPORT), await signed_in(played)

    async def sent(person: Visitor, to: str, **typed: str) -> int:
        token = re.findall(r'form_token" value="(\w+)"', await person.see(path))[0]
        return (await person.http.post(to, data={**typed, "form_token": token})).status_code

    typed = {"amount": "5", "description": "x", "when": "next"}
    assert [await sent(support, f"{path}/{door}", **typed) for door in ("charges/preview", "charges")] == [403, 403]
    for change in ({"amount": "0"}, {"amount": "five"}, {"amount": "-5"}, {"description": " "}):
        assert await sent(owner, f"{path}/charges/preview", **{**typed, **change}) == 422, change
    assert await sent(owner, f"{path}/charges", **typed, id="pl_none") == 422
    assert await sent(owner, f"/console/subscriptions/{other}/charges/pl_nothing/withdraw") == 404
    assert await _lines(played, subscription_id) == before


async def test_everything_about_a_customer_is_a_file_for_those_who_may_and_the_audit_says_who(played: Stage) -> None:
    _, customer_id = await _subscription(played, "ana")
    owner, support = await signed_in(played), await signed_in(played, "support@example.com", Role.SUPPORT)
    path = f"/console/customers/{customer_id}"
    assert (await support.press(await support.see(path), f"{path}/export")).status_code == 403
    file = await owner.press(await owner.see(path), f"{path}/export")
    assert file.headers["content-disposition"] == f'attachment; filename="{customer_id}.json"'
    assert (file.headers["cache-control"], json.loads(file.text)["customer"]["id"]) == ("no-store", customer_id)
    other = await played.other_org()
    async with played.runtime.db.transaction() as tx:
        secrets = {
            (org.id, scope): (await keys.create_key(tx, org.id, org.mode, "export", frozenset({scope})))[1]
            for org, scope in ((played.org, "admin"), (played.org, "read"), (other, "admin"))
        }
    found = {}
    async with httpx2.AsyncClient(base_url=played.url, trust_env=False, timeout=30) as http:
        for who, secret in secrets.items():
            headers = {"Authorization": f"Bearer {secret}"}
            found[who] = (await http.get(f"/v1/customers/{customer_id}/export", headers=headers)).status_code
    assert found == {(played.org.id, "admin"): 200, (played.org.id, "read"): 403, (other.id, "admin"): 404}
    async with played.context.transaction() as tx:
        lines = [row for row in await audit.page(tx, object_id=customer_id) if row["action"] == "customer.export"]
    assert [line["actor"].split(":")[0] for line in lines] == ["key", "person"]
