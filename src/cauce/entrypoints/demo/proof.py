"""The proof at the end: every book sums to zero, and what we say each merchant owns is what the provider says."""

from __future__ import annotations

from dataclasses import dataclass, field

from cauce.entrypoints.demo.stage import Stage
from cauce.kernel.money import major_text
from cauce.ledger.verify import verify
from cauce.reports import activity


@dataclass(frozen=True, slots=True)
class Proof:
    """`trial_balance_minor` per "book currency"; all zero when the books balance. `findings` of `ledger verify`."""

    trial_balance_minor: dict[str, int] = field(default_factory=dict)
    findings: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every book sums to zero and nothing was found."""
        return not any(self.trial_balance_minor.values()) and not self.findings


async def prove(stage: Stage) -> Proof:
    """Read the books."""
    async with stage.context.transaction() as tx:
        rows = await activity.trial_balance(tx)
        findings = await verify(tx)
    totals: dict[str, int] = {}
    for row in rows:
        name = f"{row['book']} {row['currency']}"
        totals[name] = totals.get(name, 0) + row["balance_minor"]
        both = major_text(row["debit_minor"], row["currency"]), major_text(row["credit_minor"], row["currency"])
        stage.tell(f"  {row['book']} book in {row['currency'].upper()}: debits {both[0]}, credits {both[1]}")
    return Proof(totals, tuple(str(finding) for finding in findings))
