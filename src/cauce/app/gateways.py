"""Opens channels for flows: unseals them, and connects their provider with a transport, a cache, a clock and ids.

Part of the composition root: the only code besides it that knows both flows and providers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx2

from cauce.channels import service as channels
from cauce.gateway.capabilities import Capabilities
from cauce.gateway.provider import Channel, Kit, Provider
from cauce.kernel.clock import monotonic_seconds, wall_now
from cauce.kernel.errors import NotFound
from cauce.kernel.ids import new_id
from cauce.providers.kit.rate import RateLimiter, Reserve
from cauce.providers.kit.transport import Exchange, HttpTransport
from cauce.storage import sealing
from cauce.storage.database import Database
from cauce.storage.directory.orgs import read_org
from cauce.storage.gathering import Gathering
from cauce.storage.sealing import Sealer

REMEMBER_SECONDS = 5
"""How long an opened channel is used before its row is read again."""


class ChannelGateways:
    """`flows.context.Gateways` over the installed providers."""

    def __init__(
        self, db: Database, sealer: Sealer, client: httpx2.AsyncClient, providers: Mapping[str, Provider]
    ) -> None:
        self._db = db
        self._sealer = sealer
        self._client = client
        self._providers = providers
        self._opened: dict[tuple[int, str], tuple[int, Channel, Any]] = {}
        self._limiters: dict[str, RateLimiter] = {}
        self._openings: Gathering[tuple[int, str], tuple[Channel, Any]] = Gathering(self._open_all)
        self._logs: Gathering[tuple[int, tuple[object, ...]], None] = Gathering(self._write_logs)

    async def open(self, org_id: int, channel_id: str) -> tuple[Channel, Any]:
        """The channel and its gateway object."""
        now = int(monotonic_seconds())
        known = self._opened.get((org_id, channel_id))
        if known is not None and now - known[0] < REMEMBER_SECONDS:
            return known[1], known[2]
        return await self._openings.do((org_id, channel_id))

    async def _open_all(self, wanted: Sequence[tuple[int, str]]) -> list[tuple[Channel, Any]]:
        """Each channel once, for all who wait for it: a hundred jobs find at one moment that it must be read again."""
        for org_id, channel_id in dict.fromkeys(wanted):
            now = int(monotonic_seconds())
            async with self._db.transaction(org_id) as tx:
                org = await read_org(tx, org_id)
                channel = await channels.open_channel(tx, self._sealer, channel_id, livemode=org.livemode)
            gateway = self._provider(channel).connect(channel, self._kit(channel))
            self._opened[(org_id, channel_id)] = (now, channel, gateway)
        return [self._opened[one][1:] for one in wanted]

    def forget(self, org_id: int, channel_id: str) -> None:
        """Read a channel anew the next time: it was changed."""
        self._opened.pop((org_id, channel_id), None)

    def capabilities(self, channel: Channel) -> Capabilities:
        """What the channel's provider can do."""
        return self._provider(channel).capabilities(channel)

    def _provider(self, channel: Channel) -> Provider:
        try:
            return self._providers[channel.provider]
        except KeyError:
            raise NotFound(f"the provider {channel.provider} is not installed", param="provider") from None

    def _kit(self, channel: Channel) -> Kit:
        limit = self.capabilities(channel).requests_per_second_max
        if channel.id not in self._limiters:
            self._limiters[channel.id] = RateLimiter(limit.value if limit else 0, reserve=self._line_of(channel))
        limiter = self._limiters[channel.id]
        transport = HttpTransport(channel, self._client, limiter=limiter, sink=self._log)
        return Kit(transport, _Cache(self._db, self._sealer, channel), wall_now, new_id)

    def _line_of(self, channel: Channel) -> Reserve:
        """Places in the line of all processes that call this channel."""

        async def reserve(calls: int, interval_micros: int, slack_micros: int) -> int:
            async with self._db.transaction(channel.org_id) as tx:
                return await channels.reserve_calls(tx, channel.id, calls, interval_micros, slack_micros)

        return reserve

    async def _log(self, exchange: Exchange) -> None:
        line = (
            exchange.method,
            exchange.url,
            exchange.status,
            exchange.failure,
            exchange.elapsed_ms,
            exchange.started_at,
        )
        content = {
            "request": {"headers": dict(exchange.request_headers), "body": exchange.request_body},
            "answer": {"headers": dict(exchange.answer_headers), "body": exchange.answer_body},
        }
        row = channels.sealed_exchange(
            self._sealer,
            exchange.org_id,
            exchange.channel_id,
            exchange.operation,
            exchange.correlation,
            line,
            content,
        )
        await self._logs.do((exchange.org_id, row))

    async def _write_logs(self, exchanges: Sequence[tuple[int, tuple[object, ...]]]) -> list[None]:
        rows: dict[int, list[tuple[object, ...]]] = {}
        for org_id, row in exchanges:
            rows.setdefault(org_id, []).append(row)
        for org_id, mine in rows.items():
            async with self._db.transaction(org_id) as tx:
                await channels.log_exchanges(tx, mine)
        return [None] * len(exchanges)


class _Cache:
    """A channel's sealed cache: rows beside its secrets, so that however many there are nobody reads them with those."""

    def __init__(self, db: Database, sealer: Sealer, channel: Channel) -> None:
        self._db = db
        self._sealer = sealer
        self._channel = channel

    async def get(self, name: str) -> str | None:
        async with self._db.transaction(self._channel.org_id) as tx:
            found = await sealing.get(tx, self._sealer, channels.cache_of(self._channel.id), [name])
        return found.get(name)

    async def put(self, name: str, value: str, expires_at: datetime | None = None) -> None:
        async with self._db.transaction(self._channel.org_id) as tx:
            await sealing.put(tx, self._sealer, channels.cache_of(self._channel.id), name, value, expires_at=expires_at)
