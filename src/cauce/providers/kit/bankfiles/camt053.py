"""camt.053, versions 001.02 to 001.14: read piece by piece, without document types or entities."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import date, datetime
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from cauce.gateway.errors import BadStatement, WrongAccount
from cauce.gateway.reporting import LineStatus, StatementFacts, StatementLine
from cauce.providers.kit.bankfiles.entry import REFERENCE, Entry, Lines, check_sum, minor_of

_NAMESPACE = re.compile(r"^\{urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(\d\d)\}")
_VERSIONS = range(2, 15)
_OPENING, _CLOSING = ("OPBD", "PRCD"), "CLBD"
_PENDING = {"PDNG", "INFO", "FUTR"}


def read_camt053(
    data: bytes, facts: StatementFacts, *, reference: re.Pattern[str] = REFERENCE
) -> Iterator[StatementLine]:
    """The lines of a camt.053 file of one account; `BadStatement`, and `BalanceGap` after the last line."""
    moved, lines = 0, None
    try:
        for name, element in _elements(data):
            if name == "Acct":
                _take_account(element, facts)
            elif name == "Bal":
                _take_balance(element, facts)
            elif name == "Ntry":
                lines = lines or Lines(facts.account_ref, reference)
                for entry in _entries(element, facts):
                    line = lines.of(entry)
                    moved += line.amount.amount_minor if line.status is LineStatus.BOOKED else 0
                    yield line
                element.clear()
    except DefusedXmlException as exc:
        raise BadStatement("the file carries a document type or entities") from exc
    except ParseError as exc:
        raise BadStatement(f"the file is no well-formed XML: {exc}") from exc
    check_sum(facts, moved)


def _elements(data: bytes) -> Iterator[tuple[str, Element]]:
    """Account, balances and entries of the statement, each when it is complete, under its plain name."""
    path: list[str] = []
    for event, element in iterparse(io.BytesIO(data), events=("start", "end"), forbid_dtd=True):
        if not path and event == "start":
            found = _NAMESPACE.match(element.tag)
            if found is None or int(found.group(1)) not in _VERSIONS:
                raise BadStatement("the file is no camt.053 of a known version")
        name = element.tag.rpartition("}")[2]
        if event == "start":
            path.append(name)
            continue
        path.pop()
        if path[-1:] == ["Stmt"] and name in ("Acct", "Bal", "Ntry"):
            yield name, _plain(element)


def _plain(element: Element) -> Element:
    for each in element.iter():
        each.tag = each.tag.rpartition("}")[2]
    return element


def _text(element: Element, *paths: str) -> str:
    """The first of these paths that says something."""
    for path in paths:
        found = (element.findtext(path) or "").strip()
        if found:
            return found
    return ""


def _take_account(element: Element, facts: StatementFacts) -> None:
    account = _text(element, "Id/IBAN", "Id/Othr/Id")
    if facts.account_ref and facts.account_ref != account:
        raise WrongAccount(f"the file holds statements of two accounts, {facts.account_ref} and {account}")
    facts.account_ref = account
    facts.currency = _text(element, "Ccy").lower() or facts.currency


def _take_balance(element: Element, facts: StatementFacts) -> None:
    code = _text(element, "Tp/CdOrPrtry/Cd")
    amount, currency = _amount(element, "Amt", facts)
    facts.currency = facts.currency or currency
    signed = amount if _text(element, "CdtDbtInd") == "CRDT" else -amount
    if code in _OPENING and facts.opening_minor is None:
        facts.opening_minor = signed
    elif code == _CLOSING:
        facts.closing_minor = signed


def _amount(element: Element, path: str, facts: StatementFacts) -> tuple[int, str]:
    found = element.find(path)
    if found is None:
        raise BadStatement("an amount is missing")
    currency = (found.get("Ccy") or facts.currency).lower()
    return minor_of(found.text or "", currency), currency


def _entries(element: Element, facts: StatementFacts) -> Iterator[Entry]:
    """One entry a transaction where their amounts make up the whole, else one for the entry."""
    amount, currency = _amount(element, "Amt", facts)
    details = element.findall("NtryDtls/TxDtls")
    amounts = [_own_amount(each, facts) for each in details]
    if len(details) > 1 and sum(one or 0 for one in amounts) == amount and None not in amounts:
        for each, own in zip(details, amounts, strict=True):
            yield _entry(element, each, own or 0, currency)
        return
    yield _entry(element, details[0] if len(details) == 1 else None, amount, currency)


def _own_amount(detail: Element, facts: StatementFacts) -> int | None:
    for path in ("AmtDtls/TxAmt/Amt", "Amt"):
        if detail.find(path) is not None:
            return _amount(detail, path, facts)[0]
    return None


def _entry(element: Element, detail: Element | None, amount_minor: int, currency: str) -> Entry:
    is_credit = _text(element, "CdtDbtInd") == "CRDT"
    status = _text(element, "Sts/Cd", "Sts")
    more = detail if detail is not None else Element("TxDtls")
    party, account = ("Dbtr", "DbtrAcct") if is_credit else ("Cdtr", "CdtrAcct")
    remittance = " ".join((each.text or "").strip() for each in more.findall("RmtInf/Ustrd"))
    booked = _day(element, "BookgDt") or _day(element, "ValDt")
    if booked is None:
        raise BadStatement("an entry has neither booking nor value date")
    return Entry(
        booking_date=booked,
        value_date=_day(element, "ValDt") or booked,
        amount_minor=amount_minor if is_credit else -amount_minor,
        currency=currency,
        bank_ref=_text(more, "Refs/AcctSvcrRef") or _text(element, "AcctSvcrRef"),
        end_to_end_ref=_text(more, "Refs/EndToEndId", "Refs/InstrId", "Refs/TxId", "Refs/MsgId"),
        counterparty_name=_text(more, f"RltdPties/{party}/Nm", f"RltdPties/{party}/Pty/Nm"),
        counterparty_account=_text(more, f"RltdPties/{account}/Id/IBAN", f"RltdPties/{account}/Id/Othr/Id"),
        text=remittance or _text(more, "RmtInf/Strd/CdtrRefInf/Ref") or _text(element, "AddtlNtryInf"),
        tx_code=_code(element),
        return_code=_text(more, "RtrInf/Rsn/Cd"),
        is_reversal=_text(element, "RvslInd") in ("true", "1"),
        status=LineStatus.PENDING if status in _PENDING else LineStatus.BOOKED,
    )


def _code(element: Element) -> str:
    domain = [_text(element, f"BkTxCd/Domn/{path}") for path in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")]
    return "-".join(part for part in domain if part) or _text(element, "BkTxCd/Prtry/Cd")


def _day(element: Element, name: str) -> date | None:
    text = _text(element, f"{name}/Dt", f"{name}/DtTm")
    if not text:
        return None
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).date()
    except ValueError as exc:
        raise BadStatement(f"{text!r} is no date") from exc
