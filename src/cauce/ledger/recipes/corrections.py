"""T03 corrected: a statement proves that the provider took another fee, or a debit of its own; two persons let it be booked."""

from __future__ import annotations

from dataclasses import replace

from cauce.ledger.recipes.custody import FEE, IN_TRANSIT, Event, Holder, custody_journal, mirrored
from cauce.ledger.rules import Journal


def fee_corrected(holder: Holder, event: Event, more_minor: int) -> list[Journal]:
    """T03 corrected: the provider took so much more fee than was booked (negative: less), which is the platform's."""
    less = max(-more_minor, 0)
    more = max(more_minor, 0)
    journal = custody_journal(
        "T03", holder, _corrected(event), {FEE: more, IN_TRANSIT: less}, {IN_TRANSIT: more, FEE: less}
    )
    return mirrored(journal, holder)


def debit_borne(holder: Holder, event: Event, amount_minor: int, *, out_of: str = IN_TRANSIT) -> list[Journal]:
    """T03 corrected: what the holder took from its account without an order is paid out of the platform's fee."""
    return mirrored(
        custody_journal("T03", holder, _corrected(event), {FEE: amount_minor}, {out_of: amount_minor}), holder
    )


def _corrected(event: Event) -> Event:
    return replace(event, key=f"correction:{event.key}")
