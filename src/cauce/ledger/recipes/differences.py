"""T26: a difference that two persons accepted is written off in the platform's own book; the custody book never moves for it."""

from __future__ import annotations

from dataclasses import replace

from cauce.ledger.recipes.custody import Event, Holder, platform_journal
from cauce.ledger.rules import Journal

LOSS = "loss"


def difference_written_off(holder: Holder, event: Event, loss_minor: int) -> Journal:
    """T26: what a holder's statement lacks is the platform's loss (negative: its gain), and stands as owed to custody."""
    owed = f"difference:{holder.channel_id}"
    if loss_minor > 0:
        return platform_journal("T26", holder, event, {LOSS: loss_minor}, {owed: loss_minor})
    return platform_journal("T26", holder, event, {owed: -loss_minor}, {LOSS: -loss_minor})


def write_off_reversed(holder: Holder, event: Event, loss_minor: int) -> Journal:
    """T26 undone: the other side of an accepted difference arrived, so the loss (negative: the gain) was none."""
    return difference_written_off(holder, replace(event, key=f"back:{event.key}"), -loss_minor)
