"""Intercom's notifications: verify the raw bytes, then say in our words what happened. Pure but for the channel's secret."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from cauce.gateway.errors import BadNotice, StaleNotice
from cauce.gateway.provider import Channel
from cauce.gateway.reporting import Acknowledgement, Notice, NoticeKind, ParsedNotice
from cauce.providers.intercom import limits, mapping, signing

Json = dict[str, Any]

_CONTACT_CHANGES = {
    "contact.unsubscribed": "unsubscribed",
    "contact.subscribed": "subscribed",
    "contact.email.updated": "email_suggested",
    "contact.archive": "gone",
    "contact.deleted": "gone",
    "contact.user.created": "created",
    "contact.tag.created": "tagged",
}
_CONVERSATION_CHANGES = {
    "conversation.user.created": ("opened", "customer"),
    "conversation.user.replied": ("replied", "customer"),
    "conversation.admin.replied": ("replied", "staff"),
    "conversation.admin.closed": ("closed", "staff"),
}


def topics() -> tuple[str, ...]:
    """What the app should be subscribed to. Believed: the names of the conversation topics beside `user.replied`."""
    return (*_CONTACT_CHANGES, *_CONVERSATION_CHANGES)


def answer_probe() -> Acknowledgement:
    """The reply to every delivery, the set-up probe included. Believed: 200 is what the probe wants."""
    return Acknowledgement(200, b"{}", "application/json")


def parse(channel: Channel, headers: Mapping[str, str], body: bytes, received_at: datetime) -> ParsedNotice:
    """The notice in one delivery; `BadSignature`, `StaleNotice` or `BadNotice` otherwise."""
    secrets = [secret.strip() for secret in channel.setting("client_secret").split(",")]
    signing.verify(headers.get(signing.HEADER, ""), body, secrets)
    try:
        envelope = msgspec.json.decode(body)
        wanted = channel.settings.get("app_id", "")
        if wanted and envelope.get("app_id", wanted) != wanted:
            raise BadNotice("the notification is of another workspace")
        notice = _notice(envelope, received_at)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError) as exc:
        raise BadNotice(f"the notification cannot be understood: {exc}") from exc
    # A sandbox's business time has nothing to do with the wall's.
    if channel.livemode and received_at - notice.occurred_at > timedelta(days=limits.NOTICE_AGE_DAYS.value):
        raise StaleNotice(f"the notification is of {notice.occurred_at.isoformat()}")
    return ParsedNotice((notice,), answer_probe())


def _notice(envelope: Json, received_at: datetime) -> Notice:
    topic, id = str(envelope["topic"]), str(envelope["id"])
    created_at = envelope.get("created_at")
    occurred_at = datetime.fromtimestamp(created_at, UTC) if isinstance(created_at, int) else received_at
    item = (envelope.get("data") or {}).get("item") or {}
    if topic in _CONTACT_CHANGES:
        # A tag's notification carries the contact beside the tag.
        contact = item.get("contact") or item
        data = _contact_data(topic, item, contact)
        return Notice(id, NoticeKind.CONTACT, occurred_at, ref=str(contact.get("id", "")), data=data)
    if topic in _CONVERSATION_CHANGES:
        data = _conversation_data(topic, item)
        return Notice(id, NoticeKind.CONVERSATION, occurred_at, ref=str(item["id"]), data=data)
    return Notice(id, NoticeKind.OTHER, occurred_at, data={"topic": topic})


def _contact_data(topic: str, item: Json, contact: Json) -> dict[str, object]:
    data: dict[str, object] = {
        "change": _CONTACT_CHANGES[topic],
        "external_id": str(contact.get("external_id") or ""),
    }
    if topic == "contact.email.updated":
        data["email"] = str(contact.get("email") or "")
    if topic == "contact.tag.created":
        data["tag"] = str((item.get("tag") or {}).get("name", ""))
    return data


def _conversation_data(topic: str, item: Json) -> dict[str, object]:
    change, side = _CONVERSATION_CHANGES[topic]
    first = (((item.get("contacts") or {}).get("contacts")) or [{}])[0]
    parts = ((item.get("conversation_parts") or {}).get("conversation_parts")) or []
    said = parts[-1] if parts else item.get("source") or {}
    return {
        "change": change,
        "side": side,
        "contact_ref": str(first.get("id", "")),
        "external_id": str(first.get("external_id") or ""),
        "text": mapping.plain_text(str(said.get("body") or "")),
        "author": str((said.get("author") or {}).get("name") or ""),
        "message_ref": str(said.get("id", "")),
    }
