"""A credit note as PDF: which invoice it corrects, why, its lines and sums; the look and the names of that invoice."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from starlette.responses import Response

from cauce.entrypoints.web.documents.invoice import frame, paper_of, period_of, rate_of
from cauce.entrypoints.web.documents.typesetting import typeset
from cauce.entrypoints.web.downloads import pdf_of
from cauce.entrypoints.web.rendering import day, money
from cauce.entrypoints.web.texts import translator
from cauce.flows.context import Context
from cauce.kernel.calendar.zones import local_date, zone_of
from cauce.reports import invoices as report
from cauce.storage.database import Row
from cauce.storage.directory.orgs import read_org

_WENT = (
    ("to_receivable_minor", "owed"),
    ("to_credit_minor", "kept"),
    ("to_granted_minor", "granted"),
    ("to_refund_minor", "refunded"),
)


async def credit_note_pdf(context: Context, note_id: str, *, locale: str = "", paper: str = "") -> tuple[str, bytes]:
    """The file name and bytes of a credit note. `locale` and `paper` "" follow the customer's language and country."""
    paper_of(paper, "")
    async with context.transaction() as tx:
        note = await report.credit_note(tx, note_id)
        one = await report.one(tx, note["invoice_id"])
        lines = await report.lines(tx, note["invoice_id"])
        org = await read_org(tx, tx.org)
    data = facts(note, one, lines, one["snapshot"].get("seller") or org.name, locale=locale, paper=paper)
    pdf = await asyncio.to_thread(typeset, "invoice.typ", data, note["issued_at"])
    return f"{note['number']}.pdf", pdf


async def answer_note_pdf(context: Context, note_id: str, *, locale: str = "", paper: str = "") -> Response:
    """The same as a download."""
    return pdf_of(*await credit_note_pdf(context, note_id, locale=locale, paper=paper))


def facts(
    note: Mapping[str, Any] | Row,
    one: Mapping[str, Any] | Row,
    lines: Sequence[Mapping[str, Any] | Row],
    seller: str,
    *,
    locale: str,
    paper: str,
) -> dict[str, Any]:
    """What the template shows of a note of the invoice `one`, as text. Pure."""
    shown, currency = frame(one, seller, locale=locale, paper=paper), note["currency"]
    chosen: str = shown["lang"]
    t = translator(chosen)
    billed = {line["number"]: line for line in lines}
    credited = [(billed[part["line"]], part) for part in note["lines"]]
    issued_on = local_date(note["issued_at"], zone_of(note["timezone"]))
    went = [f"{t(f'document.{how}')}: {money(note[name], currency, chosen)}" for name, how in _WENT if note[name]]
    void = [f"{t('state.void')}: {note['void_reason']}"] if note["voided_at"] is not None else []
    return {
        **shown,
        "number": note["number"],
        "texts": {**shown["texts"], "invoice": t("document.credit_note")},
        "facts": [
            [t("invoices.issued"), day(issued_on, chosen)],
            [t("document.of_invoice"), one["number"]],
            [t("document.invoiced"), day(one["issued_on"], chosen)],
        ],
        "columns": [t("invoices.line"), t("invoices.subtotal"), t("invoices.tax"), t("invoices.total")],
        "lines": [_line(line, part, currency, chosen) for line, part in credited],
        "sums": _sums(note, credited, chosen),
        "total": money(note["total_minor"], currency, chosen),
        "notes": [*void, f"{t('actions.reason')}: {note['reason']}", *went, *shown["notes"]],
    }


def _line(line: Mapping[str, Any] | Row, part: Mapping[str, Any], currency: str, locale: str) -> dict[str, str]:
    return {
        "description": line["description"],
        "period": period_of(line, locale) if line["period_start"] else "",
        "quantity": money(part["net"], currency, locale),
        "tax": rate_of(line["tax_percent"], locale),
        "amount": money(part["net"] + part["tax"], currency, locale),
    }


def _sums(
    note: Mapping[str, Any] | Row, credited: Sequence[tuple[Mapping[str, Any] | Row, Mapping[str, Any]]], locale: str
) -> list[list[str]]:
    t, currency = translator(locale), note["currency"]
    by_rate: dict[Decimal, int] = defaultdict(int)
    for line, part in credited:
        by_rate[line["tax_percent"]] += part["tax"]
    taxes = [
        [f"{t('invoices.tax')} {rate_of(rate, locale)}", money(tax, currency, locale)]
        for rate, tax in sorted(by_rate.items())
        if rate
    ]
    return [[t("invoices.subtotal"), money(note["net_minor"], currency, locale)], *taxes]
