"""One contract at the simulated WeChat Pay as a test sees it: the real adapter, the control surface, and short verbs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cauce.gateway.collecting import Collection, CollectRequest, FetchRequest, Operation, RefundRequest
from cauce.gateway.outcome import Done, Outcome, Pending
from cauce.gateway.provider import Channel
from cauce.gateway.reporting import StatementLine
from cauce.gateway.splitting import (
    FinishRequest,
    ReceiverKind,
    ReverseSplitRequest,
    SplitPart,
    SplitRequest,
)
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.providers.kit.control import SandboxControl
from cauce.providers.wechat.gateway import WeChatGateway

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def cny(minor: int) -> Money:
    return Money(minor, "cny")


def done(outcome: Outcome[Any]) -> Any:
    assert isinstance(outcome, Done), outcome
    return outcome.value


@dataclass
class Paid:
    """A paid order."""

    key: str
    ref: str
    merchant: str
    total: int
    fee: int


@dataclass
class Shop:
    """The adapter connected to one contract."""

    channel: Channel
    gateway: WeChatGateway
    control: SandboxControl
    registration: dict[str, Any] = field(repr=False)
    now: datetime = START

    @property
    def platform(self) -> str:
        return self.channel.settings["mchid"]

    async def advance(self, **span: int) -> None:
        self.now += timedelta(**span)
        await self.control.set_clock(self.now)

    async def turn(self, **knobs: Any) -> None:
        await self.control.verb("wechat", "settings", knobs)

    async def seller(self, name: str = "seller", **fields: Any) -> str:
        return await self.control.merchant("wechat", name=name, **fields)

    async def order(self, merchant: str, total: int = 10_000, **fields: Any) -> CollectRequest:
        request = CollectRequest(new_id("col"), new_id("ord"), cny(total), "something nice", merchant, **fields)
        outcome = await self.gateway.collect(request)
        assert isinstance(outcome, Pending), outcome
        return request

    async def paid(self, merchant: str, total: int = 10_000, *, wait: int = 60, **fields: Any) -> Paid:
        """An order that the payer has paid, `wait` seconds ago."""
        request = await self.order(merchant, total, **fields)
        await self.control.payer("wechat", "approve", key=request.key)
        await self.advance(seconds=wait)
        value: Collection = done(await self.fetch(Operation.COLLECT, request.key, merchant=merchant))
        return Paid(request.key, value.ref, merchant, total, value.fee_minor or 0)

    async def fetch(
        self, operation: Operation, key: str, *, parent: str = "", merchant: str = "", ref: str = ""
    ) -> Outcome[Any]:
        return await self.gateway.fetch(
            FetchRequest(operation, key, parent_key=parent, parent_ref=ref, merchant_ref=merchant)
        )

    def split_request(self, order: Paid, shares: dict[str, int], *, finish: bool = False) -> SplitRequest:
        parts = tuple(
            SplitPart(f"p{n}", ref, self.kind(ref), minor, f"share {n}")
            for n, (ref, minor) in enumerate(shares.items())
        )
        return SplitRequest(new_id("spl"), order.key, order.ref, order.merchant, "cny", parts, finish)

    def kind(self, ref: str) -> ReceiverKind:
        if ref == self.platform:
            return ReceiverKind.PLATFORM
        return ReceiverKind.PERSON if ref.startswith("o") else ReceiverKind.MERCHANT

    async def split(self, order: Paid, shares: dict[str, int], *, finish: bool = False) -> Any:
        """A split seen through to its end; (request, result)."""
        request = self.split_request(order, shares, finish=finish)
        outcome = await self.gateway.split(request)
        assert isinstance(outcome, Pending), outcome
        await self.advance(seconds=2)
        answer = await self.fetch(Operation.SPLIT, request.key, parent=order.key, merchant=order.merchant)
        return request, done(answer)

    async def finish(self, order: Paid) -> Any:
        request = self.finish_request(order)
        outcome = await self.gateway.finish_order(request)
        assert isinstance(outcome, Pending), outcome
        await self.advance(seconds=2)
        return done(await self.fetch(Operation.FINISH_ORDER, request.key, parent=order.key, merchant=order.merchant))

    def finish_request(self, order: Paid) -> FinishRequest:
        return FinishRequest(new_id("fin"), order.key, order.ref, order.merchant, "the order is complete")

    def refund_request(self, order: Paid, minor: int, **fields: Any) -> RefundRequest:
        return RefundRequest(
            new_id("rfd"), order.key, order.ref, cny(minor), cny(order.total), "returned", order.merchant, **fields
        )

    async def refund(self, order: Paid, minor: int, **fields: Any) -> Any:
        request = self.refund_request(order, minor, **fields)
        outcome = await self.gateway.refund(request)
        assert isinstance(outcome, Pending), outcome
        await self.advance(seconds=10)
        return done(await self.fetch(Operation.REFUND, request.key, merchant=order.merchant))

    def return_request(self, split: SplitRequest, receiver: str, minor: int) -> ReverseSplitRequest:
        return ReverseSplitRequest(
            new_id("rev"), split.key, "", "", split.merchant_ref, receiver, cny(minor), "the goods came back"
        )

    async def frozen(self, order: Paid) -> int:
        value = done(await self.fetch(Operation.COLLECT, order.key, merchant=order.merchant))
        assert value.unsplit_minor is not None
        unsplit: int = value.unsplit_minor
        return unsplit

    async def balance(self, account: str) -> int:
        """What an account of the simulator's books holds."""
        books = await self.control.books("wechat", account, postings=False)
        return sum(row["balance_minor"] for row in books["balances"])

    async def available(self, merchant: str) -> int:
        return await self.balance(f"merchant/{merchant}/available")

    async def lines(self, day: date, kind: str) -> list[StatementLine]:
        return [line async for line in self.gateway.statement(day, kind)]
