"""One WeChat Pay contract as configured: who calls, in which dialect, with which keys; checked when it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.provider import Channel, SettingField

PRODUCTION_URL = "https://api.mch.weixin.qq.com"
PUBLIC_KEY_PREFIX = "PUB_KEY_ID_"


class Dialect(StrEnum):
    """The three ways to speak to WeChat Pay."""

    DIRECT = "direct"  # an ordinary merchant for itself
    PARTNER = "partner"  # a service provider for its sub-merchants
    ECOMMERCE = "ecommerce"  # a platform for its second-level merchants


@dataclass(frozen=True, slots=True)
class Contract:
    """The settings and keys of one channel. `verify_keys` maps serial or public-key id to PEM text."""

    dialect: Dialect
    mchid: str
    appid: str
    sub_appid: str
    private_key: str = field(repr=False)
    certificate_serial: str
    api_v3_key: bytes = field(repr=False)
    verify_keys: Mapping[str, str]
    encrypt_serial: str
    base_url: str
    notify_url: str
    share_max_ratio: str
    merchant_name: str

    @property
    def by_public_key(self) -> bool:
        """Whether WeChat Pay signs with its public key; else with platform certificates."""
        return self.encrypt_serial.startswith(PUBLIC_KEY_PREFIX)

    def is_platform(self, account: str) -> bool:
        """Whether `account` is the caller itself."""
        return account == self.mchid


SETTINGS = (
    SettingField("dialect", "direct, partner or ecommerce", required=False, default=Dialect.ECOMMERCE),
    SettingField("mchid", "the number of the merchant, service provider or platform that calls"),
    SettingField("appid", "the app id that is bound to it"),
    SettingField("sub_appid", "the sub-merchant's own app id, in the partner dialect", required=False),
    SettingField("merchant_cert_serial", "serial number of the merchant API certificate, 40 hex digits"),
    SettingField("merchant_private_key", "private key of that certificate, PEM", secret=True),
    SettingField("api_v3_key", "the APIv3 key, 32 characters", secret=True),
    SettingField("verify_keys", "JSON: public-key id or certificate serial to PEM text", required=False),
    SettingField(
        "encrypt_serial", "which of them encrypts names; a public-key id says public-key mode", required=False
    ),
    SettingField("notify_url", "where payment and refund notices arrive: https, no query"),
    SettingField(
        "merchant_name",
        "its full legal name: in the partner dialect it receives its commission under it",
        required=False,
    ),
    SettingField("share_max_ratio", "the share cap in ten-thousandths, where no interface tells it", required=False),
)


def contract_of(channel: Channel) -> Contract:
    """The contract of a channel; `ChannelSettingsError` names the setting that is missing or wrong."""
    key = channel.setting("api_v3_key").encode()
    if len(key) != 32:
        raise ChannelSettingsError("api_v3_key has 32 characters", param="api_v3_key")
    return Contract(
        dialect=_dialect(channel),
        mchid=channel.setting("mchid"),
        appid=channel.setting("appid"),
        sub_appid=channel.settings.get("sub_appid", ""),
        private_key=channel.setting("merchant_private_key"),
        certificate_serial=channel.setting("merchant_cert_serial"),
        api_v3_key=key,
        verify_keys=_verify_keys(channel),
        encrypt_serial=channel.settings.get("encrypt_serial", ""),
        base_url=(channel.base_url or PRODUCTION_URL).rstrip("/"),
        notify_url=channel.settings.get("notify_url", ""),
        share_max_ratio=channel.settings.get("share_max_ratio", ""),
        merchant_name=channel.settings.get("merchant_name", ""),
    )


def dialect_of(channel: Channel) -> Dialect:
    """The dialect of a channel, without looking at its keys."""
    return _dialect(channel)


def _dialect(channel: Channel) -> Dialect:
    try:
        return Dialect(channel.settings.get("dialect") or Dialect.ECOMMERCE)
    except ValueError as exc:
        raise ChannelSettingsError("dialect is direct, partner or ecommerce", param="dialect") from exc


def _verify_keys(channel: Channel) -> dict[str, str]:
    text = channel.settings.get("verify_keys") or channel.secrets.get("verify_keys") or "{}"
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError as exc:
        raise ChannelSettingsError("verify_keys is not a JSON object of texts", param="verify_keys") from exc
