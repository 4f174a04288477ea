"""A provider folder as the composition root sees it: `PROVIDER`, the channel it is connected with, the kit it gets.

A *channel* is one configured contract with a provider: sealed credentials and settings of one organization. A
gateway object is made per channel with `Provider.connect`; it holds no state of its own. What it needs from the
outside (transport, cache, clock, ids) is handed in as `Kit`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from cauce.gateway.capabilities import Capabilities
from cauce.gateway.errors import ChannelSettingsError
from cauce.kernel.ids import IdSource


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting of a channel. A `secret` is sealed at rest and never readable back."""

    name: str
    description: str
    secret: bool = False
    required: bool = True
    default: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """One configured provider contract, opened. `livemode` is that of its organization, for life."""

    id: str
    org_id: int
    provider: str
    livemode: bool
    base_url: str  # "" means the provider's own address for this mode
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def setting(self, name: str) -> str:
        """The setting or secret `name`; `ChannelSettingsError` when it is missing."""
        value = self.settings.get(name) or self.secrets.get(name)
        if not value:
            raise ChannelSettingsError(f"the channel's setting {name!r} is missing", param=name)
        return value


class TransportFailure(Exception):
    """No usable answer came. `sent` is False only when the request certainly never left this machine."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete HTTP answer, any status. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """One HTTP exchange, written to the exchange log, never repeated by itself, rate-limited per channel."""

    async def send(
        self,
        operation: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        timeout_seconds: int = 10,
        correlation: str = "",
    ) -> HttpAnswer:
        """Send once and read the whole answer. `correlation` is our key, for the log.

        Raises `TransportFailure` on timeout, broken connection or an answer over the size limit, and
        `AssertionError` when called inside a database transaction.
        """
        ...


class SealedCache(Protocol):
    """Small values of one channel that live longer than a call (tokens, certificates), sealed at rest."""

    async def get(self, name: str) -> str | None: ...

    async def put(self, name: str, value: str, expires_at: datetime | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Kit:
    """What a gateway gets from outside. `now` is wall time: signatures and token expiry are the provider's business."""

    transport: Transport
    cache: SealedCache
    now: Callable[[], datetime]
    new_id: IdSource


@dataclass(frozen=True, slots=True)
class Provider:
    """What a provider folder exports as `PROVIDER`.

    `connect` makes the gateway object that implements the Protocols which `capabilities(channel)` names.
    `simulator` makes the vendor's stand-in (see `providers.kit.simulator`), `sandbox_channel` the settings and
    secrets that connect a channel of a sandbox organization to it.
    """

    name: str
    title: str
    capabilities: Callable[[Channel], Capabilities]
    settings: tuple[SettingField, ...]
    connect: Callable[[Channel, Kit], Any]
    simulator: Callable[..., Any] | None = None
    sandbox_channel: Callable[..., Any] | None = None
