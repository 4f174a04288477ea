"""What of an advance payment is not used: credited against the very lines that billed it, never more than they hold.

Credit = the line's net for the days from the change to the line's end, in proportion to the line's own days, rounded
once and capped at what is left of the line (V9, V23). The tax goes back with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from cauce.billing.invoicing import credits
from cauce.billing.invoicing import service as invoicing
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Subscription
from cauce.flows.billing.conventions import conventions
from cauce.flows.billing.correct import CreditInvoice, credit_within
from cauce.flows.billing.issue import Batch
from cauce.flows.billing.refunds import refund_advances
from cauce.kernel.calendar.periods import Period
from cauce.pricing.credit_notes import credit_cap
from cauce.pricing.lines import DEFAULT_POLICY, PricingPolicy
from cauce.pricing.proration import unused_fraction
from cauce.storage.database import Row, Tx


@dataclass(frozen=True, slots=True)
class GivenBack:
    """The total that is given back, with tax, and what of it goes back to payments; the rest lowers a debt or is credit."""

    total_minor: int = 0
    refunded_minor: int = 0


async def credit_unused(
    tx: Tx,
    one: Subscription,
    since: date,
    batch: Batch,
    at: datetime,
    actor: str,
    *,
    refund: bool,
    reason: str,
    item_ids: Sequence[str] | None = None,
) -> GivenBack:
    """Credit what is billed in advance for days from `since` on. `item_ids` None: every item.

    A refund goes to the payments of the very invoices that are credited; where one was paid out of what an earlier change
    gave back, to the payments behind that.
    """
    items = item_ids or [item.id for item in (await subscriptions.items_of(tx, [one.id]))[one.id]]
    by_invoice: dict[str, dict[int, int]] = {}
    policy = (await conventions(tx)).policy
    for row in await credits.billed_of_items(tx, items, since):
        amount = unused_net(row, since, policy)
        if amount > 0:
            by_invoice.setdefault(row["invoice_id"], {})[row["number"]] = amount
    total = refunded = kept = 0
    for invoice_id, invoice in (await invoicing.lock(tx, by_invoice)).items():
        command = CreditInvoice(invoice_id, reason, by_invoice[invoice_id], None, refund)
        credited = await credit_within(tx, invoice, command, batch, at, actor)
        total += credited.total_minor
        refunded += credited.to_refund_minor
        kept += credited.to_credit_minor
    if refund and kept:
        refunded += await refund_advances(tx, one, since, kept, reason, batch, at)
    return GivenBack(total, refunded)


def unused_net(row: Row, since: date, policy: PricingPolicy = DEFAULT_POLICY) -> int:
    """The net of a billed line for its days from `since` on, capped at what is left of it."""
    fraction = unused_fraction(Period(row["period_start"], row["period_end"]), since, policy.basis)
    unused = policy.round_value(row["net_minor"] * fraction)
    return credit_cap(unused, row["net_minor"], row["credited_net_minor"])
