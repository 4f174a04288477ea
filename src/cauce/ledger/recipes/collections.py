"""T01–T05: a payer's money arrives at the holder, the provider takes its fee, the money clears."""

from __future__ import annotations

from cauce.ledger.recipes.custody import BANK, IN_TRANSIT, REFUNDS, Amounts, Event, Holder, custody_journal, escrow
from cauce.ledger.recipes.custody import mirrored as _mirrored
from cauce.ledger.recipes.custody import pending as _pending
from cauce.ledger.recipes.custody import withdrawable as _withdrawable
from cauce.ledger.rules import Journal


def paid_and_split(holder: Holder, event: Event, parts: Amounts) -> list[Journal]:
    """T01: a collection that the provider divided when it was paid; `parts` are accounts that it credited."""
    return _mirrored(custody_journal("T01", holder, event, {IN_TRANSIT: sum(parts.values())}, parts), holder)


def paid_into_escrow(holder: Holder, event: Event, order_id: str, amount_minor: int) -> Journal:
    """T02: a collection parked for its order, gross."""
    return custody_journal("T02", holder, event, {IN_TRANSIT: amount_minor}, {escrow(order_id): amount_minor})


def fee_taken(holder: Holder, event: Event, borne_by: Amounts) -> list[Journal]:
    """T03: the provider takes its fee: from the escrow while the money is there, else from whoever bears it."""
    return _mirrored(custody_journal("T03", holder, event, borne_by, {IN_TRANSIT: sum(borne_by.values())}), holder)


def fee_given_back(holder: Holder, event: Event, amount_minor: int) -> Journal:
    """T03 back: the provider returns fee with a refund; in the batch of the refund's T11."""
    return custody_journal("T03", holder, event, {IN_TRANSIT: amount_minor}, {REFUNDS: amount_minor})


def cleared(holder: Holder, event: Event, amount_minor: int) -> Journal:
    """T04: collected money reached the holder's bank."""
    return custody_journal("T04", holder, event, {BANK: amount_minor}, {IN_TRANSIT: amount_minor})


def made_withdrawable(holder: Holder, event: Event, merchants: Amounts) -> Journal:
    """T05: pending money of merchants can be withdrawn; `merchants` is merchant id -> minor units."""
    return custody_journal(
        "T05",
        holder,
        event,
        {_pending(merchant): amount for merchant, amount in merchants.items()},
        {_withdrawable(merchant): amount for merchant, amount in merchants.items()},
    )
