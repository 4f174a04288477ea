"""At Stripe's simulator: disputes of orders, each account's own statement, and commission that leaves for the platform's bank."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cauce.entrypoints.demo.proof import prove
from cauce.flows.marketplace import reconcile
from cauce.flows.marketplace.funds import AskFunding, request_funding
from cauce.gateway.errors import CapabilityMissing
from cauce.ledger.rules import JournalRefused
from cauce.marketplace.settlement.funding import FundingKind
from tests.flows.marketplace.at_stripe import STRIPE, StripeMarket, stripe_market
from tests.support.runtime import BEGIN


async def _differences(shop: StripeMarket) -> list[tuple[str, str, int | None, int | None]]:
    """What the statements of all days so far say otherwise than the books."""
    now = await shop.stage.now()
    days = [BEGIN.date() + timedelta(days=n) for n in range((now - BEGIN).days + 1)]
    await reconcile.fetch_statements(shop.stage.context, shop.channel, days)
    await reconcile.reconcile(shop.stage.context, shop.channel, days[0], days[-1] + timedelta(days=1))
    rows = await shop.rows(
        "SELECT type, kind, ours_minor, theirs_minor FROM reconciliation.break WHERE org_id = $1 AND state = 'open' AND type <> 'timing'"
    )
    return [(row["type"], row["kind"], row["ours_minor"], row["theirs_minor"]) for row in rows]


@pytest.mark.parametrize("verdict", ["won", "lost"])
async def test_a_dispute_at_stripe_is_booked_recovered_and_ends(dsn: str, tmp_path: Path, verdict: str) -> None:
    async with stripe_market(dsn, tmp_path) as shop:
        await shop.buy("float", 400_000, deliver_days=1)
        await shop.buy("o-1", 10_000, deliver_days=1)
        await shop.forward(2)
        before = await shop.books()
        charge = next(one for one in await shop.objects("charge") if one["amount"] == 10_000)
        await shop.stage.control.verb(STRIPE, "disputes", {"charge": charge["id"]})
        await shop.stage.settle()
        assert "order_dispute.funds_withdrawn" in await shop.told("order_dispute")
        taken = await shop.books()
        assert taken["member:ana:withdrawable"] == await shop.theirs() < before["member:ana:withdrawable"]
        assert "refund_in_transit" not in taken
        (dispute,) = await shop.objects("dispute")
        await shop.stage.control.verb(STRIPE, f"disputes/{dispute['id']}/decide", {"verdict": verdict})
        await shop.stage.settle()
        await shop.forward(0.2)
        after = await shop.books()
        assert after["member:ana:withdrawable"] == await shop.theirs()
        if verdict == "won":
            assert after["member:ana:withdrawable"] == before["member:ana:withdrawable"]
        assert f"order_dispute.{verdict}" in await shop.told("order_dispute")
        assert (await prove(shop.stage)).holds
        await shop.forward(2)
        assert await _differences(shop) == []


async def test_the_payouts_of_a_seller_are_compared_with_his_own_statement(dsn: str, tmp_path: Path) -> None:
    async with stripe_market(dsn, tmp_path) as shop:
        await shop.buy("o-1", 10_000)
        await shop.forward(9)
        (payout,) = await shop.rows("SELECT id, state, amount_minor FROM settlement.payout WHERE org_id = $1")
        assert payout["state"] == "paid"
        assert await _differences(shop) == []
        kinds = await shop.rows("SELECT DISTINCT kind FROM reconciliation.statement WHERE org_id = $1 ORDER BY kind")
        assert [row["kind"] for row in kinds] == ["balance", f"balance/{shop.ref}"]
        lines = await shop.rows(
            "SELECT key, amount_minor FROM reconciliation.line WHERE org_id = $1 AND kind = 'payout'"
        )
        assert [(row["key"], row["amount_minor"]) for row in lines] == [(payout["id"], -payout["amount_minor"])]


async def test_commission_leaves_for_the_platforms_own_bank(dsn: str, tmp_path: Path) -> None:
    async with stripe_market(dsn, tmp_path) as shop:
        await shop.buy("o-1", 10_000)
        await shop.forward(6)
        fee = (await shop.books())["fee"]
        swept = await request_funding(shop.stage.context, AskFunding(FundingKind.FEE_SWEEP, shop.channel, "brl", fee))
        await shop.stage.settle()
        assert await reconcile.check_mirror(shop.stage.context, shop.channel) == {}, "it is on its way"
        with pytest.raises(JournalRefused):
            await request_funding(shop.stage.context, AskFunding(FundingKind.FEE_SWEEP, shop.channel, "brl", 1))
        await shop.forward(3)
        books = await shop.books()
        assert (books["own_bank"], books.get("fee"), books.get("fee_due_from_custody")) == (fee, None, None)
        (payout,) = [one for one in await shop.objects("payout") if one["_account"] == ""]
        assert payout["amount"] == fee
        assert await _differences(shop) == []
        lines = await shop.rows("SELECT key FROM reconciliation.line WHERE org_id = $1 AND kind = 'own_payout'")
        assert [row["key"] for row in lines] == [swept]
        assert await reconcile.check_mirror(shop.stage.context, shop.channel) == {}
        with pytest.raises(CapabilityMissing):
            await request_funding(shop.stage.context, AskFunding(FundingKind.SUBSIDY, shop.channel, "brl", 1))


async def _sweep(shop: StripeMarket) -> tuple[str, int, dict[str, Any]]:
    """All commission so far leaves for the platform's bank: our number, the amount, Stripe's payout."""
    await shop.buy("o-1", 10_000)
    await shop.forward(6)
    fee = (await shop.books())["fee"]
    swept = await request_funding(shop.stage.context, AskFunding(FundingKind.FEE_SWEEP, shop.channel, "brl", fee))
    await shop.forward(3)
    (payout,) = [one for one in await shop.objects("payout") if one["_account"] == ""]
    assert (await shop.books())["own_bank"] == fee
    return swept, fee, payout


async def _state(shop: StripeMarket, swept: str) -> str:
    rows = await shop.rows("SELECT id, state FROM settlement.funding WHERE org_id = $1")
    return next(str(row["state"]) for row in rows if row["id"] == swept)


async def test_commission_that_the_bank_sends_back_is_at_stripe_again_and_can_be_swept_once_more(
    dsn: str, tmp_path: Path
) -> None:
    async with stripe_market(dsn, tmp_path) as shop:
        swept, fee, payout = await _sweep(shop)
        await shop.stage.control.verb(STRIPE, f"payouts/{payout['id']}/fail", {})
        await shop.stage.settle()
        for sent in await shop.stage.control.callbacks(STRIPE, "payout.failed"):
            await shop.stage.control.resend(STRIPE, sent["id"], copies=2)
        await shop.stage.settle()
        books = await shop.books()
        assert (await _state(shop, swept), books.get("own_bank")) == ("failed", None)
        assert books["fee"] == books["fee_due_from_custody"] == fee
        await shop.forward(2)
        assert await _differences(shop) == []
        assert await reconcile.check_mirror(shop.stage.context, shop.channel) == {}
        again = await request_funding(shop.stage.context, AskFunding(FundingKind.FEE_SWEEP, shop.channel, "brl", fee))
        await shop.forward(3)
        assert (await _state(shop, again), (await shop.books())["own_bank"]) == ("paid", fee)


async def test_a_statement_alone_shows_that_commission_came_back(dsn: str, tmp_path: Path) -> None:
    async with stripe_market(dsn, tmp_path) as shop:
        swept, fee, payout = await _sweep(shop)
        assert await _differences(shop) == []
        await shop.stage.control.callback_rule(STRIPE, "drop", "payout.*")
        await shop.stage.control.verb(STRIPE, f"payouts/{payout['id']}/fail", {})
        await shop.forward(2)
        assert await _differences(shop) == []
        books = await shop.books()
        assert (await _state(shop, swept), books.get("own_bank"), books["fee"]) == ("failed", None, fee)
        assert "suspense" not in books
