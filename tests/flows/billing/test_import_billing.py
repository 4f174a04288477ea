"""Taking over from Stripe Billing at its simulator (A10): nobody is billed by two engines, again changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cauce.flows.billing.foreign_plans import ForeignMap, map_from
from cauce.flows.billing.import_billing import Imported, import_billing
from cauce.flows.billing.take_over_files import BadMap
from tests.flows.billing.at_stripe import STRIPE, StripeShop, stripe_shop
from tests.flows.billing.shop import flat, per_unit

DAY = timedelta(days=1)


class There:
    """The business as it is run by Stripe Billing: made over its API, as its owner would have."""

    def __init__(self, seller: StripeShop, url: str, key: str) -> None:
        self.seller, self.url, self.key = seller, url, key

    async def post(self, path: str, **fields: Any) -> dict[str, Any]:
        data = {name.replace("__", "["): value for name, value in fields.items()}
        data = {(f"{name}]" if "[" in name else name): value for name, value in data.items()}
        async with httpx2.AsyncClient(trust_env=False, timeout=20) as http:
            answer = await http.post(
                f"{self.url}/v1/{path}", data=data, headers={"authorization": f"Bearer {self.key}"}
            )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def price(self, amount: int, **more: Any) -> str:
        product = await self.post("products", name="The app")
        more = {"recurring__interval": "month", **more}
        return str((await self.post("prices", product=product["id"], currency="eur", unit_amount=amount, **more))["id"])

    async def customer(self, email: str, *, card: bool = True, **more: Any) -> str:
        one = await self.post("customers", email=email, name=email.partition("@")[0].capitalize(), **more)
        if card:
            saved = await self.post("setup_intents", customer=one["id"], payment_method="pm_card_visa", confirm="true")
            await self.post(f"customers/{one['id']}", invoice_settings__default_payment_method=saved["payment_method"])
        return str(one["id"])

    async def subscribe(self, customer: str, price: str, quantity: int = 1, **more: Any) -> str:
        items = {"items[0][price": price, "items[0][quantity": quantity}
        return str((await self.post("subscriptions", customer=customer, **items, **more))["id"])

    async def stands(self, ref: str) -> dict[str, Any]:
        (found,) = [one for one in await self.seller.objects("subscription") if one["id"] == ref]
        return dict(found)

    async def invoices(self, ref: str) -> int:
        about = [one["parent"] for one in await self.seller.objects("invoice")]
        return sum(one["subscription_details"]["subscription"] == ref for one in about)  # type: ignore[call-overload,index]

    async def take_over(self, given: ForeignMap | None = None, **how: bool) -> Imported:
        found = await import_billing(self.seller.context, self.seller.channel_id, given or ForeignMap(), **how)
        await self.seller.work()
        return found


@pytest.fixture
async def there(dsn: str, tmp_path: Path) -> AsyncIterator[There]:
    async with stripe_shop(dsn, tmp_path, begin=datetime(2026, 1, 31, 14, 23, tzinfo=UTC)) as seller:
        channel, _ = await seller.context.gateway(seller.channel_id)
        assert channel.base_url is not None
        yield There(seller, channel.base_url, channel.setting("api_key"))


async def subscriptions(seller: StripeShop) -> dict[str, dict[str, Any]]:
    async with seller.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT s.id, s.status, s.metadata->>'taken_over_from' AS ref, c.external_id, p.key AS plan FROM subscriptions.subscription s"
            " JOIN customers.customer c ON c.org_id = s.org_id AND c.id = s.customer_id"
            " JOIN catalog.plan p ON p.org_id = s.org_id AND p.id = s.plan_id WHERE s.org_id = $1",
            tx.org,
        )
    return {row["ref"]: dict(row) for row in rows}


async def test_each_is_billed_there_to_its_periods_end_and_here_from_then_on(there: There) -> None:
    price = await there.price(2_900, lookup_key="pro monthly")
    ana = await there.customer("ana@example.com", metadata__user_id="u1")
    bea = await there.customer("bea@example.com")
    await there.customer("cid@example.com", card=False)
    first = await there.subscribe(ana, price)
    trial = await there.subscribe(bea, price, 3, trial_period_days=10)
    how = ForeignMap(external_id="user_id")
    tried = await there.take_over(how, dry_run=True)
    assert (tried.customers, [one.reference for one in tried.taken], tried.left) == (3, [first, trial], [])
    assert await subscriptions(there.seller) == {} and not (await there.stands(first))["cancel_at_period_end"]
    done = await there.take_over(how, compare=True)
    assert [one.reference for one in done.taken] == [first, trial]
    assert [(one.reference, one.old_minor, one.new_minor) for one in done.different] == [(trial, None, 8_700)]
    known = await subscriptions(there.seller)
    assert {(one["external_id"], one["status"], one["plan"]) for one in known.values()} == {
        ("u1", "active", "pro-monthly"), (bea, "trialing", "pro-monthly"),
    }  # fmt: skip
    assert await there.seller.story(known[first]["id"]) == [], "nobody is told or charged by it"
    again = await there.take_over(how)
    assert [one.subscription_id for one in again.taken] == [one.subscription_id for one in done.taken]
    assert await subscriptions(there.seller) == known
    # The old anchor, the 31st, goes on: the 28th of February, then the 31st of March.
    await there.seller.advance_to(datetime(2026, 4, 2, tzinfo=UTC))
    starts = [str(one["period_start"]) for one in await there.seller.invoices(known[first]["id"])]
    assert starts == ["2026-02-28", "2026-03-31"]
    assert [one["total_minor"] for one in await there.seller.invoices(known[trial]["id"])] == [8_700, 8_700]
    for ref in (first, trial):
        assert (await there.stands(ref))["status"] == "canceled"
    assert (await there.invoices(first), await there.invoices(trial)) == (1, 0), "Stripe's engine billed nothing more"
    charged = [one["amount"] for one in await there.seller.objects("charge")]
    assert sorted(charged) == [2_900, 2_900, 8_700, 8_700]  # type: ignore[type-var]
    await there.seller.agree()


async def test_a_run_that_dies_after_the_end_there_is_finished_by_the_next_one(
    there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    price = await there.price(2_900)
    ref = await there.subscribe(await there.customer("ana@example.com"), price)
    _, gateway = await there.seller.context.gateway(there.seller.channel_id)
    await gateway.end_foreign("imp_before", ref)  # what the run that died had done
    await there.seller.advance(40 * DAY)
    assert (await there.stands(ref))["status"] == "canceled"
    for _ in range(2):
        done = await there.take_over()
        assert [one.reference for one in done.taken] == [ref]
    (one,) = (await subscriptions(there.seller)).values()
    assert [str(each["period_start"]) for each in await there.seller.invoices(one["id"])] == ["2026-02-28"]
    assert len(await there.seller.objects("charge")) == 1


async def test_who_undoes_the_end_there_is_ended_again(there: There) -> None:
    ref = await there.subscribe(await there.customer("ana@example.com"), await there.price(2_900))
    await there.take_over()
    await there.post(f"subscriptions/{ref}", cancel_at_period_end="false")
    await there.take_over()
    assert (await there.stands(ref))["cancel_at_period_end"] is True


async def test_an_unknown_end_takes_nothing_over(there: There) -> None:
    ref = await there.subscribe(await there.customer("ana@example.com"), await there.price(2_900))
    control = there.seller.sim
    await control.fault(STRIPE, "drop_after", operation="subscriptions.update")
    done = await there.take_over()
    assert [one for one, _ in done.left] == [ref] and "run the import again" in done.left[0][1]
    assert await subscriptions(there.seller) == {}
    done = await there.take_over()
    assert [one.reference for one in done.taken] == [ref] and len(await subscriptions(there.seller)) == 1


async def test_what_has_no_twin_here_is_told_and_left_alone(there: There) -> None:
    price, yearly = await there.price(2_900), await there.price(100, recurring__interval="year")
    metered = await there.price(5, recurring__usage_type="metered")
    reasons: dict[str, str] = {}

    async def left(reason: str, price_ref: str = price, **fields: Any) -> str:
        ref = await there.subscribe(await there.customer(f"p{len(reasons)}@example.com"), price_ref)
        if fields:
            await there.seller.sim.verb(STRIPE, f"subscriptions/{ref}/set", fields)
        reasons[ref] = reason
        return ref

    await left("in debt", status="past_due")
    await left("in debt", status="unpaid")
    await left("paused", status="paused")
    await left("ends there by itself", cancel_at_period_end=True)
    await left("discount", discounts=["di_1"])
    await left("collection is paused", pause_collection={"behavior": "void"})
    await left("sent by invoice", collection_method="send_invoice")
    await left("a change is planned", schedule="sub_sched_1")
    await left("is open there", open_invoice=True)
    await left("metered", metered)
    ended = await left("", status="canceled")
    del reasons[ended]
    rich = await there.customer("rich@example.com")
    for one in (price, yearly):
        reasons[await there.subscribe(rich, one)] = "several subscriptions"
    await there.seller.sim.verb(STRIPE, f"customers/{rich}/set", {"balance": -500, "currency": "eur"})
    done = await there.take_over()
    assert done.taken == [] and {ref for ref, _ in done.left} == set(reasons)
    for ref, reason in done.left:
        assert reasons[ref] in reason, reason
    for ref in reasons:
        assert not (await there.stands(ref))["metadata"], "nothing was asked of it"


async def test_a_map_leads_to_plans_that_are_sold_here_and_the_old_price_is_kept(there: There) -> None:
    base, seats = await there.price(1_000), await there.price(450)
    await there.seller.plan("team", flat(1_200), per_unit("500"))
    customer = await there.customer("ana@example.com")
    await there.seller.sim.verb(STRIPE, f"customers/{customer}/set", {"balance": -300, "currency": "eur"})
    both = {"items[1][price": seats, "items[1][quantity": 4}
    ref = await there.subscribe(customer, base, **both)
    given = map_from({"prices": {base: "team/base", seats: "team/seats"}})
    assert (await there.take_over(map_from({"prices": {base: "team/base"}}), dry_run=True)).left == [
        (ref, f"the map names no plan for {seats}")
    ]
    done = await there.take_over(given)
    assert [one.reference for one in done.taken] == [ref]
    (one,) = (await subscriptions(there.seller)).values()
    await there.seller.advance(30 * DAY)
    (invoice,) = await there.seller.invoices(one["id"])
    assert (invoice["total_minor"], invoice["credit_minor"]) == (2_800, 300), "what he paid there, less his credit"
    assert [each["amount"] for each in await there.seller.objects("charge")] == [2_500]


@pytest.mark.parametrize(
    "wrong", [[], {"price": {}}, {"prices": []}, {"prices": {"p": "/base"}}, {"prices": {"p": "pro/"}}]
)
def test_a_map_that_is_none_is_refused(wrong: object) -> None:
    with pytest.raises(BadMap):
        map_from(wrong)
