"""Proves the books: recomputes every balance, sum, reserve and seal from the rows, and names the first row that lies.

`post` and the constraints keep these rules while they can; this finds what went around them: a restored half, a hand
in the database, a defect. Every check runs, whatever the others found.
"""

from __future__ import annotations

from dataclasses import dataclass

from cauce.ledger.chart import UnknownAccountCode, kind_of, owner_of
from cauce.ledger.rules import Book
from cauce.storage.database import Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "verify.sql")
_PAGE_ROWS = 5_000

CHECKS: dict[str, str] = {
    "balances": QUERIES.balances,
    "balance_chain": QUERIES.balance_chain,
    "journal_sums": QUERIES.journal_sums,
    "trial_balance": QUERIES.trial_balance,
    "orphan_entries": QUERIES.orphan_entries,
    "legs": QUERIES.legs,
    "books": QUERIES.books,
    "evidence": QUERIES.evidence,
    "keys": QUERIES.keys,
    "reversals": QUERIES.reversals,
    "held": QUERIES.held,
    "holds": QUERIES.holds,
    "floors": QUERIES.floors,
    "recording_order": QUERIES.recording_order,
    "closed_months": QUERIES.closed_months,
    "borders": QUERIES.borders,
    "month_gaps": QUERIES.month_gaps,
    "fee_mirror": QUERIES.fee_mirror,
    "funding_pairs": QUERIES.funding_pairs,
    "journal_numbers": QUERIES.journal_numbers,
    "seal_sequence": QUERIES.seal_sequence,
}
"""Checks that are one query each; `chart` and `seals` are walked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first row that breaks one check."""

    check: str
    subject: str
    problem: str

    def __str__(self) -> str:
        return f"{self.check}: {self.subject}: {self.problem}"


async def verify(tx: Tx) -> list[Finding]:
    """Run every check on the books of the transaction's organization; nothing found means that they are whole."""
    before = await tx.row(QUERIES.plan_now)
    assert before is not None
    await tx.run(QUERIES.plan_whole_books)
    found = []
    for check, query in CHECKS.items():
        row = await tx.row(query, tx.org)
        if row is not None:
            found.append(Finding(check, row["subject"], row["problem"]))
    for walked in (await _chart(tx), await _seals(tx)):
        if walked is not None:
            found.append(walked)
    await tx.run(QUERIES.plan_as_before, before["seqscan"], before["nestloop"], before["work_mem"])
    return found


async def _chart(tx: Tx) -> Finding | None:
    """Every account is one of the chart, on the side and with the owner that the chart gives it."""
    last = 0
    while rows := await tx.rows(QUERIES.accounts, tx.org, last, _PAGE_ROWS):
        for row in rows:
            subject = f"account {row['id']} {row['code']}"
            try:
                kind = kind_of(Book(row["book"]), row["code"])
            except UnknownAccountCode as exc:
                return Finding("chart", subject, exc.message)
            if row["normal_side"] != kind.normal_side:
                return Finding("chart", subject, "its normal side is not that of the chart")
            if row["owner_id"] != owner_of(kind, row["code"]):
                return Finding("chart", subject, f"its owner {row['owner_id']!r} is not the one in its code")
        last = rows[-1]["id"]
    return None


async def _seals(tx: Tx) -> Finding | None:
    previous, start = b"", 0
    for row in await tx.rows(QUERIES.seals, tx.org):
        digest = await tx.row(QUERIES.digest, tx.org, previous, start, row["until_id"])
        assert digest is not None
        if digest["hash"] != row["hash"] or digest["journals"] != row["journals"]:
            covered = f"it covers journals {start + 1} to {row['until_id']}: {row['journals']} when sealed, {digest['journals']} now"
            return Finding("seals", f"seal {row['number']}", covered)
        previous, start = row["hash"], row["until_id"]
    return None
