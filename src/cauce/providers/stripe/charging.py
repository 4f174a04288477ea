"""Charges of saved cards, pages to pay one invoice, refunds (`ChargesSaved`, `LinksPayment`, `Refunds`)."""

from __future__ import annotations

from cauce.gateway.charging import Charge, ChargeRequest, LinkRequest, PaymentLink
from cauce.gateway.collecting import Refund, RefundRequest
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal
from cauce.providers.stripe import finding, limits, mapping
from cauce.providers.stripe.wire import Json, Refused, Wire, settled, understood

_REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})


def _charge(intent: Json) -> Outcome[Charge]:
    return mapping.charge_outcome(intent, payer_absent=True)


async def charge_saved(wire: Wire, request: ChargeRequest) -> Outcome[Charge]:
    """Make and confirm a payment intent while the payer is absent. One key is one attempt."""
    fields: Json = {
        "amount": mapping.wire_amount(request.amount),
        "currency": request.amount.currency,
        "customer": request.customer_ref,
        "payment_method": request.method_ref,
        "confirm": True,
        "off_session": True,
        "allowed_payment_method_types": ["card"],
        "description": request.description or None,
        "statement_descriptor_suffix": request.statement_descriptor[: limits.DESCRIPTOR_LENGTH.value] or None,
        "metadata": mapping.metadata(request.metadata, request.key, cauce_op="charge"),
        "expand": finding.EXPAND_CHARGE,
    }
    answer = await wire.post("payment_intents.create", "/v1/payment_intents", fields, key=request.key)
    return await settled(answer, _charge, lambda: find_charge(wire, request.key))


async def find_charge(wire: Wire, key: str, ref: str = "") -> Outcome[Charge]:
    """What became of a charge, whoever confirmed it."""
    intent = await finding.payment_intent(wire, ref=ref, key=key)
    if intent is None and ref.startswith("cs_"):
        return await _unpaid_page(wire, key, ref)
    if intent is None:
        return mapping.not_found(key)
    absent = (intent.get("metadata") or {}).get("cauce_op") == "charge"
    return mapping.charge_outcome(intent, payer_absent=absent)


async def _unpaid_page(wire: Wire, key: str, ref: str) -> Outcome[Charge]:
    """A page makes its intent only when somebody pays: until then the page itself is all there is."""
    session = await finding.session(wire, ref=ref)
    if session is None:
        return mapping.not_found(key)
    if session["status"] == "open":
        amount = mapping.money_of(session["amount_total"], session["currency"])
        waiting = Charge(ref, amount, next_action=mapping.session_url(session))
        return Pending(waiting, mapping.PAYER_ASK_SECONDS)
    return Declined("unpaid", Refusal.LIFECYCLE, f"the page is {session['status']} and was not paid")


async def cancel_charge(wire: Wire, key: str, ref: str) -> Outcome[Charge]:
    """Close a charge that has not succeeded; the answer is the charge's own state, `Done` if it was too late."""
    intent = await finding.payment_intent(wire, ref=ref, key=key)
    if intent is None:
        return mapping.not_found(key)
    path = f"/v1/payment_intents/{intent['id']}/cancel"
    answer = await wire.post("payment_intents.cancel", path, {"cancellation_reason": "abandoned"}, key=f"{key}:x")
    if isinstance(answer, Refused) and answer.outcome_is(Refusal.LIFECYCLE):
        return await find_charge(wire, key, intent["id"])
    return understood(answer, _charge)


async def link_payment(wire: Wire, request: LinkRequest) -> Outcome[PaymentLink]:
    """A page of Stripe's where one invoice is paid; the charge that comes of it carries the key."""
    tags = mapping.metadata(request.metadata, request.key, cauce_invoice=request.invoice_id)
    fields: Json = {
        "mode": "payment",
        "customer": request.customer_ref or None,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": request.amount.currency,
                    "unit_amount": mapping.wire_amount(request.amount),
                    "product_data": {"name": request.description or request.invoice_id},
                },
            }
        ],
        "success_url": request.return_url,
        "cancel_url": request.return_url,
        "client_reference_id": request.invoice_id,
        "metadata": tags,
        "payment_intent_data": {
            "metadata": tags,
            "description": request.description or None,
            "setup_future_usage": "off_session" if request.customer_ref else None,
        },
    }
    answer = await wire.post("checkout.sessions.create", "/v1/checkout/sessions", fields, key=request.key)
    return understood(answer, _link)


def _link(session: Json) -> Outcome[PaymentLink]:
    page = mapping.session_url(session)
    if page is None:
        return Declined(session["status"], Refusal.LIFECYCLE, f"the page is {session['status']}")
    return Done(PaymentLink(session["id"], page))


async def refund(wire: Wire, request: RefundRequest) -> Outcome[Refund]:
    """Give money back; what a destination charge sent to its seller comes back in proportion."""
    intent = await finding.payment_intent(wire, ref=request.collection_ref, key=request.collection_key)
    if intent is None:
        return mapping.not_found(request.collection_key)
    sent_on = bool(intent.get("transfer_data"))
    fields: Json = {
        "payment_intent": intent["id"],
        "amount": mapping.wire_amount(request.amount),
        "reason": request.reason if request.reason in _REASONS else None,
        "reverse_transfer": True if sent_on else None,
        "refund_application_fee": True if sent_on and intent.get("application_fee_amount") else None,
        "metadata": mapping.metadata(request.metadata, request.key, cauce_reason=request.reason),
        "expand": finding.EXPAND_REFUND,
    }
    answer = await wire.post("refunds.create", "/v1/refunds", fields, key=request.key)
    return await settled(
        answer, mapping.refund_outcome, lambda: find_refund(wire, request.key, collection_ref=intent["id"])
    )


async def find_refund(wire: Wire, key: str, ref: str = "", *, collection_ref: str = "") -> Outcome[Refund]:
    """What became of a refund."""
    if ref:
        return understood(
            await wire.get("refunds.retrieve", f"/v1/refunds/{ref}", {"expand": finding.EXPAND_REFUND}),
            mapping.refund_outcome,
        )
    scope: Json = {"payment_intent": collection_ref} if collection_ref.startswith("pi_") else {}
    scope["expand"] = [f"data.{path}" for path in finding.EXPAND_REFUND]
    found = await finding.by_key(wire, "refunds.list", "/v1/refunds", key, scope)
    return mapping.refund_outcome(found) if found else mapping.not_found(key)
