"""Keeps a simulator's tenants in files, so that a sandbox organization finds its provider as it left it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import msgspec

from cauce.providers.kit.simulator.engine import Engine


class TenantStore:
    """One file a tenant below `folder`, replaced whole when the tenant has changed."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder

    def load(self) -> None:
        """Open every tenant that is on file, as it was."""
        for path in sorted(self._folder.glob("*.json")) if self._folder.is_dir() else []:
            dumped = msgspec.json.decode(path.read_bytes())
            tenant = self._engine.open(dumped["name"], dumped["facts"])
            tenant.restore(dumped)
        self._engine.changed.clear()

    def save(self) -> None:
        """Write the tenants that changed since the last time."""
        changed, self._engine.changed = self._engine.changed, set()
        for name in changed:
            tenant = self._engine.tenants.get(name)
            if tenant is not None:
                self._replace(sha256(name.encode()).hexdigest()[:32], msgspec.json.encode(tenant.dump()))

    def _replace(self, stem: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f"{stem}.new"
        draft.write_bytes(content)
        draft.replace(self._folder / f"{stem}.json")
