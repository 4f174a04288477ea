"""Money that is not an order's (`Funds`): a member's own, the platform's subsidies and advances, its fee going home.

Only a licensed holder that keeps a sub-account per party can do this; the capability record says which of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cauce.gateway.collecting import Collection
from cauce.gateway.outcome import Outcome
from cauce.kernel.money import Money


@dataclass(frozen=True, slots=True)
class FundsRequest:
    """Move `amount`: `account_ref` is the party's account at the provider ("" where none is concerned).

    `parent_key` is what is undone (a top-up, an assignment), what the money is for (a collection, a refund) or the
    provider's number of the credit in suspense.
    """

    key: str
    amount: Money
    description: str
    account_ref: str = ""
    parent_key: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Funded:
    """What the provider says of such a movement."""

    ref: str
    amount: Money
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BalancePayment:
    """Pay the collection `key` of one order from the balance of the member `account_ref`."""

    key: str
    order_ref: str
    amount: Money
    account_ref: str
    merchant_ref: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubsidyRequest:
    """What the platform adds to the paid collection `collection_ref` of the merchant `merchant_ref`, or takes back of it.

    `refund_ref`: the provider's number of the refund for which it is taken back, where there is one.
    """

    key: str
    collection_key: str
    collection_ref: str
    amount: Money
    merchant_ref: str
    description: str
    refund_ref: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


class SubsidisesOrders(Protocol):
    """A channel that adds the platform's own money to a payment that announced it (`CollectRequest.subsidy_minor`).

    All three are safe to send again under the same key: the provider does each once.
    """

    async def subsidise_order(self, request: SubsidyRequest) -> Outcome[Funded]:
        """Add it: from now on the collection may be split."""
        ...

    async def return_subsidy(self, request: SubsidyRequest) -> Outcome[Funded]:
        """Take a part of it back: of the frozen money while there is any, else of the merchant's own."""
        ...

    async def drop_subsidy(self, request: SubsidyRequest) -> Outcome[Funded]:
        """None will come: the collection may be split without it."""
        ...


class SweepsFee(Protocol):
    """A channel that sends the platform's fee to the platform's own bank account when it is told to."""

    async def fee_sweep(self, request: FundsRequest) -> Outcome[Funded]: ...


class Funds(Protocol):
    """A channel that moves money which is not an order's."""

    async def member_top_up(self, request: FundsRequest) -> Outcome[Funded]: ...

    async def undo_top_up(self, request: FundsRequest) -> Outcome[Funded]: ...

    async def subsidise(self, request: FundsRequest) -> Outcome[Funded]: ...

    async def advance(self, request: FundsRequest) -> Outcome[Funded]: ...

    async def recover_advance(self, request: FundsRequest) -> Outcome[Funded]: ...

    async def fee_sweep(self, request: FundsRequest) -> Outcome[Funded]: ...

    async def assign_suspense(self, request: FundsRequest) -> Outcome[Funded]: ...

    async def undo_assign(self, request: FundsRequest) -> Outcome[Funded]: ...

    async def pay_from_balance(self, request: BalancePayment) -> Outcome[Collection]: ...
