"""A customer's people: the portal's page of the team, the mailed invitation, and `/v1/members`."""

from __future__ import annotations

import re

from cauce.billing.catalog.rules import PlanPolicy
from cauce.entrypoints.web.texts import catalogue
from cauce.entrypoints.web.visits import make_link
from tests.entrypoints.stage import Stage
from tests.entrypoints.test_api_billing import EUR, caller, product
from tests.entrypoints.visitor import let_in, visitor
from tests.flows.billing.shop import flat, per_unit
from tests.support.runtime import World

EN = catalogue("en")
__all__ = ["product"]


async def test_a_team_invites_by_mail_and_whoever_opens_the_link_joins(played: Stage) -> None:
    home, shop = f"/portal/{played.org.public_id}", played.shop
    await shop.plan("crew", flat(1_000), per_unit("500"), policy=PlanPolicy(seats="seats"))
    await shop.card("crewco")
    done = await shop.sign_up("crewco", "crew", quantities={"seats": "2"})
    boss = await let_in(played, await make_link(played.context, done.customer_id))
    assert f'href="{home}/team"' in await boss.see(f"{home}/account")
    page = await boss.see(f"{home}/team")
    assert "0 of 2 seats taken" in page
    asked = await boss.press(page, "/team/invite", email="kim@customers.example", name="Kim <b>")
    assert "1 of 2 seats taken" in asked.text and "Kim &lt;b&gt;" in asked.text and EN["state.invited"] in asked.text
    await played.work()
    (mail,) = [one for one in played.mail.taken if one.to_address == "kim@customers.example"]
    found = re.search(r"/portal/org_\w+/invitation\?token=\S+", mail.text)
    assert found is not None and "Crewco" in mail.subject
    guest = visitor(played.url)
    door = await guest.see(found[0])
    assert EN["team.join"] in door and "1 of 2" in await boss.see(f"{home}/team"), "a mail scanner joins nothing"
    assert "kim@customers.example" in door
    joined = await guest.press(door, "/invitation")
    assert joined.status_code == 200 and EN["team.joined"].format(team="Crewco") in joined.text
    assert (await guest.http.get(f"{home}/invitation", params={"token": "x" + found[0][-20:]})).status_code == 401
    # The second seat, then none is left; a removed person's is free at once.
    full = await boss.press(await boss.see(f"{home}/team"), "/team/invite", email="lee@customers.example", name="")
    assert EN["team.full"] in full.text and "2 of 2 seats taken" in full.text
    refused = await boss.http.post(
        f"{home}/team/invite", data={"email": "max@customers.example", "form_token": token(page)}
    )
    assert refused.status_code == 409
    freed = await boss.press(full.text, "/remove")
    assert "1 of 2 seats taken" in freed.text and "kim@customers.example" not in freed.text
    assert EN["team.withdrawn"] in await guest.see(found[0])
    # Nobody touches another customer's people.
    other = await shop.sign_up("crewtoo", "starter", collection="send_invoice")
    stranger = await let_in(played, await make_link(played.context, other.customer_id))
    (path,) = re.findall(rf"{home}/team/mem_\w+/remove", freed.text)
    answer = await stranger.http.post(path, data={"form_token": token(await stranger.see(f"{home}/team"))})
    assert answer.status_code == 404


def token(page: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


async def test_members_over_rest_from_invitation_to_the_check_of_access(product: World) -> None:
    one = await caller(product)
    await one.done("POST", "/products", {"key": "app", "name": "App"})
    plan = {
        "key": "crew", "product": "app", "name": "Crew", "features": {"boards": True}, "policy": {"seats": "seats"},
        "trial_days": 14,
        "prices": [{"key": "seats", "currency": "eur", "model": {"type": "per_unit", "unit_amount": "500"}}],
    }  # fmt: skip
    await one.done("POST", "/plans", plan)
    wanted = {
        "customer": {"external_id": "acme", "email": "boss@acme.example"},
        "plan": "crew",
        **EUR,
        "quantities": {"seats": "1"},
    }
    await one.done("POST", "/subscriptions", wanted)
    asked = await one.done("POST", "/customers/acme/members", {"email": "Kim@acme.example", "external_id": "user_kim"})
    assert (asked["state"], asked["email"]) == ("invited", "kim@acme.example") and "/invitation?token=" in asked["url"]
    refused = await one.send("POST", "/customers/acme/members", {"email": "lee@acme.example"})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_seat_free")
    listed = await one.get("/customers/acme/members")
    assert (listed["seats"], [row["id"] for row in listed["data"]]) == (
        {"total": 1, "used": 1, "free": 0},
        [asked["id"]],
    )
    missing = await one.client.get("/v1/entitlements/check", params={"customer": "user_kim", "feature": "boards"})
    assert missing.status_code == 404, "who has not joined is nobody yet"
    assert (await one.done("POST", f"/members/{asked['id']}/join", {}))["state"] == "joined"
    checked = await one.get("/entitlements/check", customer="user_kim", feature="boards")
    assert checked["allowed"] is True
    assert (await one.done("DELETE", f"/members/{asked['id']}"))["state"] == "removed"
    answer = await one.client.get("/v1/entitlements/check", params={"customer": "user_kim", "feature": "boards"})
    assert answer.status_code == 404
    assert (await one.get("/customers/acme/members"))["seats"] == {"total": 1, "used": 0, "free": 1}
    told = [row["type"] for row in (await one.get("/events", limit=50))["data"] if row["type"].startswith("member.")]
    assert sorted(told) == ["member.invited", "member.joined", "member.removed"]
    for body in ({"email": "nobody"}, {"email": "a@b", "role": "king"}, {"email": "a@b", "seat": 1}):
        assert (await one.send("POST", "/customers/acme/members", body)).status_code == 422
    assert (await one.client.delete("/v1/members/mem_nobody")).status_code == 404
