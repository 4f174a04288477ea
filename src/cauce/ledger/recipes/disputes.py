"""T11 and T03 of a dispute: the provider takes a payment back for the payer's bank, and gives it back when the dispute is won."""

from __future__ import annotations

from dataclasses import replace

from cauce.ledger.recipes.custody import IN_TRANSIT, REFUNDS, Amounts, Event, Holder, custody_journal, mirrored
from cauce.ledger.rules import Journal


def charged_back(holder: Holder, event: Event, amount_minor: int) -> Journal:
    """T11 of a dispute: the provider has taken what the parties returned for it."""
    return custody_journal("T11", holder, _of_dispute(event), {REFUNDS: amount_minor}, {IN_TRANSIT: amount_minor})


def dispute_cost(holder: Holder, event: Event, borne_by: Amounts) -> list[Journal]:
    """T03 of a dispute: its fee, and what of the payment was refunded before, are the platform's, or the payment's owner's."""
    taken = sum(borne_by.values())
    return mirrored(custody_journal("T03", holder, _of_dispute(event), borne_by, {IN_TRANSIT: taken}), holder)


def charge_reinstated(holder: Holder, event: Event, amount_minor: int) -> Journal:
    """T11 of a dispute reversed: it is won, and the money is there again, for those from whom it was taken."""
    return custody_journal("T11", holder, _late(event), {IN_TRANSIT: amount_minor}, {REFUNDS: amount_minor})


def dispute_cost_back(holder: Holder, event: Event, borne_by: Amounts) -> list[Journal]:
    """T03 of a dispute reversed: what was borne of the payment itself came back with it."""
    return mirrored(
        custody_journal("T03", holder, _late(event), {IN_TRANSIT: sum(borne_by.values())}, borne_by), holder
    )


def _of_dispute(event: Event) -> Event:
    """The key says which line of a statement proves it: the one with the dispute's number."""
    return replace(event, key=f"dispute:ref:{event.key}")


def _late(event: Event) -> Event:
    return replace(event, key=f"late:dispute:ref:{event.key}")
