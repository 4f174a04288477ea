"""Stripe: cards charged off session, and connected accounts.

`gateway` implements the capability Protocols over `wire`; `mapping` knows Stripe's field names, `signing` its webhook
signature, `inbound` its events, `limits` its numbers, `assumptions` what is believed and not proved. `simulator` is
its stand-in.
"""

from __future__ import annotations

import secrets

from cauce.gateway.provider import Provider, SettingField
from cauce.providers.kit.channel import SandboxChannel
from cauce.providers.stripe.capabilities import capabilities, connect
from cauce.providers.stripe.inbound import ENABLED_EVENTS
from cauce.providers.stripe.simulator import stripe_face

_SANDBOX_REQUESTS_PER_SECOND = "500"  # the stand-in is on this machine and limits nobody unless told


def sandbox_channel(tenant: str, face_url: str, notify_url: str) -> SandboxChannel:
    """A platform account at the simulator, with fresh webhook secrets."""
    webhook, connect_webhook = (f"whsec_{secrets.token_hex(16)}" for _ in range(2))
    return SandboxChannel(
        tenant=tenant,
        base_url=face_url,
        settings={"publishable_key": f"pk_test_{tenant}", "requests_per_second": _SANDBOX_REQUESTS_PER_SECOND},
        secrets={
            "api_key": f"sk_test_{tenant}",
            "webhook_secret": webhook,
            "connect_webhook_secret": connect_webhook,
        },
        registration={
            "webhook_url": notify_url,
            "enabled_events": list(ENABLED_EVENTS),
            "webhook_secret": webhook,
            "connect_webhook_secret": connect_webhook,
        },
    )


PROVIDER = Provider(
    name="stripe",
    title="Stripe",
    capabilities=capabilities,
    settings=(
        SettingField("api_key", "Secret or restricted key (sk_… or rk_…)", secret=True),
        SettingField("publishable_key", "Publishable key (pk_…) for pages with the card element", required=False),
        SettingField("webhook_secret", "Signing secret of the account's webhook endpoint (whsec_…)", secret=True),
        SettingField(
            "connect_webhook_secret",
            "Signing secret of the endpoint for connected accounts",
            secret=True,
            required=False,
        ),
        SettingField("onboarding_return_url", "Where a seller returns from Stripe's onboarding pages", required=False),
        SettingField(
            "requests_per_second", "How fast this channel may call (Stripe's own limit if empty)", required=False
        ),
    ),
    connect=connect,
    simulator=stripe_face,
    sandbox_channel=sandbox_channel,
)
