"""Instances run by a signed webhook: the customer's software is behind a web address of the operator's own.

`gateway` sends, `signing` signs (Standard Webhooks), `guard` keeps requests out of the own network, `mapping` reads the
answer, `limits` holds the numbers; `simulator` is a runner to try it with. The messages are those of `kit.instances`.
"""

from __future__ import annotations

import base64
import secrets

from cauce.gateway.provider import Provider, SettingField
from cauce.providers.hook.gateway import capabilities, connect
from cauce.providers.hook.signing import PREFIX
from cauce.providers.hook.simulator import hook_face
from cauce.providers.kit.channel import SandboxChannel


def sandbox_channel(tenant: str, face_url: str, notify_url: str) -> SandboxChannel:
    """A runner at the simulator, with a fresh secret."""
    secret = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    return SandboxChannel(tenant, face_url, {"url": f"{face_url}/run/{tenant}"}, {"secret": secret}, {"secret": secret})


PROVIDER = Provider(
    name="hook",
    title="Signed webhook",
    capabilities=capabilities,
    settings=(
        SettingField("url", "Address that receives the hooks; https for a live channel"),
        SettingField("secret", "Signing secret whsec_…; two parted by a comma while it is exchanged", secret=True),
        SettingField("hooks", "Which hooks to send, e.g. pre_provision,post_provision; empty: all", required=False),
    ),
    connect=connect,
    simulator=hook_face,
    sandbox_channel=sandbox_channel,
)
