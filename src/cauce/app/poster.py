"""Sends outgoing webhooks: resolves, checks the address, and calls exactly that address.

The name is resolved once and the connection goes to the resolved address, with the name kept for TLS and the Host
header; so a name that changes between check and call cannot lead inside the network.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import httpx2

from cauce.flows.context import Posted
from cauce.kernel.errors import CauceError
from cauce.webhooks.rules import ANSWER_CHARACTERS_MAX, TIMEOUT_SECONDS, check_addresses, check_url


class WebhookPoster:
    """`flows.context.Poster` over HTTP."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, loopback_allowed: bool) -> Posted:
        """One call within `TIMEOUT_SECONDS`; what the other side does wrong is told, never raised."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._call(url, headers, body, loopback_allowed=loopback_allowed)
        except CauceError as exc:
            return Posted(None, exc.message)
        except TimeoutError:
            return Posted(None, f"no answer within {TIMEOUT_SECONDS} seconds")
        except (httpx2.HTTPError, OSError) as exc:
            return Posted(None, f"{type(exc).__name__}: {exc}"[:ANSWER_CHARACTERS_MAX])

    async def _call(self, url: str, headers: Mapping[str, str], body: bytes, *, loopback_allowed: bool) -> Posted:
        parts = urlsplit(check_url(url, loopback_allowed=loopback_allowed))
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        addresses = await _resolve(host, port)
        check_addresses(addresses, loopback_allowed=loopback_allowed)
        first = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
        pinned = urlunsplit(parts._replace(netloc=f"{first}:{port}"))
        name = f"{host}:{port}" if parts.port else host
        request = self._client.build_request(
            "POST",
            pinned,
            content=body,
            headers={**headers, "host": name, "user-agent": "Cauce"},
            extensions={"sni_hostname": host},
        )
        reply = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            answer = await _beginning(reply)
        finally:
            await reply.aclose()
        return Posted(reply.status_code, answer)


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def _beginning(reply: httpx2.Response) -> str:
    received = bytearray()
    async for piece in reply.aiter_bytes():
        received += piece
        if len(received) >= ANSWER_CHARACTERS_MAX:
            break
    return bytes(received[:ANSWER_CHARACTERS_MAX]).decode("utf-8", "replace")
