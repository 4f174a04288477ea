"""A mail that somebody sent as an answer, read into what a conversation keeps of it. Pure.

Kept: who wrote, and the words that are his own (`quotes`). Attached files are named and not taken. What a machine wrote
by itself (RFC 3834: absence notes, bounces, lists) is said to be so, and nobody answers it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses
from hashlib import sha256

from cauce.billing.conversations import quotes
from cauce.billing.conversations.rules import BODY_CHARACTERS_MAX
from cauce.kernel.errors import InvalidRequest

MAIL_BYTES_MAX = 10_000_000
"""As large as the mails that we send: what relays commonly take."""

NAMES_SHOWN_MAX = 5
_NAME_CHARACTERS_MAX = 100
_PARTS_MAX = 200
_RECIPIENTS = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
_BULK = frozenset({"bulk", "junk", "list", "auto_reply"})

_UNREADABLE = (MessageError, LookupError, ValueError, TypeError, AttributeError, RecursionError)
"""What the standard library's reader fails with on mails that no program would write."""


class BadMail(InvalidRequest):
    """This is no mail that could be read."""

    code = "bad_mail"


class MailTooLarge(InvalidRequest):
    """The mail is larger than is taken."""

    code = "mail_too_large"
    http_status = 413


@dataclass(frozen=True, slots=True)
class Mail:
    """What was read. `text` is the sender's own words, "" for none; `files` the names of what was attached."""

    ref: str
    sender: str
    recipients: tuple[str, ...]
    text: str
    is_cut: bool
    files: tuple[str, ...]
    automatic: str


def read_mail(raw: bytes) -> Mail:
    """The mail in `raw` (RFC 5322, as it came); `BadMail` for what is none, `MailTooLarge` beyond `MAIL_BYTES_MAX`."""
    if len(raw) > MAIL_BYTES_MAX:
        raise MailTooLarge(f"a mail has at most {MAIL_BYTES_MAX} bytes", param="mail")
    try:
        mail = message_from_bytes(raw, policy=default)
        assert isinstance(mail, EmailMessage), "the policy makes this kind"
        sender = _addresses(mail, "From")
        if not sender:
            raise BadMail("a mail says whom it is from", param="mail")
        words = quotes.own_words(_words(mail))
        return Mail(
            _ref(mail, raw),
            sender[0],
            tuple(dict.fromkeys(one for name in _RECIPIENTS for one in _addresses(mail, name))),
            words[:BODY_CHARACTERS_MAX].rstrip(),
            len(words) > BODY_CHARACTERS_MAX,
            tuple(_files(mail)),
            _automatic(mail),
        )
    except _UNREADABLE as exc:
        raise BadMail(f"the mail cannot be read: {type(exc).__name__}", param="mail") from exc


def _ref(mail: EmailMessage, raw: bytes) -> str:
    """What names this mail among others: its Message-ID, or its bytes where it has none."""
    name = _first(mail, "Message-ID")
    return "mail:" + sha256(name.encode(errors="replace") or raw).hexdigest()


def _raw(mail: EmailMessage, header: str) -> list[str]:
    """Every value of a header as it came; unlike the parsed one it cannot fail on what is malformed."""
    return [str(value) for name, value in mail.raw_items() if name.lower() == header.lower()]


def _first(mail: EmailMessage, header: str) -> str:
    return next(iter(_raw(mail, header)), "").strip()


def _addresses(mail: EmailMessage, header: str) -> list[str]:
    found = getaddresses(_raw(mail, header))
    return [address.strip().lower() for _, address in found if "@" in address]


def _automatic(mail: EmailMessage) -> str:
    """Which header says that no person wrote this; "" when none does."""
    told = {name: _first(mail, name).split(";")[0].strip().lower() for name in ("Auto-Submitted", "Precedence")}
    if told["Auto-Submitted"] not in ("", "no"):
        return f"Auto-Submitted: {told['Auto-Submitted']}"
    if told["Precedence"] in _BULK:
        return f"Precedence: {told['Precedence']}"
    for name in ("X-Autoreply", "X-Autorespond", "List-Id"):
        if _raw(mail, name):
            return name
    if mail.get_content_type() == "multipart/report":
        return "a delivery report"
    return "Return-Path: <>" if _first(mail, "Return-Path") == "<>" else ""


def _words(mail: EmailMessage) -> str:
    body = mail.get_body(("plain", "html"))
    if not isinstance(body, EmailMessage):
        return ""
    text = _decoded(body)
    return quotes.text_of_html(text) if body.get_content_type() == "text/html" else text


def _decoded(part: EmailMessage) -> str:
    """A part's text; bytes that its character set does not know, or a set that nobody knows, leave marks."""
    raw = part.get_payload(decode=True)
    assert isinstance(raw, bytes), "a text part is no multipart"
    try:
        return raw.decode(part.get_content_charset() or "utf-8", errors="replace")
    except LookupError:
        return raw.decode("utf-8", errors="replace")


def _files(mail: EmailMessage) -> Iterator[str]:
    body = mail.get_body(("plain", "html"))
    for number, part in enumerate(mail.walk()):
        if number >= _PARTS_MAX:
            return
        if part.is_multipart() or part is body:
            continue
        name = part.get_filename()
        if name or part.get_content_disposition() == "attachment" or part.get_content_maintype() != "text":
            yield re.sub(r"\s+", " ", name or part.get_content_type())[:_NAME_CHARACTERS_MAX]
