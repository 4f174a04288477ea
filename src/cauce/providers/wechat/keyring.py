"""The keys that verify WeChat Pay's signatures: configured ones, and platform certificates that are downloaded.

Both kinds are valid at once, because callbacks change from certificate to public key little by little over a week.
Downloaded certificates live in the channel's sealed cache; this process remembers them too, because a callback is
verified in a plain function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from cauce.gateway.errors import BadSignature, StaleNotice
from cauce.gateway.provider import SealedCache
from cauce.providers.wechat import assumptions, signing
from cauce.providers.wechat.contract import Contract

CACHE_NAME = "certificates"
SKEW_SECONDS_MAX = 300
PROBE_PREFIX = "WECHATPAY/SIGNTEST/"

_remembered: dict[str, dict[str, str]] = {}
"""Channel id -> serial -> certificate, as last seen in this process."""


class ProbeSignature(BadSignature):
    """WeChat Pay sent a wrong signature on purpose, to see whether it is refused."""

    code = "probe_signature"


class UnknownSerial(BadSignature):
    """The signature names a key that this channel does not know."""

    code = "unknown_serial"


class Keyring:
    """The verification keys of one channel."""

    def __init__(self, contract: Contract, channel_id: str, cache: SealedCache) -> None:
        self._contract = contract
        self._channel_id = channel_id
        self._cache = cache

    def check(
        self, headers: Mapping[str, str], body: bytes, now: datetime, also: Mapping[str, str] | None = None
    ) -> None:
        """Raise unless `headers` (lower case) carry a fresh, good signature of the raw `body`.

        `also` are keys by serial that count beside the known ones: certificates that just came.
        `UnknownSerial` when the key is unknown, `ProbeSignature` for the vendor's own test, `StaleNotice` for an old
        one, `BadSignature` for the rest.
        """
        timestamp = headers.get("wechatpay-timestamp", "").strip()
        nonce = headers.get("wechatpay-nonce", "").strip()
        signature = headers.get("wechatpay-signature", "").strip()
        serial = headers.get("wechatpay-serial", "").strip()
        if headers.get("wechatpay-signature-type", signing.SCHEME).strip() != signing.SCHEME:
            raise BadSignature("the signature is of a kind that is not known")
        if signature.startswith(PROBE_PREFIX):
            raise ProbeSignature
        if not (timestamp.isdigit() and nonce and signature and serial):
            raise BadSignature("the signature headers are missing")
        if abs(now - datetime.fromtimestamp(int(timestamp), tz=now.tzinfo)) >= timedelta(seconds=SKEW_SECONDS_MAX):
            raise StaleNotice
        key = self.public_key(serial) or (also or {}).get(serial)
        if key is None:
            raise UnknownSerial(f"no key has the serial {serial}")
        if not signing.is_signed_by(key, signing.answer_message(timestamp, nonce, body), signature):
            raise BadSignature

    def public_key(self, serial: str) -> str | None:
        """The PEM text of the key or certificate with this serial, if it is known."""
        return self._contract.verify_keys.get(serial) or _remembered.get(self._channel_id, {}).get(serial)

    async def recall(self) -> dict[str, str]:
        """The certificates in the channel's cache, remembered from here on."""
        text = await self._cache.get(CACHE_NAME)
        if text:
            _remembered[self._channel_id] = msgspec.json.decode(text, type=dict[str, str])
        return _remembered.get(self._channel_id, {}) if text else {}

    async def keep(self, found: dict[str, str], now: datetime) -> None:
        """Keep downloaded certificates (serial -> PEM), here and in the channel's cache."""
        _remembered[self._channel_id] = found
        await self._cache.put(CACHE_NAME, msgspec.json.encode(found).decode(), now + assumptions.certificates_live())

    async def encryption_key(self, load: Callable[[], Awaitable[Mapping[str, str]]]) -> tuple[str, str]:
        """(serial, PEM) of the key that encrypts names: the configured one, else the newest certificate."""
        serial = self._contract.encrypt_serial
        if serial and (key := self.public_key(serial)) is not None:
            return serial, key
        known = await self.recall() or await load()
        if not known:
            raise UnknownSerial("there is no key to encrypt a name with")
        newest = list(known)[-1]
        return newest, known[newest]


def certificates_in(answer: Mapping[str, Any], key: bytes) -> dict[str, str]:
    """The certificates of a download, oldest first: serial -> PEM."""
    listed = sorted(answer.get("data") or [], key=lambda one: str(one.get("effective_time", "")))
    return {str(one["serial_no"]): _opened(one["encrypt_certificate"], key) for one in listed}


def _opened(sealed: Mapping[str, str], key: bytes) -> str:
    return signing.open_sealed(key, sealed["nonce"], sealed["ciphertext"], sealed.get("associated_data") or "").decode()
