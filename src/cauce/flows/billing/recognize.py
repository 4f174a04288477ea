"""Revenue recognition: what was served before a day becomes revenue, straight-line by day, one journal per product (G13).

Resumable: each chunk of lines is one transaction that writes how much of each line is recognized and posts the sum,
so a killed close goes on where it stood. Closing a month of the platform's book runs it for the first day after it; the
journals are dated in the last second of the last day that they recognize.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cauce.billing.invoicing import recognition
from cauce.flows.billing.issue import Batch, write
from cauce.flows.context import Context
from cauce.kernel.calendar.periods import Period
from cauce.kernel.calendar.zones import start_of_day, zone_of
from cauce.ledger.recipes import billing as recipes
from cauce.pricing.recognition import recognised_before
from cauce.storage.database import Database, Tx
from cauce.storage.directory.orgs import read_org

LINES_PER_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class RecognizedRevenue:
    """What a close recognized: lines touched, and minor units per currency."""

    lines: int
    amounts_minor: dict[str, int]


async def recognize_revenue(context: Context, before: date) -> RecognizedRevenue:
    """Recognize everything served before the day `before` (first day that is not recognized)."""
    return await recognize_in(context.db, context.org_id, before, context.actor.name, context.cause)


async def recognize_in(
    database: Database, org_id: int, before: date, actor: str, cause: str | None = None
) -> RecognizedRevenue:
    """The same for an organization by its number."""
    lines = 0
    amounts: dict[str, int] = defaultdict(int)
    place = ("", 0)
    while True:
        async with database.transaction(org_id) as tx:
            at = start_of_day(before, zone_of((await read_org(tx, tx.org)).timezone)) - timedelta(seconds=1)
            due = await recognition.due(tx, before, place, LINES_PER_CHUNK)
            if not due:
                return RecognizedRevenue(lines, dict(amounts))
            for currency, amount in (await _recognize(tx, due, before, at, actor, cause)).items():
                amounts[currency] += amount
            place = (due[-1].invoice_id, due[-1].number)
            lines += len(due)


async def is_to_recognize(tx: Tx, before: date) -> bool:
    """Whether anything served before a day is not revenue yet."""
    place = ("", 0)
    while due := await recognition.due(tx, before, place, LINES_PER_CHUNK):
        for line in due:
            period = Period(line.period_start, line.period_end)
            if recognised_before(line.net_minor, period, before) != line.recognized_minor:
                return True
        place = (due[-1].invoice_id, due[-1].number)
    return False


async def _recognize(
    tx: Tx, due: list[recognition.DeferredLine], before: date, at: datetime, actor: str, cause: str | None
) -> dict[str, int]:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    moved = []
    for line in due:
        target = recognised_before(line.net_minor, Period(line.period_start, line.period_end), before)
        if target != line.recognized_minor:
            sums[line.product_id or "", line.currency] += target - line.recognized_minor
            moved.append((line.invoice_id, line.number, target))
    await recognition.save(tx, moved)
    batch = Batch()
    first = due[0]
    for (product, currency), amount in sorted(sums.items()):
        key = f"{before}:{product}:{currency}:{first.invoice_id}:{first.number}"
        batch.add(recipes.revenue_recognized(key, product, currency, at, amount_minor=amount))
    await write(tx, batch, actor, cause)
    totals: dict[str, int] = defaultdict(int)
    for (_, currency), amount in sums.items():
        totals[currency] += amount
    return totals
