"""Runs instances by a signed webhook: one POST, signed by Standard Webhooks, and its answer."""

from __future__ import annotations

from cauce.gateway.capabilities import Can, Capabilities
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal, Unknown
from cauce.gateway.provider import Channel, Kit, TransportFailure
from cauce.gateway.reaching import InstanceAnswer, InstanceRequest
from cauce.providers.hook import guard, limits, mapping, signing
from cauce.providers.kit.instances import hook_name, request_body, wanted_hooks


def capabilities(_: Channel) -> Capabilities:
    """The capability record."""
    return Capabilities(can=frozenset({Can.RUNS_INSTANCES}), id_max_len=128)


def connect(channel: Channel, kit: Kit) -> HookGateway:
    """The gateway of a channel whose address and secret are well formed; `ChannelSettingsError` otherwise."""
    return HookGateway(channel, kit)


class HookGateway:
    """Speaks for one channel; holds nothing of its own."""

    def __init__(self, channel: Channel, kit: Kit) -> None:
        self._kit = kit
        self._url = channel.setting("url")
        self._loopback_allowed = not channel.livemode
        guard.check_url(self._url, loopback_allowed=self._loopback_allowed)
        self._keys = signing.keys(channel.setting("secret"))
        self._wanted = wanted_hooks(channel.settings.get("hooks", ""))

    async def run(self, request: InstanceRequest) -> Outcome[InstanceAnswer]:
        """See `RunsInstances`. A hook that the channel does not want is done without a word.

        The same request is sent under the same `webhook-id`, so a runner that remembers ids does it once.
        """
        name = hook_name(request.verb, request.stage)
        if self._wanted is not None and name not in self._wanted:
            return Done(InstanceAnswer())
        try:
            target = await guard.find(self._url, loopback_allowed=self._loopback_allowed)
        except guard.Inside as exc:
            return Declined("forbidden_address", Refusal.CONFIG, str(exc))
        except guard.Unreachable as exc:
            return Unknown(str(exc), limits.ASK_AFTER_SECONDS.value)
        body = request_body(request)
        signed = signing.headers(self._keys, f"{request.key}.{request.stage}", self._kit.now(), body)
        sent = {"content-type": "application/json", "user-agent": "cauce", "host": target.host, **signed}
        seconds = min(max(request.timeout_seconds, 1), limits.TIMEOUT_SECONDS_MAX.value)
        try:
            answer = await self._kit.transport.send(
                name, "POST", target.url, headers=sent, body=body, timeout_seconds=seconds, correlation=request.key
            )
        except TransportFailure as exc:
            return Unknown(exc.reason, limits.ASK_AFTER_SECONDS.value)
        return mapping.outcome_of(answer, request.stage)
