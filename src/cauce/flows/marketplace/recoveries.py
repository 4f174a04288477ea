"""Advances recovered from what a merchant gets next (T16 recovered): the oldest first, up to what he got.

A channel that moves the platform's own money is asked to take it back. Where the holder pools money without that, part of
the very split that brought the merchant money is reversed, and his part of that order is smaller by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.flows.marketplace.funds import conclude_funding, holds_of, open_funding
from cauce.flows.marketplace.terms import terms_of
from cauce.gateway.capabilities import Can
from cauce.gateway.collecting import Operation
from cauce.gateway.outcome import Declined, Done, Pending
from cauce.gateway.splitting import ReverseSplitRequest
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.ledger.rules import Item
from cauce.marketplace.merchants.service import read_parties
from cauce.marketplace.settlement import funding as store
from cauce.marketplace.settlement.funding import FundingKind, NewFunding
from cauce.marketplace.settlement.rules import Credit
from cauce.marketplace.splits import store as split_store
from cauce.storage.database import Row, Tx

RECOVER = "splits.recover"


class Division(NamedTuple):
    """A split that has just been applied: its row, its parts and their minor units by position, the provider's numbers."""

    split: Row
    parts: Mapping[int, Row]
    ref: str
    applied: Mapping[int, int]
    refs: Mapping[int, str]


class Brought(NamedTuple):
    """A part that a split has just brought to a merchant: the split, its position, the provider's number, minor units."""

    split: Mapping[str, Any]
    position: int
    part_ref: str
    amount_minor: int


async def recover_advances(
    context: Context,
    tx: Tx,
    gained: Mapping[Credit, int],
    divisions: Sequence[Division],
    *,
    at: datetime,
) -> list[Item]:
    """Merchants who got money and were advanced some give it back.

    What is asked back is reserved: the holds, for the caller to post behind what brought the money.
    """
    open_ones = await store.open_advances(tx, sorted({one.merchant_id for one in gained}))
    if not open_ones:
        return []
    terms = await terms_of(context.runtime, context.org_id, {one.channel_id for one in gained})
    left, parts = dict(gained), _brought(divisions)
    asked: list[NewFunding] = []
    taken: list[tuple[NewFunding, Brought]] = []
    for row in open_ones:
        credit = Credit(row["merchant_id"], row["channel_id"], row["currency"])
        if left.get(credit, 0) <= 0:
            continue
        if Can.FUNDS in terms[credit.channel_id].capabilities.can:
            amount = min(row["left_minor"], left[credit])
            left[credit] -= amount
            if amount:
                asked.append(_recovery(row, credit, amount, ""))
        elif not terms[credit.channel_id].has_owner:
            taken += _of_parts(row, credit, parts.get(credit, []))
    new = [*asked, *(one for one, _ in taken)]
    if new:
        await store.insert(tx, new, actor=context.actor.name, at=at)
        await open_funding(tx, asked, at)
        await _reverse(tx, taken, at)
    return holds_of(new, at)


def _brought(divisions: Sequence[Division]) -> dict[Credit, list[Brought]]:
    """The parts of splits by the merchant who got them; nobody asks before somebody owes something."""
    found: dict[Credit, list[Brought]] = {}
    for one in divisions:
        split = {**one.split, "ref": one.ref}
        for position, amount in one.applied.items():
            credit = Credit(one.parts[position]["party"], split["channel_id"], split["currency"])
            found.setdefault(credit, []).append(Brought(split, position, one.refs.get(position, ""), amount))
    return found


def _of_parts(row: Row, credit: Credit, parts: list[Brought]) -> list[tuple[NewFunding, Brought]]:
    """One advance taken of parts, which are less by it afterwards."""
    left, found = row["left_minor"], []
    for index, part in enumerate(parts):
        amount = min(left, part.amount_minor)
        if amount:
            left -= amount
            found.append((_recovery(row, credit, amount, part.split["order_id"]), part))
            parts[index] = Brought(part.split, part.position, part.part_ref, part.amount_minor - amount)
    return found


def _recovery(row: Row, credit: Credit, amount_minor: int, order_id: str) -> NewFunding:
    return NewFunding(
        new_id("adv"), FundingKind.RECOVER_ADVANCE, credit.channel_id, credit.currency, amount_minor, credit.merchant_id,
        order_id, row["id"],
    )  # fmt: skip


async def _reverse(tx: Tx, taken: Sequence[tuple[NewFunding, Brought]], at: datetime) -> None:
    """Ask for reversals of parts; the parts count as smaller from now on, so that no refund asks for the same money."""
    if not taken:
        return
    await split_store.insert_reversals(
        tx,
        [
            (one.id, part.split["order_id"], part.split["collection_id"], part.position, part.split["id"], "",
             one.merchant_id, one.amount_minor)
            for one, part in taken
        ],
        at,
    )  # fmt: skip
    await split_store.add_recovered(
        tx, [(part.split["collection_id"], part.position, one.amount_minor) for one, part in taken]
    )
    refs: dict[tuple[str, str], str] = {}
    for channel_id in {one.channel_id for one, _ in taken}:
        parties = await read_parties(tx, channel_id, sorted({one.merchant_id for one, _ in taken}))
        refs |= {(channel_id, key): party.ref for key, party in parties.items()}
    await open_instructions(
        tx, [_instruction(one, part, refs[one.channel_id, one.merchant_id]) for one, part in taken], due_at=at
    )


def _instruction(one: NewFunding, part: Brought, receiver_ref: str) -> NewInstruction:
    request = ReverseSplitRequest(
        key=one.id,
        split_key=part.split["id"],
        split_ref=part.split["ref"],
        part_ref=part.part_ref,
        merchant_ref="",
        receiver_ref=receiver_ref,
        amount=Money(one.amount_minor, one.currency),
        description="Advance",
    )
    return NewInstruction(
        channel_id=one.channel_id,
        purpose=RECOVER,
        operation=Operation.REVERSE_SPLIT,
        key=one.id,
        object_id=part.split["order_id"],
        request=request,
        parent_key=part.split["id"],
    )


async def conclude_recoveries(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """Give answers about such reversals their effect: the fee has it, or the party keeps it and the next part is asked."""
    by_key = {one.key: one for one in concluded if not isinstance(one.outcome, Pending)}
    rows = [row for row in await split_store.lock_reversals(tx, list(by_key)) if row["state"] == "submitted"]
    updates, kept = [], []
    for row in rows:
        one = by_key[row["id"]]
        if isinstance(one.outcome, Done):
            updates.append((row["id"], "applied", one.outcome.value.ref, one.outcome.value.finished_at or one.at))
        elif isinstance(one.outcome, Declined):
            updates.append((row["id"], "failed", "", one.at))
            kept.append((row["collection_id"], row["position"], -row["amount_minor"]))
    if updates:
        await split_store.update_reversals(tx, updates)
    if kept:
        await split_store.add_recovered(tx, kept)
    await conclude_funding(context, tx, concluded)
