"""The gateway object of one WeChat Pay channel: the capability Protocols, each method one call into its noun's module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from cauce.gateway.accounts import Account, AccountRequest, Payout, PayoutRequest, SubBalance
from cauce.gateway.collecting import (
    CancelCombinedRequest,
    Collection,
    CollectRequest,
    CombinedCollection,
    CombinedRequest,
    FetchRequest,
    Operation,
    Refund,
    RefundRequest,
)
from cauce.gateway.errors import CapabilityMissing
from cauce.gateway.funding import Funded, SubsidyRequest
from cauce.gateway.outcome import Declined, Outcome, Refusal
from cauce.gateway.provider import Channel, Kit
from cauce.gateway.reporting import ParsedNotice, StatementLine
from cauce.gateway.splitting import (
    Finished,
    FinishRequest,
    ReverseSplitRequest,
    SplitRequest,
    SplitResult,
    SplitReversal,
)
from cauce.providers.wechat import (
    collecting,
    combining,
    inbound,
    refunding,
    registering,
    splitting,
    statements,
    subsidising,
)
from cauce.providers.wechat.contract import contract_of
from cauce.providers.wechat.desk import Desk
from cauce.providers.wechat.wire import Wire


class WeChatGateway:
    """One channel at WeChat Pay, in any of its three dialects."""

    def __init__(self, channel: Channel, kit: Kit) -> None:
        contract = contract_of(channel)
        self._desk = Desk(contract, Wire(channel, contract, kit), kit)

    async def collect(self, request: CollectRequest) -> Outcome[Collection]:
        """Start a payment. `splits_later` freezes the money for splitting; it cannot be asked for afterwards."""
        return await collecting.collect(self._desk, request)

    async def cancel_collection(self, key: str, merchant_ref: str) -> Outcome[Collection]:
        """Close an unpaid payment."""
        return await collecting.cancel(self._desk, key, merchant_ref)

    async def collect_combined(self, request: CombinedRequest) -> Outcome[CombinedCollection]:
        """Start one payment for several merchants' orders."""
        return await combining.collect(self._desk, request)

    async def cancel_combined(self, request: CancelCombinedRequest) -> Outcome[CombinedCollection]:
        """Close an unpaid one."""
        return await combining.cancel(self._desk, request)

    async def split(self, request: SplitRequest) -> Outcome[SplitResult]:
        """Give parts to receivers, at the earliest about 60 s after payment."""
        return await splitting.split(self._desk, request)

    async def reverse_split(self, request: ReverseSplitRequest) -> Outcome[SplitReversal]:
        """Take a part back from a receiving merchant into the available money of the order's own."""
        return await splitting.reverse_split(self._desk, request)

    async def finish_order(self, request: FinishRequest) -> Outcome[Finished]:
        """Release what is left to the order's own merchant; no split is possible afterwards."""
        return await splitting.finish_order(self._desk, request)

    async def refund(self, request: RefundRequest) -> Outcome[Refund]:
        """Give money back to the payer."""
        return await refunding.refund(self._desk, request)

    async def payout(self, request: PayoutRequest) -> Outcome[Payout]:
        """Withdraw a second-level merchant's available money to his bank."""
        return await refunding.payout(self._desk, request)

    async def subsidise_order(self, request: SubsidyRequest) -> Outcome[Funded]:
        """Add the platform's money to a payment that announced it."""
        return await subsidising.subsidise(self._desk, request)

    async def return_subsidy(self, request: SubsidyRequest) -> Outcome[Funded]:
        """Take a part of it back."""
        return await subsidising.take_back(self._desk, request)

    async def drop_subsidy(self, request: SubsidyRequest) -> Outcome[Funded]:
        """Say that none will come."""
        return await subsidising.drop(self._desk, request)

    async def open_account(self, request: AccountRequest) -> Outcome[Account]:
        """Register a merchant or person as a receiver of splits."""
        return await registering.open_account(self._desk, request)

    async def close_account(self, ref: str) -> Outcome[Account]:
        """Remove a receiver."""
        return await registering.close_account(self._desk, ref)

    async def share_cap(self, merchant_ref: str) -> Fraction:
        """The largest part of one order of this merchant that may go to others."""
        return await registering.share_cap(self._desk, merchant_ref)

    async def balances(self, account_refs: tuple[str, ...]) -> list[SubBalance]:
        """Available and pending money of these accounts; "" is the platform's own."""
        return await registering.balances(self._desk, account_refs)

    async def parked(self, refs: tuple[str, ...]) -> dict[str, int]:
        """What is frozen of these payments and can still be divided, net of the fee."""
        return await registering.parked(self._desk, refs)

    async def fetch(self, request: FetchRequest) -> Outcome[Any]:
        """The truth about an operation by our own number. Receivers cannot be asked about: register them again."""
        desk = self._desk
        match request.operation:
            case Operation.COLLECT:
                return await collecting.fetch_collection(desk, request.key, request.merchant_ref)
            case Operation.COLLECT_COMBINED:
                return await combining.fetch(desk, request.key)
            case Operation.SPLIT:
                return await splitting.fetch_split(desk, request)
            case Operation.FINISH_ORDER:
                return await splitting.fetch_finished(desk, request)
            case Operation.REVERSE_SPLIT:
                return await splitting.fetch_return(desk, request)
            case Operation.REFUND:
                return await refunding.fetch_refund(desk, request)
            case Operation.PAYOUT:
                return await refunding.fetch_payout(desk, request)
            case Operation.SUBSIDISE_ORDER | Operation.RETURN_SUBSIDY | Operation.DROP_SUBSIDY:
                message = "subsidies cannot be asked about; the same number again is the same one"
                return Declined("NOT_ASKABLE", Refusal.NOT_FOUND, message)
            case Operation.OPEN_ACCOUNT:
                message = "receivers cannot be asked about; adding one again is harmless"
                return Declined("NOT_ASKABLE", Refusal.NOT_FOUND, message)
            case _:
                raise CapabilityMissing(f"WeChat Pay has no {request.operation}")

    def statement(self, day: date, kind: str) -> AsyncIterator[StatementLine]:
        """The lines of one day (Asia/Shanghai) of a kind of bill, streamed."""
        return statements.statement(self._desk, day, kind)

    def parse_notice(self, headers: Mapping[str, str], body: bytes, received_at: datetime) -> ParsedNotice:
        """The notice in a callback, verified on its raw bytes."""
        return inbound.parse_notice(self._desk, headers, body, received_at)

    async def load_verification_keys(self) -> None:
        """Have the platform certificates at hand for callbacks; nothing to do in public-key mode."""
        if not await self._desk.wire.keyring.recall():
            await self._desk.wire.certificates()
