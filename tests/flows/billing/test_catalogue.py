"""The catalogue as a file, whoever made what is sold: round trips, and what a file that omits a plan means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.files import price_to_file
from cauce.billing.catalog.policy_parts import GrantedCredit, UsageLimit
from cauce.billing.catalog.products import terms_of
from cauce.billing.catalog.rules import (
    BadPlan,
    ChangePolicy,
    ChangeRule,
    ChangeTiming,
    NewPhase,
    NewPlan,
    NewPrice,
    PlanPolicy,
    PriceKind,
    ProrationBehavior,
)
from cauce.billing.catalog.service import NewCoupon
from cauce.flows.billing.catalogue import apply_catalogue, export_catalogue
from cauce.flows.billing.usage import create_meter
from cauce.kernel.errors import InvalidRequest
from cauce.pricing.schedule import Billing
from cauce.storage.directory.orgs import Mode, create_org
from tests.flows.billing.shop import BEGIN, Shop, flat

STEPS = {"type": "graduated", "tiers": [{"up_to": "10", "unit_amount": "100"}, {"up_to": None, "unit_amount": "80"}]}
PRICES = (
    flat(2_900, phases=(NewPhase({"type": "flat", "amount_minor": 900}, 2, "quarter"),)),
    flat(400, currency="jpy"),
    flat(500, "extra", role="addon"),
    NewPrice(
        "calls",
        "eur",
        {**STEPS, "minimum_minor": 700, "included_units": "3"},
        PriceKind.USAGE,
        billing=Billing.IN_ARREARS,
        meter_key="calls",
    ),
    NewPrice("setup", "eur", {"type": "flat", "amount_minor": 5_000}, PriceKind.ONE_TIME, tax_category="reduced"),
)
POLICY = PlanPolicy(
    granted_credit=GrantedCredit({"eur": 1_000}, "days", 45),
    change=ChangePolicy(downgrade=ChangeRule(ChangeTiming.NOW, ProrationBehavior.NONE)),
    limits=(UsageLimit("projects", "calls", "allow", (50, 90)),),
    notice_days=(5, 1),
)


async def made_without_a_file(seller: Shop) -> None:
    """A catalogue as the API makes it: every kind of thing, one product without plans, one archived plan."""
    await create_meter(seller.context, "calls", "sum", name="Calls")
    async with seller.context.transaction() as tx:
        now = await seller.context.now(tx)
        product = await catalog.create_product(
            tx, "app", "The app", now=now, description="Long", category="tools", metadata={"color": "red"}
        )
        seller.product_id = product
        await catalog.create_product(tx, "empty", "Nothing yet", now=now)
        plan = NewPlan(
            "pro",
            product,
            "Pro",
            PRICES,
            14,
            {"projects": 10, "sso": True},
            ({"key": "size", "type": "select", "choices": [{"value": "l", "add_minor": 100}]},),
            POLICY,
            {"kept": "by me"},
            {"tier": "2"},
        )
        await catalog.create_plan(tx, plan, now=now)
        hidden = await catalog.create_plan(tx, NewPlan("hidden", product, "Hidden", (flat(100),)), now=now)
        await catalog.set_published(tx, (await catalog.read_plans(tx, [hidden]))[hidden], False, now=now)
        gone = await catalog.create_plan(tx, NewPlan("gone", product, "Gone", (flat(100),)), now=now)
        await catalog.archive_plan(tx, gone, now=now)
        till = datetime(2027, 1, 1, tzinfo=UTC)
        for coupon in (
            NewCoupon("HALF", "50", duration="repeating", duration_periods=3, product_ids=(product,)),
            NewCoupon("FIVE", amount_minor=500, currency="eur", redemptions_max=9, expires_at=till, name="Five off"),
        ):
            await catalog.create_coupon(tx, coupon, now=now)
        await catalog.put_tax_rate(tx, "ES", "21.5", name="IVA")
        await catalog.put_tax_rate(tx, "", "0")


async def told(seller: Shop, content: dict[str, Any], **how: bool) -> list[tuple[str, str]]:
    """The difference, without writing."""
    found = await apply_catalogue(seller.context, content, dry_run=True, **how)
    return [(one.action, one.what) for one in found]


async def written(seller: Shop) -> dict[str, Any]:
    """The exported file, through YAML as people keep it."""
    content: dict[str, Any] = yaml.safe_load(yaml.safe_dump(await export_catalogue(seller.context), sort_keys=False))
    return content


async def sold(seller: Shop) -> list[Any]:
    """What is sold, without the ids."""
    async with seller.context.transaction() as tx:
        plans = await catalog.latest_plans(tx)
        prices = await catalog.sold_prices(tx, [plan.id for plan in plans])
        products = {row["id"]: (row["key"], terms_of(row)) for row in await catalog.list_products(tx)}
        coupons = await tx.rows(
            "SELECT code, name, percent, amount_minor, currency, duration, duration_periods, first_purchase,"
            " redemptions_max, expires_at FROM catalog.coupon WHERE org_id = $1 ORDER BY code",
            tx.org,
        )
        return [
            [
                (
                    products[plan.product_id],
                    replace(plan, id="", product_id="", version=0, from_file=False),
                    [price_to_file(price) for price in prices[plan.id]],
                )
                for plan in plans
                if plan.state != "archived"
            ],
            sorted(products.values(), key=lambda one: one[0]),
            [tuple(row) for row in coupons],
            await catalog.tax_rates(tx),
        ]


async def test_what_was_made_without_a_file_is_exported_and_applied_again_it_changes_nothing(seller: Shop) -> None:
    await made_without_a_file(seller)
    content = await written(seller)
    assert await told(seller, content, archive_missing=True) == []
    assert [plan["key"] for plan in content["products"][0]["plans"]] == ["hidden", "pro"], (
        "what is archived is left out"
    )
    assert await apply_catalogue(seller.context, content) == []


async def test_an_exported_file_makes_the_same_catalogue_in_an_empty_organization(seller: Shop) -> None:
    await made_without_a_file(seller)
    content = await written(seller)
    async with seller.runtime.db.transaction() as tx:
        org = await create_org(tx, "Copy", Mode.SANDBOX, frozen_at=BEGIN)
    other = Shop(seller.runtime, org.id, seller.cards)
    assert ("create", "plan pro") in await told(other, content)
    await apply_catalogue(other.context, content)
    assert await sold(other) == await sold(seller)
    assert await told(other, content, archive_missing=True) == []
    copied, original = await written(other), content
    assert copied.pop("exported") != original.pop("exported"), "each says where it is from"
    assert copied == original


async def test_a_plan_made_after_the_file_stays_and_one_taken_out_of_it_goes(seller: Shop) -> None:
    await made_without_a_file(seller)
    content = await written(seller)
    await seller.plan("later", flat(700))
    assert await told(seller, content, archive_missing=True) == [("keep", "plan later")]
    content["products"][0]["plans"] = [one for one in content["products"][0]["plans"] if one["key"] != "hidden"]
    wanted = [("archive", "plan hidden"), ("keep", "plan later")]
    assert await told(seller, content, archive_missing=True) == wanted
    elsewhere = {**content, "exported": {**content["exported"], "organization": "org_other"}}
    assert ("keep", "plan hidden") in await told(seller, elsewhere, archive_missing=True)
    by_hand = {"products": content["products"]}
    assert ("keep", "plan hidden") in await told(seller, by_hand, archive_missing=True), "not by a file, not in one"
    await apply_catalogue(seller.context, content, archive_missing=True)
    async with seller.context.transaction() as tx:
        states = {plan.key: plan.state for plan in await catalog.latest_plans(tx)}
    assert states == {"gone": "archived", "hidden": "archived", "later": "published", "pro": "published"}


async def test_a_plan_that_came_by_a_file_goes_when_a_file_omits_it(seller: Shop) -> None:
    one = {"key": "a", "prices": [{"key": "base", "currency": "eur", "model": {"type": "flat", "amount_minor": 1}}]}
    await apply_catalogue(seller.context, {"products": [{"key": "app", "plans": [one, {**one, "key": "b"}]}]})
    fewer = {"products": [{"key": "app", "plans": [one]}]}
    assert await told(seller, fewer) == []
    assert await told(seller, fewer, archive_missing=True) == [("archive", "plan b")]


async def test_words_and_visibility_change_in_place_and_terms_by_a_new_version(seller: Shop) -> None:
    await made_without_a_file(seller)
    content = await written(seller)
    app = content["products"][0]
    hidden, pro = app["plans"]
    app["category"], pro["metadata"], hidden["published"] = "suite", {"tier": "3"}, True
    content["coupons"][0]["redemptions_max"] = 20
    changed = [
        ("update", "product app"),
        ("publish", "plan hidden"),
        ("update", "plan pro"),
        ("update", "coupon FIVE"),
    ]
    assert await told(seller, content) == changed
    await apply_catalogue(seller.context, content)
    assert await told(seller, content) == []
    hidden["published"] = False
    await apply_catalogue(seller.context, content)
    hidden["features"] = {"sso": 1}
    assert await told(seller, content) == [("new_version", "plan hidden")]
    await apply_catalogue(seller.context, content)
    async with seller.context.transaction() as tx:
        plan = await catalog.latest_plan(tx, "hidden")
    assert (plan.version, plan.state) == (2, "unpublished")
    hidden["features"] = {"sso": True}
    assert await told(seller, content) == [("new_version", "plan hidden")], "true is not 1"


@pytest.mark.parametrize(
    "change",
    [
        {"coupons": [{"code": "HALF", "percent": "60"}]},
        {"coupons": [{"code": "NEW", "percent": "10", "products": ["nobody"]}]},
        {"coupons": [{"code": "NEW", "amount_minor": 10}]},
        {"coupons": [{"code": "NEW", "percent": "10", "expires_at": "2027-01-01T00:00:00"}]},
        {"tax_rates": [{"country": "Spain", "percent": "21"}]},
        {"tax_rates": [{"country": "ES", "percent": "2100"}]},
        {"meters": [{"key": "calls", "aggregation": "max"}]},
        {"productz": []},
        {"products": [{"key": "x", "plans": [{"key": "p", "prices": [{"key": "b", "currency": "eur"}]}]}]},
    ],
)
async def test_a_file_that_cannot_be_is_refused_whole(seller: Shop, change: dict[str, Any]) -> None:
    await made_without_a_file(seller)
    before = await written(seller)
    with pytest.raises(InvalidRequest):
        await apply_catalogue(seller.context, {"products": [{"key": "new"}], **change})
    assert await written(seller) == before


async def test_a_misspelt_field_of_a_price_or_policy_is_refused_and_no_silent_default(seller: Shop) -> None:
    base = {"key": "base", "currency": "eur", "model": {"type": "flat", "amount_minor": 1}}
    for plan in (
        {"key": "p", "prices": [{**base, "intervall": "year"}]},
        {"key": "p", "prices": [base], "policy": {"trail_end": "cancel"}},
        {"key": "p", "prices": [base], "policy": {"dunning": {"retry_day": [1]}}},
        {"key": "p", "prices": [base], "trial_day": 3},
    ):
        with pytest.raises(BadPlan, match="has no field"):
            await apply_catalogue(seller.context, {"products": [{"key": "app", "plans": [plan]}]})


async def test_an_archived_product_offers_its_plans_nowhere_and_comes_back(seller: Shop) -> None:
    await made_without_a_file(seller)
    async with seller.context.transaction() as tx:
        row = await catalog.find_product(tx, "empty")
        assert row is not None
        now = await seller.context.now(tx)
        assert await catalog.change_product(tx, row["id"], name="Nothing", archived=True, now=now)
        assert not await catalog.change_product(tx, row["id"], name="Nothing", archived=True, now=now)
    assert await seller.story(row["id"]) == ["product.created", "product.archived"]
    assert [one["key"] for one in (await written(seller))["products"]] == ["app"]
