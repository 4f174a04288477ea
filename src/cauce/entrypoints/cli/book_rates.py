"""Book rates from a CSV file: currency, valid_on, rate, source."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from cauce.kernel.errors import InvalidRequest
from cauce.ledger.rates import BookRate

_COLUMNS = ("currency", "valid_on", "rate", "source")


def read_rates(file: Path) -> list[BookRate]:
    """The rates of a file; `InvalidRequest` names the first line that is none."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"{file} cannot be read: {exc}", param="file") from exc
    reader = csv.DictReader(lines)
    missing = set(_COLUMNS) - set(reader.fieldnames or ())
    if missing:
        raise InvalidRequest(f"the file has no column {', '.join(sorted(missing))}", param="file")
    found = []
    for row in reader:
        currency, day, rate, source = ((row[name] or "").strip() for name in _COLUMNS)
        try:
            found.append(BookRate(currency.lower(), date.fromisoformat(day), Decimal(rate), source))
        except (ValueError, InvalidOperation, InvalidRequest) as exc:
            raise InvalidRequest(
                f"line {reader.line_num}: {rate!r} of {currency!r} on {day!r} is no rate: {exc}", param="file"
            ) from exc
    return found
