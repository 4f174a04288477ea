"""Merchants over real HTTP after they were made: edited, restricted, let in again, closed; told once, audited, kept apart."""

from __future__ import annotations

from cauce.storage import audit, outbox
from cauce.storage.directory.orgs import Org
from tests.entrypoints.test_api_marketplace import market, person, product
from tests.support.runtime import World

__all__ = ["product"]


async def _told(product: World, org: Org, merchant_id: str) -> list[tuple[str, list[str]]]:
    async with product.context(org).transaction() as tx:
        found = await outbox.events_of(tx, merchant_id)
    return [(one["data"]["state"], one["data"]["changed"]) for one in found if one["type"] == "merchant.updated"]


async def test_a_merchant_is_edited_restricted_let_in_again_and_closed(product: World) -> None:
    org = await product.sandbox_org()
    maker = await person(product, org)
    made = await maker.done("/merchants", {"name": "Ana", "external_id": "ana-7"})
    path = f"/merchants/{made['id']}"
    change = {"name": "Ana Ltd", "email": "ana@example.com", "metadata": {"tier": "gold"}}
    changed = await maker.done(path, change, method="PATCH")
    assert {name: changed[name] for name in change} == change
    assert (changed["external_id"], changed["state"]) == ("ana-7", "active")
    assert await maker.done(path, change, method="PATCH") == changed, "no change, no effect"
    person_on_the_street = {"legal_form": "natural_person", "trade_place": "physical"}
    assert (await maker.send(path, person_on_the_street, method="PATCH")).status_code == 422
    assert await maker.refused(f"{path}/reactivate", {}) == (409, "illegal_transition")
    assert (await maker.done(f"{path}/restrict", {"reason": "complaints"}))["state"] == "restricted"
    refused = await maker.send(f"{path}/restrict", {})
    assert refused.json()["allowed"] == ["close", "reactivate", "update"]
    assert (await maker.done(f"{path}/reactivate", {}))["state"] == "active"
    assert (await maker.done(f"{path}/close", {}))["state"] == "closed"
    assert (await maker.send(path, {"name": "Bo"}, method="PATCH")).status_code == 409
    assert await maker.refused(f"{path}/reactivate", {}) == (409, "illegal_transition")
    steps = [("restricted", ["state"]), ("active", ["state"]), ("closed", ["state"])]
    assert await _told(product, org, made["id"]) == [("active", ["email", "metadata", "name"]), *steps]
    async with product.context(org).transaction() as tx:
        lines = [row["action"] for row in await audit.page(tx, object_id=made["id"])]
    assert lines == ["merchant.close", "merchant.reactivate", "merchant.restrict", "merchant.update"]
    reader = await person(product, org, "read")
    assert (await reader.refused(f"{path}/close", {}))[0] == 403
    stranger = await person(product, await product.sandbox_org())
    assert (await stranger.refused(f"{path}/close", {}))[0] == 404
    assert (await stranger.send(path, {"name": "Eve"}, method="PATCH")).status_code == 404


async def test_payouts_of_one_merchant_are_paused_by_who_may_and_everybody_sees_it(product: World) -> None:
    org = await product.sandbox_org()
    maker, reader = await person(product, org), await person(product, org, "read")
    made = await maker.done("/merchants", {"name": "Ana", "external_id": "ana-7"})
    path = f"/merchants/{made['id']}"
    assert made["payouts_paused"] is False
    assert (await reader.refused(f"{path}/pause_payouts", {}))[0] == 403
    assert (await maker.send(f"{path}/pause_payouts", {"reason": "x" * 501})).status_code == 422
    assert (await maker.done(f"{path}/pause_payouts", {"reason": "no invoice"}))["payouts_paused"] is True
    (stands,) = (await reader.get("/payout_pauses"))["data"]
    assert (stands["merchant"], stands["reason"]) == (made["id"], "no invoice")
    stranger = await person(product, await product.sandbox_org())
    assert (await stranger.refused(f"{path}/resume_payouts", {}))[0] == 404
    assert (await maker.done(f"{path}/resume_payouts", {}))["payouts_paused"] is False
    await maker.done(f"{path}/resume_payouts", {})
    async with product.context(org).transaction() as tx:
        lines = [row["action"] for row in await audit.page(tx, object_id=made["id"])]
    assert lines == ["payouts.resume", "payouts.pause"], "what changed nothing is no line"


async def test_a_merchant_with_anything_open_is_not_closed_and_a_restricted_one_sells_nothing(product: World) -> None:
    shop = await market(product)
    found = {one["external_id"]: one["id"] for one in (await shop.maker.get("/merchants"))["data"]}
    await shop.maker.done("/orders", shop.order("C-1", ("ana", 1_000, 0), paid=False))
    refused = await shop.maker.send(f"/merchants/{found['ana']}/close", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "merchant_not_closable")
    assert refused.json()["open"] == ["orders"]
    await shop.maker.done(f"/merchants/{found['bo']}/restrict", {})
    order = await shop.maker.send("/orders", shop.order("C-2", ("bo", 1_000, 0), paid=False))
    assert order.json()["code"] == "merchant_not_payable"
    closed = await shop.maker.done(f"/merchants/{found['bo']}/close", {})
    assert [one["state"] for one in closed["accounts"]] == ["closed"]
