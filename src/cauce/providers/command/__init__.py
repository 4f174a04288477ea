"""Instances run by a program on this machine, for whoever already has a script that makes them.

`gateway` runs it, `allowed` says which programs may be run, `running` bounds one run, `mapping` reads its end, `limits`
holds the numbers; `sample` is such a program, `simulator` what stands behind it. The messages are those of
`kit.instances`.
"""

from __future__ import annotations

from cauce.gateway.provider import Provider, SettingField
from cauce.providers.command.allowed import SAMPLE
from cauce.providers.command.gateway import capabilities, connect
from cauce.providers.command.simulator import command_face
from cauce.providers.kit.channel import SandboxChannel


def sandbox_channel(tenant: str, face_url: str, notify_url: str) -> SandboxChannel:
    """The sample program, which has its requests done in the sandbox."""
    arguments = f'["{face_url}/run/{tenant}"]'
    return SandboxChannel(tenant, face_url, {"program": SAMPLE, "arguments": arguments}, {}, {"tenant": tenant})


PROVIDER = Provider(
    name="command",
    title="Local program",
    capabilities=capabilities,
    settings=(
        SettingField("program", "Name of a file in the folder `commands` below the home of the installation"),
        SettingField("arguments", 'Arguments before the hook\'s name, as JSON: ["--zone", "eu"]', required=False),
        SettingField("environment", 'Variables for it, as JSON: {"INSTANCE_TOKEN": "…"}', secret=True, required=False),
        SettingField("hooks", "Which hooks to run it for, e.g. post_provision; empty: all", required=False),
    ),
    connect=connect,
    simulator=command_face,
    sandbox_channel=sandbox_channel,
)
