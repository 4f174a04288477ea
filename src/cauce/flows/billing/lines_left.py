"""What is left of an invoice's lines to credit: less what notes took of them, and less what changes gave back of their days.

A change gives unused days back by lines of its own, on a later invoice. What a line still holds is what it billed less
both, so that no note, void or end gives a day back twice (V23). A change's line that is credited itself counts no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cauce.billing.invoicing import credits
from cauce.kernel.calendar.periods import Period
from cauce.pricing.crediting import LineLeft
from cauce.pricing.tax import Tax, taxed
from cauce.storage.database import Row, Tx


@dataclass(slots=True)
class _Advance:
    """One billed line and what of it changes have given back, in minor units."""

    row: Row
    given_net: int = 0
    given_tax: int = 0

    def give(self, net: int, tax: int) -> tuple[int, int]:
        """Take so much of it; what it could not hold."""
        taken_net = min(net, max(0, self.row["net_minor"] - self.given_net))
        taken_tax = min(tax, max(0, self.row["tax_minor"] - self.given_tax))
        self.given_net += taken_net
        self.given_tax += taken_tax
        return net - taken_net, tax - taken_tax


async def lines_left(tx: Tx, invoice_id: str) -> list[LineLeft]:
    """The lines of an invoice, locked, with what may still be credited of each; minor units."""
    rows = await credits.lock_lines(tx, invoice_id)
    given = await given_back(tx, invoice_id, rows)
    left = []
    for row in rows:
        net, tax = row["net_minor"] - row["credited_net_minor"], row["tax_minor"] - row["credited_tax_minor"]
        given_net, given_tax = given.get(row["number"], (0, 0))
        deferred = net - row["recognized_minor"] if row["deferred"] else 0
        rate = Tax(Fraction(row["tax_percent"]), row["tax_inclusive"])
        left.append(LineLeft(row["number"], net - given_net, tax - given_tax, deferred, rate))
    return left


async def given_back(tx: Tx, invoice_id: str, lines: Sequence[Row]) -> dict[int, tuple[int, int]]:
    """Net and tax that changes gave back of an invoice's lines, by their number; only of lines of which they did."""
    rows = await credits.advances_beside(tx, invoice_id)
    if not any(row["net_minor"] < 0 for row in rows):
        return {}
    rates = {row["item_id"]: Fraction(row["tax_percent"]) for row in lines if row["item_id"]}
    advances = [_Advance(row) for row in rows if row["net_minor"] > 0]
    for row in rows:
        if row["net_minor"] < 0:
            _divide(row, [one for one in advances if _meet(one.row, row)], rates)
    return {
        one.row["number"]: (one.given_net, one.given_tax)
        for one in advances
        if one.row["invoice_id"] == invoice_id and (one.given_net or one.given_tax)
    }


def _meet(billed: Row, given: Row) -> bool:
    """Whether a line gave days of a billed one back: of the same item, days in common."""
    days, back = (Period(row["period_start"], row["period_end"]) for row in (billed, given))
    return billed["item_id"] == given["item_id"] and days.start < back.end and back.start < days.end


def _divide(given: Row, advances: Sequence[_Advance], rates: Mapping[str, Fraction]) -> None:
    net, tax = -given["net_minor"], -given["tax_minor"]
    if given["tax_inclusive"] is not None:  # not billed yet: taxed as its item was
        whole = taxed(net, Tax(rates[given["item_id"]], given["tax_inclusive"]))
        net, tax = whole.net_minor, whole.tax_minor
    for advance in advances:
        net, tax = advance.give(net, tax)
