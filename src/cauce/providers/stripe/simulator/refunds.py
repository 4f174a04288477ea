"""Refunds at the simulated Stripe: whole or part, at once, later, or failing after they looked well."""

from __future__ import annotations

from cauce.providers.stripe.simulator import balance, fees, transfers
from cauce.providers.stripe.simulator.desk import Desk, Obj, merge_metadata
from cauce.providers.stripe.simulator.errors import StripeError, wrong_state
from cauce.providers.stripe.simulator.params import LISTED, params
from cauce.providers.stripe.simulator.views import listed

CREATE = params(
    "payment_intent charge amount:int reason reverse_transfer:bool refund_application_fee:bool metadata:map "
    "instructions_email customer currency origin"
)
UPDATE = params("metadata:map")
LIST = params(f"{LISTED} payment_intent charge")
NONE = params("")

PENDING_SECONDS = 86400
FAILS_AFTER_SECONDS = 2 * 86400


def create(desk: Desk) -> Obj:
    """POST /v1/refunds of a payment intent or charge."""
    charge = _charge(desk)
    rest = charge["amount_captured"] - charge["amount_refunded"]
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise StripeError(400, "This charge cannot be refunded.", code="charge_not_refundable")
    if charge["disputed"]:
        raise StripeError(400, f"Charge {charge['id']} has been charged back.", code="charge_disputed")
    if not rest:
        raise StripeError(400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = desk.params.get("amount", rest)
    if not isinstance(amount, int) or not 1 <= amount <= rest:
        text = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({rest})."
        raise StripeError(400, text, code="amount_too_large", param="amount")
    refund = _make(desk, charge, amount)
    merge_metadata(refund, desk.params.get("metadata"))
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    _give_back_parts(desk, charge, refund)
    if charge["_refund"] == "pending":
        refund |= {"status": "pending", "pending_reason": "processing"}
        desk.tenant.later(PENDING_SECONDS, "refund_done", f"{refund['_account']}|{refund['id']}")
    elif charge["_refund"] == "fails":
        desk.tenant.later(FAILS_AFTER_SECONDS, "refund_fails", f"{refund['_account']}|{refund['id']}")
    desk.emit("refund.created", refund)
    desk.emit("charge.refunded", charge)
    desk.emit("refund.updated", refund, {})
    return refund


def _charge(desk: Desk) -> Obj:
    given = desk.params
    if given.get("payment_intent"):
        intent = desk.get("payment_intent", given["payment_intent"], "payment_intent")
        if not intent["latest_charge"]:
            raise StripeError(400, "This PaymentIntent has no charge to refund.", code="charge_not_refundable")
        return desk.get("charge", intent["latest_charge"])
    if given.get("charge"):
        return desk.get("charge", given["charge"], "charge")
    raise StripeError(400, "Missing required param: payment_intent.", code="parameter_missing", param="payment_intent")


def _make(desk: Desk, charge: Obj, amount: int) -> Obj:
    refund = desk.make(
        "refund",
        {
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "currency": charge["currency"],
            "customer": charge["customer"],
            "description": None,
            "destination_details": {"type": "card", "card": {"type": "refund"}},
            "failure_balance_transaction": None,
            "failure_reason": None,
            "next_action": None,
            "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"],
            "pending_reason": None,
            "reason": desk.params.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "succeeded",
            "transfer_reversal": None,
        },
    )
    row = balance.row(
        desk,
        account=desk.account,
        type="refund",
        amount=-amount,
        currency=charge["currency"],
        source=refund["id"],
        against="outside/payers",
    )
    refund["balance_transaction"] = row["id"]
    return refund


def _give_back_parts(desk: Desk, charge: Obj, refund: Obj) -> None:
    """With `reverse_transfer` and `refund_application_fee` the seller and the platform give back in proportion."""
    if desk.params.get("reverse_transfer"):
        if not charge["transfer"]:
            raise StripeError(400, "The charge has no transfer to reverse.", param="reverse_transfer")
        transfer = desk.get("transfer", charge["transfer"])
        share = transfer["amount"] * refund["amount"] // charge["amount_captured"]
        share = min(share, transfer["amount"] - transfer["amount_reversed"])
        if share:
            reversal = transfers.take_back(desk, transfer, share, force=True)
            reversal["source_refund"] = refund["id"]
            refund["transfer_reversal"] = reversal["id"]
    if desk.params.get("refund_application_fee") and charge["application_fee"]:
        fee = desk.get("application_fee", charge["application_fee"])
        share = fee["amount"] * refund["amount"] // charge["amount_captured"]
        fees.give_back(desk, fee, min(share, fee["amount"] - fee["amount_refunded"]))


def done(desk: Desk, refund: Obj) -> None:
    """A pending refund reaches the payer's bank."""
    if refund["status"] == "pending":
        refund |= {"status": "succeeded", "pending_reason": None}
        desk.emit("refund.updated", refund, {"status": "pending"})
        desk.emit("charge.refund.updated", refund, {"status": "pending"})


def fail(desk: Desk, refund: Obj, reason: str = "expired_or_canceled_card") -> Obj:
    """The payer's bank sends the money back: it returns to the balance."""
    if refund["status"] in ("failed", "canceled"):
        return refund
    before = {"status": refund["status"]}
    charge = desk.get("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    row = balance.row(
        desk,
        account=desk.account,
        type="refund_failure",
        amount=refund["amount"],
        currency=refund["currency"],
        source=refund["id"],
        against="outside/payers",
    )
    refund |= {"status": "failed", "failure_reason": reason, "failure_balance_transaction": row["id"]}
    for type in ("refund.failed", "refund.updated", "charge.refund.updated"):
        desk.emit(type, refund, before if type.endswith("updated") else None)
    return refund


def update(desk: Desk) -> Obj:
    """POST /v1/refunds/{id}: metadata only."""
    refund = desk.get("refund", desk.id)
    merge_metadata(refund, desk.params.get("metadata"))
    desk.emit("refund.updated", refund, {})
    return refund


def cancel(desk: Desk) -> Obj:
    """POST /v1/refunds/{id}/cancel: only while the payer must act, which no card asks."""
    refund = desk.get("refund", desk.id)
    raise wrong_state("refund", refund["id"], refund["status"], "canceled")


def retrieve(desk: Desk) -> Obj:
    """GET /v1/refunds/{id}."""
    return desk.get("refund", desk.id)


def list_all(desk: Desk) -> Obj:
    """GET /v1/refunds."""
    wanted = {n: desk.params[n] for n in ("payment_intent", "charge") if n in desk.params}
    items = (r for r in desk.all("refund") if all(r[n] == v for n, v in wanted.items()))
    return listed(desk.tenant, items, desk.params, "/v1/refunds")
