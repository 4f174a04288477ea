"""What a provider tells unasked (notices) and in files (statements), normalized."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from cauce.gateway.collecting import Operation
from cauce.kernel.money import Money


class NoticeKind(StrEnum):
    """What a notice is about, in our words. A kind that no flow wants is stored and done."""

    COLLECTION = "collection"
    REFUND = "refund"
    SPLIT = "split"
    SPLIT_REVERSAL = "split_reversal"
    PAYOUT = "payout"
    OWN_PAYOUT = "own_payout"
    ACCOUNT = "account"
    CHARGE = "charge"
    SETUP = "setup"
    METHOD = "method"
    DISPUTE = "dispute"
    CUSTOMER = "customer"
    CONVERSATION = "conversation"
    CONTACT = "contact"
    MESSAGE = "message"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Notice:
    """One verified, normalized notice.

    `event_id` is the provider's own id (stored once under it); `key` and `ref` lead to our instruction;
    `outcome` is the normalized `Outcome` that the notice claims where it carries one: used to conclude only when
    the capability `notice_is_final` is set, else the flow asks with `fetch`.
    """

    event_id: str
    kind: NoticeKind
    occurred_at: datetime
    operation: Operation | None = None
    key: str = ""
    ref: str = ""
    parent_key: str = ""
    merchant_ref: str = ""
    outcome: object = None
    data: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What the provider wants to read back."""

    status: int
    body: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class ParsedNotice:
    """The notices in one delivery (usually one) and the answer to give once they are stored."""

    notices: tuple[Notice, ...]
    acknowledgement: Acknowledgement


class Notifies(Protocol):
    """A provider that sends notices. Plain function: verify the raw bytes first, then parse."""

    def parse_notice(self, headers: Mapping[str, str], body: bytes, received_at: datetime) -> ParsedNotice:
        """The notices in `body`; `BadSignature`, `StaleNotice` or `BadNotice` otherwise. Header names are lower case."""
        ...


class ListsNotices(Protocol):
    """A provider that keeps a list of what it told, for `Capabilities.notices_kept_days`."""

    def listed_notices(self, since: datetime, until: datetime, account_ref: str) -> AsyncIterator[tuple[Notice, ...]]:
        """What happened from `since` until before `until`, delivered or not, page by page in any order; `CannotRead`.

        `account_ref`: of a merchant's account, where accounts have lists of their own; "" is the channel's own.
        """
        ...


class LineKind(StrEnum):
    """What a statement line records."""

    COLLECTION = "collection"
    REFUND = "refund"
    SPLIT = "split"
    SPLIT_REVERSAL = "split_reversal"
    RELEASE = "release"
    PAYOUT = "payout"
    PAYOUT_RETURN = "payout_return"
    OWN_PAYOUT = "own_payout"  # of the platform's own balance to its own bank, and what came back of it
    FEE = "fee"
    CHARGE = "charge"
    DISPUTE = "dispute"
    TOP_UP = "top_up"
    SUBSIDY = "subsidy"  # of the platform to an order, or taken back
    ADJUSTMENT = "adjustment"
    OTHER = "other"


class LineStatus(StrEnum):
    """How far the provider is with what a line records. Only what is booked counts as money."""

    BOOKED = "booked"
    PENDING = "pending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One row of a provider's file. `row_key` is unique in the file; `amount` is signed: + into the account."""

    row_key: str
    kind: LineKind
    amount: Money
    occurred_at: datetime
    key: str = ""  # our key, where the file carries it
    ref: str = ""  # the provider's serial
    order_ref: str = ""
    account_ref: str = ""
    fee_minor: int = 0
    state: str = ""  # the provider's own word
    status: LineStatus = LineStatus.BOOKED
    raw: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class StatementFacts:
    """What a file says of itself beside its lines; complete once the last line was read. Balances in minor units."""

    account_ref: str = ""
    currency: str = ""
    opening_minor: int | None = None
    closing_minor: int | None = None


class Reports(Protocol):
    """A provider with statements."""

    def statement(self, day: date, kind: str) -> AsyncIterator[StatementLine]:
        """The lines of one day and kind (of `Capabilities.statement_kinds`), streamed; `BadStatement` when damaged.

        `CountDiffers` after the last line when the file announced another number of rows.
        """
        ...
