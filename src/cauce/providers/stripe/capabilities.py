"""What a Stripe channel can do, and how its gateway is made."""

from __future__ import annotations

from fractions import Fraction

from cauce.gateway.capabilities import Can, Capabilities, PayoutRoute, ProviderClass, Sourced, SplitMoment
from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.provider import Channel, Kit
from cauce.providers.stripe import limits, mapping
from cauce.providers.stripe.gateway import StripeGateway

_CAN = frozenset(
    {
        Can.REMEMBERS_CUSTOMERS,
        Can.SAVES_METHODS,
        Can.CHARGES_SAVED,
        Can.LINKS_PAYMENT,
        Can.REFUNDS,
        Can.ANSWERS,
        Can.NOTIFIES,
        Can.LISTS_NOTICES,
        Can.REPORTS,
        Can.OPENS_ACCOUNTS,
        Can.BINDS_INSTRUMENTS,
        Can.COLLECTS,
        Can.SPLITS,
        Can.REVERSES_SPLITS,
        Can.PAYS_OUT,
        Can.SWEEPS_FEE,
        Can.REPORTS_BALANCES,
        Can.CHECKS_SETUP,
        Can.IMPORTS_BILLING,
    }
)


def capabilities(channel: Channel) -> Capabilities:
    """The capability record."""
    return Capabilities(
        can=_CAN,
        provider_class=ProviderClass.CARD_SCHEME_PSP,
        split_moments=frozenset({SplitMoment.AT_PAY, SplitMoment.LATER}),
        payout_route=PayoutRoute.PROVIDER,
        per_party_subledger=True,
        receivers_per_call_max=limits.RECEIVERS_PER_TRANSFER,
        share_max=Fraction(1),
        refund_window_days=limits.REFUND_DAYS,
        amount_min_minor=mapping.smallest_charges(),
        idempotency_window_hours=limits.IDEMPOTENCY_HOURS,
        requests_per_second_max=_rate(channel.settings.get("requests_per_second", "")),
        notices_kept_days=limits.EVENTS_DAYS,
        notice_is_final=False,
        negative_balance_supported=True,
        statement_kinds=frozenset({"balance"}),
        account_statement_kind="balance",
        id_max_len=limits.KEY_LENGTH.value,
    )


def _rate(per_second: str) -> Sourced:
    """The channel's own rate where one is set, else Stripe's."""
    stated = limits.REQUESTS_PER_SECOND
    return Sourced(int(per_second), stated.unit, "this channel's setting", stated.read_on) if per_second else stated


def connect(channel: Channel, kit: Kit) -> StripeGateway:
    """The gateway of a channel whose key fits its mode; `ChannelSettingsError` otherwise."""
    mode = "live" if channel.livemode else "test"
    if channel.setting("api_key").split("_")[:2] not in (["sk", mode], ["rk", mode]):
        raise ChannelSettingsError(f"the key must be one of {mode} mode (sk_{mode}_… or rk_{mode}_…)", param="api_key")
    return StripeGateway(channel, kit)
