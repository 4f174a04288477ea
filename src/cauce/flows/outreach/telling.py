"""What a help desk is told of a customer: how he stands (attributes, company, tag), and the events of his bill. Pure."""

from __future__ import annotations

from typing import Any

from cauce.billing.outreach.timing import as_instant
from cauce.flows.outreach.links import page_links
from cauce.gateway.reaching import Contact
from cauce.kernel.currencies import exponent_of
from cauce.reports.outreach import Facts
from cauce.storage.directory.orgs import Org
from cauce.storage.outbox import Event

TOLD = frozenset(
    {
        "subscription.trial_started", "subscription.trial_will_end", "subscription.trial_converted",
        "subscription.trial_expired", "payment_method.added", "payment_method.expiring", "subscription.activated",
        "subscription.changed", "invoice.paid", "invoice.payment_failed", "dunning.recovered", "access.restricted",
        "access.restored", "subscription.canceled", "subscription.reactivated", "refund.succeeded", "instance.ready",
        "message.sent",
    }
)  # fmt: skip
"""The events that a desk hears, each once, in order."""

REFLECTED = TOLD | frozenset(
    {
        "customer.created", "customer.updated", "customer.suspended", "customer.unsuspended", "customer.deleted",
        "subscription.created", "subscription.trial_extended", "subscription.past_due", "subscription.recovered",
        "subscription.unpaid", "subscription.paused", "subscription.resumed", "subscription.expired",
        "payment_method.removed", "message.unsubscribed",
    }
)  # fmt: skip
"""The events after which the contact is brought up to date."""

_STATES = ("trialing", "active", "past_due", "unpaid", "paused", "canceled")


def contact_of(facts: Facts, ref: str, org: Org, public_url: str, *, refuses_marketing: bool) -> Contact:
    """The contact as the desk should have it: absolute, so that telling it twice changes nothing."""
    trial_end, period_end = facts["trial_end"], as_instant(facts["period_end"], facts["timezone"])
    attributes: dict[str, str | int | bool | None] = {
        "signed_up_at": int(facts["created_at"].timestamp()),
        "cauce_status": facts["status"] or "",
        "cauce_plan": facts["plan"] or "",
        "cauce_trial_end_at": int(trial_end.timestamp()) if trial_end else None,
        "cauce_current_period_end_at": int(period_end.timestamp()) if period_end else None,
        "cauce_mrr_minor": facts["mrr_minor"] or 0,
        "cauce_currency": facts["currency"] or "",
        "cauce_last_payment_at": int(facts["last_payment_at"].timestamp()) if facts["last_payment_at"] else None,
        "cauce_last_payment_status": facts["last_payment_status"] or "",
        "cauce_has_payment_method": facts["has_method"],
        "cauce_portal_url": page_links(public_url, org)["portal_link"],
        "cauce_cancel_reason": ": ".join(filter(None, (facts["cancel_reason"], facts["cancel_words"]))),
    }
    return Contact(facts["customer"], facts["email"], facts["name"], attributes, refuses_marketing, ref)


def company_of(facts: Facts) -> tuple[str, dict[str, str | int]]:
    """(name, attributes) of the customer's company."""
    mrr, currency = facts["mrr_minor"] or 0, facts["currency"] or ""
    attributes: dict[str, str | int] = {
        "plan": facts["plan_name"] or "",
        "monthly_spend": _whole_units(mrr, currency),
        "remote_created_at": int(facts["created_at"].timestamp()),
        "cauce_status": facts["status"] or "",
        "cauce_mrr_minor": mrr,
        "cauce_currency": currency,
    }
    if facts["trial_end"]:
        attributes["cauce_trial_end_at"] = int(facts["trial_end"].timestamp())
    return facts["name"] or facts["external_id"], attributes


def tag_of(facts: Facts) -> str:
    """The one tag of the state."""
    return f"cauce:{facts['status']}" if facts["status"] in _STATES else ""


def metadata_of(event: Event, facts: Facts, pay_url: str) -> dict[str, str | int]:
    """What an event says at the desk: at most ten flat values, the most important first; no card data."""
    data, found = event.data, dict[str, str | int | None]()
    if event.type == "message.sent":
        return {name: str(data.get(name) or "") for name in ("campaign", "step", "subject") if data.get(name)}
    if event.type.startswith("subscription."):
        found["plan"] = facts["plan"]
    if event.type in ("subscription.trial_started", "subscription.trial_will_end"):
        found["trial_end_date"] = _seconds(facts["trial_end"], facts)
    if event.type == "subscription.trial_will_end":
        found |= {"days_left": facts["days_left"], "has_payment_method": "yes" if facts["has_method"] else "no"}
    if event.type == "subscription.trial_expired":
        found["outcome"] = data.get("policy")
    if event.type == "payment_method.expiring":
        found["expires_date"] = _seconds(data.get("expires_on"), facts)
    if event.type == "subscription.canceled":
        found |= {"reason": data.get("reason"), "effective_date": int(event.occurred_at.timestamp())}
    if event.type in ("invoice.paid", "invoice.payment_failed"):
        found["number"] = data.get("number") or facts["open_number"]
    amount = next((data[name] for name in ("amount_due", "total", "amount", "recovered") if data.get(name)), None)
    if isinstance(amount, int):
        found |= {"amount_minor": amount, "currency": data.get("currency") or facts["currency"]}
    if event.type == "invoice.payment_failed":
        found |= {"reason_class": data.get("refusal"), "pay_url": pay_url}
    if event.type == "instance.ready":
        found["url"] = data.get("redirect_url") or facts["instance_link"]
    return {name: value for name, value in found.items() if value not in (None, "")}


def _seconds(value: Any, facts: Facts) -> int | None:
    at = as_instant(value, facts["timezone"])
    return int(at.timestamp()) if at is not None else None


def _whole_units(amount_minor: int, currency: str) -> int:
    """Major units, half up; nothing for no currency."""
    unit = 10 ** exponent_of(currency) if currency else 1
    return (2 * amount_minor + unit) // (2 * unit)
