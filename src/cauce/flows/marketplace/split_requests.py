"""What a channel is asked when an order's money is divided: one request of parts, or the end of the order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cauce.channels.service import NewInstruction
from cauce.flows.marketplace.terms import Terms
from cauce.gateway.collecting import Operation
from cauce.gateway.splitting import FinishRequest, ReceiverKind, SplitPart, SplitRequest
from cauce.marketplace.merchants.rules import Party, require_payable
from cauce.marketplace.splits.planning import Part
from cauce.marketplace.splits.rules.schema import FEE
from cauce.storage.database import Row

SPLIT, FINISH = "splits.split", "splits.finish"


def split_instruction(
    order: Row,
    row: Row,
    split_id: str,
    chunk: Sequence[tuple[int, Part]],
    parties: Mapping[str, Party],
    terms: Terms,
    *,
    finish: bool,
) -> NewInstruction:
    """What the channel is asked: parts to receivers, or the end of the order when `chunk` is empty."""
    if not chunk:
        return end_instruction(order, row, split_id)
    request = SplitRequest(
        key=split_id,
        collection_key=row["id"],
        collection_ref=row["ref"],
        merchant_ref=row["merchant_ref"],
        currency=row["currency"],
        parts=tuple(_sent(split_id, order, position, part, parties) for position, part in chunk),
        finish=finish and terms.has_owner,
        metadata={"cauce_order": order["id"], "cauce_split": split_id},
    )
    return _asked(order, row, split_id, SPLIT, Operation.SPLIT, request)


def end_instruction(order: Row, row: Row, split_id: str) -> NewInstruction:
    """The channel ends the order of a collection: what is left is its own merchant's."""
    request = FinishRequest(split_id, row["id"], row["ref"], row["merchant_ref"], f"Order {order['external_id']}")
    return _asked(order, row, split_id, FINISH, Operation.FINISH_ORDER, request)


def _asked(
    order: Row, row: Row, split_id: str, purpose: str, operation: Operation, request: SplitRequest | FinishRequest
) -> NewInstruction:
    return NewInstruction(
        channel_id=row["channel_id"],
        purpose=purpose,
        operation=operation,
        key=split_id,
        object_id=order["id"],
        request=request,
        parent_key=row["id"],
        merchant_ref=row["merchant_ref"],
    )


def _sent(split_id: str, order: Row, position: int, part: Part, parties: Mapping[str, Party]) -> SplitPart:
    number = order["external_id"] or order["id"]
    key = f"{split_id}_{position}"
    if part.party == FEE:
        return SplitPart(key, "", ReceiverKind.PLATFORM, part.amount_minor, f"Commission of order {number}")
    party = require_payable(parties, part.party)
    kind = ReceiverKind.PERSON if party.kind == "person" else ReceiverKind.MERCHANT
    name = party.name if kind is ReceiverKind.MERCHANT else ""
    return SplitPart(key, party.ref, kind, part.amount_minor, f"Part of order {number}", name)
