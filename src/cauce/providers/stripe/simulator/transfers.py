"""Transfers between the platform and its connected accounts at the simulated Stripe, and their reversals."""

from __future__ import annotations

from cauce.providers.stripe.simulator import balance
from cauce.providers.stripe.simulator.desk import Desk, Obj, merge_metadata
from cauce.providers.stripe.simulator.errors import StripeError
from cauce.providers.stripe.simulator.params import LISTED, params
from cauce.providers.stripe.simulator.views import listed

CREATE = params(
    "amount!:int currency! destination! source_transaction transfer_group description metadata:map source_type"
)
UPDATE = params("description metadata:map")
REVERSE = params("amount:int description metadata:map refund_application_fee:bool")
LIST = params(f"{LISTED} destination transfer_group")
LIST_REVERSALS = params(LISTED)
NONE = params("")


def create(desk: Desk) -> Obj:
    """POST /v1/transfers: from the available balance, or tied to a charge and then as soon as that settles."""
    given = desk.params
    account = desk.get("account", given["destination"], "destination")
    if account["capabilities"].get("transfers") != "active":
        raise StripeError(400, "Your destination account needs the transfers capability.",
                          code="capability_not_active", param="destination")  # fmt: skip
    amount, currency = given["amount"], given["currency"].lower()
    if not isinstance(amount, int) or amount < 1:
        raise StripeError(400, "Invalid positive integer", code="parameter_invalid_integer", param="amount")
    available_on, group = desk.now, given.get("transfer_group")
    if given.get("source_transaction"):
        available_on, group = _from_charge(desk, amount, currency)
    elif balance.held(desk, "", currency, "available") < amount:
        raise StripeError(400, "You have insufficient available funds in your Stripe account.",
                          code="balance_insufficient")  # fmt: skip
    return move(
        desk,
        destination=account["id"],
        amount=amount,
        currency=currency,
        available_on=available_on,
        source_transaction=given.get("source_transaction"),
        transfer_group=group,
        description=given.get("description"),
        metadata=given.get("metadata"),
    )


def _from_charge(desk: Desk, amount: int, currency: str) -> tuple[int, str | None]:
    charge = desk.get("charge", desk.params["source_transaction"], "source_transaction")
    if charge["currency"] != currency:
        raise StripeError(400, "The currency of source_transaction does not match.", code="parameter_invalid_string",
                          param="currency")  # fmt: skip
    sent = charge.get("_transferred", 0)
    if not charge["captured"] or sent + amount > charge["amount_captured"]:
        text = "Cannot create transfers from the source_transaction: it does not hold that much any more."
        raise StripeError(400, text, code="balance_insufficient", param="amount")
    row = desk.get("balance_transaction", charge["_row"])
    group = desk.params.get("transfer_group") or charge["transfer_group"] or f"group_{charge['payment_intent']}"
    charge["transfer_group"] = group
    return max(row["available_on"], desk.now), group


def move(
    desk: Desk,
    *,
    destination: str,
    amount: int,
    currency: str,
    available_on: int,
    source_transaction: str | None,
    transfer_group: str | None,
    application_fee: int = 0,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Obj:
    """Move money to a connected account: a row on each side, a payment (`py_`) over there."""
    transfer = desk.make(
        "transfer",
        {
            "amount": amount,
            "amount_reversed": 0,
            "currency": currency,
            "description": description,
            "destination": destination,
            "reversed": False,
            "reversals": {"object": "list", "data": [], "has_more": False, "url": ""},
            "source_transaction": source_transaction,
            "source_type": "card",
            "transfer_group": transfer_group,
        },
    )
    if source_transaction:
        source = desk.tenant.shelf("charge")[source_transaction]
        source["_transferred"] = source.get("_transferred", 0) + amount
    transfer["reversals"]["url"] = f"/v1/transfers/{transfer['id']}/reversals"
    merge_metadata(transfer, metadata)
    row = balance.row(
        desk, account="", type="transfer", amount=-amount, currency=currency, source=transfer["id"],
        against="outside/transit", available_on=available_on, description=description,
    )  # fmt: skip
    transfer["balance_transaction"] = row["id"]
    payment = _arrive(desk, transfer, available_on, application_fee)
    transfer["destination_payment"] = payment["id"]
    desk.emit("transfer.created", transfer)
    return transfer


def _arrive(desk: Desk, transfer: Obj, available_on: int, application_fee: int) -> Obj:
    there = transfer["destination"]
    payment = desk.make(
        "charge",
        {
            "amount": transfer["amount"], "amount_captured": transfer["amount"], "amount_refunded": 0,
            "application_fee": None, "application_fee_amount": application_fee or None, "captured": True,
            "currency": transfer["currency"], "customer": None, "description": transfer["description"],
            "disputed": False, "paid": True, "payment_intent": None, "payment_method": None, "refunded": False,
            "source_transfer": transfer["id"], "status": "succeeded", "transfer": None, "transfer_data": None,
            "transfer_group": None, "on_behalf_of": None, "_refund": "ok",
        },
        prefix="py",
        account=there,
    )  # fmt: skip
    fee_line = {"amount": application_fee, "application": "ca_sandbox", "currency": transfer["currency"]}
    row = balance.row(
        desk,
        account=there,
        type="payment",
        amount=transfer["amount"],
        currency=transfer["currency"],
        source=payment["id"],
        against="outside/transit",
        fee=application_fee,
        application_fee=application_fee,
        fee_details=[{**fee_line, "description": "Application fee", "type": "application_fee"}]
        if application_fee
        else [],
        available_on=available_on,
    )
    payment |= {"balance_transaction": row["id"], "_row": row["id"]}
    return payment


def reverse(desk: Desk) -> Obj:
    """POST /v1/transfers/{id}/reversals: whole or part; the seller must hold the money."""
    transfer = desk.get("transfer", desk.id)
    rest = transfer["amount"] - transfer["amount_reversed"]
    amount = desk.params.get("amount", rest)
    if not isinstance(amount, int) or not 1 <= amount <= rest:
        text = f"Transfer reversal amount is greater than the unreversed amount ({rest})."
        raise StripeError(400, text, code="amount_too_large", param="amount")
    reversal = take_back(desk, transfer, amount, force=False)
    merge_metadata(reversal, desk.params.get("metadata"))
    return reversal


def take_back(desk: Desk, transfer: Obj, amount: int, *, force: bool) -> Obj:
    """Move `amount` back to the platform; unless forced, only what the seller still holds."""
    there, currency = transfer["destination"], transfer["currency"]
    held = sum(balance.held(desk, there, currency, kind) for kind in ("available", "pending"))
    if held < amount and not force:
        raise StripeError(400, "The connected account does not have enough balance for the reversal.",
                          code="balance_insufficient")  # fmt: skip
    payment = desk.tenant.shelf("charge")[transfer["destination_payment"]]
    available_on = desk.tenant.shelf("balance_transaction")[payment["_row"]]["available_on"]
    available_on = max(available_on, desk.now)
    reversal = desk.make(
        "transfer_reversal",
        {"amount": amount, "currency": currency, "transfer": transfer["id"], "source_refund": None},
    )
    refund = desk.make(
        "refund",
        {"amount": amount, "charge": payment["id"], "currency": currency, "status": "succeeded", "payment_intent": None,
         "source_transfer_reversal": reversal["id"]},
        prefix="pyr", account=there,
    )  # fmt: skip
    gone = balance.row(
        desk, account=there, type="payment_refund", amount=-amount, currency=currency, source=refund["id"],
        against="outside/transit", available_on=available_on,
    )  # fmt: skip
    refund["balance_transaction"] = gone["id"]
    back = balance.row(
        desk, account="", type="transfer_refund", amount=amount, currency=currency, source=reversal["id"],
        against="outside/transit", available_on=available_on,
    )  # fmt: skip
    reversal |= {"balance_transaction": back["id"], "destination_payment_refund": refund["id"]}
    payment["amount_refunded"] += amount
    if transfer["source_transaction"]:
        desk.tenant.shelf("charge")[transfer["source_transaction"]]["_transferred"] -= amount
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"]["data"] = [reversal, *transfer["reversals"]["data"]][:10]
    desk.emit("transfer.reversed", transfer)
    return reversal


def update(desk: Desk) -> Obj:
    """POST /v1/transfers/{id}."""
    transfer = desk.get("transfer", desk.id)
    merge_metadata(transfer, desk.params.get("metadata"))
    transfer["description"] = desk.params.get("description", transfer["description"])
    desk.emit("transfer.updated", transfer, {})
    return transfer


def retrieve(desk: Desk) -> Obj:
    """GET /v1/transfers/{id}."""
    return desk.get("transfer", desk.id)


def list_all(desk: Desk) -> Obj:
    """GET /v1/transfers."""
    wanted = {n: desk.params[n] for n in ("destination", "transfer_group") if n in desk.params}
    items = (t for t in desk.all("transfer") if all(t[n] == v for n, v in wanted.items()))
    return listed(desk.tenant, items, desk.params, "/v1/transfers")


def retrieve_reversal(desk: Desk) -> Obj:
    """GET /v1/transfers/{id}/reversals/{id}."""
    return desk.get("transfer_reversal", desk.path_ids[1])


def list_reversals(desk: Desk) -> Obj:
    """GET /v1/transfers/{id}/reversals."""
    transfer = desk.get("transfer", desk.id)
    items = (r for r in desk.all("transfer_reversal") if r["transfer"] == transfer["id"])
    return listed(desk.tenant, items, desk.params, f"/v1/transfers/{transfer['id']}/reversals")
