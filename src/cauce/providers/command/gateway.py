"""Runs instances by a local program: the request as JSON on its stdin, the answer as JSON on its stdout."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from cauce.gateway.capabilities import Can, Capabilities
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal, Unknown
from cauce.gateway.provider import Channel, Kit
from cauce.gateway.reaching import InstanceAnswer, InstanceRequest, ProgramRequest
from cauce.kernel.scope import assert_outside_transaction
from cauce.providers.command import allowed, limits, mapping
from cauce.providers.command.running import run
from cauce.providers.kit.instances import hook_name, request_body, wanted_hooks


def capabilities(_: Channel) -> Capabilities:
    """The capability record."""
    return Capabilities(can=frozenset({Can.RUNS_INSTANCES, Can.RUNS_PROGRAMS}))


def connect(channel: Channel, kit: Kit) -> CommandGateway:
    """The gateway of a channel whose settings make sense; `ChannelSettingsError` otherwise."""
    return CommandGateway(channel)


class CommandGateway:
    """Speaks for one channel; holds nothing of its own."""

    def __init__(self, channel: Channel) -> None:
        self._program = allowed.check_name(channel.setting("program"), livemode=channel.livemode)
        self._arguments = allowed.arguments(channel.settings.get("arguments", ""))
        self._environment = allowed.environment(channel.secrets.get("environment", ""))
        self._wanted = wanted_hooks(channel.settings.get("hooks", ""))

    async def run(self, request: InstanceRequest) -> Outcome[InstanceAnswer]:
        """See `RunsInstances`. The program gets the same `id` on every repeat and does it once."""
        assert_outside_transaction("a program is run")
        name = hook_name(request.verb, request.stage)
        if self._wanted is not None and name not in self._wanted:
            return Done(InstanceAnswer())
        return await self._run(name, request_body(request), request.timeout_seconds, request.stage)

    async def run_program(self, request: ProgramRequest) -> Outcome[None]:
        """See `RunsPrograms`: its last argument is `automation`, what it answers on stdout is not read."""
        assert_outside_transaction("a program is run")
        told = msgspec.json.encode({"type": "automation", "id": request.key, "data": request.payload})
        outcome = await self._run("automation", told, request.timeout_seconds, "post")
        if isinstance(outcome, Declined | Unknown):
            return outcome
        return Done(None)

    async def _run(self, name: str, told: bytes, timeout_seconds: int, stage: str) -> Outcome[InstanceAnswer]:
        try:
            path = await asyncio.to_thread(allowed.find, self._program)
        except allowed.NotAllowed as exc:
            return Declined("program_not_allowed", Refusal.CONFIG, str(exc))
        seconds = min(max(timeout_seconds, 1), limits.TIMEOUT_SECONDS_MAX.value)
        first = [sys.executable, "-I", str(path)] if self._program == allowed.SAMPLE else [str(path)]
        try:
            end = await run([*first, *self._arguments, name], told, self._environment, Path("/"), seconds)
        except OSError as exc:
            return Unknown(f"the program could not be started: {exc}", limits.ASK_AFTER_SECONDS.value)
        return mapping.outcome_of(end, stage)
