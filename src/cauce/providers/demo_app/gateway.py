"""Runs instances as small web applications on this machine: one process a customer, found again after any restart."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import msgspec

from cauce.gateway.capabilities import Can, Capabilities
from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal, Unknown
from cauce.gateway.provider import Channel, Kit, TransportFailure
from cauce.gateway.reaching import InstanceAnswer, InstanceRequest
from cauce.kernel.scope import assert_outside_transaction
from cauce.providers.demo_app import limits, mapping
from cauce.providers.demo_app.registry import Registry
from cauce.providers.kit.home import machine_folder

PROGRAM = Path(__file__).parent / "program" / "app.py"
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


class NotStarted(Exception):
    """The application's process did not come up."""


def capabilities(_: Channel) -> Capabilities:
    """The capability record."""
    return Capabilities(can=frozenset({Can.RUNS_INSTANCES}))


def connect(channel: Channel, kit: Kit) -> DemoAppGateway:
    """The gateway of a channel whose group is a plain name; `ChannelSettingsError` otherwise.

    Applications live below the installation's home alone: a channel cannot name another place of the machine.
    """
    group = channel.setting("group")
    if not mapping.is_plain_name(group):
        raise ChannelSettingsError("the group is a name of up to 64 letters and digits", param="group")
    return DemoAppGateway(Registry(machine_folder("demo_app") / group), kit)


class DemoAppGateway:
    """Speaks for one channel; what it knows is in the registry."""

    def __init__(self, registry: Registry, kit: Kit) -> None:
        self._registry = registry
        self._kit = kit

    async def run(self, request: InstanceRequest) -> Outcome[InstanceAnswer]:
        """See `RunsInstances`. Every verb also starts the process again when it was killed; pre hooks do nothing."""
        assert_outside_transaction("an instance is run")
        if request.stage == "pre":
            return Done(InstanceAnswer())
        refused = mapping.apply(None, request)
        if isinstance(refused, Declined) and refused.refusal is Refusal.INVALID_REQUEST:
            return refused
        try:
            async with self._registry.locked(request.instance_id, limits.LOCK_SECONDS_MAX.value):
                return await self._do(request)
        except (OSError, TimeoutError, NotStarted) as exc:
            return Unknown(f"{type(exc).__name__}: {exc}", limits.ASK_AFTER_SECONDS.value)

    async def rest(self) -> None:
        """See `RunsInstancesHere`. Records and customers' data stay."""
        for record in await asyncio.to_thread(self._registry.listed):
            async with self._registry.locked(record["instance_id"], limits.LOCK_SECONDS_MAX.value):
                await asyncio.to_thread(self._registry.stop, record["instance_id"])

    async def _do(self, request: InstanceRequest) -> Outcome[InstanceAnswer]:
        known = await asyncio.to_thread(self._registry.record, request.instance_id)
        step = mapping.apply(known, request)
        if isinstance(step, Declined):
            return step
        if known is None and len(await asyncio.to_thread(self._registry.listed)) >= limits.INSTANCES_MAX.value:
            message = f"at most {limits.INSTANCES_MAX.value} demo applications run on one machine"
            return Declined("too_many_instances", Refusal.LIMIT_EXCEEDED, message)
        if not step.is_repeat:
            await asyncio.to_thread(self._registry.keep, request.instance_id, step.record)
        ref = f"demo-{request.instance_id}"
        if step.is_gone:
            return Done(InstanceAnswer(instance_ref=ref, fields={"state": "deleted"}))
        port = await self._ensure_running(request.instance_id)
        url = f"http://127.0.0.1:{port}/"
        return Done(InstanceAnswer(url, ref, {"state": str(step.record["state"])}))

    async def _ensure_running(self, instance_id: str) -> int:
        running = await asyncio.to_thread(self._registry.running, instance_id)
        if running is not None and await self._answers(running["port"], running["boot"]):
            return int(running["port"])
        boot, wanted_port = self._kit.new_id("boot"), running["port"] if running else 0
        port = await _start(self._registry.home(instance_id), boot, wanted_port)
        if not await self._answers(port, boot):
            raise NotStarted(f"the process of {instance_id} does not answer on port {port}")
        return port

    async def _answers(self, port: int, boot: str) -> bool:
        """Whether the very process that was started then answers there now."""
        try:
            answer = await self._kit.transport.send(
                "alive",
                "GET",
                f"http://127.0.0.1:{port}/_alive",
                headers={},
                timeout_seconds=limits.PING_SECONDS.value,
            )
            return answer.status == 200 and msgspec.json.decode(answer.body)["boot"] == boot
        except (TransportFailure, msgspec.DecodeError, KeyError, TypeError):
            return False


async def _start(home: Path, boot: str, wanted_port: int) -> int:
    """Start the application for `home`; its port. The launcher ends at once, the application goes on without us."""
    launcher = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-X", "utf8", str(PROGRAM), str(home), boot, str(wanted_port)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_ENVIRONMENT,
    )
    try:
        async with asyncio.timeout(limits.START_SECONDS_MAX.value):
            said, complaint = await launcher.communicate()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):  # it has ended; what it started may not have
            launcher.kill()
        await launcher.wait()
        raise
    if launcher.returncode != 0:
        raise NotStarted(complaint.decode("utf-8", "replace").strip()[-300:] or f"exit code {launcher.returncode}")
    return int(said)
