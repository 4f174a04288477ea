"""One collection divided: its parts less the provider's fee, cut into the requests that its channel takes. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from cauce.channels.service import NewInstruction
from cauce.flows.marketplace.split_requests import split_instruction
from cauce.flows.marketplace.terms import Terms
from cauce.gateway.limits import requests_of
from cauce.kernel.ids import new_id
from cauce.ledger.recipes.custody import Event, Holder
from cauce.ledger.recipes.splits import split_applied
from cauce.ledger.rules import Item
from cauce.marketplace.merchants.rules import Party
from cauce.marketplace.orders.subsidised import standing
from cauce.marketplace.splits.planning import Part, less_fee
from cauce.marketplace.splits.rules.schema import FEE, KEPT, Base, SplitRule
from cauce.storage.database import Row

STANDS = ("submitted", "processing", "applied", "partially_applied", "unknown", "partially_reversed", "reversed")
"""States of splits that were not refused."""


@dataclass(slots=True)
class Work:
    """What one chunk of releases writes."""

    splits: list[tuple[Any, ...]] = field(default_factory=list)
    brought: list[str] = field(default_factory=list)
    borne: list[tuple[str, int, int]] = field(default_factory=list)
    returned: list[tuple[str, int, int]] = field(default_factory=list)
    instructions: dict[datetime, list[NewInstruction]] = field(default_factory=dict)
    journals: list[Item] = field(default_factory=list)
    escrow: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, other: Work) -> None:
        """Take in what another one writes."""
        self.splits += other.splits
        self.brought += other.brought
        self.borne += other.borne
        self.returned += other.returned
        self.journals += other.journals
        self.escrow += other.escrow
        for due_at, instructions in other.instructions.items():
            self.instructions.setdefault(due_at, []).extend(instructions)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the orders of one release are divided by."""

    terms: Mapping[str, Terms]
    rules: Mapping[tuple[str, int], SplitRule]
    parties: Mapping[str, Mapping[str, Party]]
    allocations: Mapping[str, list[Row]]
    splits: Mapping[str, list[Row]]


@dataclass(frozen=True, slots=True)
class _Rest:
    """What else the requests of one collection depend on: the splits before, the platform's part that stays on its side
    (minor units), whether something is kept for later, whether the owner's own part is out already."""

    earlier: Sequence[Row]
    fee_minor: int
    keeps: bool
    is_out: bool


def divide(order: Row, row: Row, facts: Facts, at: datetime, work: Work) -> None:
    """The splits of one collection: its parts less the provider's fee, cut into the requests that the channel takes."""
    terms, earlier = facts.terms[row["channel_id"]], facts.splits.get(row["id"], [])
    parts = facts.allocations[row["id"]]
    rule = facts.rules[(order["rule_id"], order["rule_version"])]
    is_first = not earlier and not any(part["brought"] for part in parts)
    is_net = rule.base is Base.NET_OF_PROVIDER_FEE
    if is_first:
        final = _net_parts(row, parts, work) if is_net else _final_parts(row, parts, rule)
    else:
        final = _planned(parts)
    keeps = any(part.party == KEPT and part.amount_minor for part in final)
    positions = [part["position"] for part in parts]
    taken = {part["position"] for part in parts if part["closed"] or part["party"] == KEPT}
    taken |= {p for split in earlier for p in range(split["first_position"], split["last_position"] + 1)}
    open_parts = [(p, part) for p, part in zip(positions, final, strict=True) if p not in taken and part.amount_minor]
    to_send = [
        (p, part) for p, part in open_parts if (not part.is_rest or keeps if terms.has_owner else part.party != FEE)
    ]
    fee = 0 if terms.has_owner else _fee_left(earlier, parts, final)
    is_out = any(part["is_rest"] and part["position"] in taken for part in parts)
    if not to_send and not fee and (keeps or not terms.has_owner):  # what is in escrow came back, or is kept
        return
    if is_first and not is_net:
        work.borne += _borne(row, parts, final)
    if not to_send and not terms.has_owner:  # nobody but the platform is due anything: there is nothing to send
        work.brought.append(row["id"])
        event = Event(f"fee:{row['id']}", order["id"], row["id"], at)
        holder = Holder(row["channel_id"], row["currency"])
        work.journals += split_applied(holder, event, order["id"], {FEE: fee})
        work.escrow.append((row["id"], -fee, fee, 0, 0))
        return
    _send(order, row, to_send, facts, _Rest(earlier, fee, keeps=keeps, is_out=is_out), at, work)


def _send(
    order: Row, row: Row, to_send: Sequence[tuple[int, Part]], facts: Facts, rest: _Rest, at: datetime, work: Work
) -> None:
    """The requests of one collection, and its end where its own merchant is due what is left."""
    terms = facts.terms[row["channel_id"]]
    chunks = _requests(to_send, terms) or [[]]
    left = row["escrow_minor"] - sum(split["sent_minor"] for split in rest.earlier if split["state"] in STANDS[:2])
    left -= sum(part.amount_minor for _, part in to_send)
    # While some is kept the order stays open, and its own merchant gets his part like the others.
    finishes = terms.has_owner and not rest.keeps and not (rest.is_out and left == 0)
    if finishes and any(part.party != FEE for _, part in to_send):
        chunks.append([])  # parts of others than the platform do not finish the order: that is a request of its own
    delay = terms.capabilities.split_delay_seconds_min
    due_at = max(at, row["paid_at"] + timedelta(seconds=delay.value + 1)) if delay else at
    for index, chunk in enumerate(chunks):
        is_last = index == len(chunks) - 1
        split_id = new_id("spl")
        numbers = [p for p, _ in chunk] or [0]
        work.splits.append(
            (
                split_id, order["id"], row["id"], row["channel_id"], row["currency"], numbers[0], numbers[-1],
                sum(part.amount_minor for _, part in chunk), 0 if index else rest.fee_minor,
                left if finishes and is_last else 0, finishes and is_last, row["owner_id"],
                "submitted" if chunk or index == 0 else "planned", False,
            )
        )  # fmt: skip
        if chunk or not index:  # else the order ends when the splits before are known to have ended
            parties = facts.parties[row["channel_id"]]
            instruction = split_instruction(order, row, split_id, chunk, parties, terms, finish=finishes and is_last)
            work.instructions.setdefault(due_at, []).append(instruction)


def _requests(to_send: Sequence[tuple[int, Part]], terms: Terms) -> list[Sequence[tuple[int, Part]]]:
    """The parts cut into requests that the channel takes, each of which names nobody twice."""
    found: list[Sequence[tuple[int, Part]]] = []
    for chunk in requests_of(to_send, terms.capabilities):
        mine: list[tuple[int, Part]] = []
        for place in chunk:
            if any(place[1].party == other.party for _, other in mine):
                found.append(mine)
                mine = []
            mine.append(place)
        found.append(mine)
    return found


def _borne(row: Row, parts: Sequence[Row], final: Sequence[Part]) -> list[tuple[str, int, int]]:
    """By how much the provider's fee makes parts smaller."""
    less = [
        (part, part["amount_minor"] - part["reversed_minor"] - now.amount_minor)
        for part, now in zip(parts, final, strict=True)
    ]
    return [(row["id"], part["position"], by) for part, by in less if by]


def _fee_left(earlier: Sequence[Row], parts: Sequence[Row], final: Sequence[Part]) -> int:
    """The platform's parts of a pooled collection that nothing has brought over yet."""
    if any(split["fee_minor"] for split in earlier):
        return 0
    return sum(
        now.amount_minor for part, now in zip(parts, final, strict=True) if now.party == FEE and not part["brought"]
    )


def _planned(parts: Sequence[Row]) -> tuple[Part, ...]:
    return tuple(Part(part["party"], part["amount_minor"] - part["reversed_minor"], part["is_rest"]) for part in parts)


def _net_parts(row: Row, parts: Sequence[Row], work: Work) -> tuple[Part, ...]:
    """Parts that were planned without the provider's fee.

    What it rounded otherwise with refunds than was expected is taken as returned more (or less) by one of them.
    """
    final = list(_planned(parts))
    more = row["escrow_minor"] - standing(row) - sum(part.amount_minor for part in final)
    if more:
        returned = [
            part["reversed_minor"] if more > 0 else now.amount_minor for part, now in zip(parts, final, strict=True)
        ]
        at = returned.index(max(returned))
        work.returned.append((row["id"], parts[at]["position"], -more))
        final[at] = replace(final[at], amount_minor=final[at].amount_minor + more)
    return tuple(final)


def _final_parts(row: Row, parts: Sequence[Row], rule: SplitRule) -> tuple[Part, ...]:
    final = less_fee(_planned(parts), row["fee_minor"] - row["fee_returned_minor"], rule.fee_bearer)
    held = row["escrow_minor"] - standing(row)
    assert sum(part.amount_minor for part in final) == held, "the parts are what the escrow holds of the payer's money"
    return final
