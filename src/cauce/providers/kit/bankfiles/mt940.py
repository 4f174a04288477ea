"""MT940: pages of one statement joined, `:61:` and `:86:` read, by the mt-940 library."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import mt940

from cauce.gateway.errors import BadStatement, BalanceGap
from cauce.gateway.reporting import StatementFacts, StatementLine
from cauce.providers.kit.bankfiles.entry import REFERENCE, Entry, Lines, check_sum, minor_of

_BEGIN = re.compile(r"^:20:", re.MULTILINE)
_CREDITS = ("C", "RD")
"""Marks that put money into the account; RD takes a debit back."""

_GERMAN = re.compile(r"\?(\d\d)")
_SLASHED = re.compile(r"/(EREF|REMI|ORDP|BENM|NAME|IBAN|RTRN)/")


def read_mt940(
    data: bytes, facts: StatementFacts, *, encoding: str = "utf-8", reference: re.Pattern[str] = REFERENCE
) -> Iterator[StatementLine]:
    """The lines of an MT940 file of one account; `BadStatement`, and `BalanceGap` after the last line."""
    try:
        text = data.decode(encoding).replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        raise BadStatement(f"the file is not {encoding}") from exc
    begins = [found.start() for found in _BEGIN.finditer(text)]
    if not begins:
        raise BadStatement("the file holds no MT940 statement (no :20: field)")
    lines: Lines | None = None
    moved = 0
    for start, end in zip(begins, [*begins[1:], len(text)], strict=True):
        page = _parsed(text[start:end])
        _take_facts(page.data, facts)
        lines = lines or Lines(facts.account_ref, reference)
        for transaction in page.transactions:
            if "amount" in transaction.data:
                line = lines.of(_entry(transaction.data, facts.currency))
                moved += line.amount.amount_minor
                yield line
    check_sum(facts, moved)


def _parsed(page: str) -> Any:
    transactions = mt940.models.Transactions(processors={})
    try:
        transactions.parse(page.rstrip().removesuffix("-}").removesuffix("-"))
    except (ValueError, RuntimeError, KeyError, ArithmeticError) as exc:
        raise BadStatement(f"the MT940 statement cannot be read: {exc}") from exc
    return transactions


def _take_facts(data: Mapping[str, Any], facts: StatementFacts) -> None:
    account = str(data.get("account_identification", "")).strip()
    if facts.account_ref and account and account != facts.account_ref:
        raise BadStatement(f"the file holds statements of two accounts, {facts.account_ref} and {account}")
    facts.account_ref = facts.account_ref or account
    opening = data.get("final_opening_balance") or data.get("intermediate_opening_balance")
    closing = data.get("final_closing_balance") or data.get("intermediate_closing_balance")
    if opening is not None:
        minor = _balance(opening, facts)
        if facts.closing_minor is not None and minor != facts.closing_minor:  # a page goes on where the last one ended
            raise BalanceGap(facts.closing_minor, minor, facts.currency, at_opening=True)
        facts.opening_minor = minor if facts.opening_minor is None else facts.opening_minor
    if closing is not None:
        facts.closing_minor = _balance(closing, facts)


def _balance(balance: Any, facts: StatementFacts) -> int:
    currency = str(balance.amount.currency).lower()
    if facts.currency and facts.currency != currency:
        raise BadStatement(f"the file holds statements in {facts.currency} and {currency}")
    facts.currency = currency
    return _minor(balance.amount.amount, currency)


def _minor(amount: Decimal, currency: str) -> int:
    return minor_of(f"{amount:f}", currency)


def _entry(data: Mapping[str, Any], currency: str) -> Entry:
    status = str(data["status"])
    amount = abs(_minor(data["amount"].amount, currency))
    detail = _detail(str(data.get("transaction_details") or ""))
    value = data["date"]
    booked = data.get("entry_date") or value
    customer = str(data.get("customer_reference") or "").strip()
    return Entry(
        booking_date=_date(booked),
        value_date=_date(value),
        amount_minor=amount if status in _CREDITS else -amount,
        currency=currency,
        bank_ref=str(data.get("bank_reference") or "").strip(),
        end_to_end_ref=detail.get("EREF", "") or ("" if customer == "NONREF" else customer),
        counterparty_name=detail["name"],
        counterparty_account=detail["account"],
        text=detail["text"],
        tx_code=str(data.get("id") or ""),
        return_code=detail.get("RTRN", ""),
        is_reversal=status.startswith("R"),
    )


def _date(value: Any) -> date:
    return date(value.year, value.month, value.day)


def _detail(text: str) -> dict[str, str]:
    """`:86:` in its two common structures, or free."""
    if _GERMAN.search(text):
        parts = _GERMAN.split(text.replace("\n", ""))
        fields = dict(zip(parts[1::2], parts[2::2], strict=False))
        remittance = [fields[code] for code in sorted(fields) if "20" <= code <= "29" or "60" <= code <= "63"]
        name = fields.get("32", "") + fields.get("33", "")
        return {"text": " ".join(remittance), "name": name, "account": fields.get("31", "")}
    if _SLASHED.search(text):
        parts = _SLASHED.split(text.replace("\n", ""))
        found = dict(zip(parts[1::2], (part.rstrip("/") for part in parts[2::2]), strict=False))
        name = found.get("NAME") or found.get("ORDP") or found.get("BENM") or ""
        return {**found, "text": found.get("REMI", ""), "name": name, "account": found.get("IBAN", "")}
    return {"text": text, "name": "", "account": ""}
