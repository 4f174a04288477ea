"""A licensed holder in memory, for flows: it keeps its own books, refuses what it may not do, and forgets to answer when told.

Two kinds: `owned`, where each collection belongs to one merchant, is frozen and divided once (the wallets), and `pooled`,
where money lies at the holder until it is transferred (the card schemes). Its books are what the custody book is
compared with.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

from cauce.gateway.accounts import Payout, PayoutRequest, SubBalance
from cauce.gateway.capabilities import (
    Can,
    Capabilities,
    PayoutRoute,
    ProviderClass,
    Sourced,
    SplitMoment,
    TopUpKind,
)
from cauce.gateway.collecting import Collection, CollectRequest, FetchRequest, Refund, RefundRequest
from cauce.gateway.funding import BalancePayment, Funded, FundsRequest, SubsidyRequest
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal, Unknown
from cauce.gateway.provider import Channel
from cauce.gateway.reporting import LineKind, StatementLine
from cauce.gateway.splitting import (
    Finished,
    FinishRequest,
    PartState,
    ReceiverKind,
    ReverseSplitRequest,
    SplitPartResult,
    SplitRequest,
    SplitResult,
    SplitReversal,
)
from cauce.kernel.money import Money, half_up

READ = date(2026, 11, 2)
_CAN = frozenset(
    {
        Can.COLLECTS, Can.SPLITS, Can.FINISHES_ORDERS, Can.REVERSES_SPLITS, Can.REFUNDS, Can.ANSWERS, Can.REPORTS,
        Can.PAYS_OUT, Can.REPORTS_BALANCES,
    }
)  # fmt: skip
OWNED = Capabilities(
    can=_CAN | {Can.REPORTS_PARKED},
    provider_class=ProviderClass.LICENSED_PSP,
    split_moments=frozenset({SplitMoment.LATER}),
    payout_route=PayoutRoute.PROVIDER,
    receivers_per_call_max=Sourced(50, "receivers", "test", READ),
    requests_per_order_max=Sourced(50, "requests", "test", READ),
    share_max=Fraction(3, 10),
    share_cap_excludes_owner=True,
    freeze_days_max=Sourced(180, "days", "test", READ),
    auto_release_to_owner=True,
    refund_returns_fee=True,
    statement_kinds=frozenset({"all"}),
)
POOLED = Capabilities(
    can=_CAN - {Can.FINISHES_ORDERS},
    provider_class=ProviderClass.CARD_SCHEME_PSP,
    split_moments=frozenset({SplitMoment.LATER}),
    payout_route=PayoutRoute.PROVIDER,
    receivers_per_call_max=Sourced(1, "receivers", "test", READ),
    share_max=Fraction(1),
    amount_min_minor={"brl": 50},
    statement_kinds=frozenset({"all"}),
)
PLATFORM = ""
PLATFORM_BANK = "the platform's own bank"
MARKETING_ACCOUNT = "marketing"
SUSPENSE_ACCOUNT = "suspense"
FUNDING = replace(
    POOLED, can=POOLED.can | {Can.FUNDS}, member_topup=TopUpKind.OWN, pay_from_balance=True, refund_returns_fee=False
)
"""A holder that also keeps members' own money and the platform's."""


@dataclass
class Held:
    """One collection at the holder."""

    request: CollectRequest
    fee: int
    frozen: int
    refunded: int = 0
    fee_back: int = 0
    payer: str = ""


@dataclass
class Bank:
    """The holder. `lose` counts down answers that are lost after the effect; `decline` refuses the next of an operation.

    `decline` and `lost` may also name who is concerned ("reverse acct_ana"). `carried` is what splits brought to each.
    """

    capabilities: Capabilities
    fee_bps: int = 60
    now: datetime = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
    held: dict[str, Held] = field(default_factory=dict)
    available: dict[str, int] = field(default_factory=dict)
    done: dict[str, Outcome[Any]] = field(default_factory=dict)
    lines: list[StatementLine] = field(default_factory=list)
    lose: int = 0
    lost: set[str] = field(default_factory=set)
    carried: dict[tuple[str, str], int] = field(default_factory=dict)
    decline: dict[str, Declined] = field(default_factory=dict)
    relogins: dict[str, Declined] = field(default_factory=dict)
    close_parts: set[str] = field(default_factory=set)
    asked_parked: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    flaws: dict[date, Exception] = field(default_factory=dict)

    @property
    def owned(self) -> bool:
        return self.capabilities.auto_release_to_owner

    def refuse_key(self, operation: str, refused: Declined) -> None:
        """The next of an operation meets a refused key or signature, also after another login."""
        self.decline[operation] = refused
        if refused.refusal is Refusal.AUTH:
            self.relogins[operation] = refused

    async def collect(self, request: CollectRequest) -> Outcome[Any]:
        return self._once("collect", request.key, lambda: self._collect(request))

    def _collect(self, request: CollectRequest) -> Outcome[Any]:
        amount = request.amount.amount_minor
        fee = half_up(Fraction(amount * self.fee_bps, 10_000))
        held = Held(request, fee, amount - fee if self.owned else 0)
        self.held[request.key] = held
        if not self.owned:
            self._add(PLATFORM, amount - fee)
        self._line(LineKind.COLLECTION, request.key, amount, fee, request.amount.currency, request.merchant_ref)
        unsplit = held.frozen if self.owned else None
        return Done(
            Collection(f"tx_{request.key}", request.amount, paid_at=self.now, fee_minor=fee, unsplit_minor=unsplit)
        )

    async def member_top_up(self, request: FundsRequest) -> Outcome[Any]:
        return self._once("top_up", request.key, lambda: self._fund(request, PLATFORM_BANK, request.account_ref))

    async def undo_top_up(self, request: FundsRequest) -> Outcome[Any]:
        return self._once("undo", request.key, lambda: self._fund(request, request.account_ref, PLATFORM_BANK))

    async def subsidise(self, request: FundsRequest) -> Outcome[Any]:
        to = request.account_ref or MARKETING_ACCOUNT
        return self._once("subsidise", request.key, lambda: self._fund(request, PLATFORM_BANK, to))

    async def advance(self, request: FundsRequest) -> Outcome[Any]:
        return self._once("advance", request.key, lambda: self._fund(request, PLATFORM_BANK, request.account_ref))

    async def recover_advance(self, request: FundsRequest) -> Outcome[Any]:
        return self._once("recover", request.key, lambda: self._fund(request, request.account_ref, PLATFORM))

    async def fee_sweep(self, request: FundsRequest) -> Outcome[Any]:
        return self._once("sweep", request.key, lambda: self._sweep(request))

    def _sweep(self, request: FundsRequest) -> Outcome[Any]:
        outcome = self._fund(request, PLATFORM, PLATFORM_BANK)
        if isinstance(outcome, Done):
            amount = request.amount
            self._line(LineKind.PAYOUT, request.key, -amount.amount_minor, 0, amount.currency, "")
        return outcome

    async def assign_suspense(self, request: FundsRequest) -> Outcome[Any]:
        to = request.account_ref or MARKETING_ACCOUNT
        return self._once("assign", request.key, lambda: self._fund(request, SUSPENSE_ACCOUNT, to))

    async def undo_assign(self, request: FundsRequest) -> Outcome[Any]:
        of = request.account_ref or MARKETING_ACCOUNT
        return self._once("unassign", request.key, lambda: self._fund(request, of, SUSPENSE_ACCOUNT))

    def _fund(self, request: FundsRequest, out_of: str, into: str) -> Outcome[Any]:
        amount = request.amount.amount_minor
        if out_of != PLATFORM_BANK and self.available.get(out_of, 0) < amount:
            return Declined("SHORT", Refusal.INSUFFICIENT_FUNDS, "balance too low")
        self._add(out_of, -amount)
        self._add(into, amount)
        return Done(Funded(f"fu_{request.key}", request.amount, self.now))

    async def subsidise_order(self, request: SubsidyRequest) -> Outcome[Any]:
        return self._once("subsidise_order", request.key, lambda: self._subsidise(request, request.amount.amount_minor))

    async def return_subsidy(self, request: SubsidyRequest) -> Outcome[Any]:
        return self._once("return_subsidy", request.key, lambda: self._subsidise(request, -request.amount.amount_minor))

    async def drop_subsidy(self, request: SubsidyRequest) -> Outcome[Any]:
        return self._once("drop_subsidy", request.key, lambda: Done(Funded("", request.amount, self.now)))

    def _subsidise(self, request: SubsidyRequest, change: int) -> Outcome[Any]:
        held = self.held[request.collection_key]
        assert held.frozen + change >= 0, "of a divided order nothing is taken back here"
        held.frozen += change
        self._line(LineKind.SUBSIDY, request.key, change, 0, request.amount.currency, request.merchant_ref)
        return Done(Funded(f"sb_{request.key}", request.amount, self.now))

    async def pay_from_balance(self, request: BalancePayment) -> Outcome[Any]:
        return self._once("pay_from_balance", request.key, lambda: self._from_balance(request))

    def _from_balance(self, request: BalancePayment) -> Outcome[Any]:
        amount = request.amount.amount_minor
        if self.available.get(request.account_ref, 0) < amount:
            return Declined("SHORT", Refusal.INSUFFICIENT_FUNDS, "balance too low")
        self._add(request.account_ref, -amount)
        collected = CollectRequest(request.key, request.order_ref, request.amount, "", request.merchant_ref)
        self.held[request.key] = Held(collected, 0, amount if self.owned else 0, payer=request.account_ref)
        if not self.owned:
            self._add(PLATFORM, amount)
        unsplit = amount if self.owned else None
        return Done(
            Collection(f"tx_{request.key}", request.amount, paid_at=self.now, fee_minor=0, unsplit_minor=unsplit)
        )

    async def cancel_collection(self, key: str, merchant_ref: str) -> Outcome[Any]:
        return Declined("PAID", Refusal.LIFECYCLE, "payers of this bank pay at once")

    async def split(self, request: SplitRequest) -> Outcome[Any]:
        to = request.parts[0].receiver_ref if request.parts else ""
        return self._once("split", request.key, lambda: self._split(request), to)

    def _split(self, request: SplitRequest) -> Outcome[Any]:
        held = self.held[request.collection_key]
        results = []
        for part in request.parts:
            ref = PLATFORM if part.receiver_kind is ReceiverKind.PLATFORM else part.receiver_ref
            state = PartState.CLOSED if ref in self.close_parts else PartState.APPLIED
            if state is PartState.APPLIED:
                self.carried[request.key, ref] = self.carried.get((request.key, ref), 0) + part.amount_minor
            if self.owned:
                held.frozen -= part.amount_minor
            elif state is PartState.APPLIED:
                self._add(PLATFORM, -part.amount_minor)
            if state is PartState.APPLIED:
                self._add(ref, part.amount_minor)
                self._line(LineKind.SPLIT, request.key, part.amount_minor, 0, request.currency, ref)
            elif self.owned:
                self._add(request.merchant_ref, part.amount_minor)
            results.append(SplitPartResult(part.key, part.receiver_ref, part.amount_minor, state))
        if request.finish:
            self._release(held, request.key)
        assert held.frozen >= 0 and self.available.get(PLATFORM, 0) >= 0
        return Done(SplitResult(f"sp_{request.key}", tuple(results), self.now, held.frozen if self.owned else None))

    async def finish_order(self, request: FinishRequest) -> Outcome[Any]:
        return self._once("finish", request.key, lambda: self._finish(request))

    def _finish(self, request: FinishRequest) -> Outcome[Any]:
        held = self.held[request.collection_key]
        left = held.frozen
        self._release(held, request.key)
        return Done(Finished(f"fi_{request.key}", Money(left, held.request.amount.currency), self.now))

    def _release(self, held: Held, key: str) -> None:
        if held.frozen:
            self._add(held.request.merchant_ref, held.frozen)
            self._line(LineKind.RELEASE, key, held.frozen, 0, held.request.amount.currency, held.request.merchant_ref)
        held.frozen = 0

    def expire(self, collection_key: str) -> None:
        """The freeze ran out: what is left is the owner's, and only the bill says so."""
        self._release(self.held[collection_key], "")
        self.lines[-1] = replace(self.lines[-1], order_ref=collection_key)

    async def reverse_split(self, request: ReverseSplitRequest) -> Outcome[Any]:
        return self._once("reverse", request.key, lambda: self._reverse(request), request.receiver_ref)

    def _reverse(self, request: ReverseSplitRequest) -> Outcome[Any]:
        amount = request.amount.amount_minor
        ref = request.receiver_ref
        if self.available.get(ref, 0) < amount and ref != PLATFORM:
            return Declined("SHORT", Refusal.INSUFFICIENT_FUNDS, "balance too low")
        self.carried[request.split_key, ref] -= amount
        assert self.carried[request.split_key, ref] >= 0, "more is taken back of a split than it brought"
        self._add(ref, -amount)
        self._add(request.merchant_ref if self.owned else PLATFORM, amount)
        self._line(LineKind.SPLIT_REVERSAL, request.key, amount, 0, request.amount.currency, ref)
        return Done(SplitReversal(f"rv_{request.key}", request.amount, self.now))

    async def refund(self, request: RefundRequest) -> Outcome[Any]:
        return self._once("refund", request.key, lambda: self._refund(request))

    def _refund(self, request: RefundRequest) -> Outcome[Any]:
        held = self.held[request.collection_key]
        amount, total = request.amount.amount_minor, held.request.amount.amount_minor
        assert held.refunded + amount <= total
        back = 0
        if self.owned:
            whole = held.refunded + amount == total
            back = held.fee - held.fee_back if whole else half_up(Fraction(held.fee * amount, total))
            if held.frozen:
                if held.frozen < amount - back:
                    return Declined("RULE_LIMIT", Refusal.LIFECYCLE, "unfreeze first")
                held.frozen -= amount - back
            else:
                if self.available.get(request.merchant_ref, 0) < amount - back:
                    return Declined("NOT_ENOUGH", Refusal.INSUFFICIENT_FUNDS, "balance too low")
                self._add(request.merchant_ref, back - amount)
        else:
            if self.available.get(PLATFORM, 0) < amount:
                return Declined("balance_insufficient", Refusal.INSUFFICIENT_FUNDS, "balance too low")
            self._add(PLATFORM, -amount)
        if held.payer:
            self._add(held.payer, amount)
        held.refunded, held.fee_back = held.refunded + amount, held.fee_back + back
        self._line(LineKind.REFUND, request.key, -amount, -back, request.amount.currency, request.merchant_ref)
        return Done(Refund(f"re_{request.key}", request.amount, self.now, back))

    async def payout(self, request: PayoutRequest) -> Outcome[Any]:
        return self._once("payout", request.key, lambda: self._payout(request))

    def _payout(self, request: PayoutRequest) -> Outcome[Any]:
        amount = request.amount.amount_minor
        if self.available.get(request.account_ref, 0) < amount:
            return Declined("insufficient", Refusal.INSUFFICIENT_FUNDS, "balance too low")
        self._add(request.account_ref, -amount)
        self._line(LineKind.PAYOUT, request.key, -amount, 0, request.amount.currency, request.account_ref)
        return Done(Payout(f"pay_{request.key}", request.amount, paid_at=self.now))

    async def fetch(self, request: FetchRequest) -> Outcome[Any]:
        known = self.done.get(request.key)
        return known if known is not None else Declined("404", Refusal.NOT_FOUND, "no such operation")

    async def parked(self, refs: tuple[str, ...]) -> dict[str, int]:
        self.asked_parked = [*self.asked_parked, *refs]
        by_ref = {f"tx_{key}": held.frozen for key, held in self.held.items()}
        return {ref: by_ref[ref] for ref in refs if ref in by_ref}

    async def balances(self, account_refs: tuple[str, ...]) -> list[SubBalance]:
        found = []
        for ref in account_refs:
            frozen = sum(h.frozen for h in self.held.values() if h.request.merchant_ref == ref)
            currency = next(iter(self.held.values())).request.amount.currency
            found.append(SubBalance(ref, "available", Money(self.available.get(ref, 0), currency)))
            found.append(SubBalance(ref, "frozen", Money(frozen, currency)))
        return found

    async def statement(self, day: date, kind: str) -> AsyncIterator[StatementLine]:
        for line in self.lines:
            if line.occurred_at.date() == day:
                yield line
        if day in self.flaws:
            raise self.flaws[day]

    def _once(self, operation: str, key: str, act: Any, ref: str = "") -> Outcome[Any]:
        self.calls.append(f"{operation} {key}")
        if key in self.done:
            return self.done[key]
        named = f"{operation} {ref}"
        refused = self.decline.pop(named, None) or self.decline.pop(operation, None)
        if refused and refused.refusal in (Refusal.AUTH, Refusal.SIGNATURE):
            if operation in self.relogins:  # the session is not what is wrong
                self.decline[operation] = self.relogins.pop(operation)
            return refused  # whoever is not let in leaves no trace
        outcome: Outcome[Any] = refused or act()
        if not refused and isinstance(outcome, Declined) and outcome.refusal is Refusal.INSUFFICIENT_FUNDS:
            return outcome  # who is short may have it when the same is asked again
        self.done[key] = outcome
        if named in self.lost:
            self.lost.discard(named)
            return Unknown("the answer was lost", 30)
        if refused:
            return outcome
        if self.lose:
            self.lose -= 1
            return Unknown("the answer was lost", 30)
        return outcome

    def _add(self, ref: str, amount: int) -> None:
        self.available[ref] = self.available.get(ref, 0) + amount

    def _line(self, kind: LineKind, key: str, amount: int, fee: int, currency: str, ref: str) -> None:
        row = f"{len(self.lines) + 1:06d}"
        self.lines.append(
            StatementLine(row, kind, Money(amount, currency), self.now, key=key, account_ref=ref, fee_minor=fee)
        )


@dataclass
class Desk:
    """The `Gateways` of a test: one bank per channel."""

    banks: dict[str, Bank]

    async def open(self, org_id: int, channel_id: str) -> tuple[Channel, Any]:
        return Channel(channel_id, org_id, "bank", False, ""), self.banks[channel_id]

    def forget(self, org_id: int, channel_id: str) -> None:
        """Nothing is remembered here."""

    def capabilities(self, channel: Channel) -> Capabilities:
        return self.banks[channel.id].capabilities
