"""An invoice as PDF: its number, whom it is for, its lines and sums, in the customer's language or another one."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal, format_percent
from starlette.responses import Response

from cauce.entrypoints.web.documents.typesetting import typeset
from cauce.entrypoints.web.downloads import pdf_of
from cauce.entrypoints.web.rendering import day, money
from cauce.entrypoints.web.texts import BABEL, best_locale, translator
from cauce.flows.context import Context
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.reports import invoices as report
from cauce.storage.database import Row
from cauce.storage.directory.orgs import read_org

PAPERS = {"a4": "a4", "letter": "us-letter"}
_LETTER_COUNTRIES = frozenset({"US", "CA", "MX", "CL", "CO", "CR", "PA", "PH", "PR", "VE"})
_CJK = {"JP": "Noto Sans CJK JP", "KR": "Noto Sans CJK KR", "TW": "Noto Sans CJK TC", "HK": "Noto Sans CJK HK"}
_REGION = {"zh": "cn"}


class NotFinal(Conflict):
    """A draft has no number yet and cannot be printed."""

    code = "invoice_not_final"


async def invoice_pdf(context: Context, invoice_id: str, *, locale: str = "", paper: str = "") -> tuple[str, bytes]:
    """The file name and bytes of a final invoice. `locale` and `paper` "" follow the customer's language and country."""
    paper_of(paper, "")
    async with context.transaction() as tx:
        one = await report.one(tx, invoice_id)
        lines = await report.lines(tx, invoice_id)
        org = await read_org(tx, tx.org)
    if one["number"] is None:
        raise NotFinal()
    data = facts(one, lines, one["snapshot"].get("seller") or org.name, locale=locale, paper=paper)
    pdf = await asyncio.to_thread(typeset, "invoice.typ", data, one["finalized_at"])
    return f"{one['number']}.pdf", pdf


async def answer_pdf(context: Context, invoice_id: str, *, locale: str = "", paper: str = "") -> Response:
    """The same as a download."""
    return pdf_of(*await invoice_pdf(context, invoice_id, locale=locale, paper=paper))


def facts(
    one: Mapping[str, Any] | Row, lines: Sequence[Mapping[str, Any] | Row], seller: str, *, locale: str, paper: str
) -> dict[str, Any]:
    """What the template shows, as text. Pure."""
    shown, currency = frame(one, seller, locale=locale, paper=paper), one["currency"]
    chosen: str = shown["lang"]
    t = translator(chosen)
    return {
        **shown,
        "number": one["number"],
        "texts": {**shown["texts"], "invoice": t("document.invoice")},
        "facts": [
            [t("invoices.issued"), day(one["issued_on"], chosen)],
            *([[t("invoices.payable"), day(one["payable_on"], chosen)]] if one["payable_on"] else []),
            *([[t("invoices.period"), period_of(one, chosen)]] if one["period_start"] else []),
        ],
        "columns": [t("invoices.line"), t("invoices.quantity"), t("invoices.tax"), t("invoices.total")],
        "lines": [_line(line, currency, chosen) for line in lines],
        "sums": _sums(one, lines, chosen),
        "total": money(one["total_minor"], currency, chosen),
    }


def frame(one: Mapping[str, Any] | Row, seller: str, *, locale: str, paper: str) -> dict[str, Any]:
    """What every document about the invoice `one` has: paper, language, fonts, seller, customer, legal notes."""
    snapshot = one["snapshot"]
    locale = best_locale(locale or str(snapshot.get("locale", ""))[:2], "")
    country, t = str(snapshot.get("country", "")), translator(locale)
    return {
        **parties(one, seller),
        "seller": seller,
        "paper": paper_of(paper, country),
        "lang": locale,
        "region": _REGION.get(locale, country.lower() if len(country) == 2 else None),
        "cjk": _CJK.get(country, "Noto Sans CJK SC"),
        "texts": {"to": t("document.to"), "total": t("invoices.total")},
        "notes": [t("document.reverse_charge")] if snapshot.get("tax_treatment") == "reverse_charge" else [],
    }


def paper_of(paper: str, country: str) -> str:
    """The name of a paper as the template takes it; "": that of the country. `InvalidRequest` for what is none."""
    if paper and paper not in PAPERS:
        raise InvalidRequest(f"paper is one of {', '.join(PAPERS)}", param="paper")
    return PAPERS[paper or ("letter" if country in _LETTER_COUNTRIES else "a4")]


def parties(one: Mapping[str, Any] | Row, org_name: str) -> dict[str, Any]:
    """Who sold and who is billed, as they were when the invoice was issued: the seller's name and the lines under each."""
    snapshot = one["snapshot"]
    return {
        "seller": snapshot.get("seller") or org_name,
        "seller_lines": _seller(snapshot),
        "customer": _customer(snapshot),
    }


def _seller(snapshot: Mapping[str, Any]) -> list[str]:
    """Address and tax number of who sold, as they were when the invoice was issued."""
    lines = str(snapshot.get("seller_address") or "").splitlines()
    shown = [*lines, str(snapshot.get("seller_country") or ""), str(snapshot.get("seller_tax_id") or "")]
    return [text.strip() for text in shown if text.strip()]


def _customer(snapshot: Mapping[str, Any]) -> list[str]:
    address = snapshot.get("address") or {}
    parts = [str(address[name]) for name in sorted(address, key=_address_order) if address[name]]
    tax_ids = [
        str(one.get("value", "")) if isinstance(one, dict) else str(one) for one in snapshot.get("tax_ids") or []
    ]
    shown = [str(snapshot.get("name") or ""), *parts, str(snapshot.get("email") or ""), *tax_ids]
    return [text for text in shown if text]


_ADDRESS = ("line1", "line2", "street", "postal_code", "city", "state", "country")


def _address_order(name: str) -> tuple[int, str]:
    return (_ADDRESS.index(name) if name in _ADDRESS else len(_ADDRESS), name)


def _line(line: Mapping[str, Any] | Row, currency: str, locale: str) -> dict[str, str]:
    quantity: Decimal = line["quantity"]
    return {
        "description": line["description"],
        "period": period_of(line, locale) if line["period_start"] else "",
        "quantity": str(format_decimal(quantity.normalize(), locale=BABEL[locale], decimal_quantization=False)),
        "tax": rate_of(line["tax_percent"], locale),
        "amount": money(line["total_minor"], currency, locale),
    }


def _sums(one: Mapping[str, Any] | Row, lines: Sequence[Mapping[str, Any] | Row], locale: str) -> list[list[str]]:
    t, currency = translator(locale), one["currency"]
    sums = [[t("invoices.subtotal"), money(one["subtotal_minor"], currency, locale)]]
    if one["discount_minor"]:
        sums.append([t("invoices.discount"), money(-one["discount_minor"], currency, locale)])
    by_rate: dict[Decimal, int] = defaultdict(int)
    for line in lines:
        by_rate[line["tax_percent"]] += line["tax_minor"]
    for rate, tax in sorted(by_rate.items()):
        if rate:
            sums.append([f"{t('invoices.tax')} {rate_of(rate, locale)}", money(tax, currency, locale)])
    return sums


def rate_of(percent: Decimal, locale: str) -> str:
    """A rate of tax in the reader's form; a dash for none."""
    return str(format_percent(percent / 100, locale=BABEL[locale], decimal_quantization=False)) if percent else "–"


def period_of(row: Mapping[str, Any] | Row, locale: str) -> str:
    """First and last day of a period in the reader's form."""
    return f"{day(row['period_start'], locale)} – {day(row['period_end'], locale)}"
