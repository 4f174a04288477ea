"""T06–T09: an order's money goes to its parties, by our split or by the provider's own release, and back."""

from __future__ import annotations

from cauce.ledger.recipes.custody import Amounts, Event, Holder, custody_journal, escrow, frozen, mirrored, withdrawable
from cauce.ledger.rules import Journal


def split_applied(
    holder: Holder, event: Event, order_id: str, parts: Amounts, *, borne_by_platform_minor: int = 0
) -> list[Journal]:
    """T06: parts of the escrow became their parties'; `parts` are member accounts and `fee`."""
    journal = custody_journal("T06", holder, event, {escrow(order_id): sum(parts.values())}, parts)
    return mirrored(journal, holder, borne_by_platform_minor=borne_by_platform_minor)


def released_at_freeze_end(holder: Holder, event: Event, order_id: str, owner_id: str, amount_minor: int) -> Journal:
    """T07: the provider ended the freeze by itself; what was left is the order's own merchant's."""
    return custody_journal(
        "T07", holder, event, {escrow(order_id): amount_minor}, {withdrawable(owner_id): amount_minor}
    )


def member_frozen(holder: Holder, event: Event, merchant_id: str, amount_minor: int) -> Journal:
    """T08: the provider froze a merchant's money; a negative amount unfreezes."""
    return custody_journal(
        "T08", holder, event, {withdrawable(merchant_id): amount_minor}, {frozen(merchant_id): amount_minor}
    )


def split_reversed(holder: Holder, event: Event, taken: Amounts, returned_to: str) -> list[Journal]:
    """T09: parts came back: to the escrow, or to the merchant's account where the channel returns them there."""
    return mirrored(custody_journal("T09", holder, event, taken, {returned_to: sum(taken.values())}), holder)
