"""A message as mail, and a relay's replies in our words. Pure.

The same message under the same key is the same bytes but for its date: identity and boundary come from the key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from hashlib import sha256

from cauce.gateway.outcome import Declined, Refusal
from cauce.gateway.reaching import Message
from cauce.providers.smtp import limits

_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_OWN_HEADERS = frozenset(
    [
        "from",
        "to",
        "cc",
        "bcc",
        "sender",
        "reply-to",
        "subject",
        "date",
        "message-id",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "return-path",
        "received",
    ]
)
_LOCAL_PART = re.compile(r"[^\s\x00-\x1f\x7f\"(),:;<>@\[\\\]]+")
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_BASIC = {
    "421": "4.3.2",
    "450": "4.2.0",
    "451": "4.3.0",
    "452": "4.3.1",
    "454": "4.7.0",
    "530": "5.7.0",
    "535": "5.7.8",
    "550": "5.1.1",
    "551": "5.1.6",
    "552": "5.3.4",
    "553": "5.1.3",
    "554": "5.0.0",
}
# RFC 3463 and RFC 5248, read 2026-11: x.1.* is the address, x.2.* the mailbox, x.7.* policy.
_BY_CODE = {
    "5.1.1": Refusal.HARD,
    "5.1.2": Refusal.HARD,
    "5.1.3": Refusal.HARD,
    "5.1.6": Refusal.HARD,
    "5.1.10": Refusal.HARD,
    "5.2.1": Refusal.HARD,
    "5.2.2": Refusal.LIMIT_EXCEEDED,
    "5.2.3": Refusal.INVALID_REQUEST,
    "5.3.4": Refusal.INVALID_REQUEST,
    "5.1.7": Refusal.CONFIG,
    "5.1.8": Refusal.CONFIG,
    "5.7.8": Refusal.AUTH,
    "5.7.0": Refusal.CONFIG,
}


class BadMessage(Exception):
    """The message cannot be made into mail."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who the mail is from when the message does not say, and where refusals return to."""

    address: str
    name: str = ""
    return_path: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """What goes over the wire. `needs_utf8` when an address has a local part beyond ASCII (RFC 6531)."""

    message_id: str
    sender: str
    recipient: str
    content: bytes
    needs_utf8: bool


def compose(message: Message, sender: Sender, sent_at: datetime) -> Mail:
    """`message` as multipart mail; `BadMessage` when an address or a header is malformed."""
    origin = _address(message.from_address or sender.address, sender.name)
    recipient = _address(message.to_address, message.to_name)
    needs_utf8 = not (origin.username + recipient.username).isascii()
    mail = EmailMessage(policy=SMTPUTF8 if needs_utf8 else SMTP)
    message_id = f"<{_token(message.key)}@{origin.domain}>"
    try:
        mail["From"], mail["To"] = origin, recipient
        if message.reply_to:
            mail["Reply-To"] = _address(message.reply_to, "")
        mail["Subject"] = _one_line(message.subject)[: limits.SUBJECT_LENGTH.value]
        mail["Date"] = format_datetime(sent_at)
        mail["Auto-Submitted"] = "auto-generated"
        _own_headers(mail, message.headers)
        mail.set_content(message.text or "\n", cte="quoted-printable")
        if message.html:
            mail.add_alternative(message.html, subtype="html", cte="quoted-printable")
            mail.set_boundary(f"=_{sha256(message.key.encode()).hexdigest()[:40]}")
        content = _unfolded(message_id, message.unsubscribe_url) + mail.as_bytes()
    except (MessageError, ValueError, UnicodeError) as exc:
        raise BadMessage(str(exc)) from exc
    if len(content) > limits.MESSAGE_BYTES.value:
        raise BadMessage(f"the mail is over {limits.MESSAGE_BYTES.value} bytes")
    bounce = _address(sender.return_path, "").addr_spec if sender.return_path else origin.addr_spec
    return Mail(message_id, bounce, recipient.addr_spec, content, needs_utf8)


def declined(code: int, text: str) -> Declined:
    """What a relay's refusal means. `code` is the RFC 3463 code: `4.…` may be sent again, `5.…` may not.

    `LIMIT_EXCEEDED` is «later», `HARD` an address that takes no mail, `AUTH` and `CONFIG` are for the operator.
    """
    if not 400 <= code < 600:
        return not_connected(f"the relay replied {code} {text}")
    found = _ENHANCED.search(text)
    enhanced = found[0] if found and found[1] == str(code)[0] else _BASIC.get(str(code), f"{str(code)[0]}.0.0")
    if enhanced.startswith("4"):
        return Declined(enhanced, Refusal.LIMIT_EXCEEDED, text)
    otherwise = Refusal.FORBIDDEN if enhanced.startswith("5.7.") else Refusal.DECLINED
    return Declined(enhanced, _BY_CODE.get(enhanced, otherwise), text)


def not_connected(reason: str) -> Declined:
    """The relay could not be reached before anything was handed over (RFC 3463: 4.4.1)."""
    return Declined("4.4.1", Refusal.LIMIT_EXCEEDED, reason)


def _address(text: str, name: str) -> Address:
    local, at, domain = text.strip().rpartition("@")
    if not at or not _LOCAL_PART.fullmatch(local) or local.startswith(".") or local.endswith(".") or ".." in local:
        raise BadMessage(f"{text!r} is not a mail address")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
        address = Address(_one_line(name), local, ascii_domain)
    except (UnicodeError, ValueError, IndexError) as exc:
        raise BadMessage(f"{text!r} is not a mail address") from exc
    too_long = (
        len(local.encode()) > limits.LOCAL_PART_LENGTH.value or len(address.addr_spec) > limits.ADDRESS_LENGTH.value
    )
    if too_long or not re.fullmatch(r"[A-Za-z0-9.-]+", ascii_domain):
        raise BadMessage(f"{text!r} is not a mail address")
    return address


def _unfolded(message_id: str, unsubscribe_url: str) -> bytes:
    """The headers that must stand on one line each; the library would fold a long address and break it.

    RFC 8058, read 2026-11: both List-Unsubscribe headers, and the address takes a POST without asking back.
    """
    lines = [f"Message-ID: {message_id}"]
    if unsubscribe_url:
        plain = unsubscribe_url.isascii() and re.fullmatch(r"https?://[^\s<>,]+", unsubscribe_url)
        if not plain or len(unsubscribe_url) > limits.LINE_LENGTH.value - len("List-Unsubscribe: <>"):
            raise BadMessage("the address to unsubscribe at is malformed")
        lines += [f"List-Unsubscribe: <{unsubscribe_url}>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _own_headers(mail: EmailMessage, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise BadMessage(f"the header {name!r} cannot be set")
        mail[name] = _one_line(value)


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _token(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", key) else sha256(key.encode()).hexdigest()[:40]
