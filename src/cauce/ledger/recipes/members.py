"""T22–T24: a member's own money at the licensed holder, and orders paid from it."""

from __future__ import annotations

from cauce.ledger.recipes.custody import IN_TRANSIT, Event, Holder, custody_journal, escrow
from cauce.ledger.rules import Journal


def topped_up(holder: Holder, event: Event, account: str, amount_minor: int, *, into: str = IN_TRANSIT) -> Journal:
    """T22: a member put his own money into his sub-account."""
    return custody_journal("T22", holder, event, {into: amount_minor}, {account: amount_minor})


def top_up_undone(
    holder: Holder, event: Event, account: str, amount_minor: int, *, out_of: str = IN_TRANSIT
) -> Journal:
    """T23: what is left of a top-up went back."""
    return custody_journal("T23", holder, event, {account: amount_minor}, {out_of: amount_minor})


def paid_from_balance(holder: Holder, event: Event, account: str, order_id: str, amount_minor: int) -> Journal:
    """T24: an order was paid from a member's balance."""
    return custody_journal("T24", holder, event, {account: amount_minor}, {escrow(order_id): amount_minor})
