"""How far the billing run is: what is due and not billed, what was billed lately, what was parked, how fast it goes.

Ids sort by the wall time of their making, so what was written lately is a range of the primary key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cauce.kernel.ids import first_id
from cauce.storage.database import Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "run_progress.sql")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SWEEP = "subscriptions.renew"


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Subscriptions `due` at the organization's time and not billed yet, the oldest since `oldest_due_at`; `parked` ones
    failed alone. Invoices `done` in the last hour and `done_minute` in the last minute, wall time."""

    due: int
    oldest_due_at: datetime | None
    parked: int
    done: int
    done_minute: int

    @property
    def seconds_left(self) -> int | None:
        """What is due at the pace of the last minute, rounded up; None while nothing moves."""
        if not self.due:
            return 0
        seconds = int(MINUTE.total_seconds())
        return -(-self.due * seconds // self.done_minute) if self.done_minute else None

    @property
    def per_ten_thousand(self) -> int:
        """How much of the last hour's invoices and of what is due is done, in basis points."""
        return 10_000 * self.done // (self.done + self.due) if self.done + self.due else 10_000


async def run_progress(tx: Tx, now: datetime, wall: datetime) -> RunProgress:
    """The progress at the organization's time `now` and wall time `wall`."""
    row = await tx.row(QUERIES.progress, tx.org, now, first_id("in", wall - HOUR), first_id("in", wall - MINUTE), SWEEP)
    assert row is not None
    return RunProgress(**dict(row))
