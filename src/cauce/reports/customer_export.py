"""Everything that is held about one customer, in sections of rows that are read a page at a time (B4).

A section is a query of the file beside this one: it gives its rows as JSON text, each with the key that the next page
begins behind. What is a secret of a provider's, or personal to somebody else, is left out there.
"""

from __future__ import annotations

from cauce.storage.database import Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "customer_export.sql")
SECTIONS = {
    "members": QUERIES.members,
    "subscriptions": QUERIES.subscriptions,
    "subscription_items": QUERIES.subscription_items,
    "subscription_changes": QUERIES.subscription_changes,
    "subscription_history": QUERIES.subscription_history,
    "invoices": QUERIES.invoices,
    "credit_notes": QUERIES.credit_notes,
    "credit_grants": QUERIES.credit_grants,
    "pending_lines": QUERIES.pending_lines,
    "payment_methods": QUERIES.payment_methods,
    "payments": QUERIES.payments,
    "payment_attempts": QUERIES.payment_attempts,
    "refunds": QUERIES.refunds,
    "dunning_cases": QUERIES.dunning_cases,
    "balances": QUERIES.balances,
    "usage": QUERIES.usage,
    "access": QUERIES.access,
    "access_grants": QUERIES.access_grants,
    "instances": QUERIES.instances,
    "messages": QUERIES.messages,
    "consents": QUERIES.consents,
    "help_desk_contacts": QUERIES.help_desk_contacts,
    "product_events": QUERIES.product_events,
    "conversations": QUERIES.conversations,
    "conversation_messages": QUERIES.conversation_messages,
    "notes": QUERIES.notes,
    "files": QUERIES.files,
    "tags": QUERIES.tags,
    "todos": QUERIES.todos,
    "events": QUERIES.events,
    "audit": QUERIES.audit,
}
"""Each section with its query, in the order of the document."""

PAGE_ROWS = 500


async def section_page(tx: Tx, section: str, customer_id: str, after: str = "") -> tuple[list[str], str]:
    """Up to `PAGE_ROWS` rows of a section behind the key `after`, as JSON text; and the key to go on behind, "" at the end."""
    rows = await tx.rows(SECTIONS[section], tx.org, customer_id, after, PAGE_ROWS)
    return [row["content"] for row in rows], rows[-1]["key"] if len(rows) == PAGE_ROWS else ""
