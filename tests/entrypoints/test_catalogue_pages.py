"""The catalogue by hand: products, plans as versions with their preview, prices, coupons; what the file and the API show of it (A6)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cauce.billing.catalog import service as catalog
from cauce.entrypoints.console.plan_form import plan_content, plan_fields
from cauce.entrypoints.web.texts import catalogue
from cauce.flows.billing.catalogue import apply_catalogue, export_catalogue
from cauce.flows.billing.plan_versions import PlanChangedMeanwhile, content_of, make_version
from cauce.kernel.errors import InvalidRequest
from cauce.storage.directory.people import Role
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import Visitor, signed_in, visitor

EN = catalogue("en")

RICH: dict[str, Any] = {
    "key": "rich",
    "name": "Rich",
    "trial_days": 7,
    "policy": {"trial_end": "cancel"},
    "features": {"projects": 10, "export": True, "support": "by mail"},
    "options": [{"key": "region", "type": "select", "required": True, "choices": [{"value": "eu"}]}],
    "prices": [
        {"key": "base", "currency": "eur", "interval": "year", "interval_count": 2, "model": {"type": "flat", "amount_minor": 29_01},
         "phases": [{"periods": 1, "model": {"type": "flat", "amount_minor": 900}}]},
        {"key": "seats", "currency": "jpy", "model": {"type": "per_unit", "unit_amount": "10.5"}, "nickname": "Seats"},
        {"key": "calls", "currency": "eur", "kind": "usage", "billing": "in_arrears", "meter_key": "calls",
         "model": {"type": "graduated", "tiers": [{"up_to": "100", "unit_amount": "10"}, {"up_to": None, "unit_amount": "0.5", "flat_minor": 500}]}},
        {"key": "sms", "currency": "usd", "model": {"type": "package", "size": "1000", "package_minor": 1_200}, "tax_inclusive": True},
        {"key": "rare", "currency": "eur", "model": {"type": "markup", "multiplier": "1.5"}},
        {"key": "least", "currency": "eur", "model": {"type": "per_unit", "unit_amount": "5", "minimum_minor": 100}},
    ],
}  # fmt: skip


async def _plan(one: Stage, key: str) -> Any:
    async with one.context.transaction() as tx:
        return await catalog.latest_plan(tx, key)


async def _product(one: Stage) -> str:
    async with one.context.transaction() as tx:
        return str((await catalog.list_products(tx))[0]["id"])


async def _previewed(person: Visitor, path: str, **typed: str) -> str:
    seen = await person.press(await person.see(path), "/console/plans/preview", do="preview", **typed)
    assert seen.status_code == 200, seen.text
    return seen.text


def test_a_form_loses_nothing_of_a_plan_and_reads_amounts_exactly() -> None:
    fields = plan_fields(RICH)
    assert plan_content(fields) == RICH
    assert fields["price0_amount"] == "29.01"
    assert fields["price1_amount"] == "10.5"  # yen has no minor unit
    assert fields["price2_tiers"] == "100 0.1\n* 0.005 5.00"
    assert (fields["price4_model"], fields["price5_model"]) == ("other", "other")


@pytest.mark.parametrize(
    ("param", "change"),
    [
        ("price0_amount", {"price0_amount": "29.001"}),
        ("price0_amount", {"price0_amount": "-1"}),
        ("price0_amount", {"price0_amount": "much"}),
        ("price0_amount", {"price0_model": "per_unit", "price0_amount": "NaN"}),
        ("price0_tiers", {"price0_model": "graduated", "price0_tiers": "100"}),
        ("price0_model", {"price0_model": "barter"}),
        ("price0_more", {"price0_more": "interval: week"}),
        ("price0_more", {"price0_model": "other", "price0_more": "model: flat"}),
        ("trial_days", {"trial_days": "-1"}),
        ("features", {"features": "projects: 1.5"}),
        ("features", {"features": "since: 2026-01-01"}),
        ("features", {"features": "a: &a [1]\nb: *a"}),
        ("more", {"more": "prices: []"}),
        ("key", {"key": " "}),
    ],
)
def test_what_cannot_be_sold_is_named_by_its_field(param: str, change: dict[str, str]) -> None:
    fields = {"key": "x", "price0_key": "base", "price0_currency": "eur", "price0_model": "flat", "price0_amount": "1"}
    with pytest.raises(InvalidRequest) as refused:
        plan_content({**fields, **change})
    assert refused.value.param == param


async def test_a_plan_is_previewed_then_made_then_changed_as_a_version(played: Stage) -> None:
    owner, product = await signed_in(played), await _product(played)
    typed = {
        "product": product, "key": "studio", "name": "Studio", "trial_days": "14", "features": "projects: 5",
        "price0_key": "base", "price0_currency": "eur", "price0_model": "flat", "price0_amount": "49,50",
    }  # fmt: skip
    seen = await _previewed(owner, "/console/plans/new", **typed)
    assert "€49.50" in seen
    with pytest.raises(Exception, match="studio"):
        await _plan(played, "studio")
    made = await owner.press(seen, "/console/plans")
    assert "€49.50 a month" in made.text
    plan = await _plan(played, "studio")
    assert (plan.version, plan.trial_days, plan.features) == (1, 14, {"projects": 5})
    assert "Studio" in await visitor(played.url).see(f"/portal/{played.org.public_id}")
    done = await played.shop.sign_up("studio-buyer", "studio")
    more = await owner.press(await owner.see(f"/console/plans/{plan.id}/edit"), "/console/plans/preview", do="more")
    assert 'name="price1_key"' in more.text
    seen = (
        await owner.press(
            more.text, "/console/plans/preview", do="preview", price0_amount="59",
            price1_key="seats", price1_currency="eur", price1_model="graduated", price1_tiers="10 5.00\n* 4.00",
        )
    ).text  # fmt: skip
    assert "€59.00" in seen
    assert "€410.00" in seen  # 10 at 5 and 90 at 4
    assert EN["state.changed"] in seen
    assert EN["state.new"] in seen
    assert re.search(rf"{EN['plans.keep']}</dt><dd>\s*1\s", seen)
    await owner.press(seen, "/console/plans")
    newest = await _plan(played, "studio")
    assert newest.version == 2
    assert (await played.shop.subscription(done.subscription_id)).plan_id == plan.id, "whoever has the old one keeps it"
    again = await owner.press(seen, "/console/plans")
    assert again.status_code == 409, "a preview is made once"
    exported = await export_catalogue(played.context)
    assert await apply_catalogue(played.context, exported) == [], "what was made by hand is in the file"


async def test_a_plan_of_a_call_is_edited_without_loss_and_mistakes_come_back_with_the_form(played: Stage) -> None:
    owner, before = await signed_in(played), await _plan(played, "team")
    assert not before.content, "made by a call"
    page = await owner.see(f"/console/plans/{before.id}/edit")
    wrong = await owner.press(page, "/console/plans/preview", do="preview", price0_amount="much", name="Kept <name>")
    assert wrong.status_code == 422
    assert "price0_amount" in wrong.text
    assert "Kept &lt;name&gt;" in wrong.text
    unsold = await owner.press(page, "/console/plans/preview", do="preview", price0_key="", price1_key="")
    assert unsold.status_code == 422
    seen = await owner.press(page, "/console/plans/preview", do="preview", name="Team 2")
    assert seen.text.count(EN["state.same"]) == 2
    await owner.press(seen.text, "/console/plans")
    after = await _plan(played, "team")
    assert (after.version, after.name) == (before.version + 1, "Team 2")
    assert (after.features, after.trial_days, after.policy) == (before.features, before.trial_days, before.policy)
    async with played.context.transaction() as tx:
        content = {**await content_of(tx, after), "name": "Team"}
    with pytest.raises(PlanChangedMeanwhile):
        await make_version(played.context, after.product_id, content, after=before.version)
    await make_version(played.context, after.product_id, content, after=after.version)


async def test_plans_prices_and_products_are_hidden_archived_and_shown_again(played: Stage) -> None:
    owner, plan = await signed_in(played), await _plan(played, "starter")
    path, shown = f"/console/plans/{plan.id}", f"/portal/{played.org.public_id}"
    stranger = visitor(played.url)
    assert "/try/starter/" in await stranger.see(shown)
    await owner.press(await owner.see(path), f"{path}/unpublish")
    assert "/try/starter/" not in await stranger.see(shown)
    await owner.press(await owner.see(path), f"{path}/publish")
    page = await owner.see(path)
    price = re.findall(rf'action="{path}/prices/(price_\w+)/archive"', page)[1]
    done = await owner.press(page, f"/prices/{price}/archive")
    assert f"/prices/{price}/archive" not in done.text
    team = await _plan(played, "team")
    foreign = await owner.press(
        page.replace(path, f"/console/plans/{team.id}"), f"/console/plans/{team.id}/prices/{price}/archive"
    )
    assert foreign.status_code == 404
    listed = await owner.see("/console/plans")
    made = await owner.press(
        listed, "/console/products", key="books", name="Books", description="Printed <i>things</i>"
    )
    assert "Printed &lt;i&gt;things&lt;/i&gt;" in made.text
    assert (await owner.press(made.text, "/console/products", key="books", name="Again")).status_code == 422
    async with played.context.transaction() as tx:
        product = (await catalog.find_product(tx, "books"))["id"]  # type: ignore[index]
    await owner.press(made.text, f"/console/products/{product}", name="Bücher")
    archived = await owner.press(made.text, f"/console/products/{product}/archive")
    assert "Bücher" in archived.text
    restored = await owner.press(archived.text, f"/console/products/{product}/restore")
    assert f"/console/products/{product}/restore" not in restored.text


async def test_a_coupon_is_made_redeemed_and_archived(played: Stage) -> None:
    owner = await signed_in(played)
    page = await owner.see("/console/coupons")
    assert EN["coupons.none"] in page
    typed = {"code": "WELCOME", "percent": "12,5", "redemptions_max": "1", "last_day": "2030-01-31"}
    made = await owner.press(page, "/console/coupons", **typed)
    assert "12.5 %" in made.text
    bad: list[dict[str, str]] = [
        typed, {"code": "a b", "percent": "5"}, {"code": "X"}, {"code": "X", "percent": "5", "amount": "5"}, {"code": "X", "percent": "101"},
        {"code": "X", "percent": "5", "duration": "repeating"}, {"code": "X", "amount": "5", "currency": "xyz"},
        {"code": "X", "percent": "5", "redemptions_max": "0"}, {"code": "X", "percent": "5", "last_day": "soon"},
    ]  # fmt: skip
    for one in bad:
        assert (await owner.press(page, "/console/coupons", **one)).status_code == 422, one
    await played.shop.sign_up("thrifty", "starter", coupon="WELCOME")
    used = await owner.see("/console/coupons")
    assert "1 / 1" in used
    assert EN["state.used_up"] in used
    gone = await owner.press(used, "/console/coupons/WELCOME/archive")
    assert "/console/coupons/WELCOME/archive" not in gone.text


async def test_who_may_not_sell_changes_nothing(played: Stage) -> None:
    support, plan = await signed_in(played, "support@example.com", Role.SUPPORT), await _plan(played, "starter")
    token = re.findall(r'form_token" value="(\w+)"', await support.see(f"/console/plans/{plan.id}"))[0]
    for path in (
        f"/console/plans/{plan.id}/archive",
        "/console/plans",
        "/console/plans/preview",
        "/console/coupons",
        "/console/products",
    ):
        assert (await support.http.post(path, data={"form_token": token})).status_code == 403, path
    assert (await _plan(played, "starter")).state == plan.state
