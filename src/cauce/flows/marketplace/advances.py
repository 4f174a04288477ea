"""What parties lack for refunds, advanced by the platform out of its fee at a holder that pools money (T16).

The rule of the order says so, which two persons put in force. An advance stands beside the other movements of funds, is
posted with the refund that it is for, undone if that refund fails, and recovered from what the party gets next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cauce.kernel.ids import new_id
from cauce.ledger.recipes.custody import Event, Holder, escrow
from cauce.ledger.recipes.funding import advance_undone, advanced_from_fee
from cauce.ledger.rules import Item, Journal
from cauce.marketplace.settlement import funding as store
from cauce.marketplace.settlement.funding import FundingKind, NewFunding
from cauce.storage.database import Row, Tx

ESCROW = "escrow:"

Advanced = tuple[str, int, int, bool]
"""What is advanced: the party, the position of his part, minor units, whether it is the provider's fee beyond his part."""


@dataclass(frozen=True, slots=True)
class Chargeback:
    """A payment that its payer's bank took back: of which collection, the provider's number of the dispute, what it cost the
    platform besides (minor units), and our own id of it."""

    collection_id: str
    ref: str
    cost_minor: int
    dispute_id: str


def advanced_of(parts: Sequence[Row], by_position: Mapping[int, int], owed: Mapping[str, int]) -> list[Advanced]:
    """What is advanced for one refund: of parts, and what parties owe of the provider's fee."""
    found = [
        (part["party"], part["position"], by_position[part["position"]], False)
        for part in parts
        if part["position"] in by_position
    ]
    for party, amount in owed.items():
        position = next(part["position"] for part in parts if part["party"] == party)
        found.append((party, position, amount, True))
    return found


def advances_in(taken: Mapping[str, Any]) -> list[Advanced]:
    """What a refund has advanced, from what it wrote down."""
    return [(party, position, amount, is_fee) for party, position, amount, is_fee in taken.get("advanced", ())]


def net_of_escrow(taken: Mapping[str, Any]) -> int:
    """What a refund takes of its order's escrow, less what is put in there for it."""
    out: int = sum(amount for code, amount in taken["sources"].items() if code.startswith(ESCROW))
    return out - sum(amount for _, _, amount, _ in advances_in(taken))


def of_parts(taken: Mapping[str, Any]) -> int:
    """What is advanced of parts, which their parties have given back by that."""
    return sum(amount for _, _, amount, is_fee in advances_in(taken) if not is_fee)


def repaid_again(taken: Mapping[str, Any], collection_id: str) -> list[tuple[str, int, int]]:
    """What of parts counts again as repayment of debts when the refund fails: (collection, position, minor units)."""
    return [(collection_id, int(position), amount) for position, amount in taken.get("repaid", {}).items()]


def advance_journals(holder: Holder, refund: Mapping[str, Any], at: datetime) -> list[Journal]:
    """T16 of everything that a refund has advanced."""
    key, order_id = refund["attempt_key"], refund["order_id"]
    return [
        journal
        for number, (_, _, amount, _) in enumerate(advances_in(refund["taken"]))
        for journal in advanced_from_fee(holder, Event(f"{key}:{number}", order_id, key, at), escrow(order_id), amount)
    ]


async def note_advances(
    tx: Tx, submitted: Sequence[tuple[Mapping[str, Any], Row]], *, actor: str, at: datetime
) -> None:
    """Write down what was advanced for refunds (each with its collection) that are submitted now."""
    new = [
        (
            NewFunding(
                new_id("adv"), FundingKind.ADVANCE, collection["channel_id"], collection["currency"], amount, party,
                refund["order_id"], refund["id"],
            ),
            refund["taken"]["advances"] or "what was recovered before",
            f"{position}{':fee' if is_fee else ''}",
        )
        for refund, collection in submitted
        for party, position, amount, is_fee in advances_in(refund["taken"])
    ]  # fmt: skip
    if new:
        await store.insert_advanced(tx, new, actor=actor, at=at)


@dataclass(slots=True)
class Undone:
    """What undoing the advances of one failed refund writes: minor units where no unit is named."""

    items: list[Item] = field(default_factory=list)
    escrow_minor: int = 0
    released_minor: int = 0
    parked: list[tuple[str, int, int]] = field(default_factory=list)
    closed: list[tuple[str, int]] = field(default_factory=list)


def undo_advances(rows: Sequence[Row], collection: Row, at: datetime) -> Undone:
    """Advances for a refund that failed go back to the fee; what was recovered of one already is its party's again."""
    undone = Undone()
    holder = Holder(collection["channel_id"], collection["currency"])
    for row in rows:
        position, _, of_fee = row["ref"].partition(":")
        repaid = row["spent_minor"] + row["under_way_minor"]
        back = row["amount_minor"] - repaid
        if back:
            event = Event(row["id"], row["order_id"], row["parent_id"], at)
            undone.items += advance_undone(holder, event, escrow(row["order_id"]), back)
            undone.escrow_minor += back
            undone.released_minor += 0 if of_fee else back
        if repaid:
            undone.parked.append((collection["id"], int(position), repaid))
        undone.closed.append((row["id"], repaid))
    return undone
