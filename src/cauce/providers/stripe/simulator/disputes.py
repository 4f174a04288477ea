"""Disputes at the simulated Stripe: opened after a charge, answered with evidence, won, lost or expired."""

from __future__ import annotations

from cauce.providers.stripe.simulator import balance
from cauce.providers.stripe.simulator.desk import Desk, Obj, merge_metadata
from cauce.providers.stripe.simulator.errors import StripeError, wrong_state
from cauce.providers.stripe.simulator.params import LISTED, params
from cauce.providers.stripe.simulator.views import listed

UPDATE = params("evidence:map submit:bool metadata:map intended_submission_method")
LIST = params(f"{LISTED} charge payment_intent")
NONE = params("")

OPENS_AFTER_SECONDS = 60
DUE_SECONDS = 7 * 86400
REVIEW_SECONDS = 10 * 86400
_OPEN = ("needs_response", "warning_needs_response")


def open_dispute(desk: Desk, charge: Obj, reason: str) -> Obj:
    """The payer's bank disputes a charge; an inquiry moves no money."""
    inquiry = reason == "inquiry"
    dispute = desk.make(
        "dispute",
        {
            "amount": charge["amount_captured"] - charge["amount_refunded"],
            "balance_transactions": [],
            "charge": charge["id"],
            "currency": charge["currency"],
            "evidence": {},
            "evidence_details": {
                "due_by": desk.now + DUE_SECONDS,
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
                "submission_method": "not_submitted",
            },
            "is_charge_refundable": inquiry,
            "network_reason_code": None,
            "payment_intent": charge["payment_intent"],
            "payment_method_details": {
                "type": "card",
                "card": {
                    "brand": "visa",
                    "case_type": "inquiry" if inquiry else "chargeback",
                    "network_reason_code": "10.4",
                },
            },
            "reason": "general" if inquiry else reason,
            "status": "warning_needs_response" if inquiry else "needs_response",
            "_open_reason": reason,
        },
    )
    desk.emit("charge.dispute.created", dispute)
    if not inquiry:
        _withdraw(desk, dispute)
        charge["disputed"] = True
        desk.emit("charge.updated", charge, {"disputed": False})
    desk.tenant.later(DUE_SECONDS, "dispute_due", f"{dispute['_account']}|{dispute['id']}")
    return dispute


def _withdraw(desk: Desk, dispute: Obj) -> None:
    row = balance.row(
        desk,
        account=desk.account,
        type="adjustment",
        category="dispute",
        amount=-dispute["amount"],
        currency=dispute["currency"],
        source=dispute["id"],
        against="outside/payers",
        fee=balance.DISPUTE_FEE_MINOR,
        fee_details=[
            {"amount": balance.DISPUTE_FEE_MINOR, "application": None, "currency": dispute["currency"],
             "description": "Dispute fee", "type": "stripe_fee"}
        ],
        memo="dispute",
    )  # fmt: skip
    dispute["balance_transactions"].append(row)
    desk.emit("charge.dispute.funds_withdrawn", dispute)


def update(desk: Desk) -> Obj:
    """POST /v1/disputes/{id}: evidence, submitted unless `submit` is false."""
    dispute = desk.get("dispute", desk.id)
    if dispute["status"] not in _OPEN:
        raise wrong_state("dispute", dispute["id"], dispute["status"], "updated")
    dispute["evidence"] |= desk.params.get("evidence") or {}
    dispute["evidence_details"]["has_evidence"] = bool(dispute["evidence"])
    merge_metadata(dispute, desk.params.get("metadata"))
    if desk.params.get("submit", True) and dispute["evidence"]:
        _submit(desk, dispute)
    desk.emit("charge.dispute.updated", dispute, {})
    return dispute


def _submit(desk: Desk, dispute: Obj) -> None:
    dispute["evidence_details"] |= {"submission_count": 1, "submission_method": "manual"}
    text = dispute["evidence"].get("uncategorized_text", "")
    inquiry = dispute["status"] == "warning_needs_response"
    if inquiry and text == "escalate_inquiry_evidence":
        dispute["status"] = "needs_response"
        _withdraw(desk, dispute)
        return
    dispute["status"] = "warning_under_review" if inquiry else "under_review"
    verdict = "lost" if text == "losing_evidence" else "won"
    desk.tenant.later(REVIEW_SECONDS, "dispute_verdict", f"{dispute['_account']}|{dispute['id']}|{verdict}")


def close(desk: Desk) -> Obj:
    """POST /v1/disputes/{id}/close: accept the loss."""
    dispute = desk.get("dispute", desk.id)
    if dispute["status"] != "needs_response":
        raise wrong_state("dispute", dispute["id"], dispute["status"], "closed")
    return decide(desk, dispute, "lost")


def due(desk: Desk, dispute: Obj) -> None:
    """The time to answer is over."""
    if dispute["status"] in _OPEN:
        dispute["evidence_details"]["past_due"] = True
        decide(desk, dispute, "lost")


def decide(desk: Desk, dispute: Obj, verdict: str) -> Obj:
    """The bank decides: won gives the money back, lost keeps it; a mere inquiry just closes."""
    if dispute["status"] in ("won", "lost", "warning_closed"):
        return dispute
    before = {"status": dispute["status"]}
    dispute["status"] = "warning_closed" if dispute["status"].startswith("warning") else verdict
    desk.emit("charge.dispute.updated", dispute, before)
    desk.emit("charge.dispute.closed", dispute)
    if dispute["status"] == "won":
        row = balance.row(
            desk,
            account=desk.account,
            type="adjustment",
            category="dispute_reversal",
            amount=dispute["amount"],
            currency=dispute["currency"],
            source=dispute["id"],
            against="outside/payers",
            memo="dispute won",
        )
        dispute["balance_transactions"].append(row)
        charge = desk.get("charge", dispute["charge"])
        charge["disputed"] = False
        desk.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def retrieve(desk: Desk) -> Obj:
    """GET /v1/disputes/{id}."""
    return desk.get("dispute", desk.id)


def list_all(desk: Desk) -> Obj:
    """GET /v1/disputes."""
    wanted = {n: desk.params[n] for n in ("charge", "payment_intent") if n in desk.params}
    items = (d for d in desk.all("dispute") if all(d[n] == v for n, v in wanted.items()))
    return listed(desk.tenant, items, desk.params, "/v1/disputes")


def by_control(desk: Desk, charge_id: str, reason: str) -> Obj:
    """A dispute opened by the control surface."""
    charge = desk.get("charge", charge_id, "charge")
    if charge["disputed"]:
        raise StripeError(400, "The charge is disputed already.")
    return open_dispute(desk, charge, reason)
