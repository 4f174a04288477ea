"""Which parts of split money a refund needs back first, and from which of the splits that carried them.

A part may have been carried more than once: what came back for a refund that failed is sent to its party again, by a
split of its own. A later refund takes what lies parked still, then from the original, then from those sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cauce.channels import store as channel_store
from cauce.channels.rules import Instruction
from cauce.channels.service import NewInstruction
from cauce.flows.marketplace.purses import Purse
from cauce.flows.marketplace.terms import Terms
from cauce.gateway.collecting import Operation
from cauce.gateway.splitting import ReverseSplitRequest
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.ledger.recipes.custody import FEE
from cauce.marketplace.merchants.rules import Party
from cauce.marketplace.merchants.service import read_parties
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.refunding import RefundWaits
from cauce.marketplace.splits import store as split_store
from cauce.marketplace.splits.rules.refunds import less_short, over_carriers
from cauce.marketplace.splits.rules.schema import KEPT
from cauce.storage.database import Row, Tx

REVERSE = "splits.reverse"
_DONE_SPLIT = ("applied", "partially_applied", "partially_reversed", "reversed")
_OPEN_SPLIT = ("submitted", "processing", "unknown")


@dataclass(frozen=True, slots=True)
class Carried:
    """How the parts of collections reached their parties: their splits (by collection, oldest first) and what came back."""

    splits: Mapping[str, Sequence[Row]]
    under_way: Mapping[tuple[str, int], int]  # sent again, not known yet whether it arrived
    taken_back: Mapping[str, int]
    returns: Mapping[tuple[str, str], int]  # how often something came back, by split and party
    parties: Mapping[str, Mapping[str, Party]]
    instructions: Mapping[str, Instruction]
    undecided: frozenset[str]  # collections of which a part may still come back for a refund that failed

    def shows(self, row: Row, party: str) -> bool:
        """Whether the holder of a collection shows what a party has."""
        known = self.parties[row["channel_id"]].get(party)
        return known is not None and known.shows_balance

    def is_divided(self, row: Row) -> bool:
        """Whether something of a collection went to its parties, even if it all came back since."""
        return row["released_minor"] > 0 or bool(self.splits.get(row["id"]))

    def require_decided(self, row: Row) -> None:
        """`RefundWaits` while a part may still come back for a refund that failed: nobody knows whose it is."""
        if row["id"] in self.undecided:
            raise RefundWaits("a part of the order may still come back for a refund that failed", param="order")

    def undivided(self, row: Row, parts: Sequence[Row]) -> set[int]:
        """The positions of a pooled collection, divided in part only, that are in escrow still: their split was refused."""
        fee_sent = any(one["fee_minor"] for one in self.splits.get(row["id"], ()))
        there = row["escrow_minor"] - sum(part["parked_minor"] for part in parts)
        there -= sum(amount for (collection_id, _), amount in self.under_way.items() if collection_id == row["id"])
        there -= kept_of(parts)
        return {
            part["position"]
            for part in parts
            if (not fee_sent and not part["brought"] and there >= part["amount_minor"] - part["reversed_minor"] if part["party"] == FEE
                else self.original(row, part) is None)
        }  # fmt: skip

    def original(self, row: Row, part: Row) -> Row | None:
        """The split that brought a part to its party the first time."""
        return next((one for one in self._of(row, part) if not one["resends"]), None)

    def again(self, row: Row, part: Row) -> list[Row]:
        """The splits that brought something of it again."""
        return [one for one in self._of(row, part) if one["resends"]]

    def _of(self, row: Row, part: Row) -> list[Row]:
        mine = self.splits.get(row["id"], ())
        position = part["position"]
        return [one for one in mine if one["sent_minor"] and one["first_position"] <= position <= one["last_position"]]


def kept_of(parts: Sequence[Row]) -> int:
    """What the parts of a collection keep for a later split, in minor units."""
    return sum(p["amount_minor"] - p["reversed_minor"] for p in parts if p["party"] == KEPT and not p["closed"])


@dataclass(slots=True)
class Back:
    """How the parts of one refund come back: rows to write, what the channel is asked, what is taken of parked parts,
    what the platform advances because the party has it no more, and what of that the party had repaid a debt with."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    instructions: list[NewInstruction] = field(default_factory=list)
    parked: dict[int, int] = field(default_factory=dict)
    advanced: dict[int, int] = field(default_factory=dict)
    repaid: dict[int, int] = field(default_factory=dict)
    waits: bool = False


async def read_carried(tx: Tx, collections: Sequence[Row], parts: Mapping[str, Sequence[Row]]) -> Carried:
    """What is known of the splits of these collections."""
    order_ids = sorted({row["order_id"] for row in collections})
    splits: dict[str, list[Row]] = {}
    under_way: dict[tuple[str, int], int] = {}
    for one in await split_store.splits_of(tx, order_ids):
        if one["state"] in _DONE_SPLIT:
            splits.setdefault(one["collection_id"], []).append(one)
        elif one["state"] in _OPEN_SPLIT and one["resends"]:
            place = (one["collection_id"], one["first_position"])
            under_way[place] = under_way.get(place, 0) + one["sent_minor"]
    if not splits:
        return Carried({}, under_way, {}, {}, {}, {}, frozenset())
    parties = {}
    for channel_id in sorted({row["channel_id"] for row in collections}):
        mine = [row["id"] for row in collections if row["channel_id"] == channel_id]
        named = {part["party"] for key in mine for part in parts.get(key, ())} - {FEE}
        parties[channel_id] = await read_parties(tx, channel_id, sorted(named))
    returns, taken = {}, dict[str, int]()
    for back in await split_store.taken_back(tx, list(splits)):
        returns[back["split_id"], back["party"]] = back["returns"]
        taken[back["split_id"]] = taken.get(back["split_id"], 0) + back["taken_minor"]
    keys = [one["id"] for mine in splits.values() for one in mine if one["sent_minor"]]
    instructions = await channel_store.read_instructions(tx, keys)
    undecided = frozenset(await _undecided(tx, order_ids))
    return Carried(splits, under_way, taken, returns, parties, instructions, undecided)


async def _undecided(tx: Tx, order_ids: Sequence[str]) -> dict[str, str]:
    """Collections of which a part may still come back for a refund that failed already, with their orders."""
    asked = await split_store.open_reversals(tx, order_ids)
    if not asked:
        return {}
    failed = {row["id"] for row in await order_store.refunds_of(tx, order_ids) if row["state"] == "failed"}
    return {row["collection_id"]: row["order_id"] for row in asked if row["refund_id"] in failed}


async def busy_orders(tx: Tx, order_ids: Sequence[str]) -> set[str]:
    """Orders of which money is on its way to a party, or back for a refund that failed already: refunds wait for it."""
    return {*await split_store.open_splits(tx, order_ids), *(await _undecided(tx, order_ids)).values()}


def plan_back(
    row: Row, parts: Sequence[Row], taken: Sequence[int], refund_id: str, terms: Terms, carried: Carried,
    purse: Purse | None = None, *, waits: bool = False,
) -> Back:  # fmt: skip
    """The reversals that a refund of split money needs first; `refund_waits_for_split` for a part that is under way.

    `purse` where the rule says what becomes of a party that lacks its part: what it lacks is advanced, or it is refused.
    What a party has paid a debt to the platform with is advanced in any case. `waits`: for a party that lacks its part.

    The order's own merchant needs none: the refund is taken from his balance. Nor does the platform where money is
    pooled: its part never left the platform's balance at the holder.
    """
    back = Back(waits=waits)
    for part, amount in zip(parts, taken, strict=True):
        stays = part["is_rest"] if terms.has_owner else part["party"] == FEE
        split = carried.original(row, part)
        if not amount or stays or part["closed"] or split is None:  # never sent: its money is parked still
            continue
        of_purse = purse if purse is not None and carried.shows(row, part["party"]) else None
        if terms.has_owner:
            if of_purse is not None:
                of_purse.short_of(part["party"], amount)
            _reverse(row, part, split, amount, refund_id, carried, back)
            continue
        splits, rests = _rests(row, part, split, carried)
        parked, of_splits, missing = over_carriers(amount, part["parked_minor"], rests)
        owed = min(missing, part["recovered_minor"])
        if missing > owed:
            raise RefundWaits("a part of the order is on its way to its party again", param="order")
        short = of_purse.short_of(part["party"], sum(of_splits)) if of_purse is not None else 0
        if owed:
            back.repaid[part["position"]] = owed
        if owed + short:
            back.advanced[part["position"]] = owed + short
            of_splits = less_short(of_splits, short)
        if parked:
            back.parked[part["position"]] = parked
        for one, used in zip(splits, of_splits, strict=True):
            if used:
                _reverse(row, part, one, used, refund_id, carried, back)
    return back


def _rests(row: Row, part: Row, original: Row, carried: Carried) -> tuple[list[Row], list[int]]:
    """The splits that carried a part, the original first, and what the party holds by each of them."""
    again = carried.again(row, part)
    of_again = [one["sent_minor"] - carried.taken_back.get(one["id"], 0) for one in again]
    held = part["amount_minor"] - part["reversed_minor"] - part["parked_minor"] - part["recovered_minor"]
    held -= carried.under_way.get((row["id"], part["position"]), 0)
    return [original, *again], [held - sum(of_again), *of_again]


def _reverse(row: Row, part: Row, split: Row, amount: int, refund_id: str, carried: Carried, back: Back) -> None:
    reversal_id = new_id("rev")
    place = (reversal_id, row["order_id"], row["id"], part["position"], split["id"], refund_id, part["party"], amount)
    back.rows.append(place)
    party = carried.parties[row["channel_id"]].get(part["party"])
    request = ReverseSplitRequest(
        key=reversal_id,
        split_key=split["id"],
        split_ref=split["ref"],
        part_ref=_part_ref(carried.instructions.get(split["id"]), part["position"]),
        merchant_ref=row["merchant_ref"],
        receiver_ref=party.ref if party else "",
        amount=Money(amount, row["currency"]),
        description="Refund",
        waits_for_funds=back.waits,
    )
    back.instructions.append(
        NewInstruction(
            channel_id=row["channel_id"],
            purpose=REVERSE,
            operation=Operation.REVERSE_SPLIT,
            key=reversal_id,
            object_id=row["order_id"],
            request=request,
            parent_key=split["id"],
            merchant_ref=row["merchant_ref"],
        )
    )


def _part_ref(instruction: Instruction | None, position: int) -> str:
    """The provider's own number of one part of a split, from its answer."""
    if instruction is None:
        return ""
    value = (instruction.outcome or {}).get("value") or {}
    for part in value.get("parts", ()):
        if part.get("key") == f"{instruction.key}_{position}":
            return str(part.get("ref", ""))
    return ""
