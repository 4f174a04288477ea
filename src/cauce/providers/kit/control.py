"""A client for the sandbox: clocks, faults, callbacks, books and payers of one tenant, from tests, flows and the CLI."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx2

_TIMEOUT_SECONDS = 600  # so long a crowded sandbox may take to deliver everything that is due


class SandboxError(Exception):
    """The sandbox refused a control call."""


class SandboxControl:
    """Steers one tenant of a sandbox at `base_url`; `provider` names a face, "" speaks to all of them (clock only)."""

    def __init__(self, client: httpx2.AsyncClient, base_url: str, tenant: str) -> None:
        self._client = client
        self._base_url = base_url.rstrip("/")
        self.tenant = tenant

    def face_url(self, provider: str) -> str:
        """The base URL of a provider's API in this sandbox."""
        return f"{self._base_url}/{provider}"

    async def register(self, provider: str, registration: Mapping[str, Any]) -> None:
        """Open the tenant at `provider` (again) with what `Provider.sandbox_channel` returned."""
        await self._ask("POST", f"/{provider}/_sim/tenants/{quote(self.tenant)}", dict(registration))

    async def set_clock(self, at: datetime) -> datetime | None:
        """Set the tenant's clock at every provider; everything due happens, in order, and is delivered.

        The answer is when something will next happen by itself.
        """
        return _instant((await self._ask("POST", "/_sim/clock", {"now": at.isoformat()}))["next_timer_at"])

    async def follow_wall(self) -> None:
        """Let the tenant's clocks run with the wall."""
        await self._ask("POST", "/_sim/clock", {"follow": "wall"})

    async def next_timer_at(self) -> datetime | None:
        """When something will next happen by itself at any provider."""
        return _instant((await self._ask("GET", "/_sim/clock"))["next_timer_at"])

    async def quiet(self) -> None:
        """Return when every callback that is ready has been delivered."""
        await self._ask("POST", "/_sim/quiet")

    async def fault(self, provider: str, kind: str, operation: str = "*", **fields: Any) -> None:
        """Let the next fitting call go wrong; fields as `simulator.faults.Fault`."""
        await self._ask("POST", f"/{provider}/_sim/faults", {"kind": kind, "operation": operation, **fields})

    async def clear_faults(self, provider: str) -> None:
        """Forget all faults."""
        await self._ask("DELETE", f"/{provider}/_sim/faults")

    async def callback_rule(self, provider: str, mode: str, kind: str = "*", **fields: Any) -> None:
        """Let the next fitting callbacks misbehave; fields as `simulator.callbacks.Rule`."""
        await self._ask("POST", f"/{provider}/_sim/callbacks/rules", {"mode": mode, "kind": kind, **fields})

    async def callbacks(self, provider: str, kind: str = "*") -> list[dict[str, Any]]:
        """The callbacks so far, oldest first."""
        answer = await self._ask("GET", f"/{provider}/_sim/callbacks", query={"kind": kind})
        found: list[dict[str, Any]] = answer["callbacks"]
        return found

    async def resend(self, provider: str, callback_id: str, **fields: Any) -> None:
        """Deliver a callback again (`flaw="bad_signature"`, `copies=2`)."""
        await self._ask("POST", f"/{provider}/_sim/callbacks/{quote(callback_id)}", fields)

    async def release_callbacks(self, provider: str) -> None:
        """Deliver everything held."""
        await self._ask("POST", f"/{provider}/_sim/callbacks/release")

    async def books(self, provider: str, account: str = "", *, postings: bool = True) -> dict[str, Any]:
        """`balances`, `wrong` and (unless left out) `postings` of the accounts below `account`."""
        query = {"account": account, **({} if postings else {"postings": "no"})}
        return await self._ask("GET", f"/{provider}/_sim/books", query=query)

    async def calls(self, provider: str) -> list[dict[str, Any]]:
        """The requests that the provider received."""
        found: list[dict[str, Any]] = (await self._ask("GET", f"/{provider}/_sim/calls"))["calls"]
        return found

    async def payer(self, provider: str, act: str, **fields: Any) -> dict[str, Any]:
        """Let the payer approve, decline or abandon what waits for him (`key=` or `ref=`, `method=`)."""
        return await self.verb(provider, "payer", {"act": act, **fields})

    async def merchant(self, provider: str, **fields: Any) -> str:
        """A merchant who is ready to receive at `provider`; his ref."""
        ref: str = (await self.verb(provider, "merchant", fields))["ref"]
        return ref

    async def verb(self, provider: str, verb: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """One of the face's own control verbs."""
        return await self._ask("POST", f"/{provider}/_sim/{verb}", dict(body))

    async def snapshot(self) -> dict[str, str]:
        """Keep the tenant's state at every provider."""
        found: dict[str, str] = (await self._ask("POST", "/_sim/snapshot"))["snapshots"]
        return found

    async def restore(self, snapshots: Mapping[str, str]) -> None:
        """Bring it back."""
        await self._ask("POST", "/_sim/restore", {"snapshots": dict(snapshots)})

    async def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        reply = await self._client.request(
            method,
            self._base_url + path,
            params={"tenant": self.tenant, **(query or {})},
            json=body,
            timeout=_TIMEOUT_SECONDS,
        )
        answer: dict[str, Any] = reply.json()
        if reply.status_code != 200:
            raise SandboxError(f"{method} {path}: {answer.get('error', answer)}")
        return answer


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
