"""What an organization allows its hosted pages: which sites may frame them, and where they may send a visitor afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cauce.billing.catalog.change_policies import checked_layer
from cauce.channels import service as channels
from cauce.flows.context import Context
from cauce.gateway.capabilities import Can
from cauce.kernel.errors import InvalidRequest
from cauce.storage import audit
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import Org, change_settings, read_org

ORIGINS_MAX = 50
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class BadOrigin(InvalidRequest):
    """An origin is a scheme, a host and a port, like https://www.example.com; plain http only on this machine."""

    code = "bad_origin"


class RedirectNotAllowed(InvalidRequest):
    """This organization's pages do not lead there; allow the origin in the console's settings."""

    code = "redirect_not_allowed"


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """`origins` may frame the pages and start a visit; `redirects` (origins too) may be where a visitor goes next.

    `chat_channel`: the help desk whose chat stands on the pages; "" for our own. `change_policy`: what changes made on the
    pages go by instead of their plans' policies.
    """

    origins: tuple[str, ...] = ()
    redirects: tuple[str, ...] = ()
    chat_channel: str = ""
    change_policy: Mapping[str, Any] = field(default_factory=dict)

    def check_redirect(self, url: str) -> str:
        """The same address when it may be gone to; `RedirectNotAllowed` otherwise."""
        try:
            allowed = origin_of(url) in {*self.origins, *self.redirects}
        except BadOrigin:
            allowed = False
        if not allowed:
            raise RedirectNotAllowed(param="redirect")
        return url


def settings_of(org: Org) -> PortalSettings:
    """What this organization has set."""
    kept = org.settings.get("portal", {})
    return PortalSettings(
        tuple(kept.get("origins", ())),
        tuple(kept.get("redirects", ())),
        kept.get("chat_channel", ""),
        kept.get("change_policy", {}),
    )


async def save_settings(
    tx: Tx,
    context: Context,
    *,
    origins: Sequence[str],
    redirects: Sequence[str],
    chat_channel: str = "",
    change_policy: Mapping[str, Any] | None = None,
) -> PortalSettings:
    """Set all of it; `BadOrigin` for what is none, `NotFound` or `CapabilityMissing` for a channel that shows no chat."""
    policy = checked_layer(change_policy or {})
    found = PortalSettings(_checked(origins), _checked(redirects), chat_channel, policy)
    if chat_channel:
        org = await read_org(tx, tx.org)
        channel = await channels.open_channel(tx, context.runtime.sealer, chat_channel, livemode=org.livemode)
        context.runtime.gateways.capabilities(channel).require(Can.SHOWS_CHAT, what="the chat of hosted pages")
    kept: dict[str, Any] = {
        "origins": list(found.origins),
        "redirects": list(found.redirects),
        "chat_channel": chat_channel,
    }
    kept["change_policy"] = policy
    await change_settings(tx, tx.org, {"portal": kept})
    await audit.record(tx, context.actor, "portal.set", "portal", after=kept)
    return found


def origin_of(url: str) -> str:
    """Scheme, host and port of an address; `BadOrigin` for what a browser would not send as one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise BadOrigin(param="origin") from exc
    if (
        parts.scheme not in ("https", "http")
        or not host
        or "@" in parts.netloc
        or any(one in url for one in " ;,'\\\"")
    ):
        raise BadOrigin(f"{url!r} is no origin", param="origin")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise BadOrigin(f"{url!r}: plain http is allowed on this machine alone", param="origin")
    shown = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{shown}" + (f":{port}" if port and port != usual else "")


def _checked(urls: Sequence[str]) -> tuple[str, ...]:
    if len(urls) > ORIGINS_MAX:
        raise BadOrigin(f"at most {ORIGINS_MAX} origins", param="origins")
    return tuple(dict.fromkeys(origin_of(url.strip()) for url in urls if url.strip()))
