"""Callbacks: the envelope that WeChat Pay signs, and the plain text inside as a notice.

What a callback is about is told by the shape of its plain text, never by `event_type`: notices of splits have been
seen under the name of payments.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from cauce.gateway.collecting import Operation
from cauce.gateway.errors import BadNotice
from cauce.gateway.outcome import Outcome
from cauce.gateway.reporting import Notice, NoticeKind
from cauce.providers.wechat.mapping import combined, payments, refunds
from cauce.providers.wechat.mapping.texts import instant, key_of

CIPHER = "AEAD_AES_256_GCM"


class Resource(msgspec.Struct):
    """The sealed part of a callback."""

    ciphertext: str
    nonce: str
    algorithm: str = CIPHER
    original_type: str = ""
    associated_data: str | None = None


class Envelope(msgspec.Struct):
    """A callback before its resource is opened."""

    id: str
    create_time: str
    resource: Resource
    event_type: str = ""


def envelope_of(body: bytes) -> Envelope:
    """The envelope in a callback's body; `BadNotice` when there is none."""
    try:
        envelope = msgspec.json.decode(body, type=Envelope)
    except msgspec.DecodeError as exc:
        raise BadNotice(f"the callback is no envelope: {exc}") from exc
    if envelope.resource.algorithm != CIPHER:
        raise BadNotice(f"the callback is sealed with {envelope.resource.algorithm}")
    return envelope


def notices_of(envelope: Envelope, plain: bytes) -> tuple[Notice, ...]:
    """The notice in an opened callback; `BadNotice` when the plain text is no object."""
    try:
        told = msgspec.json.decode(plain, type=dict[str, Any])
        occurred_at = datetime.fromisoformat(envelope.create_time)
    except (msgspec.DecodeError, ValueError) as exc:
        raise BadNotice(f"the callback cannot be understood: {exc}") from exc
    if "receiver" in told:
        return (_split(envelope, told, occurred_at),)
    if "out_refund_no" in told:
        return (_refund(envelope, told, occurred_at),)
    if "trade_state" in told:
        return (_collection(envelope.id, told, occurred_at),)
    if "sub_orders" in told:
        return (_combined(envelope, told, occurred_at),)
    return (Notice(envelope.id, NoticeKind.OTHER, occurred_at, data={"event_type": envelope.event_type}),)


def _combined(envelope: Envelope, told: Mapping[str, Any], occurred_at: datetime) -> Notice:
    """One payment for several merchants' orders, by its own number: whoever asks learns of each."""
    found: list[tuple[str, Outcome[Any]]] = [
        (combined.key_of(order), payments.collection_of(order)) for order in combined.orders_of(told)
    ]
    return Notice(
        event_id=envelope.id,
        kind=NoticeKind.COLLECTION,
        occurred_at=occurred_at,
        operation=Operation.COLLECT_COMBINED,
        key=str(told.get("combine_out_trade_no") or ""),
        outcome=combined.combined_of(found),
    )


def _collection(event_id: str, told: Mapping[str, Any], occurred_at: datetime) -> Notice:
    outcome: Outcome[Any] = payments.collection_of(told)
    return Notice(
        event_id=event_id,
        kind=NoticeKind.COLLECTION,
        occurred_at=instant(told.get("success_time")) or occurred_at,
        operation=Operation.COLLECT,
        key=str(told.get("out_trade_no") or ""),
        ref=payments.transaction_of(told),
        merchant_ref=str(told.get("sub_mchid") or ""),
        outcome=outcome,
    )


def _refund(envelope: Envelope, told: Mapping[str, Any], occurred_at: datetime) -> Notice:
    outcome: Outcome[Any] = refunds.refund_of({**told, "status": told.get("refund_status")})
    return Notice(
        event_id=envelope.id,
        kind=NoticeKind.REFUND,
        occurred_at=instant(told.get("success_time")) or occurred_at,
        operation=Operation.REFUND,
        key=str(told["out_refund_no"]),
        ref=str(told.get("refund_id") or ""),
        parent_key=str(told.get("out_trade_no") or ""),
        merchant_ref=str(told.get("sub_mchid") or ""),
        outcome=outcome,
    )


def _split(envelope: Envelope, told: Mapping[str, Any], occurred_at: datetime) -> Notice:
    """A part that reached or left a receiver: which of the two, the request with this number says when asked."""
    receiver = told.get("receiver") or {}
    number = str(told.get("out_order_no") or "")
    return Notice(
        event_id=envelope.id,
        kind=NoticeKind.SPLIT,
        occurred_at=instant(told.get("success_time")) or occurred_at,
        operation=Operation.FINISH_ORDER if number != key_of(number) else Operation.SPLIT,
        key=key_of(number),
        ref=str(told.get("order_id") or ""),
        merchant_ref=str(told.get("sub_mchid") or ""),
        data={
            "receiver_ref": str(receiver.get("account") or ""),
            "amount_minor": int(receiver.get("amount") or 0),
            "collection_ref": str(told.get("transaction_id") or ""),
        },
    )
