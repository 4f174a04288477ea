"""Where a webhook may go: public addresses over https; the own machine and http for sandbox channels alone.

A name is resolved here, every address it has is judged, and over http the request then goes to the address that was
judged. Over https it goes to the name: a name that meanwhile points inside the network has no certificate there.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from cauce.gateway.errors import ChannelSettingsError
from cauce.providers.hook.limits import URL_LENGTH_MAX


class Unreachable(Exception):
    """The name does not resolve at the moment."""


class Inside(Exception):
    """The name leads to an address that webhooks must not reach."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send: the URL to open and the `Host` header that goes with it."""

    url: str
    host: str


def check_url(url: str, *, loopback_allowed: bool) -> SplitResult:
    """`url` in its parts, if a channel may be set up with it; `ChannelSettingsError` otherwise. Resolves nothing."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise ChannelSettingsError(f"the address cannot be read: {exc}", param="url") from exc
    if len(url) > URL_LENGTH_MAX.value or parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise ChannelSettingsError("the address must be an http(s) URL", param="url")
    if "@" in parts.netloc:
        raise ChannelSettingsError("put no credentials into the address; the signature proves who sends", param="url")
    if parts.scheme == "http" and not loopback_allowed:
        raise ChannelSettingsError("a live channel must use https", param="url")
    return parts


def check_addresses(addresses: Sequence[str], *, loopback_allowed: bool) -> None:
    """Raise `Inside` unless every address is public, or the own machine where that is allowed."""
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address):
            address = address.ipv4_mapped or address.sixtofour or address
        if address.is_loopback and loopback_allowed:
            continue
        if not address.is_global or address.is_multicast or address.is_reserved:
            raise Inside(f"{text} is not a public address")


async def find(url: str, *, loopback_allowed: bool) -> Target:
    """Where `url` may be reached now; `Inside` or `Unreachable` otherwise."""
    parts = check_url(url, loopback_allowed=loopback_allowed)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise Unreachable(f"{host} does not resolve: {exc}") from exc
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses:
        raise Unreachable(f"{host} has no address")
    check_addresses(addresses, loopback_allowed=loopback_allowed)
    if parts.scheme == "https":
        return Target(url, parts.netloc)
    literal = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    return Target(parts._replace(netloc=f"{literal}:{port}").geturl(), parts.netloc)
