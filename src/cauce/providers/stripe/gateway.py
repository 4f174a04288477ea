"""Stripe behind the capability Protocols: one object per channel, every method one call to the module of its noun."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from typing import Any

from cauce.gateway.accounts import (
    Account,
    AccountRequest,
    Instrument,
    InstrumentRequest,
    Payout,
    PayoutRequest,
    SubBalance,
)
from cauce.gateway.charging import (
    Charge,
    ChargeRequest,
    CustomerRecord,
    CustomerRequest,
    LinkRequest,
    PaymentLink,
    SavedMethod,
    Setup,
    SetupRequest,
)
from cauce.gateway.collecting import Collection, CollectRequest, FetchRequest, Refund, RefundRequest
from cauce.gateway.funding import Funded, FundsRequest
from cauce.gateway.importing import ForeignCustomer, ForeignInvoice, ForeignSubscription
from cauce.gateway.outcome import Outcome
from cauce.gateway.provider import Channel, Kit
from cauce.gateway.reporting import Notice, ParsedNotice, StatementLine
from cauce.gateway.splitting import ReverseSplitRequest, SplitRequest, SplitResult, SplitReversal
from cauce.providers.stripe import (
    answers,
    backfill,
    charging,
    collecting,
    customers,
    importing,
    inbound,
    merchants,
    statements,
)
from cauce.providers.stripe.answers import guarded
from cauce.providers.stripe.wire import Wire


class StripeGateway:
    """Speaks for one channel; holds nothing of its own."""

    def __init__(self, channel: Channel, kit: Kit) -> None:
        self._wire = Wire(channel, kit)

    async def ensure_customer(self, request: CustomerRequest) -> Outcome[CustomerRecord]:
        """See `RemembersCustomers`."""
        return await guarded(customers.ensure(self._wire, request))

    async def update_customer(self, request: CustomerRequest) -> Outcome[CustomerRecord]:
        """See `RemembersCustomers`."""
        return await customers.update(self._wire, request)

    async def forget_customer(self, ref: str) -> Outcome[CustomerRecord]:
        """See `RemembersCustomers`."""
        return await customers.forget(self._wire, ref)

    async def begin_setup(self, request: SetupRequest) -> Outcome[Setup]:
        """See `SavesMethods`."""
        return await guarded(customers.begin_setup(self._wire, request))

    async def list_methods(self, customer_ref: str) -> Outcome[tuple[SavedMethod, ...]]:
        """See `SavesMethods`."""
        return await customers.list_methods(self._wire, customer_ref)

    async def detach_method(self, customer_ref: str, method_ref: str) -> Outcome[SavedMethod]:
        """See `SavesMethods`."""
        return await customers.detach(self._wire, method_ref)

    async def charge_saved(self, request: ChargeRequest) -> Outcome[Charge]:
        """See `ChargesSaved`."""
        return await guarded(charging.charge_saved(self._wire, request))

    async def cancel_charge(self, key: str, ref: str) -> Outcome[Charge]:
        """See `ChargesSaved`; the answer is the charge's own state."""
        return await guarded(charging.cancel_charge(self._wire, key, ref))

    async def link_payment(self, request: LinkRequest) -> Outcome[PaymentLink]:
        """See `LinksPayment`."""
        return await charging.link_payment(self._wire, request)

    async def refund(self, request: RefundRequest) -> Outcome[Refund]:
        """See `Refunds`."""
        return await guarded(charging.refund(self._wire, request))

    async def collect(self, request: CollectRequest) -> Outcome[Collection]:
        """See `Collects`."""
        return await guarded(collecting.collect(self._wire, request))

    async def cancel_collection(self, key: str, merchant_ref: str) -> Outcome[Collection]:
        """See `Collects`; the answer is the collection's own state."""
        return await guarded(collecting.cancel(self._wire, key))

    async def split(self, request: SplitRequest) -> Outcome[SplitResult]:
        """See `Splits`."""
        return await guarded(collecting.split(self._wire, request))

    async def reverse_split(self, request: ReverseSplitRequest) -> Outcome[SplitReversal]:
        """See `Splits`."""
        return await guarded(collecting.reverse_split(self._wire, request))

    async def open_account(self, request: AccountRequest) -> Outcome[Account]:
        """See `OpensAccounts`."""
        return await guarded(merchants.open_account(self._wire, request))

    async def close_account(self, ref: str) -> Outcome[Account]:
        """See `OpensAccounts`."""
        return await merchants.close_account(self._wire, ref)

    async def attach_instrument(self, request: InstrumentRequest) -> Outcome[Instrument]:
        """See `BindsInstruments`."""
        return await guarded(merchants.attach_instrument(self._wire, request))

    async def detach_instrument(self, account_ref: str, instrument_ref: str) -> Outcome[Instrument]:
        """See `BindsInstruments`."""
        return await merchants.detach_instrument(self._wire, account_ref, instrument_ref)

    async def payout(self, request: PayoutRequest) -> Outcome[Payout]:
        """See `PaysOut`."""
        return await guarded(merchants.payout(self._wire, request))

    async def fee_sweep(self, request: FundsRequest) -> Outcome[Funded]:
        """See `SweepsFee`."""
        return await guarded(merchants.fee_sweep(self._wire, request))

    async def setup_findings(self) -> list[str]:
        """See `ChecksSetup`."""
        return await merchants.setup_findings(self._wire)

    async def balances(self, account_refs: tuple[str, ...]) -> list[SubBalance]:
        """See `ReportsBalances`."""
        return await merchants.balances(self._wire, account_refs)

    async def fetch(self, request: FetchRequest) -> Outcome[Any]:
        """See `Answers`."""
        return await answers.fetch(self._wire, request)

    def statement(self, day: date, kind: str) -> AsyncIterator[StatementLine]:
        """See `Reports`."""
        return statements.lines(self._wire, day, kind)

    def parse_notice(self, headers: Mapping[str, str], body: bytes, received_at: datetime) -> ParsedNotice:
        """See `Notifies`."""
        return inbound.parse(self._wire.channel, headers, body, received_at)

    def listed_notices(self, since: datetime, until: datetime, account_ref: str) -> AsyncIterator[tuple[Notice, ...]]:
        """See `ListsNotices`."""
        return backfill.listed(self._wire, since, until, account_ref)

    def foreign_products(self) -> AsyncIterator[tuple[str, str]]:
        """See `ImportsBilling`."""
        return importing.products(self._wire)

    def foreign_customers(self) -> AsyncIterator[ForeignCustomer]:
        """See `ImportsBilling`."""
        return importing.customers(self._wire)

    def foreign_subscriptions(self) -> AsyncIterator[ForeignSubscription]:
        """See `ImportsBilling`."""
        return importing.subscriptions(self._wire)

    def foreign_invoices(self) -> AsyncIterator[ForeignInvoice]:
        """See `ImportsBilling`."""
        return importing.invoices(self._wire)

    async def end_foreign(self, key: str, ref: str) -> Outcome[ForeignSubscription]:
        """See `ImportsBilling`."""
        return await importing.end(self._wire, key, ref)
