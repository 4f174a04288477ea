"""The network: are the ports free, can others reach what must be reached."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from cauce.entrypoints.cli.checks.finding import Finding, ok, problem, warning
from cauce.settings import Settings

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_LISTENING = "0A"  # proc(5): the state column of /proc/net/tcp


def check_ports(settings: Settings) -> list[Finding]:
    """The web server's port and the sandbox's."""
    if settings.bind_port == settings.sandbox_port:
        advice = "Set CAUCE_SANDBOX_PORT to another number."
        return [problem("port", f"the web server and the sandbox both want port {settings.bind_port}", advice)]
    return [
        check_port("port", settings.bind_host, settings.bind_port, "CAUCE_BIND_PORT"),
        check_port("sandbox port", "127.0.0.1", settings.sandbox_port, "CAUCE_SANDBOX_PORT"),
    ]


def check_port(name: str, host: str, port: int, variable: str) -> Finding:
    """Whether we can listen on `port` of `host`."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror:
        return problem(
            name, f"{host} is not an address of this machine", "Set CAUCE_BIND_HOST to 127.0.0.1 or 0.0.0.0."
        )
    except OSError as exc:
        return _explain(name, host, port, variable, exc)
    return ok(name, f"{port} on {host} is free")


def _explain(name: str, host: str, port: int, variable: str, exc: OSError) -> Finding:
    if exc.errno == errno.EACCES:
        return problem(name, f"port {port} is reserved for root", f"Set {variable} to a number above 1023.")
    if exc.errno == errno.EADDRNOTAVAIL:
        return problem(
            name, f"{host} is not an address of this machine", "Set CAUCE_BIND_HOST to 127.0.0.1 or 0.0.0.0."
        )
    if exc.errno != errno.EADDRINUSE:
        return problem(
            name, f"port {port} on {host} cannot be used: {exc.strerror}", f"Set {variable} to another number."
        )
    listening = listener_of(port)
    taker = f"process {listening[0]} ({' '.join(listening[1])[:120]})" if listening else None
    if listening is not None and _is_ours(listening[1]):
        return ok(name, f"{port} on {host} is taken by Cauce itself: {taker}")
    found = f"port {port} on {host} is taken by {taker or 'another process'}"
    return problem(name, found, f"Stop that, or set {variable} to another number.")


def _is_ours(words: list[str]) -> bool:
    """Whether a command line is one of ours; a folder of our name says nothing."""
    return any(Path(word).name in ("cauce", "cauce.entrypoints.cli.main") for word in words[:3])


def listener_of(port: int) -> tuple[str, list[str]] | None:
    """Who listens on a TCP port: process id and command line, as far as we may see it (Linux)."""
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in Path("/proc").glob("[0-9]*") if inodes else ():
        try:
            if any(os.readlink(handle) in inodes for handle in (folder / "fd").iterdir()):  # noqa: PTH115 - not a path
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                return folder.name, [word for word in words if word]
        except OSError:
            continue
    return None


def _listening_inodes(port: int) -> list[str]:
    found = []
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        lines = table.read_text(encoding="ascii").splitlines()[1:] if table.exists() else []
        for columns in (line.split() for line in lines):
            if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                found.append(columns[9])
    return found


def check_public_url(settings: Settings) -> list[Finding]:
    """Whether links and provider notices lead here."""
    parts = urlsplit(settings.base_url)
    if not settings.public_url:
        found = f"{settings.base_url}, which only this machine reaches"
        return [ok("public address", found)] if settings.bind_host in _LOOPBACK else [_unnamed(settings)]
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        advice = "Put a proxy with TLS before Cauce and name its https:// address in CAUCE_PUBLIC_URL."
        return [warning("public address", f"{settings.public_url} is not encrypted", advice)]
    return [ok("public address", settings.public_url)]


def _unnamed(settings: Settings) -> Finding:
    found = f"Cauce listens on {settings.bind_host} for others, but does not know the name they use"
    return warning("public address", found, "Set CAUCE_PUBLIC_URL: links in mails and provider notices start with it.")
