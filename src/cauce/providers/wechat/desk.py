"""What every operation of one channel works with: its contract, its wire and what the kit hands in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cauce.gateway.collecting import FetchRequest
from cauce.gateway.outcome import Declined, Outcome, Refusal, Unknown
from cauce.gateway.provider import Kit
from cauce.providers.wechat.contract import Contract
from cauce.providers.wechat.mapping import addresses, payments
from cauce.providers.wechat.mapping.problems import refused
from cauce.providers.wechat.wire import Reply, Wire

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """One opened channel."""

    contract: Contract
    wire: Wire
    kit: Kit
    registered: set[str] = field(default_factory=set)  # receivers that are known to be, beside those in the cache

    def merchant(self, ref: str) -> str:
        """The order's own merchant: the caller itself where the request names nobody."""
        return ref or self.contract.mchid

    def told(
        self, operation: str, reply: Reply | Unknown, read: Callable[[Mapping[str, Any]], Outcome[T]]
    ) -> Outcome[T]:
        """A reply as an outcome: `read` maps the vendor's yes, everything else is a refusal or unknown."""
        if isinstance(reply, Unknown):
            return reply
        return read(reply.body) if reply.is_good else refused(operation, reply.status, reply.body)

    async def transaction(self, request: FetchRequest) -> str | Declined | Unknown:
        """WeChat Pay's number of the payment that an operation belongs to."""
        if request.parent_ref:
            return request.parent_ref
        target = addresses.order(self.contract, request.parent_key, self.merchant(request.merchant_ref))
        reply = await self.wire.ask("collect.fetch", target, request.parent_key)
        if isinstance(reply, Unknown):
            return reply
        if not reply.is_good:
            return refused("collect", reply.status, reply.body)
        found = payments.transaction_of(reply.body)
        return found or Declined("NOTPAY", Refusal.NOT_FOUND, "the payment that it belongs to was never paid")
