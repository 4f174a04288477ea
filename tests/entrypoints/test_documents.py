"""An invoice as PDF: every language and paper, the same bytes each time, over HTTP and in the portal."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from cauce.entrypoints.web.documents import credit_note
from cauce.entrypoints.web.documents.invoice import facts
from cauce.entrypoints.web.documents.typesetting import typeset

AT = datetime(2026, 1, 15, tzinfo=UTC)
INVOICE: dict[str, Any] = {
    "number": "INV-000042",
    "snapshot": {
        "locale": "zh-CN",
        "country": "CN",
        "name": "林小雨",
        "email": "lin@example.com",
        "address": {"line1": "南京西路 1266 号", "city": "上海"},
        "tax_ids": [{"value": "91310000MA1K35"}],
        "tax_treatment": "reverse_charge",
    },
    "currency": "eur",
    "issued_on": date(2026, 1, 15),
    "payable_on": date(2026, 1, 29),
    "period_start": date(2026, 1, 15),
    "period_end": date(2026, 2, 15),
    "subtotal_minor": 7_600,
    "discount_minor": 500,
    "total_minor": 8_591,
}


def line(description: str, quantity: str = "1") -> dict[str, Any]:
    """A line of the invoice."""
    return {
        "description": description,
        "quantity": Decimal(quantity),
        "period_start": date(2026, 1, 15),
        "period_end": date(2026, 2, 15),
        "tax_percent": Decimal(21),
        "tax_minor": 1_491,
        "total_minor": 8_591,
    }


def pages_of(pdf: bytes) -> list[tuple[int, int]]:
    """Width and height of each page, in points."""
    bodies = [pdf]
    for packed in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        try:
            bodies.append(zlib.decompress(packed))
        except zlib.error:
            continue
    boxes = [box for body in bodies for box in re.findall(rb"/MediaBox\s*\[([^\]]*)\]", body)]
    return [(round_half(box.split()[2]), round_half(box.split()[3])) for box in boxes]


def round_half(text: bytes) -> int:
    """The whole points of a length."""
    return int(Decimal(text.decode()).to_integral_value())


@pytest.mark.parametrize("locale", ["en", "es", "zh"])
@pytest.mark.parametrize(("paper", "size"), [("a4", (595, 842)), ("letter", (612, 792))])
def test_the_same_invoice_is_the_same_bytes(locale: str, paper: str, size: tuple[int, int]) -> None:
    data = facts(INVOICE, [line("Studio 专业版"), line("Años", "3.5")], "Árbol S.L.", locale=locale, paper=paper)
    first = typeset("invoice.typ", data, AT)
    assert first == typeset("invoice.typ", data, AT)
    assert first.startswith(b"%PDF-")
    assert b"NotoSansCJKsc" in first, "Chinese is set in its own font, which the document carries"
    assert pages_of(first) == [size]


def test_language_and_paper_follow_the_customer() -> None:
    shown = facts(INVOICE, [line("x")], "Shop", locale="", paper="")
    assert (shown["lang"], shown["paper"], shown["texts"]["invoice"]) == ("zh", "a4", "账单")
    american = {**INVOICE, "snapshot": {"locale": "fr", "country": "US"}}
    shown = facts(american, [line("x")], "Shop", locale="", paper="")
    assert (shown["lang"], shown["paper"]) == ("en", "us-letter")
    assert shown["notes"] == []


def test_who_sells_stands_with_address_and_tax_number_as_they_were_then() -> None:
    said = {"seller_address": "Calle Mayor 1\n28013 Madrid", "seller_country": "ES", "seller_tax_id": "ESB12345678"}
    sold = {**INVOICE, "snapshot": {**INVOICE["snapshot"], **said}}
    shown = facts(sold, [line("x")], "Árbol S.L.", locale="en", paper="a4")
    assert shown["seller_lines"] == ["Calle Mayor 1", "28013 Madrid", "ES", "ESB12345678"]
    with_details, without = (
        typeset("invoice.typ", {**shown, "seller_lines": found}, AT) for found in (shown["seller_lines"], [])
    )
    assert with_details != without and with_details.startswith(b"%PDF-")
    assert facts(INVOICE, [line("x")], "Shop", locale="en", paper="a4")["seller_lines"] == [], "an older invoice"


def test_a_long_invoice_repeats_its_head_on_every_page() -> None:
    data = facts(INVOICE, [line(f"Line {n}") for n in range(120)], "Shop", locale="en", paper="a4")
    assert len(pages_of(typeset("invoice.typ", data, AT))) > 3


@pytest.mark.parametrize("text", ["#panic()", "$x$ *b* _i_ `c` <l> @r", '"#let', "\\ #sys", "﷽ 𝕏 🙂"])
def test_what_a_customer_is_called_is_text_and_never_a_command(text: str) -> None:
    odd = {**INVOICE, "snapshot": {**INVOICE["snapshot"], "name": text}}
    assert typeset("invoice.typ", facts(odd, [line(text)], text, locale="en", paper="a4"), AT).startswith(b"%PDF-")


NOTE: dict[str, Any] = {
    "number": "CN-000007",
    "currency": "eur",
    "reason": "Dos semanas sin servicio",
    "net_minor": 4_100,
    "tax_minor": 861,
    "total_minor": 4_961,
    "to_receivable_minor": 0,
    "to_credit_minor": 961,
    "to_refund_minor": 4_000,
    "to_granted_minor": 0,
    "lines": [
        {"line": 1, "net": 3_000, "tax": 630, "from_revenue": 0},
        {"line": 2, "net": 1_100, "tax": 231, "from_revenue": 0},
    ],
    "issued_at": datetime(2026, 1, 31, 23, 30, tzinfo=UTC),
    "timezone": "Europe/Madrid",
    "voided_at": None,
    "void_reason": "",
}
LINES = [{**line("Studio 专业版"), "number": 1}, {**line("Años", "3.5"), "number": 2}]


@pytest.mark.parametrize("locale", ["en", "es", "zh"])
def test_the_same_credit_note_is_the_same_bytes(locale: str) -> None:
    data = credit_note.facts(NOTE, INVOICE, LINES, "Árbol S.L.", locale=locale, paper="a4")
    first = typeset("invoice.typ", data, AT)
    assert first == typeset("invoice.typ", data, AT) and first.startswith(b"%PDF-")
    assert pages_of(first) == [(595, 842)]
    assert data["texts"]["invoice"] == {"en": "Credit note", "es": "Nota de abono", "zh": "贷记单"}[locale]


def test_a_credit_note_names_its_invoice_its_reason_its_sums_and_where_they_went() -> None:
    shown = credit_note.facts(NOTE, INVOICE, LINES, "Shop", locale="en", paper="")
    assert dict(shown["facts"]) == {"Issued": "Feb 1, 2026", "Of invoice": "INV-000042", "Invoiced": "Jan 15, 2026"}
    assert [(one["quantity"], one["amount"]) for one in shown["lines"]] == [("€30.00", "€36.30"), ("€11.00", "€13.31")]
    assert shown["sums"] == [["Subtotal", "€41.00"], ["Tax 21%", "€8.61"]]
    assert (shown["total"], shown["customer"]) == (
        "€49.61",
        facts(INVOICE, LINES, "Shop", locale="en", paper="")["customer"],
    )
    assert shown["notes"][:3] == ["Reason: Dos semanas sin servicio", "Kept as your credit: €9.61", "Refunded: €40.00"]
    void = {**NOTE, "voided_at": AT, "void_reason": "a mistake"}
    assert "a mistake" in credit_note.facts(void, INVOICE, LINES, "Shop", locale="en", paper="")["notes"][0]
