"""What of an advance payment is not used: credited against the very lines that billed it, never more than they hold.

Credit = the line's net for the days from the change to the line's end, in proportion to the line's own days, rounded
once and capped at what is left of the line (V9, V23). The tax goes back with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from functools import partial

from cauce.billing.catalog import service as catalog
from cauce.billing.invoicing import credits
from cauce.billing.invoicing import service as invoicing
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Subscription, instant_of
from cauce.flows.billing.conventions import conventions
from cauce.flows.billing.correct import CreditInvoice, credit_within
from cauce.flows.billing.issue import Batch
from cauce.flows.billing.refunds import refund_advances
from cauce.kernel.calendar.months import add_days
from cauce.kernel.calendar.periods import Period
from cauce.pricing.credit_notes import credit_cap
from cauce.pricing.policy import DEFAULT_POLICY, PricingPolicy
from cauce.pricing.proration import Basis, Instants, unused_fraction
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
    cut: datetime | None = None,
) -> GivenBack:
    """Credit what is billed in advance for days from `since` on; where days are counted by seconds, from `cut` on (`at`).

    What waits for the next invoice of those days is billed no more. A refund goes to the payments of the very invoices that are credited; where one was paid out of what an earlier change
    gave back, to the payments behind that.
    """
    items = {item.id: item.price_id for item in (await subscriptions.items_of(tx, [one.id]))[one.id]}
    prices = await catalog.read_prices(tx, set(items.values()))
    policy, instants = (await conventions(tx)).policy, Instants(partial(instant_of, one))
    reaching = add_days(since, -1)

    def unused_of(row: Row) -> Fraction:
        basis = prices[items[row["item_id"]]].rules.basis or policy.basis
        line = Period(row["period_start"], row["period_end"])
        if basis is Basis.SECOND:
            return instants.unused(line, row["starts_at"], cut or at)
        return unused_fraction(line, since, basis)

    await _bill_used_days_alone(tx, await credits.waiting_of_items(tx, list(items), reaching), since, unused_of, policy)
    rows = await credits.billed_of_items(tx, list(items), reaching)
    amounts = [unused_net(row, unused_of(row), policy) for row in rows]
    by_invoice: dict[str, dict[int, int]] = {}
    for row, amount in zip(rows, less_given_back(rows, amounts), strict=True):
        if amount > 0:
            by_invoice.setdefault(row["invoice_id"], {})[row["number"]] = amount
    total = refunded = kept = 0
    for invoice_id, invoice in (await invoicing.lock(tx, by_invoice)).items():
        command = CreditInvoice(invoice_id, reason, by_invoice[invoice_id], None, refund)
        credited = await credit_within(tx, invoice, command, batch, at, actor)
        total += credited.total_minor
        refunded += credited.to_refund_minor
        kept += credited.to_credit_minor
    await credits.mark_rest_credited(tx, rows, at)
    if refund and kept:
        refunded += await refund_advances(tx, one, since, kept, reason, batch, at)
    return GivenBack(total, refunded)


async def _bill_used_days_alone(
    tx: Tx, waiting: Sequence[Row], since: date, unused_of: Callable[[Row], Fraction], policy: PricingPolicy
) -> None:
    """Charges of changes that wait for the next invoice end with the days that were used: nothing of the rest is billed."""
    cuts = []
    for row in waiting:
        unused = policy.round_value(row["amount_minor"] * unused_of(row)) if row["amount_minor"] > 0 else 0
        if unused:
            end = min(max(since, add_days(row["period_start"], 1)), row["period_end"])
            cuts.append((row["id"], row["amount_minor"] - unused, end))
    await credits.cut_waiting(tx, cuts)


def less_given_back(rows: Sequence[Row], amounts: Sequence[int]) -> list[int]:
    """The unused amounts of billed lines, less what changes gave back of the same items: the oldest lines first."""
    given: dict[str, int] = {}
    for row, amount in zip(rows, amounts, strict=True):
        given[row["item_id"]] = given.get(row["item_id"], 0) + max(0, -amount)
    left = []
    for row, amount in zip(rows, amounts, strict=True):
        taken = min(max(0, amount), given[row["item_id"]])
        given[row["item_id"]] -= taken
        left.append(max(0, amount) - taken)
    return left


def unused_net(row: Row, fraction: Fraction, policy: PricingPolicy = DEFAULT_POLICY) -> int:
    """The net of the unused `fraction` of a billed line, capped at what is left of it; negative for what a change gave back."""
    if row["net_minor"] < 0:
        return -policy.round_value(-row["net_minor"] * fraction)
    unused = policy.round_value(row["net_minor"] * fraction)
    return credit_cap(unused, row["net_minor"], row["credited_net_minor"])
