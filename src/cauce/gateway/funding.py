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
