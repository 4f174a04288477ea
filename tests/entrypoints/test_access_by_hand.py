"""Access by hand in the console and over the API: given with a reason and an end, above the bill, extended, ended (I7)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx2

from cauce.billing.entitlements import service as entitlements
from cauce.entrypoints.web.texts import catalogue
from cauce.storage.directory import keys
from cauce.storage.directory.people import Role
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import signed_in

EN = catalogue("en")


async def _customer(one: Stage, who: str) -> str:
    async with one.context.transaction() as tx:
        return str(
            await tx.value("SELECT id FROM customers.customer WHERE org_id = $1 AND external_id = $2", tx.org, who)
        )


async def _held(one: Stage, customer_id: str) -> list[Any]:
    async with one.context.transaction() as tx:
        return await entitlements.grants_of(tx, customer_id, await one.context.now(tx))


async def _day(one: Stage, after: int) -> str:
    async with one.context.transaction() as tx:
        return (await one.context.now(tx) + timedelta(days=after)).date().isoformat()


async def test_a_level_and_a_feature_are_given_shown_extended_and_end_by_themselves(played: Stage) -> None:
    customer_id = await _customer(played, "carla")
    owner, path = await signed_in(played), f"/console/customers/{customer_id}"
    page = await owner.see(path)
    given = {"level": "full", "reason": "waits for <her> bank", "ends_on": await _day(played, 3)}
    shown = await owner.press(page, f"{path}/access", **given)
    assert "waits for &lt;her&gt; bank" in shown.text
    assert EN["access.title"] in shown.text
    await owner.press(page, f"{path}/access", feature="projects", value="500", reason="sales promised it")
    (level, feature) = await _held(played, customer_id)
    assert (level["level"], feature["feature"], feature["value"], feature["due_at"]) == ("full", "projects", 500, None)
    assert level["actor"] == "person:ana@example.com"
    page = await owner.see(path)
    later = {"ends_on": await _day(played, 10), "reason": "the bank is slow"}
    extended = await owner.press(page, f"{path}/access/{level['id']}/extend", **later)
    assert "the bank is slow" in extended.text
    await played.advance(timedelta(days=5))
    assert [row["id"] for row in await _held(played, customer_id)] == [level["id"], feature["id"]]
    await played.advance(timedelta(days=7))
    assert [row["id"] for row in await _held(played, customer_id)] == [feature["id"]], "a grant ends by its timer"
    late = await owner.press(page, f"{path}/access/{level['id']}/extend", **later)
    assert late.status_code in (404, 422)
    await owner.press(await owner.see(path), f"{path}/access/{feature['id']}/end")
    assert await _held(played, customer_id) == []
    async with played.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT type FROM storage.event WHERE org_id = $1 AND customer_id = $2 AND data ? 'grant' ORDER BY id", tx.org, customer_id
        )  # fmt: skip
    assert [row["type"] for row in rows] == ["access.granted"] * 3 + ["access.revoked"] * 2


async def test_bad_grants_are_named_and_change_nothing_and_others_may_not(played: Stage) -> None:
    customer_id, other = await _customer(played, "ana"), await _customer(played, "bruno")
    owner, path = await signed_in(played), f"/console/customers/{customer_id}"
    page = await owner.see(path)
    bad: list[dict[str, str]] = [
        {"level": "full", "feature": "x", "reason": "both"}, {"reason": "neither"}, {"level": "king", "reason": "x"},
        {"level": "full", "reason": " "}, {"level": "full", "reason": "past", "ends_on": "2020-01-01"},
        {"level": "full", "reason": "x", "ends_on": "soon"},
    ]  # fmt: skip
    for one in bad:
        assert (await owner.press(page, f"{path}/access", **one)).status_code == 422, one
    assert (await owner.press(page, f"{path}/access", level="full", reason="x", product="prod_none")).status_code == 404
    assert await _held(played, customer_id) == []
    await owner.press(page, f"{path}/access", level="read_only", reason="legal hold")
    (grant,) = await _held(played, customer_id)
    page = (await owner.see(path)).replace(customer_id, other)
    for verb in ("extend", "end"):
        answer = await owner.press(page, f"/console/customers/{other}/access/{grant['id']}/{verb}", reason="x")
        assert answer.status_code == 404, verb
    viewer = await signed_in(played, "viewer@example.com", Role.VIEWER)
    tokens = re.findall(r'form_token" value="(\w+)"', await viewer.see(path))
    sent = await viewer.http.post(f"{path}/access", data={"level": "full", "reason": "x", "form_token": tokens[0]})
    assert sent.status_code == 403
    assert [row["id"] for row in await _held(played, customer_id)] == [grant["id"]]


async def test_the_api_extends_a_grant_once(played: Stage) -> None:
    customer_id = await _customer(played, "bruno")
    async with played.runtime.db.transaction() as tx:
        _, secret = await keys.create_key(tx, played.org.id, played.org.mode, "grants", frozenset({"admin"}))
    headers = {"Authorization": f"Bearer {secret}"}
    ends = (await _day(played, 20)) + "T00:00:00Z"
    async with httpx2.AsyncClient(base_url=played.url, trust_env=False, timeout=30, headers=headers) as http:
        made = await http.post("/v1/customers/bruno/grants", json={"reason": "trial", "level": "full", "ends_at": ends})
        path = f"/v1/customers/bruno/grants/{made.json()['id']}/extend"
        for _ in range(2):
            body = {"ends_at": None, "reason": "for good"}
            moved = await http.post(path, json=body, headers={"Idempotency-Key": "extend-1"})
            assert (moved.status_code, moved.json()["ends_at"]) == (200, None)
        unknown = await http.post(
            "/v1/customers/bruno/grants", json={"reason": "x", "level": "full", "product": "none"}
        )
        assert unknown.status_code == 404
        assert (await http.post(path.replace("bruno", "ana"), json=body)).status_code == 404
    (grant,) = await _held(played, customer_id)
    assert (grant["reason"], grant["due_at"]) == ("for good", None)
