"""A merchant's statement of one settlement, as CSV and as PDF: what came, what went, the balance that it closes to."""

from __future__ import annotations

import csv
import io
from collections import defaultdict

from cauce.entrypoints.documents.pdf import set_pdf
from cauce.entrypoints.web.texts import Translate
from cauce.kernel.money import major_text
from cauce.reports.settlements import Statement

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(statement: Statement) -> str:
    """Rows of text: opening, each movement with the balance after it, the payout of this settlement, closing."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["at", "movement", "order", "amount", "balance", "currency"])
    money = _Money(statement.currency)
    begins = statement.from_at.isoformat() if statement.from_at else ""
    writer.writerow([begins, "opening", "", "", money(statement.opening_minor), statement.currency])
    for line in statement.lines:
        amounts = money(line.amount_minor), money(line.balance_minor)
        writer.writerow([line.at.isoformat(), line.recipe, _plain(line.order_number), *amounts, statement.currency])
    ends = statement.until_at.isoformat()
    writer.writerow(
        [ends, "payout", "", money(-statement.payout_minor), money(statement.closing_minor), statement.currency]
    )
    return written.getvalue()


def as_pdf(statement: Statement, t: Translate) -> bytes:
    """The same on paper, with sums by kind of movement."""
    money = _Money(statement.currency)
    rows = [[_day(statement.from_at), "", "", "", money(statement.opening_minor)]]
    sums: dict[str, int] = defaultdict(int)
    for line in statement.lines:
        what = t(f"recipe.{line.recipe}")
        sums[what] += line.amount_minor
        rows.append([_day(line.at), what, line.order_number, money(line.amount_minor), money(line.balance_minor)])
    payout = t("recipe.T12")
    sums[payout] -= statement.payout_minor
    rows.append([_day(statement.until_at), payout, "", money(-statement.payout_minor), money(statement.closing_minor)])
    return set_pdf(
        "settlement",
        {
            "title": t("statement.title"),
            "merchant": statement.merchant,
            "channel": statement.channel,
            "id": statement.id,
            "period": f"{_day(statement.from_at)} – {_day(statement.until_at)}",
            "columns": [
                t("statement.when"), t("statement.what"), t("nav.orders"), f"{t('statement.amount')} {statement.currency.upper()}",
                t("statement.balance"),
            ],
            "rows": rows,
            "sums_title": t("statement.what"),
            "sums": [[name, money(minor)] for name, minor in sorted(sums.items())],
        },
    )  # fmt: skip


class _Money:
    def __init__(self, currency: str) -> None:
        self._currency = currency

    def __call__(self, amount_minor: int) -> str:
        return major_text(amount_minor, self._currency)


def _day(at: object) -> str:
    return str(at)[:10] if at else ""


def _plain(value: str) -> str:
    """Text that a spreadsheet would take for a formula gets a quote before it."""
    return f"'{value}" if value.startswith(_FORMULA) else value
