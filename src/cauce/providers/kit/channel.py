"""What connects a sandbox organization's channel to a simulator: the value that `Provider.sandbox_channel` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cauce.gateway.provider import Channel


@dataclass(frozen=True, slots=True)
class SandboxChannel:
    """Settings and secrets for the channel, and the registration that opens the tenant at the simulator.

    A provider's `sandbox_channel(tenant, face_url, notify_url)` makes one with freshly generated keys. `face_url` is
    the face's address in the sandbox (`…/stripe`), `notify_url` where callbacks of this channel arrive. The
    registration goes to `POST /_sim/tenants/<tenant>` before the first call, and again after a restart of a sandbox
    that keeps no files.
    """

    tenant: str
    base_url: str
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    registration: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def opened(self, provider: str, *, channel_id: str, org_id: int) -> Channel:
        """The channel as the gateway gets it; a sandbox is never live."""
        return Channel(channel_id, org_id, provider, False, self.base_url, self.settings, self.secrets)
