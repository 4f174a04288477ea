"""The event catalogue: every event type that Cauce emits, with its meaning.

Names are `noun.verb` in the past tense (imminent ones `will_…`). An event is a row in the outbox, written in the
transaction of its effect, with a sequence number per object; `docs/reference/events.md` is made from this table.
Emitting a name that is not listed is a programming error.
"""

from __future__ import annotations

_MEANINGS: dict[str, dict[str, str]] = {
    "customer": {
        "created": "A customer was made.",
        "updated": "Name, address, tax ids, zone or metadata changed.",
        "suspended": "An operator suspended the customer.",
        "unsuspended": "The suspension ended.",
        "deleted": "The customer's personal data were erased.",
        "credit_changed": "The customer's credit balance changed.",
    },
    "member": {
        "invited": "A person was invited to a customer's team.",
        "joined": "The person accepted.",
        "removed": "The person was removed and the seat is free.",
    },
    "product": {
        "created": "A product was made.",
        "updated": "A product changed.",
        "archived": "A product is no longer offered.",
    },
    "plan": {
        "created": "A plan version was made.",
        "updated": "A plan that was known has a new version.",
        "archived": "A plan is no longer sold.",
        "published": "A plan is offered on hosted pages.",
        "unpublished": "A plan is hidden from hosted pages.",
    },
    "price": {
        "created": "An immutable price was made.",
        "updated": "A plan's new version has other terms under this price's key; who has the old price keeps it.",
        "archived": "A price is no longer sold.",
    },
    "coupon": {
        "created": "A coupon was made.",
        "redeemed": "A coupon was redeemed.",
        "exhausted": "A coupon's last redemption was used.",
    },
    "discount": {
        "applied": "A coupon works on a subscription.",
        "removed": "A coupon no longer works on a subscription.",
    },
    "payment_method": {
        "added": "A method was saved.",
        "updated": "Brand, number or expiry changed.",
        "default_changed": "Another method is the default.",
        "expiring": "A saved card expires soon.",
        "removed": "A method was detached.",
        "action_required": "The customer must authenticate to save the method.",
    },
    "quote": {
        "sent": "A draft awaits the customer's approval.",
        "approved": "The customer approved.",
        "rejected": "The customer rejected.",
        "expired": "The draft lapsed.",
    },
    "subscription": {
        "created": "A subscription was made.",
        "trial_started": "A trial runs.",
        "trial_extended": "The trial's end moved.",
        "trial_will_end": "The trial ends soon.",
        "trial_converted": "The trial became a paid subscription.",
        "trial_expired": "The trial ended without conversion.",
        "activated": "The subscription is active for the first time.",
        "renewed": "A new period began.",
        "past_due": "An invoice failed or is overdue.",
        "recovered": "The debt was paid.",
        "unpaid": "Collection was exhausted.",
        "change_scheduled": "A change waits for its date.",
        "change_canceled": "A waiting change was withdrawn.",
        "changed": "Plan, price, option or quantity changed.",
        "cancellation_requested": "Cancellation was requested.",
        "cancellation_approved": "An operator approved the cancellation.",
        "cancellation_rejected": "An operator rejected the cancellation.",
        "cancellation_undone": "The cancellation was withdrawn in time.",
        "canceled": "The subscription ended by cancellation.",
        "expired": "The subscription ended by time.",
        "reactivated": "An ended subscription began a new term.",
        "paused": "The subscription is paused.",
        "resumed": "The pause ended.",
    },
    "pending_line": {
        "added": "A one-off charge waits for the next invoice.",
        "approved": "The customer approved the charge.",
        "rejected": "The customer rejected the charge that he was asked about; nothing is billed.",
        "removed": "The charge was withdrawn.",
    },
    "invoice": {
        "created": "An invoice was made.",
        "finalized": "The invoice has its number and is open.",
        "will_be_due": "The due date is near.",
        "payment_action_required": "The customer must authenticate the payment.",
        "paid": "The invoice is paid.",
        "payment_failed": "A payment attempt failed.",
        "overdue": "The due date passed.",
        "voided": "The invoice was voided.",
        "marked_uncollectible": "The invoice was written off.",
        "updated": "An open invoice is owed less: a part was paid or credited.",
        "upcoming": "The next invoice of a subscription, which the event is numbered under, is near: 7 days, for yearly plans 30.",
    },
    "credit_note": {
        "issued": "A credit note was issued.",
        "voided": "A credit note was voided.",
    },
    "payment": {
        "attempted": "A payment attempt was sent.",
        "processing": "The provider works on the payment.",
        "succeeded": "The payment succeeded.",
        "failed": "The payment was declined.",
        "canceled": "The payment was canceled.",
        "unresolved": "The outcome of the payment is not known yet.",
    },
    "refund": {
        "created": "A refund was requested.",
        "succeeded": "The refund reached the payer.",
        "failed": "The refund failed.",
        "canceled": "The refund was canceled.",
    },
    "dispute": {
        "opened": "The payer disputes a payment.",
        "updated": "The dispute changed.",
        "won": "The dispute was decided for the merchant.",
        "lost": "The dispute was decided for the payer.",
        "funds_withdrawn": "The disputed money was taken.",
        "funds_reinstated": "The disputed money came back.",
    },
    "dunning": {
        "started": "Recovery of a debt began.",
        "step_executed": "A recovery step ran.",
        "recovered": "Recovery ended with payment.",
        "exhausted": "Recovery ended without payment.",
    },
    "access": {
        "granted": "The customer may use the product.",
        "grace_started": "Full access continues for a limited time.",
        "restricted": "Access is limited.",
        "restored": "Access is full again.",
        "revoked": "Access ended.",
    },
    "instance": {
        "requested": "An instance was asked for.",
        "provisioning": "The runner works on it.",
        "ready": "The instance runs.",
        "failed": "The runner failed.",
        "suspended": "The instance is suspended.",
        "restored": "The instance runs again.",
        "deleted": "The instance is gone.",
    },
    "usage": {
        "recorded": "Usage was recorded.",
        "threshold_reached": "A usage threshold was reached.",
        "limit_reached": "A usage limit was reached.",
    },
    "message": {
        "queued": "A message waits to be sent.",
        "sent": "A message was handed to its channel.",
        "suppressed": "A message was held back by a rule.",
        "bounced": "The address refuses messages.",
        "complained": "The reader called the message spam; the address is sent nothing more.",
        "unsubscribed": "The person does not want such messages.",
    },
    "conversation": {
        "opened": "A person wrote.",
        "replied": "Somebody answered.",
        "assigned": "The conversation has an owner.",
        "closed": "The conversation ended.",
    },
    "task": {
        "created": "A task for staff was made.",
        "completed": "A task is done.",
    },
    "automation": {
        "called": "An automation calls your endpoints: its action `webhook`.",
        "completed": "An automation ran.",
        "failed": "An automation failed.",
    },
    "provider": {
        "webhook_rejected": "An incoming notice was refused.",
        "event_dead_lettered": "An incoming notice could not be processed.",
        "mismatch_found": "Our books and the provider's differ.",
        "key_invalid": "The provider refuses our credentials; what was asked of it waits until it takes them again.",
        "key_valid": "The provider takes our credentials again.",
        "calls_stopped": "Signatures were wrong three times in five minutes: the channel is asked nothing until somebody looks.",
        "notices_missed": "The provider's own list brought notices that never reached us; they have their effect now.",
        "notices_lost": "Notices may be missing for good: what happened in this time is off the provider's list.",
        "calls_resumed": "Somebody has looked: a channel that was stopped is asked again.",
    },
    "endpoint": {
        "disabled": "A webhook endpoint was switched off after repeated failure.",
        "tested": "Somebody asked for a test of a webhook endpoint; only that endpoint hears it.",
    },
    "clock": {
        "advanced": "A sandbox clock reached its target.",
    },
    "month": {
        "closed": "An accounting month was closed.",
        "reopened": "An accounting month was reopened by two persons.",
    },
    "merchant": {
        "created": "A merchant was made.",
        "updated": "A merchant changed.",
        "onboarding_changed": "The merchant's account at a channel changed state.",
        "instrument_changed": "A payout instrument changed state.",
    },
    "order": {
        "created": "An order was made.",
        "paid": "All payments of an order arrived.",
        "delivered": "An order was delivered.",
        "canceled": "An order was canceled.",
        "released": "Held money of an order was released.",
        "kept_divided": "A part of an order that was kept for later was divided among its parties.",
        "release_refused": "An order's money cannot be divided as its rule says; it stays parked until somebody decides.",
        "freeze_expired": "The channel ended the freeze by itself.",
        "freeze_will_expire": "The channel's freeze ends soon.",
    },
    "collection": {
        "requires_action": "The payer must act: scan, go to a page, confirm. What, is the collection's `next_action`.",
        "paid": "A payer's payment is final.",
        "failed": "A payer's payment failed.",
        "cleared": "Collected money is withdrawable.",
    },
    "split": {
        "planned": "The parts of an order are planned.",
        "submitted": "A split was sent to the channel.",
        "applied": "All parts arrived.",
        "partially_applied": "Some parts were refused.",
        "failed": "No part was applied.",
        "reversed": "Parts were taken back.",
    },
    "order_refund": {
        "requested": "A refund of an order was requested.",
        "succeeded": "The payer has the money.",
        "failed": "The channel refused the refund.",
        "canceled": "The refund was canceled.",
    },
    "order_subsidy": {
        "paid": "The platform's subsidy of an order arrived.",
        "failed": "The channel refused a subsidy: it is tried again or dropped by hand.",
        "dropped": "An order goes on without its subsidy.",
        "returned": "A part of a subsidy went back to the platform with a refund.",
        "return_failed": "The channel refused to take a subsidy back; it is asked again a day later.",
    },
    "order_dispute": {
        "opened": "A payer contests an order's payment at his bank.",
        "funds_withdrawn": "The provider took the money of the payment.",
        "funds_reinstated": "The provider gave the money back.",
        "won": "The payment stands.",
        "lost": "The payer keeps the money.",
        "closed": "It was only a question.",
    },
    "settlement": {
        "closed": "A merchant's settlement batch was closed.",
    },
    "payout": {
        "requested": "A payout was requested.",
        "approved": "A second person approved it.",
        "submitted": "The payout was sent.",
        "paid": "The payout is paid.",
        "failed": "The payout failed.",
        "returned": "The bank returned the payout.",
        "canceled": "The payout was canceled.",
    },
    "member_topup": {
        "paid": "A member's own money arrived.",
        "undone": "A top-up was undone.",
    },
    "reconciliation": {
        "closed": "A day's reconciliation is closed.",
    },
    "break": {
        "opened": "A difference to the provider was found.",
        "resolved": "A difference was resolved.",
    },
    "case": {
        "closed": "Every difference of a case is resolved.",
    },
    "compliance": {
        "gate_passed": "The self-check is answered and signed.",
        "licence_expiring": "A holder's licence ends soon.",
        "overdue": "Money is on its way, parked or unclaimed for too long (K14).",
    },
    "instruction": {
        "concluded": "The outcome of a provider command that was not known is known.",
        "unresolved": "The outcome of a provider command is not known.",
    },
    "organization": {
        "created": "The organization was made.",
        "key_created": "An API key was made.",
        "key_revoked": "An API key was revoked.",
    },
}

CATALOGUE: dict[str, str] = {
    f"{noun}.{verb}": meaning for noun, verbs in _MEANINGS.items() for verb, meaning in verbs.items()
}
"""Event type -> one sentence that says what happened."""
