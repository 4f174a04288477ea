"""The official library drives the simulator: connected accounts, transfers, reversals, payouts, balances."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.providers.stripe.conftest import Platform


def _seller(platform: Platform, **fields: Any) -> tuple[str, str]:
    made = platform.sim("merchant", {"name": "Shop", **fields})
    return made["ref"], made["instrument_ref"]


def _charge(platform: Platform, amount: int = 10_000, **fields: Any) -> stripe.PaymentIntent:
    return platform.client().v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "expand": ["latest_charge"],
            **fields,  # type: ignore[typeddict-item]
        }
    )


def _net(platform: Platform, account: str = "") -> int:
    """What an account holds, pending and available together."""
    options: Any = {"stripe_account": account} if account else {}
    balance: Any = platform.client().v1.balance.retrieve(None, options)
    return sum(b.amount for b in [*balance.available, *balance.pending])


def test_a_seller_is_onboarded_on_stripes_page_before_he_can_receive(platform: Platform) -> None:
    client = platform.client()
    account = client.v1.accounts.create(
        {
            "country": "US",
            "email": "seller@example.com",
            "capabilities": {"transfers": {"requested": True}},
            "controller": {"stripe_dashboard": {"type": "express"}, "fees": {"payer": "application"}},
            "metadata": {"cauce_merchant": "mer_1"},
        }
    )
    assert account.requirements is not None and account.requirements.currently_due
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.transfers.create({"amount": 1, "currency": "usd", "destination": account.id})
    assert refused.value.code == "capability_not_active"
    link = client.v1.account_links.create(
        {"account": account.id, "type": "account_onboarding", "return_url": "https://shop.example/back",
         "refresh_url": "https://shop.example/again"}
    )  # fmt: skip
    back = platform.http.post(link.url, data={"choice": "complete"})
    assert back.headers["location"] == "https://shop.example/back"
    after = client.v1.accounts.retrieve(account.id)
    assert after.payouts_enabled and after.capabilities is not None and after.capabilities.transfers == "active"
    assert {"account.updated", "capability.updated"} <= {e["type"] for e in _account_events(platform, account.id)}


def _account_events(platform: Platform, account: str) -> list[dict[str, Any]]:
    events = platform.http.get(
        f"{platform.api}/v1/events?limit=100",
        headers={"authorization": f"Bearer {platform.key}", "stripe-account": account},
    ).json()["data"]
    assert all(e["account"] == account for e in events)
    return list(events)


@pytest.mark.parametrize(
    ("fields", "platform_net", "seller_net"),
    [({"application_fee_amount": 1200}, 880, 8800), ({"amount_to_seller": 8800}, 880, 8800), ({}, -320, 10_000)],
)
def test_a_destination_charge_divides_as_in_the_worked_example(
    platform: Platform, fields: dict[str, int], platform_net: int, seller_net: int
) -> None:
    seller, _ = _seller(platform)
    data: dict[str, Any] = {"destination": seller}
    if "amount_to_seller" in fields:
        data["amount"] = fields.pop("amount_to_seller")
    intent = _charge(platform, transfer_data=data, **fields)
    # 100.00 at 2.9 % and 0.30 costs 3.20.
    assert (_net(platform), _net(platform, seller)) == (platform_net, seller_net)
    charge: Any = intent.latest_charge
    assert charge.transfer and (charge.application_fee is not None) == ("application_fee_amount" in fields)


@pytest.mark.parametrize("with_fee", [True, False])
def test_a_destination_refund_comes_back_in_proportion_from_seller_and_fee(platform: Platform, with_fee: bool) -> None:
    seller, _ = _seller(platform)
    fee: dict[str, Any] = {"application_fee_amount": 1200} if with_fee else {}
    intent = _charge(platform, transfer_data={"destination": seller}, **fee)
    asked: Any = {"payment_intent": intent.id, "amount": 2500, "reverse_transfer": True}
    asked["refund_application_fee"] = with_fee
    refund = platform.client().v1.refunds.create(asked)
    assert refund.transfer_reversal
    assert _net(platform, seller) == (8800 - 2500 + 300 if with_fee else 7500)
    events = platform.events()
    assert "transfer.reversed" in events and ("application_fee.refunded" in events) == with_fee


def test_transfers_from_a_charge_are_pending_until_the_charges_own_money_is(platform: Platform) -> None:
    client = platform.client()
    first, second = _seller(platform)[0], _seller(platform)[0]
    intent = _charge(platform, transfer_group="order-1")
    charge: Any = intent.latest_charge
    for seller, amount in ((first, 6000), (second, 3000)):
        transfer = client.v1.transfers.create(
            {"amount": amount, "currency": "usd", "destination": seller, "source_transaction": charge.id}
        )
        assert transfer.transfer_group == "order-1" and transfer.destination_payment
    pending: Any = {"stripe_account": first}
    assert [b.amount for b in client.v1.balance.retrieve(None, pending).pending] == [6000]
    platform.advance("3d")
    assert [b.amount for b in client.v1.balance.retrieve(None, pending).available] == [6000]
    assert _net(platform) == 10_000 - 320 - 9000
    assert len(client.v1.transfers.list({"transfer_group": "order-1"}).data) == 2


def test_more_than_the_charge_or_the_balance_cannot_be_transferred(platform: Platform) -> None:
    client = platform.client()
    seller, _ = _seller(platform)
    charge: Any = _charge(platform).latest_charge
    for fields in ({"amount": 10_001, "source_transaction": charge.id}, {"amount": 1}):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.transfers.create({"currency": "usd", "destination": seller, **fields})  # type: ignore[typeddict-item]
        assert refused.value.code == "balance_insufficient"
    platform.advance("3d")
    assert client.v1.transfers.create({"currency": "usd", "destination": seller, "amount": 9680}).id


def test_a_reversal_needs_the_sellers_money_and_never_exceeds_the_transfer(platform: Platform) -> None:
    client = platform.client()
    seller, _ = _seller(platform)
    charge: Any = _charge(platform).latest_charge
    transfer = client.v1.transfers.create(
        {"amount": 5000, "currency": "usd", "destination": seller, "source_transaction": charge.id}
    )
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.transfers.reversals.create(transfer.id, {"amount": 5001})
    assert client.v1.transfers.reversals.create(transfer.id, {"amount": 2000}).amount == 2000
    platform.advance("3d")
    client.v1.payouts.create({"amount": 3000, "currency": "usd"}, {"stripe_account": seller})
    with pytest.raises(stripe.InvalidRequestError) as empty:
        client.v1.transfers.reversals.create(transfer.id)
    assert empty.value.code == "balance_insufficient"
    after = client.v1.transfers.retrieve(transfer.id)
    assert (after.amount_reversed, after.reversed) == (2000, False)


def _with_funds(platform: Platform, **fields: Any) -> str:
    seller, _ = _seller(platform, **fields)
    platform.sim("topup", {"account": seller, "amount": 7000, "currency": "usd"})
    return seller


def test_a_payout_is_on_its_way_at_midnight_and_paid_a_day_later(platform: Platform) -> None:
    client = platform.client()
    seller = _with_funds(platform)
    there: Any = {"stripe_account": seller}
    payout = client.v1.payouts.create({"amount": 7000, "currency": "usd"}, there)
    assert payout.status == "pending"
    platform.advance("15h")
    assert client.v1.payouts.retrieve(payout.id, None, there).status == "in_transit"
    platform.advance("1d")
    assert client.v1.payouts.retrieve(payout.id, None, there).status == "paid"
    assert [e["type"] for e in reversed(_account_events(platform, seller)) if e["type"].startswith("payout")] == [
        "payout.created", "payout.updated", "payout.paid",
    ]  # fmt: skip


def test_a_payout_fails_at_the_bank_or_after_it_was_paid_and_the_money_returns(platform: Platform) -> None:
    client = platform.client()
    refused = _with_funds(platform, account_number="000111111116")
    there: Any = {"stripe_account": refused}
    payout = client.v1.payouts.create({"amount": 7000, "currency": "usd"}, there)
    platform.advance("3d")
    failed = client.v1.payouts.retrieve(payout.id, None, there)
    assert (failed.status, failed.failure_code) == ("failed", "no_account")
    assert _net(platform, refused) == 7000
    late = _with_funds(platform)
    paid = client.v1.payouts.create({"amount": 7000, "currency": "usd"}, {"stripe_account": late})
    platform.advance("3d")
    platform.sim(f"payouts/{paid.id}/fail")
    assert client.v1.payouts.retrieve(paid.id, None, {"stripe_account": late}).status == "failed"
    assert _net(platform, late) == 7000


def test_a_manual_payout_is_cancelled_while_pending_only(platform: Platform) -> None:
    client = platform.client()
    seller = _with_funds(platform)
    there: Any = {"stripe_account": seller}
    payout = client.v1.payouts.create({"amount": 3000, "currency": "usd"}, there)
    assert client.v1.payouts.cancel(payout.id, None, there).status == "canceled"
    assert _net(platform, seller) == 7000
    gone = client.v1.payouts.create({"amount": 3000, "currency": "usd"}, there)
    platform.advance("1d")
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payouts.cancel(gone.id, None, there)


def test_the_breakdown_of_an_automatic_payout_sums_to_it(platform: Platform) -> None:
    client = platform.client()
    for amount in (1000, 2500, 4999):
        _charge(platform, amount)
    platform.advance("3d")
    payout = platform.sim("payouts/automatic", {"currency": "usd"})
    platform.advance("3d")
    assert client.v1.payouts.retrieve(payout["id"]).reconciliation_status == "completed"
    rows = [r for r in client.v1.balance_transactions.list({"payout": payout["id"]}).data if r.type != "payout"]
    assert sum(r.net for r in rows) == payout["amount"] and len(rows) == 3


def test_what_belongs_to_a_connected_account_is_seen_by_it_alone(platform: Platform) -> None:
    seller, other = _with_funds(platform), _with_funds(platform)
    client = platform.client()
    payout = client.v1.payouts.create({"amount": 100, "currency": "usd"}, {"stripe_account": seller})
    for there in ({"stripe_account": other}, {}):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.payouts.retrieve(payout.id, None, there)  # type: ignore[arg-type]
    with pytest.raises(stripe.PermissionError):
        client.v1.balance.retrieve(None, {"stripe_account": "acct_of_nobody"})


def test_a_clock_jump_of_sixty_days_fires_everything_in_its_order(platform: Platform) -> None:
    seller = _with_funds(platform)
    _charge(platform, payment_method="pm_card_createDispute")
    _charge(platform, capture_method="manual")
    client = platform.client()
    client.v1.payouts.create({"amount": 100, "currency": "usd"}, {"stripe_account": seller})
    platform.advance("60d")
    created = [e["created"] for e in platform.sim("state", method="GET")["objects"]["event"].values()]
    assert len(created) > 5 and created == sorted(created)
    state = platform.sim("state", method="GET")
    assert state["timers"]["timers"] == []
    assert next(iter(state["objects"]["dispute"].values()))["status"] == "lost"
