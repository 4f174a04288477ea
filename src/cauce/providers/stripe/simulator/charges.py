"""Charges at the simulated Stripe: what a confirmed intent produces, with fee, settlement and Connect movements."""

from __future__ import annotations

from typing import Any

from cauce.providers.stripe.simulator import balance, disputes, fees, transfers
from cauce.providers.stripe.simulator.desk import Desk, Obj
from cauce.providers.stripe.simulator.magic import ADVICE, Card
from cauce.providers.stripe.simulator.params import LISTED, params
from cauce.providers.stripe.simulator.views import listed

LIST = params(f"{LISTED} customer payment_intent transfer_group")
NONE = params("")


def attempt(desk: Desk, intent: Obj, method: Obj, card: Card, decline: tuple[str, str] | None) -> Obj:
    """A charge row for one attempt, succeeded or failed; no money has moved yet."""
    failed = decline is not None
    charge = desk.make(
        "charge",
        {
            "amount": intent["amount"],
            "amount_captured": 0,
            "amount_refunded": 0,
            "application_fee": None,
            "application_fee_amount": intent["application_fee_amount"],
            "authorization_code": None,
            "balance_transaction": None,
            "billing_details": method["billing_details"],
            "calculated_statement_descriptor": "CAUCE SANDBOX",
            "captured": False,
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": decline[0] if decline else None,
            "failure_message": "Your card was declined." if failed else None,
            "on_behalf_of": intent["on_behalf_of"],
            "outcome": _outcome(card, decline),
            "paid": not failed,
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": {"type": "card", "card": _card_details(method)},
            "receipt_email": intent["receipt_email"],
            "receipt_number": None,
            "receipt_url": None,
            "refunded": False,
            "source_transfer": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
            "status": "failed" if failed else "succeeded",
            "transfer": None,
            "transfer_data": intent["transfer_data"],
            "transfer_group": intent["transfer_group"],
            "metadata": dict(intent["metadata"]),
            "_available_at_once": card.available_at_once,
            "_refund": card.refund,
        },
    )
    intent["latest_charge"] = charge["id"]
    return charge


def settle(desk: Desk, intent: Obj, charge: Obj, amount: int, card: Card) -> None:
    """The captured `amount` reaches the platform's balance, and from there a destination, if one is named."""
    currency = charge["currency"]
    charge |= {"captured": True, "amount_captured": amount}
    fee = balance.processing_fee(desk.tenant, amount)
    row = balance.row(
        desk,
        account=desk.account,
        type="charge",
        amount=amount,
        currency=currency,
        source=charge["id"],
        against="outside/payers",
        fee=fee,
        fee_details=balance.stripe_fee_details(fee, currency),
        available_on=desk.now if card.available_at_once else balance.settlement_at(desk.tenant),
        description=charge["description"],
    )
    charge["_row"] = row["id"]
    late = desk.fault("async_balance_transaction")
    charge["balance_transaction"] = None if late else row["id"]
    if charge["transfer_data"]:
        _send_to_destination(desk, charge, amount, row["available_on"])
    if card.dispute:
        desk.tenant.later(disputes.OPENS_AFTER_SECONDS, "dispute", f"{charge['id']}|{card.dispute}")


def settled_events(desk: Desk, charge: Obj) -> None:
    """What follows `payment_intent.succeeded`: the balance transaction when it came late, transfers, fees."""
    if charge["balance_transaction"] is None and charge["captured"]:
        charge["balance_transaction"] = charge["_row"]
        desk.emit("charge.updated", charge, {"balance_transaction": None})


def _send_to_destination(desk: Desk, charge: Obj, amount: int, available_on: int) -> None:
    data = charge["transfer_data"]
    fee_amount = min(charge["application_fee_amount"] or 0, amount)
    sent = min(int(data["amount"]), amount) if data.get("amount") else amount
    transfer = transfers.move(
        desk,
        destination=data["destination"],
        amount=sent,
        currency=charge["currency"],
        available_on=available_on,
        source_transaction=charge["id"],
        transfer_group=charge["transfer_group"] or f"group_{charge['payment_intent']}",
        application_fee=fee_amount,
    )
    charge["transfer"] = transfer["id"]
    charge["transfer_group"] = transfer["transfer_group"]
    if fee_amount:
        fee = fees.collect(desk, transfer, charge, fee_amount, available_on)
        charge["application_fee"] = fee["id"]


def _outcome(card: Card, decline: tuple[str, str] | None) -> Obj:
    outcome: dict[str, Any] = {
        "advice_code": ADVICE.get(decline[1]) if decline else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 20,
        "rule": None,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    if card.blocked:
        return {**outcome, "network_status": "not_sent_to_network", "reason": "highest_risk_level", "type": "blocked",
                "risk_level": "highest", "risk_score": 90, "seller_message": "Stripe blocked this payment."}  # fmt: skip
    if decline:
        return {**outcome, "network_status": "declined_by_network", "reason": decline[1], "type": "issuer_declined",
                "seller_message": "The bank did not approve."}  # fmt: skip
    return outcome


def _card_details(method: Obj) -> Obj:
    card = method["card"]
    kept = {
        name: card[name] for name in ("brand", "last4", "exp_month", "exp_year", "fingerprint", "funding", "country")
    }
    return {**kept, "network": card["brand"], "network_transaction_id": None, "mandate": None,
            "three_d_secure": {"result": "authenticated", "authentication_flow": "challenge"} if method["_set_up"] else None}  # fmt: skip


def retrieve(desk: Desk) -> Obj:
    """GET /v1/charges/{id}."""
    return desk.get("charge", desk.id)


def list_all(desk: Desk) -> Obj:
    """GET /v1/charges."""
    wanted = {n: desk.params[n] for n in ("customer", "payment_intent", "transfer_group") if n in desk.params}
    items = (c for c in desk.all("charge") if all(c[n] == v for n, v in wanted.items()))
    return listed(desk.tenant, items, desk.params, "/v1/charges")
