"""T15–T20: the platform's own money put in for others, credits nobody knows yet, and moves inside the holder."""

from __future__ import annotations

from dataclasses import replace

from cauce.ledger.recipes.custody import (
    ADVANCE_RECEIVABLE,
    BANK,
    FEE,
    IN_TRANSIT,
    INTEREST,
    MARKETING,
    OWN_BANK,
    POSITION,
    SUBSIDY_EXPENSE,
    SUSPENSE,
    Amounts,
    Event,
    Holder,
    custody_journal,
    linked,
    mirrored,
    platform_journal,
)
from cauce.ledger.recipes.payouts import fee_put_back, fee_swept
from cauce.ledger.rules import Journal


def subsidised(holder: Holder, event: Event, given_to: str, amount_minor: int, *, into: str = BANK) -> list[Journal]:
    """T15: the platform pays a subsidy in; its own journal is linked, so that neither stands alone."""
    return linked(
        custody_journal("T15", holder, event, {into: amount_minor}, {given_to: amount_minor}),
        platform_journal("T15", holder, event, {SUBSIDY_EXPENSE: amount_minor}, {OWN_BANK: amount_minor}),
    )


def subsidy_returned(holder: Holder, event: Event, taken_from: str, amount_minor: int) -> list[Journal]:
    """T15 undone: a subsidy goes back to the platform, wholly or in part, from where it is now."""
    return linked(
        custody_journal("T15", holder, event, {taken_from: amount_minor}, {IN_TRANSIT: amount_minor}),
        platform_journal("T15", holder, event, {OWN_BANK: amount_minor}, {SUBSIDY_EXPENSE: amount_minor}),
    )


def subsidised_from_marketing(holder: Holder, event: Event, given_to: str, amount_minor: int) -> Journal:
    """T15 from money that stands in marketing already."""
    return custody_journal("T15", holder, event, {MARKETING: amount_minor}, {given_to: amount_minor})


def advanced(holder: Holder, event: Event, given_to: str, amount_minor: int, *, into: str = BANK) -> list[Journal]:
    """T16: the platform advances what a party is short of for a refund."""
    return linked(
        custody_journal("T16", holder, event, {into: amount_minor}, {given_to: amount_minor}),
        platform_journal("T16", holder, event, {ADVANCE_RECEIVABLE: amount_minor}, {OWN_BANK: amount_minor}),
    )


def advanced_from_fee(holder: Holder, event: Event, given_to: str, amount_minor: int) -> list[Journal]:
    """T14 and T16: the platform advances out of its fee, which lies in the same pool: swept and paid in, all or nothing."""
    return linked(
        fee_swept(holder, event, amount_minor), *advanced(holder, event, given_to, amount_minor, into=IN_TRANSIT)
    )


def advance_undone(holder: Holder, event: Event, taken_from: str, amount_minor: int) -> list[Journal]:
    """T16 and T14 reversed: the refund failed that was advanced for, and the fee is where it was."""
    event = replace(event, key=f"undone:{event.key}")
    return linked(
        custody_journal("T16", holder, event, {taken_from: amount_minor}, {IN_TRANSIT: amount_minor}),
        platform_journal("T16", holder, event, {OWN_BANK: amount_minor}, {ADVANCE_RECEIVABLE: amount_minor}),
        fee_put_back(holder, event, amount_minor),
    )


def advance_recovered(holder: Holder, event: Event, taken: Amounts) -> list[Journal]:
    """T16 recovered: an advance is paid back out of the party's next allocations."""
    event = replace(event, key=f"recovered:{event.key}")
    return mirrored(custody_journal("T16", holder, event, taken, {FEE: sum(taken.values())}), holder)


def unknown_credit(holder: Holder, event: Event, amount_minor: int) -> Journal:
    """T17: money arrived and nobody knows for whom."""
    return custody_journal("T17", holder, event, {BANK: amount_minor}, {SUSPENSE: amount_minor})


def suspense_assigned(holder: Holder, event: Event, given_to: str, amount_minor: int) -> Journal:
    """T18: its owner is known now. Two persons."""
    return custody_journal("T18", holder, event, {SUSPENSE: amount_minor}, {given_to: amount_minor})


def suspense_restored(holder: Holder, event: Event, taken_from: str, amount_minor: int) -> Journal:
    """T18 undone: it was not his. Two persons."""
    return custody_journal("T18", holder, event, {taken_from: amount_minor}, {SUSPENSE: amount_minor})


def position_sent(holder: Holder, event: Event, amount_minor: int) -> Journal:
    """T19 sent: money moves from the holder's bank account to its reserve."""
    return custody_journal("T19", holder, event, {POSITION: amount_minor}, {BANK: amount_minor})


def position_arrived(holder: Holder, event: Event, amount_minor: int) -> Journal:
    """T19 done: it arrived."""
    event = replace(event, key=f"done:{event.key}")
    return custody_journal("T19", holder, event, {BANK: amount_minor}, {POSITION: amount_minor})


def interest_credited(holder: Holder, event: Event, amount_minor: int) -> Journal:
    """T20: interest that the contract gives to the platform."""
    return custody_journal("T20", holder, event, {BANK: amount_minor}, {INTEREST: amount_minor})
