"""Renewals of many customers on one day at Stripe's simulator, which refuses what comes too fast: nobody is charged twice.

That the limiter keeps the pace is tested with a clock of its own in tests/providers/kit.
"""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from pathlib import Path

import httpx2
import pytest

from cauce.billing.customers.rules import CustomerData
from cauce.billing.payments import service as payments
from cauce.channels import store as channels
from cauce.flows.billing.take_over import OldSubscription, take_over
from cauce.gateway.charging import SavedMethod
from tests.flows.billing.at_stripe import STRIPE, StripeShop, stripe_shop
from tests.flows.billing.shop import BEGIN, flat

FEW, MANY = 30, 5_000
LIMIT_PER_SECOND = 25
DAY = timedelta(days=1)


async def carded(seller: StripeShop, count: int) -> list[tuple[str, str]]:
    """So many customers at Stripe with a card each: (customer, card). Made past the limit, as the old system did."""
    headers = {"authorization": f"Bearer sk_test_{seller.sim.tenant}"}
    base = f"{seller.sim.face_url(STRIPE)}/v1"
    gate = asyncio.Semaphore(16)

    async def one(http: httpx2.AsyncClient, n: int) -> tuple[str, str]:
        async with gate:
            customer = (await http.post(f"{base}/customers", data={"email": f"c{n}@example.com"})).json()["id"]
            attach = f"{base}/payment_methods/pm_card_visa/attach"
            return customer, (await http.post(attach, data={"customer": customer})).json()["id"]

    async with httpx2.AsyncClient(trust_env=False, timeout=60, headers=headers) as http:
        return list(await asyncio.gather(*[one(http, n) for n in range(count)]))


async def keep_to(seller: StripeShop, per_second: int) -> None:
    """The channel calls no faster than that, as one at Stripe itself; the sandbox's own would."""
    async with seller.context.transaction() as tx:
        row = await channels.read_channel(tx, seller.channel_id)
        settings = {**row["settings"], "requests_per_second": str(per_second)}
        await channels.move_channel(tx, seller.channel_id, row["base_url"], settings)


async def renew_all(seller: StripeShop, count: int) -> None:
    """They all renew on one day, under the limit; what is true afterwards."""
    await keep_to(seller, LIMIT_PER_SECOND)
    await seller.plan("pro", flat(2_900))
    expires = date(2030, 1, 1)
    rows = [
        OldSubscription(
            f"old{n}", CustomerData(f"c{n}"), "pro", "eur", paid_until=date(2026, 1, 20), channel_id=seller.channel_id,
            customer_ref=customer, method=SavedMethod(card, "card", "visa", "4242", expires, ""),
        )
        for n, (customer, card) in enumerate(await carded(seller, count))
    ]  # fmt: skip
    taken = await take_over(seller.context, rows)
    assert [one.refused for one in taken if one.refused] == []
    await seller.sim.verb(STRIPE, "settings", {"rate_limit": LIMIT_PER_SECOND})
    await seller.advance(6 * DAY)
    await seller.sim.verb(STRIPE, "settings", {"rate_limit": 0})
    most, refused = await pace(seller)  # told, and not judged: a busy machine bunches calls that left in good order
    print(f"at most {most} calls within a second, the limit is {LIMIT_PER_SECOND}; {refused} were told to wait")
    charges = await seller.objects("charge")
    assert len(charges) == len({str(one["customer"]) for one in charges}) == count, "each was charged once"
    await seller.agree()


async def pace(seller: StripeShop) -> tuple[int, int]:
    """(most requests within one second, how many Stripe refused for that), as the exchange log has it."""
    async with seller.context.transaction() as tx:
        row = await tx.row(
            "SELECT coalesce(max(sent), 0) AS most, count(*) FILTER (WHERE status = 429) AS refused FROM ("
            "SELECT status, count(*) OVER (ORDER BY started_at RANGE BETWEEN CURRENT ROW AND '999 milliseconds' FOLLOWING)"
            " AS sent FROM channels.exchange WHERE org_id = $1) e",
            tx.org,
        )
    assert row is not None
    return row["most"], row["refused"]


async def test_renewals_of_one_day_are_charged_once_each_whatever_is_told_to_wait(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as seller:
        await renew_all(seller, FEW)


@pytest.mark.soak
async def test_five_thousand_renewals_of_one_day_as_well(dsn: str, tmp_path: Path) -> None:
    async with stripe_shop(dsn, tmp_path) as seller:
        await renew_all(seller, MANY)


async def test_customers_whom_stripe_never_met_are_made_there_once_when_they_change_at_one_moment(
    dsn: str, tmp_path: Path
) -> None:
    async with stripe_shop(dsn, tmp_path) as seller:
        await seller.plan("pro", flat(2_900))
        over = BEGIN + 2 * DAY
        rows = [
            OldSubscription(f"old{n}", CustomerData(f"c{n % 20}"), "pro", "eur", trial_end=over) for n in range(FEW)
        ]  # some of them twice
        taken = await take_over(seller.context, rows)
        assert [one.refused for one in taken if one.refused] == []
        assert await seller.objects("customer") == []
        await seller.advance(3 * DAY)
        made = await seller.objects("customer")
        assert len(made) == 20
        assert {one["metadata"]["cauce_status"] for one in made} == {"paused"}  # type: ignore[index]
        async with seller.context.transaction() as tx:
            kept = await tx.rows("SELECT ref FROM payments.payer WHERE org_id = $1", tx.org)
            (first, *_) = await tx.rows(
                "SELECT customer_id, ref FROM payments.payer WHERE org_id = $1 ORDER BY 1", tx.org
            )
            again = (first["customer_id"], seller.channel_id, "cus_other")
            fresh = (first["customer_id"], "ch_elsewhere", "cus_new")
            assert await payments.meet_payers(tx, [again, fresh, again]) == [first["ref"], "cus_new", first["ref"]]
        assert {row["ref"] for row in kept} == {one["id"] for one in made}
