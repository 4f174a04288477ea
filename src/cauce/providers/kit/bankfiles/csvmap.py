"""CSV statements with a column map: the map says where each column is, how dates and amounts are written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from cauce.gateway.errors import BadStatement
from cauce.gateway.reporting import StatementFacts, StatementLine
from cauce.kernel.errors import InvalidRequest
from cauce.providers.kit.bankfiles.entry import REFERENCE, Entry, Lines, check_sum, minor_of

ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "latin-1")
COLUMNS = (
    "booking_date", "value_date", "amount", "debit", "credit", "balance_after", "bank_ref", "end_to_end_ref",
    "counterparty_name", "counterparty_account", "text", "tx_code", "return_code", "currency",
)  # fmt: skip
MODES: Mapping[str, tuple[str, ...]] = {
    "signed": ("amount",),
    "debit_credit": ("debit", "credit"),
    "amount_direction": ("amount",),
}
"""How a file writes direction -> the columns it then needs."""


REFERENCE_FIELDS = ("end_to_end_ref", "text", "bank_ref")


class BadCsvMap(InvalidRequest):
    """The column map cannot be understood."""

    code = "bad_csv_map"


@dataclass(frozen=True, slots=True)
class CsvMap:
    """How the CSV statements of one bank are read; the fields are those of custody.md 7.2."""

    columns: Mapping[str, str]
    currency: str
    account_ref: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    skip_rows: int = 0
    footer_regex: str = ""
    date_format: str = "%Y-%m-%d"
    decimal: str = "."
    thousands: str = ""
    amount_mode: str = "signed"
    direction_column: str = ""
    credit_words: tuple[str, ...] = ()
    debit_words: tuple[str, ...] = ()
    reference_fields: tuple[str, ...] = REFERENCE_FIELDS
    reference_regex: str = ""
    key_columns: tuple[str, ...] = field(default=())


def parse_csv_map(document: Mapping[str, Any]) -> CsvMap:
    """A map from its stored or sent form; `bad_csv_map` names what is wrong."""
    direction, reference = document.get("direction", {}), document.get("reference", {})
    try:
        found = CsvMap(
            columns=dict(document["columns"]),
            currency=str(document["currency"]).lower(),
            account_ref=str(document.get("account_ref", "")),
            encoding=document.get("encoding", "utf-8"),
            delimiter=document.get("delimiter", ","),
            quote=document.get("quote", '"'),
            skip_rows=document.get("skip_rows", 0),
            footer_regex=document.get("footer_regex", ""),
            date_format=document.get("date_format", "%Y-%m-%d"),
            decimal=document.get("decimal", "."),
            thousands=document.get("thousands", ""),
            amount_mode=document.get("amount_mode", "signed"),
            direction_column=direction.get("column", ""),
            credit_words=tuple(direction.get("credit", ())),
            debit_words=tuple(direction.get("debit", ())),
            reference_fields=tuple(reference.get("fields", REFERENCE_FIELDS)),
            reference_regex=reference.get("regex", ""),
            key_columns=tuple(document.get("entry_key", {}).get("columns", ())),
        )
    except (KeyError, TypeError, AttributeError) as exc:
        raise BadCsvMap(f"the column map lacks or misuses {exc}", param="map") from exc
    _check(found)
    return found


def _check(found: CsvMap) -> None:
    needed = ("booking_date", *MODES.get(found.amount_mode, ()))
    wrong = [
        (found.encoding not in ENCODINGS, f"the encoding is one of {', '.join(ENCODINGS)}"),
        (found.amount_mode not in MODES, f"amount_mode is one of {', '.join(MODES)}"),
        (len(found.delimiter) != 1 or len(found.quote) != 1, "delimiter and quote are one character each"),
        (type(found.skip_rows) is not int or not 0 <= found.skip_rows <= 100, "skip_rows is 0 to 100"),
        (not set(found.columns) <= set(COLUMNS), f"columns are of {', '.join(COLUMNS)}"),
        (any(name not in found.columns for name in needed), f"{found.amount_mode} needs {', '.join(needed)}"),
        (
            found.amount_mode == "amount_direction"
            and not (found.direction_column and found.credit_words and found.debit_words),
            "amount_direction needs the column and the words for credit and debit",
        ),
    ]
    for is_wrong, message in wrong:
        if is_wrong:
            raise BadCsvMap(message, param="map")
    for pattern in (found.footer_regex, found.reference_regex):
        try:
            re.compile(pattern)
        except re.error as exc:
            raise BadCsvMap(f"{pattern!r} is no regular expression: {exc}", param="map") from exc


def read_csv(data: bytes, facts: StatementFacts, csv_map: CsvMap) -> Iterator[StatementLine]:
    """The lines of a CSV file; `BadStatement`, and `BalanceGap` after the last line where balances are given."""
    reference = re.compile(csv_map.reference_regex) if csv_map.reference_regex else REFERENCE
    facts.account_ref, facts.currency = facts.account_ref or csv_map.account_ref, csv_map.currency
    lines = Lines(facts.account_ref, reference)
    footer = re.compile(csv_map.footer_regex) if csv_map.footer_regex else None
    moved = 0
    for number, row in _rows(data, csv_map):
        if footer is not None and footer.search(csv_map.delimiter.join(row.values())):
            break
        if not any(value.strip() for value in row.values()):
            continue
        try:
            entry, balance = _entry(row, csv_map)
        except BadStatement as exc:
            raise BadStatement(f"line {number}: {exc.message}") from exc
        _take_balance(facts, entry.amount_minor, balance)
        moved += entry.amount_minor
        yield lines.of(entry)
    check_sum(facts, moved)


def _take_balance(facts: StatementFacts, amount_minor: int, balance: int | None) -> None:
    if balance is None:
        return
    if facts.opening_minor is None:
        facts.opening_minor = balance - amount_minor
    facts.closing_minor = balance


def _rows(data: bytes, csv_map: CsvMap) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = io.TextIOWrapper(io.BytesIO(data), csv_map.encoding, newline="")
        rows = csv.reader(text, delimiter=csv_map.delimiter, quotechar=csv_map.quote)
        header: Sequence[str] | None = None
        for number, row in enumerate(rows, 1):
            if number <= csv_map.skip_rows:
                continue
            if header is None:
                header = [name.strip().lstrip("\ufeff") for name in row]
                missing = {*csv_map.columns.values(), *csv_map.key_columns} - set(header)
                if missing:
                    raise BadStatement(f"the file has no column {sorted(missing)[0]!r}")
                continue
            yield number, dict(zip(header, row, strict=False))
    except UnicodeDecodeError as exc:
        raise BadStatement(f"the file is not {csv_map.encoding}") from exc
    except csv.Error as exc:
        raise BadStatement(f"the file is no CSV: {exc}") from exc


def _entry(row: Mapping[str, str], csv_map: CsvMap) -> tuple[Entry, int | None]:
    def said(name: str) -> str:
        return row.get(csv_map.columns.get(name, ""), "").strip()

    def minor(text: str) -> int:
        return minor_of(text, csv_map.currency, decimal=csv_map.decimal, thousands=csv_map.thousands)

    booked = _day(said("booking_date"), csv_map)
    balance = said("balance_after")
    entry = Entry(
        booking_date=booked,
        value_date=_day(said("value_date"), csv_map) if said("value_date") else booked,
        amount_minor=_signed(row, csv_map, said, minor),
        currency=csv_map.currency,
        bank_ref=said("bank_ref"),
        end_to_end_ref=said("end_to_end_ref"),
        counterparty_name=said("counterparty_name"),
        counterparty_account=said("counterparty_account"),
        text=said("text"),
        tx_code=said("tx_code"),
        return_code=said("return_code"),
        entry_key="|".join(row.get(name, "").strip() for name in csv_map.key_columns),
    )
    return entry, minor(balance) if balance else None


def _signed(row: Mapping[str, str], csv_map: CsvMap, said: Any, minor: Any) -> int:
    if csv_map.amount_mode == "signed":
        signed: int = minor(said("amount"))
        return signed
    if csv_map.amount_mode == "debit_credit":
        debit, credit = (minor(said(name)) if said(name) else 0 for name in ("debit", "credit"))
        both: int = credit - debit
        return both
    amount: int = minor(said("amount"))
    word = row.get(csv_map.direction_column, "").strip()
    if word in csv_map.credit_words:
        return amount
    if word in csv_map.debit_words:
        return -amount
    raise BadStatement(f"{word!r} is neither credit nor debit")


def _day(text: str, csv_map: CsvMap) -> date:
    try:
        return datetime.strptime(text, csv_map.date_format).date()
    except ValueError as exc:
        raise BadStatement(f"{text!r} is no date like {csv_map.date_format}") from exc
