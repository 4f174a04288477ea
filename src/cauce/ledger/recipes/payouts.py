"""T12–T14: merchants' money goes to their banks, sometimes comes back; the platform's fee goes to its own account."""

from __future__ import annotations

from dataclasses import replace

from cauce.ledger.recipes.custody import (
    FEE,
    FEE_DUE,
    IN_TRANSIT,
    INTEREST,
    OWN_BANK,
    PAYOUTS,
    REVENUE,
    Event,
    Holder,
    custody_journal,
    mirrored,
    platform_journal,
    withdrawable,
)
from cauce.ledger.rules import Journal


def payout_submitted(holder: Holder, event: Event, merchant_id: str, amount_minor: int) -> Journal:
    """T12 submitted: the money is out of the merchant's reach, with the open instruction as evidence."""
    return custody_journal("T12", holder, event, {withdrawable(merchant_id): amount_minor}, {PAYOUTS: amount_minor})


def payout_paid(
    holder: Holder, event: Event, amount_minor: int, *, fee_minor: int = 0, out_of: str = IN_TRANSIT
) -> list[Journal]:
    """T12 paid: it left the holder; a payout fee that the merchant bears stays as the platform's fee."""
    event = replace(event, key=f"paid:{event.key}")
    left = {out_of: amount_minor - fee_minor, FEE: fee_minor}
    return mirrored(custody_journal("T12", holder, event, {PAYOUTS: amount_minor}, left), holder)


def payout_failed(holder: Holder, event: Event, merchant_id: str, amount_minor: int) -> Journal:
    """T12 failed: the merchant has it again."""
    event = replace(event, key=f"failed:{event.key}")
    return custody_journal("T12", holder, event, {PAYOUTS: amount_minor}, {withdrawable(merchant_id): amount_minor})


def settled_by_provider(holder: Holder, event: Event, merchant_id: str, amount_minor: int) -> Journal:
    """T12 by the bill: the provider settled the merchant's balance to his bank on its own schedule."""
    return custody_journal("T12", holder, event, {withdrawable(merchant_id): amount_minor}, {IN_TRANSIT: amount_minor})


def payout_returned(
    holder: Holder, event: Event, credit_to: str, amount_minor: int, *, into: str = IN_TRANSIT
) -> Journal:
    """T13: the bank sent a payout back, as a new credit: to the merchant, or to suspense when he is not known."""
    return custody_journal("T13", holder, event, {into: amount_minor}, {credit_to: amount_minor})


def fee_swept(
    holder: Holder, event: Event, fee_minor: int, *, interest_minor: int = 0, out_of: str = IN_TRANSIT
) -> Journal:
    """T14: the platform's fee (and interest by contract) reaches its own bank: the one journal in both books."""
    total = fee_minor + interest_minor
    out = custody_journal("T14", holder, event, {FEE: fee_minor, INTEREST: interest_minor}, {out_of: total})
    into = platform_journal("T14", holder, event, {OWN_BANK: total}, {FEE_DUE: fee_minor, REVENUE: interest_minor})
    return replace(out, legs=out.legs + into.legs)


def fee_put_back(holder: Holder, event: Event, fee_minor: int, *, into: str = IN_TRANSIT) -> Journal:
    """T14 reversed: fee that was swept returns to the holder, for a refund or a reversed split."""
    event = replace(event, key=f"back:{event.key}")
    back = custody_journal("T14", holder, event, {into: fee_minor}, {FEE: fee_minor})
    own = platform_journal("T14", holder, event, {FEE_DUE: fee_minor}, {OWN_BANK: fee_minor})
    return replace(back, legs=back.legs + own.legs)
