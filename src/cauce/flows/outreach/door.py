"""The door for other flows: a message to a customer that is due now, asked for by what just happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cauce.billing.customers import service as customers
from cauce.billing.outreach import service
from cauce.billing.outreach.presenting import locale_for
from cauce.billing.outreach.rules import Category, NewMessage, Recipient
from cauce.flows.context import Context
from cauce.flows.outreach.links import page_links
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import read_org


async def queue_message(
    tx: Tx,
    context: Context,
    customer_id: str,
    template: str,
    data: Mapping[str, Any],
    *,
    category: Category = Category.SERVICE,
    subject_id: str = "",
    secrets: Mapping[str, str] | None = None,
    to_address: str = "",
) -> str | None:
    """Queue `template` for a customer with the caller's transaction; its id, or None when nothing may go to him.

    `data` fills the words beside what every message has; `secrets` (a sign-in link) do so only in what is sent and stay
    sealed. `to_address` overrides the customer's own. The words are the organization's own or the product's.
    """
    customer = await customers.read(tx, customer_id)
    address = to_address or customer.email
    if not address or customer.erased_at is not None:
        return None
    org = await read_org(tx, tx.org)
    person = Recipient(customer.id, address, customer.name, locale_for(customer.locale), customer.timezone)
    common = {
        "customer_name": customer.name or customer.external_id,
        "org_name": org.name,
        **page_links(context.runtime.public_url, org, invoice_id=subject_id if subject_id.startswith("in_") else ""),
    }
    message = NewMessage(person, template, {**common, **data}, category, subject_id, secrets=secrets or {})
    queued = await service.queue(tx, [message], await context.now(tx), sealer=context.runtime.sealer)
    return queued[0]
