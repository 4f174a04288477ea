"""What a person said about a category of messages, written down in a transaction of its own."""

from __future__ import annotations

from cauce.billing.customers import service as customers
from cauce.billing.outreach import service
from cauce.flows.context import Context


async def say(context: Context, customer_id: str, category: str, granted: bool, *, source: str) -> bool:
    """Grant or refuse a category for a customer; False when nothing changed."""
    async with context.transaction() as tx:
        one = await customers.read(tx, customer_id)
        now = await context.now(tx)
        return await service.set_consent(tx, one.id, category, granted, source=source, now=now)
