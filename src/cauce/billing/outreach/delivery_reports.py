"""What mail servers report of a mail that left: it came back (RFC 3464), or its reader called it spam (RFC 5965). Pure.

A report names our mail by the Message-ID that it quotes; only that counts, for anybody can write any address into one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message
from enum import StrEnum

_OURS = re.compile(r"<(msg_[0-9a-z]{26})@[^<>\s]+>")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_DEAD = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""RFC 3463 and 7505: there is no such address, or it takes no mail at all; the codes that a relay's own refusal means too."""
_PARTS_MAX = 50
_REASON_CHARACTERS_MAX = 300
_UNREADABLE = (MessageError, LookupError, ValueError, TypeError, AttributeError, RecursionError)


class ReportKind(StrEnum):
    """What became of the mail."""

    DEAD = "dead"  # there is no such address
    FAILED = "failed"  # it did not arrive; another one may
    COMPLAINT = "complaint"  # its reader does not want it


@dataclass(frozen=True, slots=True)
class Report:
    """A report of one of our mails: `message_id` names it, `reason` says why in the words of the server."""

    kind: ReportKind
    message_id: str
    reason: str


def read_report(raw: bytes) -> Report | None:
    """The report in a mail as it came; None for any other mail, for delays and for mails that are not ours."""
    try:
        mail = message_from_bytes(raw)
        if mail.get_content_type() != "multipart/report":
            return None
        parts = [part for _, part in zip(range(_PARTS_MAX), mail.walk(), strict=False)]
        message_id = next(_named(parts), "")
        return _read(parts, message_id) if message_id else None
    except _UNREADABLE:
        return None


def _read(parts: list[Message], message_id: str) -> Report | None:
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            said = _fields(part)
            kind = said.get("feedback-type", "").lower()
            return (
                Report(ReportKind.COMPLAINT, message_id, f"complaint: {kind}") if kind in ("abuse", "fraud") else None
            )
    for said in (
        fields for part in parts if part.get_content_type() == "message/delivery-status" for fields in _groups(part)
    ):
        found = _STATUS.search(said.get("status", ""))
        if said.get("action", "").lower() != "failed" or found is None or not found[0].startswith("5"):
            continue
        words = " ".join(said.get("diagnostic-code", "").split())
        kind = ReportKind.DEAD if found[0] in _DEAD else ReportKind.FAILED
        return Report(kind, message_id, f"{found[0]} {words}".strip()[:_REASON_CHARACTERS_MAX])
    return None


def _named(parts: list[Message]) -> Iterator[str]:
    """Our own Message-IDs in the mail, or its headers, that the report carries."""
    for part in parts:
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            text = payload.decode("ascii", "replace") if isinstance(payload, bytes) else ""
            found = re.search(r"(?im)^message-id:\s*(<[^<>]+>)", text)
            yield from (one[1] for one in [_OURS.fullmatch(found[1]) if found else None] if one)
        elif part.get_content_type() == "message/rfc822":
            inner = part.get_payload(0)
            named = str(inner.get("Message-ID", "")).strip() if isinstance(inner, Message) else ""
            yield from (one[1] for one in [_OURS.fullmatch(named)] if one)


def _groups(part: Message) -> Iterator[dict[str, str]]:
    payload = part.get_payload()
    for group in payload if isinstance(payload, list) else ():
        if isinstance(group, Message):
            yield _plain(group)


def _fields(part: Message) -> dict[str, str]:
    """The fields of a report that is a message of headers."""
    found: dict[str, str] = {}
    for group in _groups(part):
        found |= group
    return found


def _plain(message: Message) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in message.items()}
