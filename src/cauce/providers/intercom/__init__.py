"""Intercom: customers as contacts, what happens to them as events, and the Messenger on pages.

`gateway` implements the capability Protocols over `wire`; `contacts`, `companies`, `attributes` and `messages` are the
calls by noun; `mapping` and `naming` know Intercom's names, `signing` its webhook signature, `inbound` its
notifications, `messenger` the chat's token and page settings, `limits` its numbers. `simulator` is its stand-in.
"""

from __future__ import annotations

import secrets

from cauce.gateway.provider import Provider, SettingField
from cauce.providers.intercom.gateway import capabilities, connect
from cauce.providers.intercom.simulator import intercom_face
from cauce.providers.kit.channel import SandboxChannel


def sandbox_channel(tenant: str, face_url: str, notify_url: str) -> SandboxChannel:
    """A workspace at the simulator, with fresh credentials."""
    access, client, messenger = (secrets.token_hex(16) for _ in range(3))
    given = {"access_token": f"tok_{tenant}_{access}", "client_secret": client, "messenger_secret": messenger}
    app_id = f"app_{tenant}"
    return SandboxChannel(
        tenant,
        face_url,
        {"app_id": app_id, "messages_from_admin": "1"},
        given,
        {**given, "app_id": app_id, "webhook_url": notify_url},
    )


PROVIDER = Provider(
    name="intercom",
    title="Intercom",
    capabilities=capabilities,
    settings=(
        SettingField("access_token", "Access token of your app in the workspace", secret=True),
        SettingField("client_secret", "Client secret of the app: it signs notifications", secret=True),
        SettingField("region", "Region of the workspace: us, eu or au", required=False, default="us"),
        SettingField("app_id", "Workspace id, for the Messenger", required=False),
        SettingField("messenger_secret", "Messenger API secret: it signs who is chatting", secret=True, required=False),
        SettingField(
            "messages_from_admin",
            "Id of the admin that direct messages come from; empty: none are sent",
            required=False,
        ),
    ),
    connect=connect,
    simulator=intercom_face,
    sandbox_channel=sandbox_channel,
)
