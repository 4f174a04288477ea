"""What happens by itself at the simulated Stripe when its clock gets there."""

from __future__ import annotations

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.kit.simulator.timers import Timer
from cauce.providers.stripe.simulator import balance, billing, checkout, confirming, disputes, intents, payouts, refunds
from cauce.providers.stripe.simulator.desk import Desk


def fire(tenant: Tenant, timer: Timer) -> None:
    """Do what a timer says. Its target is `<account>|<id>[|<word>]`."""
    if timer.name == "funds":
        balance.release(Desk(tenant), timer.target)
        return
    if timer.name == "dispute":
        charge_id, reason = timer.target.split("|")
        charge = tenant.shelf("charge")[charge_id]
        disputes.open_dispute(Desk(tenant, charge["_account"]), charge, reason)
        return
    account, id, *rest = timer.target.split("|")
    desk = Desk(tenant, account)
    word = rest[0] if rest else ""
    match timer.name:
        case "session_expires":
            checkout.expired(desk, desk.get("checkout.session", id))
        case "uncaptured":
            intent = desk.get("payment_intent", id)
            if intent["status"] == "requires_capture":
                intents.cancelled(desk, intent, "automatic")
        case "processed":
            confirming.processed(desk, desk.get("payment_intent", id), word == "succeed")
        case "refund_done":
            refunds.done(desk, desk.get("refund", id))
        case "refund_fails":
            refunds.fail(desk, desk.get("refund", id))
        case "dispute_due":
            disputes.due(desk, desk.get("dispute", id))
        case "dispute_verdict":
            disputes.decide(desk, desk.get("dispute", id), word)
        case "billing_period":
            billing.period_ends(desk, desk.get("subscription", id))
        case "payout_leaves":
            payouts.leaves(desk, desk.get("payout", id))
        case "payout_arrives":
            payouts.arrives(desk, desk.get("payout", id))
        case "payout_reconciled":
            payouts.reconciled(desk, desk.get("payout", id))
