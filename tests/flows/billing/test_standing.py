"""What an operator decides by hand, and the catalogue as a file."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cauce.billing.catalog.rules import BadPlan
from cauce.billing.entitlements.rules import Level
from cauce.flows.billing.catalogue import apply_catalogue, export_catalogue
from cauce.flows.billing.check_access import Check, check_access
from cauce.flows.billing.standing import HandGrant, grant_by_hand, grant_credit, set_suspended
from tests.flows.billing.shop import BEGIN, Shop, flat

DAY = timedelta(days=1)
FILE: dict[str, Any] = {
    "products": [
        {
            "key": "app",
            "name": "The app",
            "description": "",
            "plans": [
                {
                    "key": "pro",
                    "name": "Pro",
                    "published": True,
                    "trial_days": 14,
                    "policy": {"trial_end": "cancel"},
                    "features": {"projects": 10},
                    "prices": [
                        {"key": "base", "currency": "eur", "model": {"type": "flat", "amount_minor": 2900}},
                        {"key": "base", "currency": "jpy", "model": {"type": "flat", "amount_minor": 400}},
                    ],
                }
            ],
        }
    ]
}


async def levels(seller: Shop, customer_id: str) -> list[Level]:
    """What the check says of a customer now."""
    return [one.level for one in await check_access(seller.context, [Check(customer_id)]) if one is not None]


async def test_a_catalogue_file_applied_twice_changes_nothing(seller: Shop) -> None:
    planned = await apply_catalogue(seller.context, FILE, dry_run=True)
    assert [(one.action, one.what) for one in planned] == [("create", "product app"), ("create", "plan pro")]
    assert await apply_catalogue(seller.context, FILE) == planned
    assert await apply_catalogue(seller.context, FILE) == []
    exported = await export_catalogue(seller.context)
    assert exported.pop("exported")["plans"] == ["pro"]
    assert exported == FILE
    assert await apply_catalogue(seller.context, await export_catalogue(seller.context)) == []


async def test_a_changed_plan_is_a_new_version_and_the_old_one_goes_on(seller: Shop) -> None:
    await apply_catalogue(seller.context, FILE)
    await seller.card("ana")
    old = await seller.sign_up("ana", "pro")
    dearer = {"products": [{**FILE["products"][0], "plans": [{**FILE["products"][0]["plans"][0], "name": "Pro 2"}]}]}
    dearer["products"][0]["plans"][0]["prices"] = [
        {"key": "base", "currency": "eur", "model": {"type": "flat", "amount_minor": 3900}}
    ]
    assert [one.action for one in await apply_catalogue(seller.context, dearer)] == ["new_version"]
    await seller.card("bia")
    new = await seller.sign_up("bia", "pro")
    await seller.advance(15 * DAY)
    totals = [(await seller.invoices(one.subscription_id))[0]["total_minor"] for one in (old, new)]
    assert totals == [2_900, 3_900]


@pytest.mark.parametrize(
    "model", [{"type": "flat", "amount_minor": 1.5}, {"type": "per_unit", "unit_amount": 0.1}, {"type": "free"}]
)
async def test_a_price_that_is_no_price_is_refused_and_nothing_is_written(seller: Shop, model: dict[str, Any]) -> None:
    bad = {
        "products": [{"key": "x", "plans": [{"key": "y", "prices": [{"key": "p", "currency": "eur", "model": model}]}]}]
    }
    with pytest.raises(Exception, match=r"model|amount"):
        await apply_catalogue(seller.context, bad)
    assert (await export_catalogue(seller.context))["products"] == []
    with pytest.raises(BadPlan):
        await apply_catalogue(seller.context, {"products": [{"key": "x", "plans": [{"key": "y", "prices": []}]}]})


async def test_suspension_overrides_and_a_grant_by_hand_ends(seller: Shop) -> None:
    await seller.plan("pro", flat(900), trial_days=30, features={"projects": 10})
    done = await seller.sign_up("ana", "pro")
    await set_suspended(seller.context, done.customer_id, True)
    assert await levels(seller, done.customer_id) == [Level.NONE]
    await set_suspended(seller.context, done.customer_id, False)
    assert await levels(seller, done.customer_id) == [Level.FULL]
    await grant_by_hand(
        seller.context, HandGrant(done.customer_id, "migration", level=Level.READ_ONLY, ends_at=BEGIN + 2 * DAY)
    )
    assert await levels(seller, done.customer_id) == [Level.READ_ONLY]
    await seller.advance(3 * DAY)
    assert await levels(seller, done.customer_id) == [Level.FULL]
    assert (await seller.story(done.customer_id))[-1] == "access.revoked"


async def test_credit_by_hand_pays_what_comes(seller: Shop) -> None:
    await seller.plan("pro", flat(900), trial_days=7)
    await seller.card("ana")
    done = await seller.sign_up("ana", "pro")
    await grant_credit(seller.context, done.customer_id, "eur", 1_000, "sorry")
    await seller.advance(7 * DAY)
    (invoice,) = await seller.invoices(done.subscription_id)
    assert (invoice["status"], invoice["credit_minor"], len(seller.cards.tries)) == ("paid", 900, 0)
    assert "customer:ana:credit: 100" in await seller.books()
    await seller.prove()
