"""What Intercom calls our events and attributes. Pure tables: every name here is seen by people in their workspace."""

from __future__ import annotations

import re

from cauce.gateway.errors import ChannelSettingsError

EVENT_NAMES = {
    "subscription.trial_started": "trial-started",
    "subscription.trial_will_end": "trial-ending",
    "subscription.trial_converted": "trial-converted",
    "subscription.trial_expired": "trial-expired",
    "payment_method.added": "card-added",
    "payment_method.expiring": "card-expiring",
    "subscription.activated": "subscription-started",
    "subscription.changed": "plan-changed",
    "invoice.paid": "invoice-paid",
    "invoice.payment_failed": "payment-failed",
    "dunning.recovered": "payment-recovered",
    "access.restricted": "access-restricted",
    "access.restored": "access-restored",
    "subscription.canceled": "subscription-canceled",
    "subscription.reactivated": "subscription-reactivated",
    "refund.succeeded": "refund-issued",
    "instance.ready": "instance-ready",
}

ATTRIBUTES = {
    "contact": {
        "cauce_status": "string",
        "cauce_plan": "string",
        "cauce_trial_end_at": "date",
        "cauce_current_period_end_at": "date",
        "cauce_mrr_minor": "integer",
        "cauce_currency": "string",
        "cauce_last_payment_at": "date",
        "cauce_last_payment_status": "string",
        "cauce_has_payment_method": "boolean",
        "cauce_portal_url": "string",
        "cauce_cancel_reason": "string",
    },
    "company": {
        "cauce_status": "string",
        "cauce_seats": "integer",
        "cauce_mrr_minor": "integer",
        "cauce_currency": "string",
        "cauce_trial_end_at": "date",
    },
}
"""Custom attributes that must exist in the workspace before they are written, by model."""

HOSTS = {
    "us": ("https://api.intercom.io", "https://api-iam.intercom.io"),
    "eu": ("https://api.eu.intercom.io", "https://api-iam.eu.intercom.io"),
    "au": ("https://api.au.intercom.io", "https://api-iam.au.intercom.io"),
}
"""API and Messenger hosts by the workspace's region."""


def hosts(region: str) -> tuple[str, str]:
    """The hosts of a region; `ChannelSettingsError` for one that does not exist."""
    try:
        return HOSTS[region or "us"]
    except KeyError:
        raise ChannelSettingsError(f"the region is one of {', '.join(HOSTS)}", param="region") from None


def event_name(name: str) -> str:
    """Intercom's name of our event; one without a name of its own is written with dashes."""
    return EVENT_NAMES.get(name) or re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def attribute_type(model: str, name: str, value: object) -> str:
    """The data type of a custom attribute: as listed, else what the value is."""
    known = ATTRIBUTES[model].get(name)
    if known is not None:
        return known
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "string"
