"""The console's page of billing conventions: shows what is in force, takes every choice, refuses what is none."""

from __future__ import annotations

from cauce.entrypoints.web.texts import catalogue
from cauce.flows.billing.conventions import Conventions, conventions
from cauce.pricing.discounts import CouponOrder, DiscountRounding
from cauce.pricing.policy import LineRounding
from cauce.pricing.proration import Basis
from cauce.pricing.tax import TaxRounding
from cauce.storage.directory.people import Role
from tests.entrypoints.stage import VIEWER, Stage
from tests.entrypoints.visitor import signed_in

PATH = "/console/settings/conventions"


async def _kept(played: Stage) -> Conventions:
    async with played.context.transaction() as tx:
        return await conventions(tx)


async def test_every_convention_is_shown_chosen_and_refused(played: Stage) -> None:
    owner = await signed_in(played)
    page = await owner.see(PATH)
    assert PATH in await owner.see("/console/settings")
    wanted = Conventions(
        LineRounding.HALF_EVEN, TaxRounding.ONCE_PER_INVOICE, DiscountRounding.PER_LINE, CouponOrder.LISTED, Basis.SECOND,
        {"eur": 50, "jpy": 30}, 5,
    )  # fmt: skip
    typed = {
        name: str(getattr(wanted, name))
        for name in ("rounding", "tax_rounding", "discount_rounding", "coupon_order", "proration_basis")
    }
    saved = await owner.press(page, PATH, **typed, forgive_below="eur 0.50\nJPY 30\n", due_notice_days="5")
    assert await _kept(played) == wanted
    assert "0.50 EUR" in saved.text
    for name, chosen in typed.items():
        assert catalogue("en")[f"conventions.{name}.{chosen}"] in saved.text
    for wrong in (
        {"proration_basis": "none"},
        {"rounding": "up"},
        {"forgive_below": "eur"},
        {"forgive_below": "xyz 1"},
        {"forgive_below": "eur 0"},
        {"due_notice_days": "a week"},
        {"due_notice_days": "-1"},
    ):
        assert (await owner.press(saved.text, PATH, **wrong)).status_code == 422, wrong
    assert await _kept(played) == wanted
    viewer = await signed_in(played, VIEWER, Role.VIEWER)
    assert (await viewer.press(await viewer.see(PATH), PATH)).status_code == 403
    cleared = await owner.press(
        saved.text,
        PATH,
        **{name: str(getattr(Conventions(), name)) for name in typed},
        forgive_below="",
        due_notice_days=str(Conventions().due_notice_days),
    )
    assert cleared.status_code == 200
    assert await _kept(played) == Conventions()


async def test_the_page_speaks_every_language(played: Stage) -> None:
    for language in ("es", "zh"):
        person = await signed_in(played, language=language)
        assert catalogue(language)["conventions.proration_basis.second"] in await person.see(PATH)
