"""Credit that plans grant: it pays metered use alone, the soonest to lapse first; what is unused lapses or is taken back.

Ana's plan costs 50.00 a month and grants 10.00 of calls at ten cents each.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from cauce.billing.catalog.policy_parts import GrantedCredit
from cauce.billing.catalog.rules import BadPlan, CancelCredit, ChangeTiming, PlanPolicy, ProrationBehavior
from cauce.billing.usage.rules import UsageEvent
from cauce.flows.billing.cancel import Cancel, cancel, preview_cancel
from cauce.flows.billing.changes import Change, change, preview_change
from cauce.flows.billing.correct import CreditInvoice, credit_invoice, void
from cauce.flows.billing.run_preview import preview_run
from cauce.flows.billing.standing import grant_credit
from cauce.flows.billing.upcoming import upcoming_invoice
from cauce.flows.billing.usage import create_meter, record_usage
from tests.flows.billing.shop import Shop, flat
from tests.flows.billing.test_final import calls

APRIL, MAY, JUNE = (datetime(2026, month, 1, 9, tzinfo=UTC) for month in (4, 5, 6))


def granting(amount_minor: int, expires: str = "period_end", days: int = 0, **more: Any) -> PlanPolicy:
    """A policy that grants so much with every period."""
    return PlanPolicy(granted_credit=GrantedCredit({"eur": amount_minor}, expires, days), **more)  # type: ignore[arg-type]


async def used(seller: Shop, key: str, value: int, day: datetime, who: str = "ana") -> None:
    """Some calls at eight on a day that has come."""
    await record_usage(seller.context, [UsageEvent("app", key, "calls", who, Decimal(value), day.replace(hour=8))])


async def begun(seller: Shop, policy: PlanPolicy | None = None, collection: str = "charge", **more: Any) -> str:
    """Ana's subscription from 1 April."""
    await create_meter(seller.context, "calls", "sum")
    await seller.plan("credits", flat(5_000), calls(), policy=policy or granting(1_000))
    await seller.card("ana")
    await seller.advance_to(APRIL)
    return (await seller.sign_up("ana", "credits", collection=collection, **more)).subscription_id


async def grants(seller: Shop) -> list[tuple[int, int, int, int, str]]:
    """Amount, left, used, lapsed and why, of every grant in order."""
    async with seller.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT amount_minor, left_minor, used_minor, lapsed_minor, lapse FROM customers.credit_grant"
            " WHERE org_id = $1 ORDER BY granted_at, id",
            tx.org,
        )
        left = await tx.value(
            "SELECT coalesce(sum(left_minor), 0) FROM customers.credit_grant WHERE org_id = $1", tx.org
        )
    granted = [line for line in await seller.books() if ":granted: " in line]
    assert sum(int(line.rsplit(" ", 1)[1]) for line in granted) == left, "the ledger holds what is left of grants"
    return [tuple(row.values()) for row in rows]


async def settled(seller: Shop, one: str) -> list[tuple[int, int, int]]:
    """Total, credit and granted credit of every invoice."""
    return [(each["total_minor"], each["credit_minor"], each["granted_minor"]) for each in await seller.invoices(one)]


async def test_a_grant_pays_the_use_of_its_period_and_never_the_fee_and_its_rest_lapses(seller: Shop) -> None:
    one = await begun(seller)
    assert await grants(seller) == [(1_000, 1_000, 0, 0, "")]
    await seller.advance_to(APRIL.replace(day=5))
    await used(seller, "e1", 70, APRIL.replace(day=5))
    foreseen = await upcoming_invoice(seller.context, one)
    assert (foreseen.bill.priced.total_minor, foreseen.credit_used_minor, foreseen.amount_due_minor) == (
        5_700,
        700,
        5_000,
    )
    assert (await preview_run(seller.context, MAY)).credit_used_minor["eur"] == 700
    assert await grants(seller) == [(1_000, 1_000, 0, 0, "")]
    await seller.advance_to(MAY)
    assert await settled(seller, one) == [(5_000, 0, 0), (5_700, 700, 700)]
    assert await grants(seller) == [(1_000, 0, 700, 300, "expired"), (1_000, 1_000, 0, 0, "")]
    await used(seller, "e2", 150, MAY)
    await seller.advance_to(JUNE)
    assert (await settled(seller, one))[-1] == (6_500, 1_000, 1_000)
    async with seller.context.transaction() as tx:
        wallet = await tx.value("SELECT id FROM customers.wallet WHERE org_id = $1", tx.org)
    assert await seller.story(wallet) == [
        "wallet.topped_up", "wallet.consumed", "wallet.topped_up", "wallet.expired", "wallet.consumed", "wallet.topped_up",
    ]  # fmt: skip
    await seller.prove()


async def test_the_soonest_to_lapse_pays_first_and_the_customers_own_credit_last(seller: Shop) -> None:
    one = await begun(seller, granting(1_000, "never"))
    await seller.plan("extra", calls(), flat(100), policy=granting(600, "days", 40))
    other = (await seller.sign_up("ana", "extra")).subscription_id
    customer_id = (await seller.subscription(one)).customer_id
    await grant_credit(seller.context, customer_id, "eur", 300, "sorry")
    await seller.advance_to(APRIL.replace(day=5))
    await used(seller, "e1", 120, APRIL.replace(day=5))
    await seller.advance_to(MAY)
    totals = sorted([*await settled(seller, one), *await settled(seller, other)])
    assert [each for each in totals if each[2]] in ([(6_200, 1_500, 1_200)], [(1_300, 1_300, 1_200)])
    first, second, *_ = await grants(seller)
    assert sorted([first, second]) == [(600, 0, 600, 0, ""), (1_000, 400, 600, 0, "")]
    await seller.prove()


async def test_up_use_and_down_again_within_a_period_yields_no_free_credit(seller: Shop) -> None:
    one = await begun(seller)
    await seller.plan("big", flat(50_000), calls(), policy=granting(10_000))
    await seller.advance_to(APRIL.replace(day=11))
    wish = Change(one, plan="big", timing=ChangeTiming.NOW)
    before = await grants(seller)
    await preview_change(seller.context, wish)
    assert await grants(seller) == before
    await change(seller.context, wish)
    await seller.work()
    # ten of thirty days of 1000 stay, twenty thirtieths of 10000 come
    assert sorted(await grants(seller)) == [(1_000, 333, 0, 667, "taken_back"), (6_667, 6_667, 0, 0, "")]
    await seller.advance_to(APRIL.replace(day=14))
    await used(seller, "e1", 400, APRIL.replace(day=14))
    await change(seller.context, Change(one, plan="credits", timing=ChangeTiming.NOW))
    await seller.work()
    # three of its twenty days stay of the big plan's; seventeen thirtieths of 1000 come
    assert sorted(await grants(seller)) == [
        (567, 567, 0, 0, ""),
        (1_000, 333, 0, 667, "taken_back"),
        (6_667, 1_000, 0, 5_667, "taken_back"),
    ]
    await seller.advance_to(MAY)
    assert (await settled(seller, one))[-1][2] == 333 + 1_000 + 567  # of 4000 used: the days that were paid for
    await seller.prove()


async def test_a_change_that_charges_nothing_grants_nothing(seller: Shop) -> None:
    one = await begun(seller)
    await seller.plan("big", flat(50_000), calls(), policy=granting(10_000))
    await seller.advance_to(APRIL.replace(day=11))
    wish = Change(one, plan="big", timing=ChangeTiming.NOW, proration=ProrationBehavior.NONE)
    await change(seller.context, wish)
    await seller.work()
    assert await grants(seller) == [(1_000, 1_000, 0, 0, "")]
    await seller.advance_to(MAY)
    assert (await grants(seller))[1:] == [(10_000, 10_000, 0, 0, "")]
    await seller.prove()


async def test_a_period_that_begins_anew_has_its_own_credit_and_the_old_one_pays_its_days(seller: Shop) -> None:
    one = await begun(seller)
    await seller.plan("yearly", flat(60_000, interval="year"), policy=granting(12_000))
    await seller.advance_to(APRIL.replace(day=11))
    await used(seller, "e1", 30, APRIL.replace(day=10))
    await change(seller.context, Change(one, plan="yearly", timing=ChangeTiming.NOW))
    await seller.work()
    assert sorted(await grants(seller)) == [(1_000, 0, 300, 700, "taken_back"), (12_000, 12_000, 0, 0, "")]
    await seller.prove()


async def test_a_cancellation_pays_the_last_use_and_takes_the_rest_back(seller: Shop) -> None:
    one = await begun(seller, granting(1_000, "never", cancel_credit=CancelCredit.CREDIT))
    await seller.advance_to(APRIL.replace(day=11))
    await used(seller, "e1", 25, APRIL.replace(day=11))
    command = Cancel(one, now=True)
    await preview_cancel(seller.context, command)
    assert await grants(seller) == [(1_000, 1_000, 0, 0, "")]
    await cancel(seller.context, command)
    await seller.work()
    assert (await settled(seller, one))[-1] == (250, 250, 250)
    assert await grants(seller) == [(1_000, 0, 250, 750, "taken_back")]
    await seller.prove()


async def test_credit_notes_give_money_back_first_and_what_was_granted_to_the_grants(seller: Shop) -> None:
    one = await begun(seller, granting(1_000, "never"))
    await seller.advance_to(APRIL.replace(day=5))
    await used(seller, "e1", 70, APRIL.replace(day=5))
    await seller.advance_to(MAY)
    invoice = (await seller.invoices(one))[-1]
    first = await credit_invoice(seller.context, CreditInvoice(invoice["id"], "half", total_minor=4_900))
    assert (first.to_credit_minor, first.to_granted_minor) == (4_900, 0)
    last = await credit_invoice(seller.context, CreditInvoice(invoice["id"], "rest"))
    assert (last.total_minor, last.to_credit_minor, last.to_granted_minor) == (800, 100, 700)
    assert (await grants(seller))[0] == (1_000, 1_000, 0, 0, "")
    await seller.prove()


async def test_a_void_invoice_gives_back_what_it_used_and_takes_back_what_it_granted(seller: Shop) -> None:
    one = await begun(seller, granting(1_000, "never"), "send_invoice", net_days=60)
    await seller.advance_to(APRIL.replace(day=5))
    await used(seller, "e1", 70, APRIL.replace(day=5))
    await seller.advance_to(MAY)
    assert await grants(seller) == [(1_000, 300, 700, 0, ""), (1_000, 1_000, 0, 0, "")]
    await void(seller.context, (await seller.invoices(one))[-1]["id"])
    assert await grants(seller) == [(1_000, 1_000, 0, 0, ""), (1_000, 0, 0, 1_000, "taken_back")]
    await seller.prove()


async def test_what_comes_back_to_a_grant_that_has_lapsed_lapses(seller: Shop) -> None:
    one = await begun(seller, None, "send_invoice", net_days=60)
    await seller.advance_to(APRIL.replace(day=5))
    await used(seller, "e1", 70, APRIL.replace(day=5))
    await seller.advance_to(MAY.replace(day=3))
    await void(seller.context, (await seller.invoices(one))[-1]["id"])
    assert await grants(seller) == [(1_000, 0, 0, 1_000, "expired"), (1_000, 0, 0, 1_000, "taken_back")]
    await seller.prove()


@pytest.mark.parametrize(
    "credit",
    [
        GrantedCredit({"usd": 100}),
        GrantedCredit({"eur": 0}),
        GrantedCredit({"eur": 10**12 + 1}),
        GrantedCredit({"eur": 100}, "days"),
        GrantedCredit({"eur": 100}, "days", 3_661),
        GrantedCredit({"eur": 100}, "never", 5),
    ],
)
async def test_credit_that_no_plan_can_grant_is_refused(seller: Shop, credit: GrantedCredit) -> None:
    with pytest.raises(BadPlan) as refused:
        await seller.plan("odd", flat(100), policy=PlanPolicy(granted_credit=credit))
    assert str(refused.value.param).startswith("policy.granted_credit")
