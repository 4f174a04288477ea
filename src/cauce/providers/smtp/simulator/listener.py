"""The listening side of SMTP (RFC 5321) on localhost: one session a connection, each step decided elsewhere.

A step is asked of the inbox over HTTP. When that connection breaks, or its answer cannot be read, the client's
connection is cut without a reply, which is how a relay that dies looks from outside.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import socket
from hashlib import sha256
from urllib.parse import urlencode

import httpx2

LINE_BYTES_MAX = 4_096
CONTENT_BYTES_MAX = 20_000_000
RECIPIENTS_MAX = 100
_OFFERS = ("localhost", "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
IDLE_SECONDS = 120
STEP_SECONDS = 120

_listening: dict[int, tuple[asyncio.AbstractEventLoop, socket.socket]] = {}
_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>\s]*)>((?:\s+\S+)*)", re.IGNORECASE)


class Cut(Exception):
    """The connection is to be closed without another word."""


def listen(port: int, wire_url: str) -> bool:
    """Listen on `port` of localhost in the running loop; False when somebody else has the port.

    The socket listens before this returns, so a client may connect at once. A second call for a port is nothing.
    """
    loop = asyncio.get_running_loop()
    known = _listening.get(port)
    if known is not None and known[0] is loop:
        return True
    if known is not None:
        known[1].close()  # of a sandbox that has ended in this process
    try:
        bound = socket.create_server(("127.0.0.1", port))
    except OSError:
        return False
    _listening[port] = (loop, bound)
    serving = loop.create_task(asyncio.start_server(_Client(wire_url).serve, sock=bound, limit=LINE_BYTES_MAX))
    _tasks.add(serving)
    serving.add_done_callback(_tasks.discard)
    return True


_tasks: set[asyncio.Task[asyncio.Server]] = set()


class _Client:
    """Makes a session of every connection."""

    def __init__(self, wire_url: str) -> None:
        self._wire_url = wire_url

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with httpx2.AsyncClient(trust_env=False, timeout=STEP_SECONDS) as http:
                await _Session(reader, writer, http, self._wire_url).run()
        except (Cut, OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            writer.close()


class _Session:
    """One conversation."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, http: httpx2.AsyncClient, wire_url: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._http = http
        self._wire_url = wire_url
        self._user = ""
        self._forget()

    def _forget(self) -> None:
        self._sender: str | None = None
        self._recipients: list[str] = []

    async def run(self) -> None:
        """Answer commands until the client leaves."""
        await self._say("220 localhost ready")
        while True:
            line = await self._line()
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "QUIT":
                    await self._say("221 2.0.0 bye")
                    return
                case "EHLO" | "HELO":
                    self._forget()
                    offers, last = (_OFFERS, "AUTH PLAIN LOGIN") if verb.upper() == "EHLO" else ((), "localhost")
                    await self._say(*(f"250-{offer}" for offer in offers), f"250 {last}")
                case "NOOP":
                    await self._say("250 2.0.0 ok")
                case "RSET":
                    self._forget()
                    await self._say("250 2.0.0 ok")
                case "AUTH":
                    await self._authenticate(rest)
                case "MAIL":
                    await self._mail(rest)
                case "RCPT":
                    await self._rcpt(rest)
                case "DATA":
                    await self._data()
                case _:
                    await self._say("502 5.5.1 no such command")

    async def _authenticate(self, rest: str) -> None:
        method, _, initial = rest.partition(" ")
        try:
            if method.upper() == "PLAIN":
                _, username, password = _decoded(initial or await self._challenge("")).split("\0")
            elif method.upper() == "LOGIN":
                username = _decoded(initial or await self._challenge("Username:"))
                password = _decoded(await self._challenge("Password:"))
            else:
                await self._say("504 5.5.4 no such method")
                return
        except (binascii.Error, ValueError):
            await self._say("501 5.5.2 cannot be read")
            return
        if await self._step("auth", username=username, digest=sha256(password.encode()).hexdigest()):
            self._user = username

    async def _mail(self, rest: str) -> None:
        path = _PATH.fullmatch(rest)
        if path is None or self._sender is not None:
            await self._say("503 5.5.1 not now" if path else "501 5.1.7 no address")
        elif await self._step("mail", sender=path[1], user=self._user):
            self._sender = path[1]

    async def _rcpt(self, rest: str) -> None:
        path = _PATH.fullmatch(rest)
        if path is None or not path[1] or self._sender is None:
            await self._say("503 5.5.1 MAIL first" if path else "501 5.1.3 no address")
        elif len(self._recipients) >= RECIPIENTS_MAX:
            await self._say("452 4.5.3 too many recipients")
        elif await self._step("rcpt", to=path[1], sender=self._sender):
            self._recipients.append(path[1])

    async def _data(self) -> None:
        if not self._recipients:
            await self._say("503 5.5.1 RCPT first")
            return
        await self._say("354 go on, end with a dot")
        content = bytearray()
        while (line := await self._raw_line()) != b".\r\n":
            content += line[1:] if line.startswith(b".") else line
            if len(content) > CONTENT_BYTES_MAX:
                raise Cut("the content is too large")
        told = {"from": self._sender or "", "to": ",".join(self._recipients)}
        self._forget()
        await self._step("data", bytes(content), **told)

    async def _step(self, name: str, content: bytes = b"", **told: str) -> bool:
        """Ask the inbox and say its reply; whether it was a yes."""
        try:
            answer = await self._http.post(f"{self._wire_url}/{name}?{urlencode(told)}", content=content)
            reply = str(answer.json()["reply"])
        except (httpx2.HTTPError, ValueError, KeyError, TypeError) as exc:
            raise Cut(str(exc)) from exc
        await self._say(reply)
        return reply.startswith("2")

    async def _challenge(self, text: str) -> str:
        await self._say(f"334 {base64.b64encode(text.encode()).decode()}")
        return await self._line()

    async def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self._writer.drain()

    async def _line(self) -> str:
        return (await self._raw_line()).decode("utf-8").rstrip("\r\n")

    async def _raw_line(self) -> bytes:
        async with asyncio.timeout(IDLE_SECONDS):
            return await self._reader.readuntil(b"\r\n")


def _decoded(text: str) -> str:
    return base64.b64decode(text, validate=True).decode("utf-8")
