"""Dividing collected money among parties, taking it back, ending an order, holding and releasing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from cauce.gateway.outcome import Outcome
from cauce.kernel.money import Money


class ReceiverKind(StrEnum):
    """What a receiver is for the provider."""

    MERCHANT = "merchant"
    PERSON = "person"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class SplitPart:
    """One receiver's share of one split request. `key` is unique within the request.

    `receiver_name` is a merchant's legal name, for providers where receivers are registered; persons' names are not kept.
    """

    key: str
    receiver_ref: str
    receiver_kind: ReceiverKind
    amount_minor: int
    description: str
    receiver_name: str = ""


@dataclass(frozen=True, slots=True)
class SplitRequest:
    """Give parts of one collection to receivers; `finish` releases what is left to the order's own merchant."""

    key: str
    collection_key: str
    collection_ref: str
    merchant_ref: str
    currency: str
    parts: tuple[SplitPart, ...]
    finish: bool = False
    metadata: dict[str, str] = field(default_factory=dict)


class PartState(StrEnum):
    """What became of one part."""

    PENDING = "pending"
    APPLIED = "applied"
    CLOSED = "closed"  # the provider refused this part: the money stays with the order's merchant


@dataclass(frozen=True, slots=True)
class SplitPartResult:
    """`reason` is the provider's own word when the part is closed."""

    key: str
    receiver_ref: str
    amount_minor: int
    state: PartState
    ref: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SplitResult:
    """What the provider says of a split request, part by part; `unsplit_minor` is what is still frozen, if it tells."""

    ref: str
    parts: tuple[SplitPartResult, ...]
    finished_at: datetime | None = None
    unsplit_minor: int | None = None


@dataclass(frozen=True, slots=True)
class ReverseSplitRequest:
    """Take `amount` of one applied part back from its receiver.

    `waits_for_funds`: a receiver who does not have it is no end: the same is sent again, under the same key, later.
    """

    key: str
    split_key: str
    split_ref: str
    part_ref: str
    merchant_ref: str
    receiver_ref: str
    amount: Money
    description: str
    waits_for_funds: bool = False


@dataclass(frozen=True, slots=True)
class SplitReversal:
    """What the provider says of a reversal."""

    ref: str
    amount: Money
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FinishRequest:
    """End the splitting of one collection: what is left goes to its own merchant."""

    key: str
    collection_key: str
    collection_ref: str
    merchant_ref: str
    description: str


@dataclass(frozen=True, slots=True)
class Finished:
    """What went to the order's own merchant."""

    ref: str
    released: Money
    finished_at: datetime | None = None


class Splits(Protocol):
    """A channel that divides collections."""

    async def split(self, request: SplitRequest) -> Outcome[SplitResult]: ...

    async def reverse_split(self, request: ReverseSplitRequest) -> Outcome[SplitReversal]: ...

    async def finish_order(self, request: FinishRequest) -> Outcome[Finished]: ...
