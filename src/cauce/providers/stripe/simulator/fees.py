"""Application fees at the simulated Stripe: the platform's part of a destination charge, and its return."""

from __future__ import annotations

from cauce.providers.stripe.simulator import balance
from cauce.providers.stripe.simulator.desk import Desk, Obj, merge_metadata
from cauce.providers.stripe.simulator.errors import StripeError
from cauce.providers.stripe.simulator.params import LISTED, params
from cauce.providers.stripe.simulator.views import listed

REFUND = params("amount:int metadata:map")
LIST = params(f"{LISTED} charge")
NONE = params("")


def collect(desk: Desk, transfer: Obj, charge: Obj, amount: int, available_on: int) -> Obj:
    """The fee that was kept from the seller's payment reaches the platform."""
    fee = desk.make(
        "application_fee",
        {
            "account": transfer["destination"],
            "amount": amount,
            "amount_refunded": 0,
            "application": "ca_sandbox",
            "charge": transfer["destination_payment"],
            "currency": charge["currency"],
            "fee_source": {"type": "charge", "charge": transfer["destination_payment"]},
            "originating_transaction": charge["id"],
            "refunded": False,
            "refunds": {"object": "list", "data": [], "has_more": False, "url": ""},
        },
    )
    row = balance.row(
        desk, account="", type="application_fee", amount=amount, currency=charge["currency"], source=fee["id"],
        against="outside/transit", available_on=available_on,
    )  # fmt: skip
    fee["balance_transaction"] = row["id"]
    desk.emit("application_fee.created", fee)
    return fee


def refund(desk: Desk) -> Obj:
    """POST /v1/application_fees/{id}/refunds."""
    fee = desk.get("application_fee", desk.id)
    rest = fee["amount"] - fee["amount_refunded"]
    amount = desk.params.get("amount", rest)
    if not isinstance(amount, int) or not 1 <= amount <= rest:
        raise StripeError(400, "The amount is over the unrefunded fee.", code="amount_too_large", param="amount")
    made = give_back(desk, fee, amount)
    merge_metadata(made, desk.params.get("metadata"))
    return made


def give_back(desk: Desk, fee: Obj, amount: int) -> Obj:
    """Return `amount` of a fee from the platform to the seller."""
    made = desk.make("fee_refund", {"amount": amount, "currency": fee["currency"], "fee": fee["id"]})
    for account, sign in (("", -1), (fee["account"], 1)):
        row = balance.row(
            desk, account=account, type="application_fee_refund", amount=sign * amount, currency=fee["currency"],
            source=made["id"], against="outside/transit",
        )  # fmt: skip
        if not account:
            made["balance_transaction"] = row["id"]
    fee["amount_refunded"] += amount
    fee["refunded"] = fee["amount_refunded"] == fee["amount"]
    desk.emit("application_fee.refunded", fee)
    return made


def retrieve(desk: Desk) -> Obj:
    """GET /v1/application_fees/{id}."""
    return desk.get("application_fee", desk.id)


def list_all(desk: Desk) -> Obj:
    """GET /v1/application_fees."""
    charge = desk.params.get("charge")
    items = (f for f in desk.all("application_fee") if charge in (None, f["charge"]))
    return listed(desk.tenant, items, desk.params, "/v1/application_fees")
