"""What is not understood is refused with its own code, and nothing is written: one row for each kind of bad input."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import ChangeTiming
from cauce.billing.catalog.service import NewCoupon
from cauce.billing.customers.rules import CustomerData
from cauce.flows.billing.changes import Change, change, preview_change
from cauce.flows.billing.extra import ExtraCharge, add_charge
from cauce.flows.billing.signup import Signup, sign_up
from cauce.kernel.errors import CauceError
from tests.flows.billing.shop import BEGIN, Shop, flat, per_unit

DAY = timedelta(days=1)
WHO = CustomerData("ana")


async def fingerprint(seller: Shop) -> list[int]:
    """How much there is of everything that billing writes."""
    async with seller.context.transaction() as tx:
        return [
            await tx.value(f"SELECT count(*) FROM {table} WHERE org_id = $1", tx.org)
            for table in (
                "customers.customer", "subscriptions.subscription", "subscriptions.item", "subscriptions.history",
                "subscriptions.change", "subscriptions.discount", "invoicing.invoice", "invoicing.line",
                "invoicing.pending_line", "ledger.journal", "storage.event", "catalog.plan", "catalog.price",
            )
        ]  # fmt: skip


def signing(**more: object) -> Callable[[Shop], Awaitable[object]]:
    """A sign-up that says something wrong."""
    command = {"customer": WHO, "plan": "pro", "currency": "eur", **more}
    return lambda seller: sign_up(seller.context, Signup(**command))  # type: ignore[arg-type]


async def archived(seller: Shop) -> object:
    """A plan that is no longer sold."""
    async with seller.context.transaction() as tx:
        plan_id, _ = await catalog.require_sold(tx, "pro")
        await catalog.archive_plan(tx, plan_id, now=BEGIN, actor="test")
    return await sign_up(seller.context, Signup(WHO, "pro", "eur"))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (signing(quantities={"seats": 1.5}), "bad_quantity"),  # a float
        (signing(quantities={"seats": "-1"}), "bad_quantity"),
        (signing(quantities={"seats": "NaN"}), "bad_quantity"),
        (signing(quantities={"seats": "1e40"}), "bad_quantity"),
        (signing(currency="jpy"), "no_price_in_currency"),
        (signing(plan="none"), "not_found"),
        (signing(addons=("none",)), "invalid_request"),
        (signing(collection="cash"), "invalid_request"),
        (signing(coupon="NONE"), "not_found"),
        (signing(coupon="YEN"), "coupon_not_applicable"),
        (signing(coupon="OTHER"), "coupon_not_applicable"),
        (signing(options={"none": 1}), "bad_option"),
    ],
)
async def test_a_sign_up_that_says_something_wrong_writes_nothing(
    seller: Shop, wrong: Callable[[Shop], Awaitable[object]], code: str
) -> None:
    await seller.plan("pro", flat(900), per_unit("100"))
    async with seller.context.transaction() as tx:
        for name, more in (
            ("YEN", {"currency": "jpy"}),
            ("OTHER", {"currency": "eur", "product_ids": ("prod_other",)}),
        ):
            await catalog.create_coupon(tx, NewCoupon(name, amount_minor=100, **more), now=BEGIN)  # type: ignore[arg-type]
    before = await fingerprint(seller)
    with pytest.raises(CauceError) as refused:
        await wrong(seller)
    assert refused.value.code == code, refused.value
    assert await fingerprint(seller) == before


async def test_what_is_archived_or_of_another_plan_is_not_sold(seller: Shop) -> None:
    await seller.plan("pro", flat(900))
    await seller.plan("other", flat(900, key="foreign"))
    before = await fingerprint(seller)
    with pytest.raises(CauceError):
        await sign_up(seller.context, Signup(WHO, "pro", "eur", quantities={"foreign": "1"}))
    assert await fingerprint(seller) == before
    with pytest.raises(CauceError, match="pro"):
        await archived(seller)


async def test_amounts_beyond_the_books_and_empty_reasons_are_refused(seller: Shop) -> None:
    await seller.plan("pro", flat(900))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "pro")).subscription_id
    before = await fingerprint(seller)
    for amount, text in ((0, "x"), (10**18 + 1, "x"), (100, " ")):
        with pytest.raises(CauceError):
            await add_charge(seller.context, ExtraCharge(one, amount, text))
    assert await fingerprint(seller) == before


async def test_two_changes_that_were_previewed_at_once_are_made_once(seller: Shop) -> None:
    await seller.plan("small", flat(3_000))
    await seller.plan("large", flat(5_000))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "small")).subscription_id
    await seller.advance(5 * DAY)
    shown = await preview_change(seller.context, Change(one, plan="large"))
    asked = Change(
        one, plan="large", at=shown.effective_at, expect_total_minor=shown.total_minor, timing=ChangeTiming.NOW
    )
    await change(seller.context, asked)
    await seller.work()
    with pytest.raises(CauceError) as refused:
        await change(seller.context, asked)
    assert refused.value.code == "preview_outdated"
    assert len(await seller.invoices(one)) == 2
    await seller.prove()


@pytest.mark.parametrize(
    ("zone", "begin"),
    [
        ("Europe/Madrid", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        ("Pacific/Chatham", datetime(2026, 4, 4, 14, 15, tzinfo=UTC)),
    ],
)
async def test_nights_that_are_missing_or_doubled_bill_every_day_once(seller: Shop, zone: str, begin: datetime) -> None:
    await seller.plan("day", flat(100, interval="day"))
    await seller.advance_to(begin)
    one = await seller.sign_up("ana", "day", timezone=zone, collection="send_invoice", net_days=90)
    await seller.advance(10 * DAY + timedelta(hours=2))  # where the clocks went back, the tenth day ends later
    invoices = await seller.invoices(one.subscription_id)
    assert len(invoices) == 11
    assert all(a["period_end"] == b["period_start"] for a, b in pairwise(invoices))
    await seller.prove()
