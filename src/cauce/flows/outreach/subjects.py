"""Which events outreach follows, and whom an event is about."""

from __future__ import annotations

from cauce.kernel.events import CATALOGUE
from cauce.storage.outbox import Event

_NOUNS = (
    "customer", "member", "payment_method", "quote", "subscription", "pending_line", "invoice", "credit_note", "payment",
    "refund", "dispute", "dunning", "access", "instance", "conversation", "coupon", "discount", "usage", "task",
)  # fmt: skip
OCCASIONS = frozenset(kind for kind in CATALOGUE if kind.partition(".")[0] in _NOUNS)
"""The events that campaigns and automations may listen to: those of a customer's life; a message never causes another."""

FOLLOWED = OCCASIONS | {"message.sent", "message.unsubscribed"}
"""What outreach hears of: the occasions, and what help desks are told besides."""


def subject_of(event: Event) -> tuple[str, str]:
    """(customer, subscription or "") that an event is about."""
    if event.object_id.startswith("sub_"):
        subscription = event.object_id
    else:
        named = event.data.get("subscription")
        subscription = named if isinstance(named, str) else ""
    return event.customer_id or "", subscription
