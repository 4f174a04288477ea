"""Mail through a relay that speaks SMTP: the channel that every installation has.

`gateway` sends, `mapping` makes the mail and reads the relay's replies, `limits` holds the numbers; `simulator` is a
relay that keeps what it gets.
"""

from __future__ import annotations

import secrets
import socket

from cauce.gateway.provider import Provider, SettingField
from cauce.providers.kit.channel import SandboxChannel
from cauce.providers.smtp.gateway import capabilities, connect
from cauce.providers.smtp.simulator import smtp_face

_SANDBOX_PORTS = range(20_000, 30_000)
"""Below the ports that systems hand out by themselves, so that nobody takes one between choosing and listening."""


def sandbox_channel(tenant: str, face_url: str, notify_url: str) -> SandboxChannel:
    """A relay of its own at the simulator, on a free port of this machine."""
    port, password = _free_port(), secrets.token_hex(16)
    settings = {
        "host": "127.0.0.1",
        "port": str(port),
        "security": "none",
        "username": tenant,
        "from_address": "billing@shop.example",
        "from_name": "Shop",
    }
    registration = {"port": port, "username": tenant, "password": password, "face_url": face_url}
    return SandboxChannel(tenant, face_url, settings, {"password": password}, registration)


def _free_port() -> int:
    for _ in _SANDBOX_PORTS:
        port = secrets.choice(_SANDBOX_PORTS)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise OSError("no port is free")


PROVIDER = Provider(
    name="smtp",
    title="Mail (SMTP)",
    capabilities=capabilities,
    settings=(
        SettingField("host", "Name of the relay"),
        SettingField("port", "Port of the relay: 587 with starttls, 465 with tls", required=False, default="587"),
        SettingField(
            "security", "starttls, tls, or none for a relay on this machine", required=False, default="starttls"
        ),
        SettingField("username", "User at the relay", required=False),
        SettingField("password", "Password at the relay", secret=True, required=False),
        SettingField("from_address", "Address that mail comes from"),
        SettingField("from_name", "Name that mail comes from", required=False),
        SettingField("return_path", "Address that undeliverable mail returns to; empty: the sender's", required=False),
    ),
    connect=connect,
    simulator=smtp_face,
    sandbox_channel=sandbox_channel,
)
