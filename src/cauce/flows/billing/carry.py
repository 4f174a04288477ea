"""Amounts too small to charge: below what the provider charges at least, they are carried to the next invoice (V28).

Below what the seller asks for at all (`forgive_below`) they are forgiven.

The invoice counts as settled; what it left stands in the customer's `carried` account and is collected with his next
invoice, as an earlier balance, without tax or discount of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from cauce.billing.customers import service as customers
from cauce.billing.invoicing import service as invoicing
from cauce.billing.invoicing.rules import INVOICE, Invoice
from cauce.billing.payments import service as payments
from cauce.billing.payments.rules import charge_order
from cauce.billing.subscriptions import service as subscriptions
from cauce.channels.service import list_channels
from cauce.flows.billing.conventions import conventions
from cauce.flows.billing.correct import CreditInvoice, credit_within
from cauce.flows.billing.issue import Batch
from cauce.flows.billing.settle import after_settled
from cauce.flows.context import Runtime
from cauce.gateway.provider import Channel
from cauce.ledger.recipes import balances
from cauce.pricing.balance import collectable
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent

Minimums = Mapping[str, Mapping[str, int]]
"""Channel -> currency -> the smallest charge in minor units."""


async def smallest_charges(runtime: Runtime, tx: Tx) -> Minimums:
    """What the organization's channels charge at least; nothing is asked of a provider."""
    found = {}
    for row in await list_channels(tx):
        channel = Channel(row["id"], tx.org, row["provider"], False, row["base_url"], row["settings"])
        found[row["id"]] = runtime.gateways.capabilities(channel).amount_min_minor
    return found


async def too_small(tx: Tx, invoices: Sequence[Invoice], minimums: Minimums) -> list[Invoice]:
    """Those of the locked open `invoices` whose rest the method that would be charged is too large for."""
    ceiling: dict[str, int] = {}
    for amounts in minimums.values():
        for currency, minimum in amounts.items():
            ceiling[currency] = max(ceiling.get(currency, 0), minimum)
    doubtful = [one for one in invoices if one.amount_due_minor < ceiling.get(one.currency, 0)]
    if not doubtful:
        return []
    methods = await payments.methods_of(tx, {one.customer_id for one in doubtful})
    preferred = await subscriptions.preferred_methods(tx, [one.subscription_id or "" for one in doubtful])
    small = []
    for one in doubtful:
        method = charge_order(methods.get(one.customer_id, []), preferred.get(one.subscription_id or ""))
        minimum = minimums.get(method.channel_id, {}).get(one.currency, 0) if method is not None else 0
        if collectable(one.amount_due_minor, minimum_minor=minimum).carried_minor:
            small.append(one)
    return small


async def forgive(
    tx: Tx, invoices: Sequence[Invoice], due: Mapping[str, datetime], batch: Batch, actor: str
) -> list[Invoice]:
    """Credit what is left of those locked open invoices of which less is left than the seller asks for at all."""
    below = (await conventions(tx)).forgive_below
    tiny = [
        one
        for one in invoices
        if collectable(one.amount_due_minor, forgive_below_minor=below.get(one.currency, 0)).forgiven_minor
    ]
    for one in tiny:
        note = CreditInvoice(one.id, "forgiven", total_minor=one.amount_due_minor)
        await credit_within(tx, one, note, batch, due[one.id], actor)
    return tiny


async def carry_forward(
    tx: Tx, invoices: Sequence[Invoice], due: Mapping[str, datetime], batch: Batch, actor: str
) -> None:
    """Settle locked invoices by carrying what is left of each, into the caller's batch."""
    if not invoices:
        return
    await customers.lock(tx, {one.customer_id for one in invoices})
    settled = []
    for one in invoices:
        left, at = one.amount_due_minor, due[one.id]
        after = replace(one, credit_minor=one.credit_minor + left, due_at=None)
        settled.append(replace(after, status=INVOICE.step(one.status, "settle")))
        batch.add(balances.carried_forward(one.id, one.customer_id, one.currency, at, amount_minor=left))
        content = {
            "number": one.number,
            "subscription": one.subscription_id,
            "total": one.total_minor,
            "carried": left,
            "currency": one.currency,
        }
        batch.events.append(NewEvent("invoice.paid", one.id, at, content, one.customer_id))
    at = max(due.values())
    await invoicing.save(tx, settled, at)
    await after_settled(tx, settled, {}, batch, at, actor)
