"""Collecting an order's money and giving it back (`Collects`, `Refunds`), and asking what became of it (`Answers`).

Keys: every request carries `key`, allocated and committed by the caller before the first send. It is the
provider's idempotency key or merchant number, and `Answers.fetch` finds the operation again by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from cauce.gateway.outcome import Outcome
from cauce.kernel.money import Money


class Operation(StrEnum):
    """Every operation whose outcome can be unknown."""

    COLLECT = "collect"
    CANCEL_COLLECTION = "cancel_collection"
    COLLECT_COMBINED = "collect_combined"  # one payment for several merchants' collections
    CANCEL_COMBINED = "cancel_combined"
    REFUND = "refund"
    SPLIT = "split"
    REVERSE_SPLIT = "reverse_split"
    FINISH_ORDER = "finish_order"
    PAYOUT = "payout"
    CHARGE = "charge"
    LINK = "link"  # a page on which the payer pays himself; what comes of it is a charge
    SETUP = "setup"
    OPEN_ACCOUNT = "open_account"
    ATTACH_INSTRUMENT = "attach_instrument"
    HOLD = "hold"
    RELEASE = "release"
    TOP_UP = "top_up"
    UNDO_TOP_UP = "undo_top_up"
    PAY_FROM_BALANCE = "pay_from_balance"
    RECOVER_ADVANCE = "recover_advance"
    SUBSIDISE = "subsidise"
    SUBSIDISE_ORDER = "subsidise_order"
    RETURN_SUBSIDY = "return_subsidy"
    DROP_SUBSIDY = "drop_subsidy"
    ADVANCE = "advance"
    FEE_SWEEP = "fee_sweep"
    ASSIGN_SUSPENSE = "assign_suspense"
    UNDO_ASSIGN = "undo_assign"
    ENSURE_CUSTOMER = "ensure_customer"


class ActionKind(StrEnum):
    """What the payer must do next."""

    REDIRECT = "redirect"
    QR = "qr"
    SMS = "sms"
    FORM = "form"
    PAGE_ELEMENT = "page_element"  # `value` is a client secret; a page with the provider's element completes it


@dataclass(frozen=True, slots=True)
class NextAction:
    """What the payer must do; `value` is the URL, QR text or secret."""

    kind: ActionKind
    value: str


@dataclass(frozen=True, slots=True)
class CollectRequest:
    """Ask the payer of one order for `amount`. `splits_later` freezes it for a later split where the channel needs to know.

    `subsidy_minor`: what the platform will add once it is paid (`SubsidisesOrders`); it cannot be announced afterwards.
    """

    key: str
    order_ref: str
    amount: Money
    description: str
    merchant_ref: (
        str  # the order's own merchant at the provider (sub-merchant, connected account); "" = the platform's own
    )
    payer_ref: str = ""
    return_url: str = ""
    notify_url: str = ""
    splits_later: bool = True
    expires_at: datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    subsidy_minor: int = 0


@dataclass(frozen=True, slots=True)
class Collection:
    """What the provider says of a collection. `fee_minor` is None while the provider has not told it."""

    ref: str
    amount: Money
    next_action: NextAction | None = None
    paid_at: datetime | None = None
    fee_minor: int | None = None
    payer_ref: str = ""
    unsplit_minor: int | None = None  # what is still frozen for splitting, where the provider reports it
    available_at: datetime | None = None  # when the money stops being pending, where the provider tells the two apart


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Close the unpaid collection of `collection_key`. Closing twice is closing once, so it may be sent again."""

    collection_key: str
    merchant_ref: str


@dataclass(frozen=True, slots=True)
class CombinedRequest:
    """Ask one payer for several merchants' collections at once: paid together or not at all, each then on its own."""

    key: str
    parts: tuple[CollectRequest, ...]


@dataclass(frozen=True, slots=True)
class CombinedCollection:
    """What the provider says of a combined payment: of each collection, by its own key. `next_action` is for all of them."""

    parts: tuple[tuple[str, Collection], ...] = ()
    next_action: NextAction | None = None
    ref: str = ""


@dataclass(frozen=True, slots=True)
class CancelCombinedRequest:
    """Close the unpaid combined payment `collection_key`, with the keys and merchants of its collections."""

    collection_key: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Give `amount` of the collection `collection_ref` (of `collected` in all) back to its payer."""

    key: str
    collection_key: str
    collection_ref: str
    amount: Money
    collected: Money
    reason: str
    merchant_ref: str = ""
    notify_url: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refund:
    """What the provider says of a refund; `fee_returned_minor` is the part of its fee that it gives back.

    `settled` is what left our balance there, None until the provider tells it (G14).
    """

    ref: str
    amount: Money
    finished_at: datetime | None = None
    fee_returned_minor: int = 0
    settled: Money | None = None


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """Ask for the truth about one earlier operation.

    `key` is that operation's own key, `ref` the provider's id where one came back, `parent_*` the collection it
    belongs to, and `merchant_ref` the merchant under whom it was made.
    """

    operation: Operation
    key: str
    ref: str = ""
    parent_key: str = ""
    parent_ref: str = ""
    merchant_ref: str = ""


class Collects(Protocol):
    """A channel that takes payers' money for orders."""

    async def collect(self, request: CollectRequest) -> Outcome[Collection]:
        """Start (or finish) a collection; `Pending` with a `next_action` while the payer must act."""
        ...

    async def cancel_collection(self, key: str, merchant_ref: str) -> Outcome[Collection]:
        """Close an unpaid collection."""
        ...


class CombinesPayments(Protocol):
    """A channel where one payment of a payer is for several merchants' collections."""

    async def collect_combined(self, request: CombinedRequest) -> Outcome[CombinedCollection]:
        """Start it; `Pending` with a `next_action` while the payer must act. `Done` when every collection is paid."""
        ...

    async def cancel_combined(self, request: CancelCombinedRequest) -> Outcome[CombinedCollection]:
        """Close an unpaid one."""
        ...


class Refunds(Protocol):
    """A channel that gives money back to the payer of a collection or charge."""

    async def refund(self, request: RefundRequest) -> Outcome[Refund]: ...


class Answers(Protocol):
    """A channel that can say what became of an operation."""

    async def fetch(self, request: FetchRequest) -> Outcome[object]:
        """The truth about an operation, with the value type of that operation.

        `Declined(refusal=NOT_FOUND)` means: the provider has never seen this key, nothing moved, it may be sent
        again under the same key. `Unknown` when the question itself failed.
        """
        ...
