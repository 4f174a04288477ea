"""Money that the provider settles in another currency than the customer's (G14): valued, told late, brought to zero."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from cauce.flows.billing.correct import CreditInvoice, credit_invoice
from cauce.flows.closing import checklist, close_month
from cauce.gateway.charging import Charge, ChargeRequest
from cauce.gateway.outcome import Done, Outcome
from cauce.kernel.money import Money
from cauce.ledger import rates
from cauce.ledger.months import MonthName, MonthNotReady
from cauce.ledger.rates import BookRate, OtherBookCurrency, RateIsSet
from cauce.ledger.rules import Book
from cauce.pricing.exchange import converted_minor
from cauce.reports import analytics
from cauce.storage.audit import Actor
from tests.flows.billing.at_stripe import STRIPE, StripeShop, stripe_shop
from tests.flows.billing.cards import Cards
from tests.flows.billing.shop import Shop, flat, shop

DAY = timedelta(days=1)
JANUARY = MonthName(Book.PLATFORM, "", date(2026, 1, 1))
FINANCE = Actor("person:finance")


@pytest.fixture
async def abroad(dsn: str, tmp_path: Path) -> AsyncIterator[StripeShop]:
    """A seller whose Stripe account keeps dollars alone: 100.00 EUR become 108.30 USD."""
    async with stripe_shop(dsn, tmp_path) as seller:
        await settle_at(seller, "1.083")
        yield seller


async def settle_at(seller: StripeShop, rate: str) -> None:
    """The provider's own rate from now on; it takes no fee, to keep the amounts plain."""
    told = {"settles": {"eur": ["usd", rate]}, "fee_bps": 0, "fee_fixed_minor": 0}
    await seller.sim.verb(STRIPE, "settings", told)


async def put(seller: Shop, day: date, rate: str, currency: str = "eur", base: str = "usd") -> None:
    async with seller.context.transaction() as tx:
        await rates.put_rates(tx, base, [BookRate(currency, day, Decimal(rate), "central bank")], FINANCE)


async def accounts(seller: Shop, *names: str) -> dict[str, int]:
    """Signed balances, as `code currency`, of accounts whose code begins with one of the names."""
    async with seller.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT a.code, p.currency, a.balance_minor FROM ledger.account a"
            " JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id WHERE a.org_id = $1",
            tx.org,
        )
    return {
        f"{row['code'].partition(':')[0]} {row['currency']}": row["balance_minor"]
        for row in rows
        if row["code"].startswith(names) and row["balance_minor"]
    }


async def journals(seller: Shop, recipe: str) -> list[dict[str, int]]:
    """The legs of each journal of a recipe, as `code currency`: amount, customers' accounts by their last part."""
    async with seller.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT j.id, a.code, p.currency, e.amount_minor FROM ledger.journal j"
            " JOIN ledger.entry e ON e.org_id = j.org_id AND e.journal_id = j.id"
            " JOIN ledger.account a ON a.org_id = e.org_id AND a.id = e.account_id"
            " JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id"
            " WHERE j.org_id = $1 AND j.recipe = $2 ORDER BY j.id, a.code, p.currency",
            tx.org,
            recipe,
        )
    found: dict[int, dict[str, int]] = {}
    for row in rows:
        parts = row["code"].split(":")
        name = parts[-1] if parts[0] == "customer" else parts[0]
        found.setdefault(row["id"], {})[f"{name} {row['currency']}"] = row["amount_minor"]
    return list(found.values())


async def test_a_payment_and_its_refund_are_valued_at_the_book_rates_of_their_days(abroad: StripeShop) -> None:
    await put(abroad, date(2026, 1, 15), "1.09")
    await put(abroad, date(2026, 1, 20), "1.10")
    await abroad.plan("pro", flat(10_000), trial_days=1)
    done = await abroad.sign_up("ana", "pro")
    await abroad.add_card(done.customer_id)
    await abroad.advance(2 * DAY)
    assert await journals(abroad, "B02") == [
        {
            "receivable eur": -10_000, "fx_clearing eur": 10_000,
            "psp_clearing usd": 10_830, "fx_difference usd": 70, "fx_clearing usd": -10_900,
        }
    ]  # fmt: skip
    await abroad.agree()
    # The refund leaves at another rate: 110.50 USD for what is worth 110.00 by the book.
    await abroad.advance(4 * DAY)
    await settle_at(abroad, "1.105")
    (invoice,) = await abroad.invoices(done.subscription_id)
    await credit_invoice(abroad.context, CreditInvoice(invoice["id"], reason="requested", refund=True))
    await abroad.work()
    assert await journals(abroad, "B05") == [
        {
            "credit eur": 10_000, "fx_clearing eur": -10_000,
            "psp_clearing usd": -11_050, "fx_difference usd": 50, "fx_clearing usd": 11_000,
        }
    ]  # fmt: skip
    assert await accounts(abroad, "fx_") == {"fx_difference usd": 120, "fx_clearing usd": 100}
    await abroad.agree()
    # It comes back later: what went is believed to come back.
    (refund,) = await abroad.objects("refund")
    await abroad.sim.verb(STRIPE, f"refunds/{refund['id']}/fail", {})
    await abroad.sim.quiet()
    await abroad.work()
    assert (await journals(abroad, "B15"))[0]["psp_clearing usd"] == 11_050
    await abroad.agree()


async def test_a_dispute_moves_what_the_provider_settles(abroad: StripeShop) -> None:
    await put(abroad, date(2026, 1, 15), "1.09")
    await abroad.plan("pro", flat(10_000), trial_days=1)
    done = await abroad.sign_up("ana", "pro")
    await abroad.add_card(done.customer_id)
    await abroad.advance(2 * DAY)
    (charge,) = await abroad.objects("charge")
    await abroad.sim.verb(STRIPE, "disputes", {"charge": charge["id"]})
    await abroad.sim.quiet()
    await abroad.work()
    (taken,) = await journals(abroad, "B09")
    assert taken == {
        "dispute_receivable eur": 10_000, "fx_clearing eur": -10_000,
        "psp_clearing usd": -10_830, "fx_difference usd": -70, "fx_clearing usd": 10_900,
    }  # fmt: skip
    await abroad.agree()


async def test_the_close_of_a_month_brings_the_clearing_to_zero_and_wants_rates_for_it(abroad: StripeShop) -> None:
    await abroad.plan("pro", flat(10_000), trial_days=1)
    done = await abroad.sign_up("ana", "pro")
    await abroad.add_card(done.customer_id)
    await abroad.advance_to(datetime(2026, 2, 3, tzinfo=UTC))
    # Without a rate of its day a payment is valued at what was settled.
    assert await accounts(abroad, "fx_") == {"fx_clearing eur": 10_000, "fx_clearing usd": -10_830}
    explained = {"nothing_in_transit_or_suspense": "paid out in February"}
    with pytest.raises(MonthNotReady, match="no book currency"):
        await close_month(abroad.runtime.db, abroad.org_id, JANUARY, explained=explained, actor=FINANCE)
    await put(abroad, date(2026, 1, 20), "1.09")  # older than a week at the end of the month
    with pytest.raises(MonthNotReady, match="no rate of eur in usd for 2026-01-31"):
        await close_month(abroad.runtime.db, abroad.org_id, JANUARY, explained=explained, actor=FINANCE)
    await put(abroad, date(2026, 1, 30), "1.10")
    lines = await checklist(abroad.runtime.db, abroad.org_id, JANUARY)
    (line,) = [one for one in lines if one.name == "currency_differences_posted"]
    assert not line.is_green and "170 usd" in line.detail
    lines = await close_month(abroad.runtime.db, abroad.org_id, JANUARY, explained=explained, actor=FINANCE)
    assert {one.name for one in lines if not one.is_green} == {"nothing_in_transit_or_suspense"}
    assert await journals(abroad, "B18") == [{"fx_clearing usd": -170, "fx_difference usd": 170}]
    async with abroad.context.transaction() as tx:
        when = await tx.value("SELECT effective_at FROM ledger.journal WHERE org_id = $1 AND recipe = 'B18'", tx.org)
    assert when == datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
    await abroad.agree()


class Silent(Cards):
    """A card company that tells fee and settlement only when it is asked again."""

    async def charge_saved(self, request: ChargeRequest) -> Outcome[Any]:
        answer = await super().charge_saved(request)
        if not isinstance(answer, Done):
            return answer
        told: Charge = answer.value
        self.done[request.key] = Done(
            Charge(told.ref, told.amount, told.paid_at, 33, Money(10_830, "usd") if self.abroad else told.amount)
        )
        return Done(Charge(told.ref, told.amount, told.paid_at))

    abroad = True


@pytest.mark.parametrize("is_abroad", [True, False])
async def test_what_a_provider_tells_late_is_booked_when_it_is_told(dsn: str, is_abroad: bool) -> None:
    company = Silent()
    company.abroad = is_abroad
    async with shop(dsn, company) as seller:
        await put(seller, date(2026, 1, 15), "1.09")
        await seller.plan("pro", flat(10_000))
        await seller.card("ana")
        await seller.sign_up("ana", "pro")
        assert await accounts(seller, "psp_", "fx_", "provider") == {"psp_clearing eur": 10_000}
        await seller.advance(timedelta(hours=2))
        await seller.advance(timedelta(days=20))
        currency = "usd" if is_abroad else "eur"
        net = {"psp_clearing usd": 10_797} if is_abroad else {"psp_clearing eur": 9_967}
        crossed = {"fx_clearing eur": 10_000, "fx_clearing usd": -10_900, "fx_difference usd": 70}
        expected = net | {f"provider_cost {currency}": 33} | (crossed if is_abroad else {})
        assert await accounts(seller, "psp_", "fx_", "provider") == expected
        async with seller.context.transaction() as tx:
            found = await analytics.summary(tx, date(2026, 1, 1), date(2026, 12, 31))
        assert {one["currency"]: one["fee_minor"] for one in found if one["fee_minor"]} == {currency: 33}
        await seller.prove()


async def test_rates_are_put_down_once(seller: Shop) -> None:
    await put(seller, date(2026, 1, 15), "1.09")
    await put(seller, date(2026, 1, 15), "1.090")
    with pytest.raises(RateIsSet):
        await put(seller, date(2026, 1, 15), "1.10")
    with pytest.raises(OtherBookCurrency):
        await put(seller, date(2026, 1, 15), "0.92", "usd", "eur")
    await put(seller, date(2026, 1, 15), "0.0064", "jpy")
    async with seller.context.transaction() as tx:
        day = date(2026, 1, 17)
        found = await rates.crossings(tx, [("eur", "jpy", day), ("usd", "eur", day), ("eur", "chf", day)])
    assert found == {
        ("eur", "jpy", day): Fraction("1.09") / Fraction("0.0064"),
        ("usd", "eur", day): 1 / Fraction("1.09"),
    }


def test_amounts_cross_currencies_of_other_decimals() -> None:
    assert converted_minor(10_000, "eur", "usd", Fraction("1.09")) == 10_900
    assert converted_minor(10_050, "eur", "jpy", Fraction("170.3")) == 17_115
    assert converted_minor(17_115, "jpy", "bhd", Fraction("0.0024")) == 41_076
    assert converted_minor(-1, "eur", "usd", Fraction("1.5")) == -2
