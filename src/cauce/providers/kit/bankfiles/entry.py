"""One booked entry of a bank account, whatever file it came in, as a statement line."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Final

from cauce.gateway.errors import BadStatement, BalanceGap
from cauce.gateway.reporting import LineKind, LineStatus, StatementFacts, StatementLine
from cauce.kernel.currencies import exponent_of
from cauce.kernel.money import Money

FILE_BYTES_MAX = 64 * 1024 * 1024
"""custody.md 7.1: a file larger than this is refused before it is read."""

REFERENCE: Final = re.compile(
    r"\bCI[0-9A-HJKMNP-TV-Z]{13}[0-9A-Z]\b|\b(?:po|col|rfd)_[0-9A-Za-z]{8,40}\b", re.IGNORECASE
)
"""What our references look like in a remittance field: a line reference of custody.md 3.3, or the id of an object."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the bank says of one movement. `amount_minor` is signed: + into the account."""

    booking_date: date
    value_date: date
    amount_minor: int
    currency: str
    bank_ref: str = ""
    end_to_end_ref: str = ""
    counterparty_name: str = ""
    counterparty_account: str = ""
    text: str = ""
    tx_code: str = ""
    return_code: str = ""
    is_reversal: bool = False
    status: LineStatus = LineStatus.BOOKED
    entry_key: str = ""  # the bank's own id of the entry, where the profile declares one


class Lines:
    """Turns entries of one account into lines: keys that are the same whenever the same entry comes again."""

    def __init__(self, account_ref: str, reference: re.Pattern[str] = REFERENCE) -> None:
        self._account_ref = account_ref
        self._reference = reference
        self._seen: Counter[str] = Counter()

    def of(self, entry: Entry) -> StatementLine:
        """The line; equal entries of one file are told apart by their order."""
        text = " ".join(entry.text.split())
        account = entry.counterparty_account.replace(" ", "")
        return StatementLine(
            row_key=entry.entry_key or self._key(entry, text),
            kind=LineKind.OTHER,
            amount=Money(entry.amount_minor, entry.currency),
            occurred_at=datetime.combine(entry.booking_date, time(), UTC),
            key=self._reference_in(entry.end_to_end_ref, text, entry.bank_ref),
            ref=entry.bank_ref,
            account_ref=self._account_ref,
            state="reversal" if entry.is_reversal else entry.return_code,
            status=entry.status,
            raw={
                "value_date": entry.value_date.isoformat(),
                "counterparty_name": " ".join(entry.counterparty_name.split()),
                "counterparty_last4": account[-4:],
                "counterparty_hash": sha256(account.encode()).hexdigest() if account else "",
                "text": text,
            },
        )

    def _key(self, entry: Entry, text: str) -> str:
        direction = "C" if entry.amount_minor >= 0 else "D"
        parts = (
            self._account_ref, entry.booking_date.isoformat(), entry.value_date.isoformat(), direction,
            str(abs(entry.amount_minor)), entry.currency, entry.bank_ref, text,
        )  # fmt: skip
        base = "\x1f".join(parts)
        self._seen[base] += 1
        return sha256(f"{base}\x1f{self._seen[base]}".encode()).hexdigest()[:32]

    def _reference_in(self, *fields: str) -> str:
        for field in fields:
            for found in self._reference.finditer(field):
                name = found.group()
                if not name.upper().startswith("CI") or "_" in name:
                    return name
                if is_line_ref(name.upper()):
                    return name.upper()
        return ""


def is_line_ref(reference: str) -> bool:
    """Whether the check character (ISO 7064 MOD 37,36) of a line reference fits."""
    rest = 36
    for character in reference[:-1]:
        rest = (rest + _ALPHABET.index(character)) % 36 or 36
        rest = rest * 2 % 37
    return (37 - rest) % 36 == _ALPHABET.index(reference[-1])


def minor_of(text: str, currency: str, *, decimal: str = ".", thousands: str = "") -> int:
    """An amount as the file writes it, in minor units, by integer arithmetic; `BadStatement` for anything else."""
    plain = text.strip().replace(" ", "").replace("\u00a0", "")
    if thousands:
        plain = plain.replace(thousands, "")
    sign = -1 if plain.startswith("-") else 1
    whole, mark, part = plain[plain[:1] in ("+", "-") :].partition(decimal)
    exponent = exponent_of(currency)
    part = part.rstrip("0") if len(part) > exponent else part
    if not (whole or part) or not (whole or "0").isascii() or not (whole or "0").isdigit() or len(part) > exponent:
        raise BadStatement(f"{text!r} is no amount of {currency}")
    if mark and part and not (part.isascii() and part.isdigit()):
        raise BadStatement(f"{text!r} is no amount of {currency}")
    digits = (whole or "0") + part.ljust(exponent, "0")
    return sign * int(digits)


def check_sum(facts: StatementFacts, moved_minor: int) -> None:
    """Opening balance and booked movements make the closing balance; `BalanceGap` otherwise. Nothing without both."""
    if facts.opening_minor is None or facts.closing_minor is None:
        return
    expected = facts.opening_minor + moved_minor
    if expected != facts.closing_minor:
        raise BalanceGap(expected, facts.closing_minor, facts.currency)
