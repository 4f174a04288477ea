"""Callbacks: verified on their raw bytes, opened, normalized. What is not genuine is refused, and is sent again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from cauce.gateway.errors import BadNotice
from cauce.gateway.reporting import Acknowledgement, ParsedNotice
from cauce.providers.wechat import signing
from cauce.providers.wechat.desk import Desk
from cauce.providers.wechat.mapping import notices

ACCEPTED = Acknowledgement(204, b"", "application/json")


def parse_notice(desk: Desk, headers: Mapping[str, str], body: bytes, received_at: datetime) -> ParsedNotice:
    """The notices in a callback.

    `BadSignature` (of which `UnknownSerial` and the vendor's own `ProbeSignature` are kinds), `StaleNotice`, or
    `BadNotice` when the resource does not open with the channel's key or says nothing that can be understood.
    """
    desk.wire.keyring.check(headers, body, received_at)
    envelope = notices.envelope_of(body)
    resource = envelope.resource
    try:
        plain = signing.open_sealed(
            desk.contract.api_v3_key, resource.nonce, resource.ciphertext, resource.associated_data or ""
        )
    except signing.BrokenCipher as exc:
        raise BadNotice("the callback was sealed with another APIv3 key") from exc
    return ParsedNotice(notices.notices_of(envelope, plain), ACCEPTED)
