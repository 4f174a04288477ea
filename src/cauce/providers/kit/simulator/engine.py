"""Runs one face: answers requests with faults, fires timers in due order, delivers callbacks, keeps snapshots.

Handlers are synchronous, so each request is atomic. The engine belongs to one event loop. A frozen tenant's time
moves only by `advance_to`; one that follows the wall is brought up to date before each request and by `tick`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from cauce.kernel.clock import wall_now
from cauce.providers.kit.simulator.delivery import Deliverer
from cauce.providers.kit.simulator.face import Answer, Call, Face, Refused, Routed, call_to_plain
from cauce.providers.kit.simulator.faults import AFTER, GENERAL, Fault, FaultKind
from cauce.providers.kit.simulator.tenant import DELAYED_CALLBACK, Tenant

SNAPSHOTS_MAX = 20


@dataclass(frozen=True, slots=True)
class Dropped:
    """No answer: the connection is to be closed."""


class Engine:
    """One vendor's simulator with all its tenants."""

    def __init__(self, face: Face, *, seed: int = 0, wall: Callable[[], datetime] = wall_now) -> None:
        self.face = face
        self.tenants: dict[str, Tenant] = {}
        self._seed = seed
        self._wall = wall
        self._deliverer = Deliverer(face, wall)
        self._background: set[asyncio.Task[None]] = set()
        self._snapshots: dict[str, bytes] = {}
        self.changed: set[str] = set()
        self.journal: Callable[[dict[str, Any]], None] | None = None

    def note(self, do: str, tenant: Tenant, call: Call | None = None, **more: Any) -> None:
        """Tell the journal what is about to happen, before it does; `checkpoint` means: write everything now."""
        if self.journal is None:
            return
        frozen = tenant.clock.frozen_at is not None
        asked = {"call": call_to_plain(call)} if call is not None else {}
        self.journal(
            {"do": do, "tenant": tenant.name, "at": tenant.now().isoformat(), "frozen": frozen, **asked, **more}
        )

    def pause_deliveries(self, paused: bool) -> None:
        """While paused, callbacks wait."""
        self._deliverer.paused = paused

    def open(self, name: str, registration: Mapping[str, Any]) -> Tenant:
        """Open tenant `name`, or register it again with other settings; what it holds stays."""
        tenant = self.tenants.get(name)
        if tenant is None:
            tenant = self.tenants[name] = Tenant(name, self._seed, self._wall)
        self.face.open(tenant, registration)
        self.changed.add(name)
        self.note("checkpoint", tenant)
        return tenant

    def tenant(self, name: str) -> Tenant:
        """The tenant; KeyError when it was never opened."""
        return self.tenants[name]

    async def answer(self, call: Call) -> Answer | Dropped:
        """Do one request of the vendor's API."""
        try:
            routed = self.face.route(call)
        except Refused as refused:
            return refused.answer
        tenant = self.tenants.get(routed.tenant)
        if tenant is None:
            if not self.face.opens_unknown:
                return self.face.error("unknown_tenant", 401)
            tenant = self.open(routed.tenant, {})
        self.note("call", tenant, call)
        if tenant.clock.frozen_at is None:
            self.fire_due(tenant, tenant.now())
        fault = tenant.faults.take(routed.operation, call.text(), GENERAL)
        answer = await self._perform(tenant, call, routed, fault)
        self._record(tenant, call, routed, fault, answer)
        await self._deliverer.deliver_before_reply(tenant)
        self.deliver_soon(tenant)
        return answer

    async def _perform(self, tenant: Tenant, call: Call, routed: Routed, fault: Fault | None) -> Answer | Dropped:
        if fault is not None and fault.kind not in AFTER:
            if fault.kind == FaultKind.HANG:
                await asyncio.sleep(fault.delay_ms / 1000)
            if fault.kind in (FaultKind.HANG, FaultKind.DROP_BEFORE):
                return Dropped()
            return self.face.error(fault.kind, 429 if fault.kind == FaultKind.RATE_LIMITED else fault.status)
        answer = self.face.handle(tenant, call, routed)
        self.changed.add(tenant.name)
        match fault.kind if fault else None:
            case FaultKind.DROP_AFTER:
                return Dropped()
            case FaultKind.ERROR_AFTER:
                return self.face.error(FaultKind.ERROR_AFTER, fault.status if fault else 500)
            case FaultKind.GARBLED:
                return Answer(answer.status, b'{"half": ' + answer.body[:16], answer.media_type, answer.headers)
            case FaultKind.BAD_SIGNATURE:
                return self.face.spoil(answer)
            case FaultKind.SLOW:
                self.deliver_soon(tenant)
                await asyncio.sleep((fault.delay_ms if fault else 0) / 1000)
        return answer

    def _record(
        self, tenant: Tenant, call: Call, routed: Routed, fault: Fault | None, answer: Answer | Dropped
    ) -> None:
        tenant.calls.append(
            {
                "at": tenant.now().isoformat(),
                "operation": routed.operation,
                "method": call.method,
                "path": call.path,
                "query": call.query,
                "key": call.headers.get("idempotency-key", ""),
                "body": call.body.decode("utf-8", "replace"),
                "fault": fault.kind if fault else "",
                "status": answer.status if isinstance(answer, Answer) else 0,
            }
        )

    # -- time ----------------------------------------------------------------------------------------------------

    async def advance_to(self, tenant: Tenant, at: datetime) -> int:
        """Set the tenant's clock to `at` and let everything due happen in order; how many timers fired.

        The clock stands at each timer's own instant while it fires, and its callbacks are delivered before the next.
        ValueError when `at` lies in the past of a frozen clock.
        """
        if tenant.clock.frozen_at is not None and at < tenant.clock.frozen_at:
            raise ValueError(f"the clock stands at {tenant.clock.frozen_at.isoformat()} and only goes forward")
        fired = 0
        self.note("advance", tenant, to=at.isoformat())
        await self.quiet(tenant)
        while (due_at := tenant.timers.next_at()) is not None and due_at <= at:
            tenant.clock.freeze(max(due_at, tenant.now()) if tenant.clock.frozen_at else due_at)
            fired += self.fire_due(tenant, due_at)
            await self.quiet(tenant)
        tenant.clock.freeze(at)
        self.changed.add(tenant.name)
        return fired

    def follow_wall(self, tenant: Tenant) -> None:
        """Let the tenant's clock run with the wall again."""
        tenant.clock.follow_wall()
        self.changed.add(tenant.name)
        self.note("checkpoint", tenant)

    def fire_due(self, tenant: Tenant, now: datetime) -> int:
        """Fire every timer due at `now`; how many."""
        fired = 0
        while (timer := tenant.timers.take_due(now)) is not None:
            if timer.name == DELAYED_CALLBACK:
                tenant.callbacks.queue(timer.target)
            else:
                self.face.fire(tenant, timer)
            fired += 1
        if fired:
            self.changed.add(tenant.name)
        return fired

    def tick(self) -> None:
        """Fire what is due of tenants that follow the wall, and start deliveries."""
        for tenant in self.tenants.values():
            due_at = tenant.timers.next_at()
            if tenant.clock.frozen_at is None and due_at is not None and due_at <= tenant.now():
                self.note("tick", tenant)
                self.fire_due(tenant, tenant.now())
            self.deliver_soon(tenant)

    # -- callbacks -----------------------------------------------------------------------------------------------

    def deliver_soon(self, tenant: Tenant) -> None:
        """Deliver the tenant's waiting callbacks in the background."""
        if tenant.callbacks.ready:
            task = asyncio.create_task(self._deliverer.deliver_waiting(tenant))
            self._background.add(task)
            task.add_done_callback(self._background.discard)

    async def quiet(self, tenant: Tenant) -> None:
        """Return when no callback of the tenant is waiting or on its way."""
        while (tenant.callbacks.ready or self._deliverer.busy(tenant)) and not self._deliverer.paused:
            await self._deliverer.deliver_waiting(tenant)

    # -- snapshots -----------------------------------------------------------------------------------------------

    def snapshot(self, tenant: Tenant) -> str:
        """Keep the tenant's whole state; the name to restore it by."""
        name = f"snap_{len(self._snapshots) + 1}_{tenant.token(6)}"
        while len(self._snapshots) >= SNAPSHOTS_MAX:
            del self._snapshots[next(iter(self._snapshots))]
        self._snapshots[name] = msgspec.json.encode(tenant.dump())
        return name

    def restore(self, tenant: Tenant, snapshot: str) -> None:
        """Make the tenant what it was; KeyError for an unknown snapshot."""
        tenant.restore(msgspec.json.decode(self._snapshots[snapshot]))
        self.changed.add(tenant.name)
        self.note("checkpoint", tenant)

    def reset(self, tenant: Tenant) -> None:
        """Forget everything but the registration's facts."""
        fresh = Tenant(tenant.name, tenant.seed, self._wall)
        fresh.facts = tenant.facts
        fresh.clock = tenant.clock
        self.tenants[tenant.name] = fresh
        self.face.open(fresh, {})
        self.changed.add(tenant.name)
        self.note("checkpoint", fresh)

    async def close(self) -> None:
        """Stop delivering."""
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._deliverer.close()
