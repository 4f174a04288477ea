"""What something would come to, line by line, before anybody books it."""

from __future__ import annotations

from collections.abc import Sequence

from cauce.entrypoints.web.tables import Table, amount, columns, text
from cauce.pricing.invoice_lines import PricedLine


def priced_lines(lines: Sequence[PricedLine], currency: str, *, title: str, none: str = "list.none") -> Table:
    """Priced lines as a table; `title` and `none` are keys of texts."""
    return Table(
        columns("invoices.line", "invoices.amount>", "invoices.tax>", "invoices.total>"),
        [
            (
                text(line.charge.description),
                amount(line.charge.amount_minor, currency),
                amount(line.tax_minor, currency),
                amount(line.total_minor, currency),
            )
            for line in lines
        ],
        title=title,
        none=none,
    )
