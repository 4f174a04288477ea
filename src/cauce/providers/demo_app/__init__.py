"""Instances that run on this machine: a small web application per customer, to see the whole way without any server.

`gateway` starts and finds processes, `mapping` decides what an operation does, `registry` keeps it in files, `limits`
holds the numbers; `program` is the application, `simulator` its place in the sandbox.
"""

from __future__ import annotations

from cauce.gateway.provider import Provider, SettingField
from cauce.providers.demo_app.gateway import capabilities, connect
from cauce.providers.demo_app.simulator import demo_app_face
from cauce.providers.kit.channel import SandboxChannel
from cauce.providers.kit.home import machine_folder


def sandbox_channel(tenant: str, face_url: str, notify_url: str) -> SandboxChannel:
    """Applications below the installation's home, apart for each tenant."""
    return SandboxChannel(tenant, face_url, {"group": tenant}, {}, {"folder": str(machine_folder("demo_app") / tenant)})


PROVIDER = Provider(
    name="demo_app",
    title="Demo application",
    capabilities=capabilities,
    settings=(
        SettingField("group", "Name of the folder, below the home of the installation, that keeps the applications"),
    ),
    connect=connect,
    simulator=demo_app_face,
    sandbox_channel=sandbox_channel,
)
