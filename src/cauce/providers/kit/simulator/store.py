"""Keeps a simulator's tenants in files, so that a sandbox organization finds its provider as it left it.

Two kinds of file: a tenant's whole state, replaced now and then, and a journal of everything that was asked since.
The journal is written before the thing is done, so a killed process loses nothing: what happened after the last
state is done again, and, ids and clocks being the tenant's own, comes out the same. Callbacks of that stretch may be
delivered a second time, as providers do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from io import BufferedWriter
from pathlib import Path
from typing import Any

import msgspec

from cauce.kernel.clock import monotonic_seconds
from cauce.providers.kit.simulator.control import control
from cauce.providers.kit.simulator.engine import Engine
from cauce.providers.kit.simulator.face import call_from_plain
from cauce.providers.kit.simulator.tenant import Tenant

JOURNAL = "journal.jsonl"
SAVE_EVERY_SECONDS = 10
SAVE_SHARE_MAX = 20
"""Writing states may take one part in so many of the time."""


class TenantStore:
    """The files of one engine, below `folder`."""

    def __init__(self, engine: Engine, folder: Path, monotonic: Callable[[], int] = lambda: int(monotonic_seconds())):
        self._engine = engine
        self._folder = folder
        self._monotonic = monotonic
        self._journal: BufferedWriter | None = None
        self._next_save = 0

    async def load(self) -> None:
        """Open every tenant that is on file, as it was, and do again what the journal says; then keep a journal."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._folder.glob("*.json")):
            dumped = msgspec.json.decode(path.read_bytes())
            tenant = self._engine.open(dumped["name"], dumped["facts"])
            tenant.restore(dumped)
        self._engine.pause_deliveries(True)
        for entry in self._entries():
            await _replay(self._engine, entry)
        self._engine.pause_deliveries(False)
        self.save()
        self._engine.journal = self._note

    def save(self) -> None:
        """Write the tenants that changed and begin the journal anew."""
        began = self._monotonic()
        changed, self._engine.changed = self._engine.changed, set()
        for name in changed:
            tenant = self._engine.tenants.get(name)
            if tenant is not None:
                self._replace(sha256(name.encode()).hexdigest()[:32], msgspec.json.encode(tenant.dump()))
        if self._journal is not None:
            self._journal.close()
        self._journal = (self._folder / JOURNAL).open("wb")
        now = self._monotonic()
        self._next_save = now + max(SAVE_EVERY_SECONDS, (now - began) * SAVE_SHARE_MAX)

    def save_if_due(self) -> None:
        """Save, unless that was done a moment ago."""
        if self._engine.changed and self._monotonic() >= self._next_save:
            self.save()

    def _note(self, entry: dict[str, Any]) -> None:
        if entry["do"] == "checkpoint":
            self.save()
            return
        assert self._journal is not None
        self._journal.write(msgspec.json.encode(entry) + b"\n")
        self._journal.flush()

    def _entries(self) -> list[dict[str, Any]]:
        path = self._folder / JOURNAL
        lines = path.read_bytes().splitlines() if path.exists() else []
        entries = []
        for line in lines:
            try:
                entries.append(msgspec.json.decode(line))
            except msgspec.DecodeError:
                break  # the line that the process was killed in: what it asks for was never begun
        return entries

    def _replace(self, stem: str, content: bytes) -> None:
        draft = self._folder / f"{stem}.new"
        draft.write_bytes(content)
        draft.replace(self._folder / f"{stem}.json")


async def _replay(engine: Engine, entry: dict[str, Any]) -> None:
    """Do one entry again, with the tenant's clock where it stood."""
    tenant: Tenant | None = engine.tenants.get(entry["tenant"])
    if tenant is None:
        return
    at = datetime.fromisoformat(entry["at"])
    tenant.clock.freeze(at)
    if not entry["frozen"]:
        engine.fire_due(tenant, at)
    match entry["do"]:
        case "call":
            await engine.answer(call_from_plain(entry["call"]))
        case "control":
            await control(engine, call_from_plain(entry["call"]), entry["query"])
        case "advance":
            if not entry["frozen"]:
                tenant.clock.follow_wall()  # a clock that was never set may be set to any time
            await engine.advance_to(tenant, datetime.fromisoformat(entry["to"]))
    if not entry["frozen"] and tenant.clock.frozen_at == at:
        tenant.clock.follow_wall()
