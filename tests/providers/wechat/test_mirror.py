"""What the adapter tells is enough to mirror the vendor's books to the fen, whatever happens to the answers.

Random programs of payments, splits, returns, refunds, finishes and payouts run under random faults. A small model books
only what outcomes of the adapter say, with the postings that the ledger's recipes make of them; at the end every
account of the model equals the simulator's.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from cauce.gateway.accounts import PayoutRequest
from cauce.gateway.collecting import FetchRequest, Operation
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal
from cauce.gateway.splitting import PartState, SplitRequest
from cauce.kernel.ids import new_id
from tests.providers.wechat.shop import Paid, Shop, cny

FAULTS = ("drop_before", "drop_after", "error_before", "error_after", "rate_limited", "garbled", "bad_signature")
SEEDS = range(6)
SOAK_SEEDS = range(6, 206)
Send = Callable[[], Awaitable[Outcome[Any]]]


@dataclass
class Mirror:
    """Accounts as the ledger would have them."""

    escrow: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    member: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass
class Life:
    """One order with what the program knows of it."""

    order: Paid
    splits: list[tuple[SplitRequest, Any]] = field(default_factory=list)
    finished: bool = False


class Program:
    """A random program over one shop."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop = shop
        self.chance = random.Random(seed)
        self.mirror = Mirror()
        self.lives: list[Life] = []
        self.sellers: list[str] = []

    async def end_of(self, send: Send, ask: FetchRequest) -> Any:
        """The final outcome, as the flows' loop finds it: its value, or None when it was refused."""
        if self.chance.random() < 0.5:
            await self.shop.control.fault("wechat", self.chance.choice(FAULTS), status=503)
        outcome = await send()
        for _ in range(12):
            if isinstance(outcome, Done):
                return outcome.value
            if isinstance(outcome, Declined):
                return None
            await self.shop.advance(seconds=90)
            outcome = await self.shop.gateway.fetch(ask)
            if isinstance(outcome, Declined) and outcome.refusal is Refusal.NOT_FOUND:
                outcome = await send()
        raise AssertionError(f"no end of {ask}: {outcome}")

    def ask(self, operation: Operation, key: str, order: Paid) -> FetchRequest:
        return FetchRequest(operation, key, parent_key=order.key, merchant_ref=order.merchant)

    async def pay(self) -> None:
        order = await self.shop.paid(self.chance.choice(self.sellers), self.chance.randint(1, 50_000))
        self.mirror.escrow[order.key] += order.total - order.fee
        self.lives.append(Life(order))

    async def split(self, life: Life) -> None:
        receivers = [s for s in [*self.sellers, self.shop.platform] if s != life.order.merchant]
        chosen = self.chance.sample(receivers, self.chance.randint(1, 3))
        shares = {ref: self.chance.randint(1, max(life.order.total // 8, 1)) for ref in chosen}
        if self.chance.random() < 0.3:
            await self.shop.control.fault("wechat", "leg_closed", "split.leg", contains=chosen[0])
        request = self.shop.split_request(life.order, shares)
        ask = self.ask(Operation.SPLIT, request.key, life.order)
        result = await self.end_of(lambda: self.shop.gateway.split(request), ask)
        if result is None:
            return
        life.splits.append((request, result))
        for part in result.parts:
            applied = part.state is PartState.APPLIED
            self.mirror.escrow[life.order.key] -= part.amount_minor
            self.mirror.member[part.receiver_ref if applied else life.order.merchant] += part.amount_minor

    async def take_back(self, life: Life) -> None:
        if not life.splits:
            return
        request, result = self.chance.choice(life.splits)
        part = self.chance.choice(result.parts)
        back = self.shop.return_request(request, part.receiver_ref, self.chance.randint(1, part.amount_minor))
        ask = self.ask(Operation.REVERSE_SPLIT, back.key, life.order)
        value = await self.end_of(lambda: self.shop.gateway.reverse_split(back), ask)
        if value is not None:
            self.mirror.member[part.receiver_ref] -= value.amount.amount_minor
            self.mirror.member[life.order.merchant] += value.amount.amount_minor

    async def refund(self, life: Life) -> None:
        request = self.shop.refund_request(life.order, self.chance.randint(1, life.order.total))
        ask = self.ask(Operation.REFUND, request.key, life.order)
        value = await self.end_of(lambda: self.shop.gateway.refund(request), ask)
        if value is None:
            return
        net = value.amount.amount_minor - value.fee_returned_minor
        if life.finished or self.mirror.escrow[life.order.key] == 0:
            self.mirror.member[life.order.merchant] -= net
        else:
            self.mirror.escrow[life.order.key] -= net

    async def finish(self, life: Life) -> None:
        request = self.shop.finish_request(life.order)
        ask = self.ask(Operation.FINISH_ORDER, request.key, life.order)
        value = await self.end_of(lambda: self.shop.gateway.finish_order(request), ask)
        if value is not None:
            life.finished = True
            self.mirror.escrow[life.order.key] -= value.released.amount_minor
            self.mirror.member[life.order.merchant] += value.released.amount_minor

    async def pay_out(self, life: Life) -> None:
        merchant = life.order.merchant
        wanted = max(self.mirror.member[merchant] // 2, 1)
        request = PayoutRequest(new_id("po"), merchant, "", cny(wanted), "settlement")
        ask = FetchRequest(Operation.PAYOUT, request.key, merchant_ref=merchant)
        value = await self.end_of(lambda: self.shop.gateway.payout(request), ask)
        if value is not None:
            self.mirror.member[merchant] -= value.amount.amount_minor

    async def run(self, steps: int) -> None:
        self.sellers = [await self.shop.seller(f"s{n}") for n in range(4)]
        await self.shop.turn(withdraw_latency_s=60)
        for _ in range(steps):
            if not self.lives or self.chance.random() < 0.25:
                await self.pay()
                continue
            step = self.chance.choice([self.split, self.split, self.take_back, self.refund, self.finish, self.pay_out])
            await self.shop.advance(seconds=2)
            await step(self.chance.choice(self.lives))
            await self.shop.control.clear_faults("wechat")


@pytest.mark.parametrize("seed", [*SEEDS, *(pytest.param(seed, marks=pytest.mark.soak) for seed in SOAK_SEEDS)])
async def test_outcomes_alone_mirror_the_vendors_books(shop: Shop, seed: int) -> None:
    program = Program(shop, seed)
    await program.run(30)
    books = {
        row["account"]: row["balance_minor"]
        for row in (await shop.control.books("wechat", "merchant/", postings=False))["balances"]
    }
    for life in program.lives:
        account = f"merchant/{life.order.merchant}/frozen/{life.order.key}"
        assert books.get(account, 0) == program.mirror.escrow[life.order.key]
    for merchant in [*program.sellers, shop.platform]:
        assert books.get(f"merchant/{merchant}/available", 0) == program.mirror.member[merchant]
    transit = await shop.control.books("wechat", "transit/", postings=False)
    assert all(row["balance_minor"] == 0 for row in transit["balances"])
