"""What help desks tell unasked of a contact: consent given or refused there, a contact that is gone."""

from __future__ import annotations

from cauce.billing.customers import service as customers
from cauce.billing.outreach import desks, service
from cauce.billing.outreach.desks import DeskContact
from cauce.billing.outreach.rules import Category
from cauce.flows.context import Context
from cauce.gateway.reporting import Notice
from cauce.kernel.errors import NotFound
from cauce.storage.database import Tx


async def contact_told(context: Context, channel_id: str, notice: Notice) -> None:
    """A contact changed at the desk. A consent given there counts only where the refusal came from there too."""
    async with context.transaction() as tx:
        customer_id = await customer_meant(tx, channel_id, notice)
        if not customer_id:
            return
        now, source = await context.now(tx), f"channel:{channel_id}"
        match notice.data.get("change"):
            case "unsubscribed":
                await service.set_consent(tx, customer_id, Category.MARKETING.value, False, source=source, now=now)
            case "subscribed":
                known = {row["category"]: row for row in await service.consents(tx, customer_id)}
                refusal = known.get(Category.MARKETING.value)
                if refusal is not None and not refusal["granted"] and refusal["source"] == source:
                    await service.set_consent(tx, customer_id, Category.MARKETING.value, True, source=source, now=now)
            case "gone":
                await desks.set_state(tx, channel_id, customer_id, "gone")
            case "created":
                known_contact = await desks.read_contact(tx, channel_id, customer_id)
                if not known_contact.ref and known_contact.state == "linked":
                    await desks.put_contact(tx, channel_id, customer_id, DeskContact(notice.ref), now)


async def customer_meant(tx: Tx, channel_id: str, notice: Notice) -> str:
    """The customer whom a notice is about; "" for nobody of ours. A mail address is never enough."""
    external_id = str(notice.data.get("external_id") or "")
    if external_id:
        try:
            return (await customers.read(tx, external_id)).id
        except NotFound:
            return ""
    return await desks.customer_of(tx, channel_id, str(notice.data.get("contact_ref") or notice.ref))
