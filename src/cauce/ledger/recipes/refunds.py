"""T10–T11 and T25: money goes back to the payer of the same collection, out of reach from the moment it is asked for."""

from __future__ import annotations

from dataclasses import replace

from cauce.ledger.recipes.custody import IN_TRANSIT, REFUNDS, Amounts, Event, Holder, custody_journal, mirrored
from cauce.ledger.rules import Journal


def refund_submitted(holder: Holder, event: Event, sources: Amounts) -> list[Journal]:
    """T10: what the refund takes leaves its sources, less the provider's fee that comes back with it."""
    return mirrored(custody_journal("T10", holder, event, sources, {REFUNDS: sum(sources.values())}), holder)


def refund_paid(holder: Holder, event: Event, amount_minor: int, *, out_of: str = IN_TRANSIT) -> Journal:
    """T11: the payer has the whole refund."""
    return custody_journal("T11", holder, event, {REFUNDS: amount_minor}, {out_of: amount_minor})


def refund_bounced(holder: Holder, event: Event, amount_minor: int, fee_minor: int) -> list[Journal]:
    """T11 and T03 reversed: a refund that was final came back to the holder, who takes again the fee that came with it."""
    back = custody_journal(
        "T11", holder, replace(event, key=f"late:{event.key}"), {IN_TRANSIT: amount_minor}, {REFUNDS: amount_minor}
    )
    if not fee_minor:
        return [back]
    again = replace(event, key=f"back:late:{event.key}")
    return [back, custody_journal("T03", holder, again, {REFUNDS: fee_minor}, {IN_TRANSIT: fee_minor})]


def refund_failed(holder: Holder, event: Event, sources: Amounts) -> list[Journal]:
    """T11 failed: what was taken goes back to where it came from."""
    return mirrored(custody_journal("T11", holder, event, {REFUNDS: sum(sources.values())}, sources), holder)


def refunded_to_balance(holder: Holder, event: Event, sources: Amounts, buyer_account: str) -> list[Journal]:
    """T25: an order that was paid from a member's balance is refunded into that balance."""
    return mirrored(custody_journal("T25", holder, event, sources, {buyer_account: sum(sources.values())}), holder)
