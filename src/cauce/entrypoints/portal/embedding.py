"""Portal pages inside a host page: what the host asked for, kept for the visit; what is told to it.

A host page posts a form to `/embed` into an iframe: its origin must be on the organization's list, its identity token
is read once, and what it asked for is kept sealed under a token in a cookie of its own. Pages that know of a host hide
what it wants hidden and tell it what happened, by `postMessage` to that origin alone.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.web.visits import VISIT_HOURS
from cauce.flows.context import Runtime
from cauce.flows.portal import WHO, hashed
from cauce.kernel.clock import wall_now
from cauce.storage import sealing
from cauce.storage.directory.orgs import Org

COOKIE, TOLD_COOKIE = "cauce_embed", "cauce_told"
_TOLD_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Embed:
    """A host page: its origin, what it asked for, and what its server signed (`claims`)."""

    origin: str
    plan: str = ""
    email: str = ""
    redirect: str = ""
    force_card: bool = False
    hide_summary: bool = False
    hide_headers: bool = False
    disable_plan_change: bool = False
    claims: dict[str, Any] = field(default_factory=dict)


async def keep(runtime: Runtime, org: Org, embed: Embed) -> str:
    """Keep a host page's wishes for the length of a visit; the token that names them."""
    token = secrets.token_urlsafe(32)
    plain = json.dumps({name: getattr(embed, name) for name in Embed.__slots__})
    async with runtime.db.transaction(org.id) as tx:
        ends = wall_now() + timedelta(hours=VISIT_HOURS)
        await sealing.put(tx, runtime.sealer, hashed(COOKIE, token), WHO, plain, expires_at=ends)
    return token


async def embed_of(request: Request, org: Org) -> Embed | None:
    """The host page that this browser came from, if any."""
    place, _, token = request.cookies.get(COOKIE, "").partition(".")
    if place != org.public_id or not token:
        return None
    runtime: Runtime = request.app.state.runtime
    async with runtime.db.transaction(org.id) as tx:
        kept = (await sealing.get(tx, runtime.sealer, hashed(COOKIE, token), [WHO])).get(WHO)
    return Embed(**json.loads(kept)) if kept is not None else None


def set_embed_cookie(response: Response, org: Org, token: str, *, secure: bool) -> None:
    """Remember the host page in the browser, inside this host page alone where the browser can part cookies."""
    _framed_cookie(response, COOKIE, f"{org.public_id}.{token}", VISIT_HOURS * 3_600, secure=secure)


def _framed_cookie(response: Response, name: str, value: str, seconds: int, *, secure: bool) -> None:
    site = "; SameSite=None; Secure; Partitioned" if secure else "; SameSite=Lax"
    header = f"{name}={value}; Max-Age={seconds}; Path=/portal; HttpOnly{site}"
    response.raw_headers.append((b"set-cookie", header.encode("latin-1")))


def tell(request: Request, event: str, **detail: str) -> None:
    """Tell the host page, when the next page is shown there, that something happened."""
    request.state.told = [*getattr(request.state, "told", []), {"event": event, **detail}]


def carry_told(request: Request, response: Response) -> None:
    """Take what is to be told over a redirect; a page that is shown tells it itself."""
    told = getattr(request.state, "told", [])
    if told and response.status_code in range(300, 400) and getattr(request.state, "embed", None) is not None:
        plain = json.dumps(told, separators=(",", ":")).encode().hex()
        secure = request.app.state.runtime.public_url.startswith("https:")
        _framed_cookie(response, TOLD_COOKIE, plain, _TOLD_SECONDS, secure=secure)


def told_now(request: Request) -> list[dict[str, str]]:
    """What this page tells: its own news, and what the last answer left."""
    return [*_told_before(request), *getattr(request.state, "told", [])]


def _told_before(request: Request) -> list[dict[str, str]]:
    try:
        found = json.loads(bytes.fromhex(request.cookies.get(TOLD_COOKIE, "")) or b"[]")
    except ValueError:
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
