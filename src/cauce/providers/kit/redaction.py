"""Take out of an exchange what must never stand in a log: credentials, client secrets, card and identity numbers.

Pure. The sealed exchange log keeps what is left; a person who reads it can follow the call and cannot pay with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MASK = "[redacted]"

_SECRET_HEADERS = frozenset({"authorization", "cookie", "set-cookie", "proxy-authorization", "stripe-signature"})
# One pattern a word, each with a literal beginning: that is what the matcher finds fast in long bodies.
_SECRET_WORDS = (
    "secret", "password", "apikey", "api_key", "access_token", "refresh_token", "private_key", "cvc", "cvv", "id_number",
)  # fmt: skip
_SECRET_FIELDS = tuple(
    (word.encode(), re.compile(word.encode() + rb"""\]?["']?\s*[:=]\s*["']?([^"'&,}\s]+)""")) for word in _SECRET_WORDS
)
_LONG_DIGITS = re.compile(rb"(?<![\w.])\d{13,19}(?!\w)")
_CHINESE_IDENTITY = re.compile(rb"(?<!\w)[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dXx](?!\w)")


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """`headers` with the values of credential headers masked."""
    return {name: MASK if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()}


def redact_body(body: bytes) -> bytes:
    """`body` (form, JSON, XML or text) with secrets, card numbers (by checksum) and identity numbers masked."""
    masked = _CHINESE_IDENTITY.sub(MASK.encode(), _without_secrets(body))
    return _LONG_DIGITS.sub(lambda m: MASK.encode() if _is_card_number(m.group().decode()) else m.group(), masked)


def _without_secrets(body: bytes) -> bytes:
    lowered = body.lower()
    spans = [m.span(1) for word, field in _SECRET_FIELDS if word in lowered for m in field.finditer(lowered)]
    kept, end = [], 0
    for start, stop in sorted(spans):
        if start >= end:
            kept += [body[end:start], MASK.encode()]
        end = max(end, stop)
    return b"".join([*kept, body[end:]])


def redact_url(url: str) -> str:
    """`url` with secrets in its query masked."""
    head, mark, query = url.partition("?")
    return head + mark + redact_body(query.encode()).decode() if mark else url


def _is_card_number(digits: str) -> bool:
    doubled = [int(d) * (2 if index % 2 else 1) for index, d in enumerate(reversed(digits))]
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0
