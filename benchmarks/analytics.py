"""Figures over many invoices: what the first page asks, answered from the days and not from the invoices."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from benchmarks.bench import Bench
from benchmarks.registry import row
from cauce.reports import analytics, dashboard

INVOICES = 1_000_000
SUBSCRIPTIONS_EVERY = 20
ASKED = 5
_DAYS = 1_000

_SEED = (
    """
INSERT INTO subscriptions.history (org_id, subscription_id, customer_id, at, trigger, source, target, currency, mrr_before_minor, mrr_after_minor, actor)
SELECT $1, 'sub_' || g, 'cus_' || g, $3::timestamptz + (g % 1000) * interval '1 day', 'subscribe', '-', 'active', 'eur', 0, 1000 + g % 900, 'bench'
  FROM generate_series(1, $2::int / 20) g
""",
    """
INSERT INTO invoicing.invoice (org_id, id, series, sequence, number, customer_id, subscription_id, reason, status, currency, subtotal_minor, total_minor,
  paid_minor, issued_on, payable_on, finalized_at, paid_at, created_at)
SELECT $1, 'in_' || lpad(g::text, 26, '0'), 'invoices', g, 'INV-' || g, 'cus_' || g % 50000, 'sub_' || g % 50000, 'manual', CASE WHEN g % 10 = 0 THEN 'open' ELSE 'paid' END,
       'eur', 1000 + g % 900, 1000 + g % 900, CASE WHEN g % 10 = 0 THEN 0 ELSE 1000 + g % 900 END, d::date, d::date + 14, d, CASE WHEN g % 10 <> 0 THEN d END, d
  FROM generate_series(1, $2::int) g CROSS JOIN LATERAL (SELECT $3::timestamptz + (g % 1000) * interval '1 day' AS d) x
""",
    """
INSERT INTO payments.payment (org_id, id, customer_id, invoice_id, source, currency, amount_minor, applied_minor, paid_at)
SELECT $1, 'pay_' || lpad(g::text, 26, '0'), 'cus_' || g % 50000, 'in_' || lpad(g::text, 26, '0'), 'manual', 'eur', 1000 + g % 900, 1000 + g % 900,
       $3::timestamptz + (g % 1000) * interval '1 day'
  FROM generate_series(1, $2::int) g WHERE g % 10 <> 0
""",
)


@row("analytics.dashboard.1m", "ms")
async def figures(bench: Bench) -> float:
    """The figures and the chart of the first page and the summary of a year, over 1,000,000 invoices of 1,000 days."""
    async with bench.database() as database:
        org_id = await bench.org(database)
        until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        begin = until - timedelta(days=_DAYS - 1)
        async with bench.owner() as owner:
            for statement in _SEED:
                await owner.execute(statement, org_id, INVOICES, begin)
            await owner.execute("ANALYZE")
        took = []
        for _ in range(ASKED):
            async with database.transaction(org_id) as tx:
                began = time.perf_counter()
                (revenue,) = await dashboard.revenue(tx)
                (owed,) = await dashboard.outstanding(tx)
                await dashboard.collected(tx, until - timedelta(days=29))
                await dashboard.collected_per_day(tx, "eur", until - timedelta(days=29), until)
                (year,) = await analytics.summary(tx, (until - timedelta(days=365)).date(), until.date())
                await analytics.movements(tx, (until - timedelta(days=365)).date(), until.date())
                await analytics.ageing(tx, until.date())
                took.append(1_000 * (time.perf_counter() - began))
            assert revenue["paying"] == INVOICES // SUBSCRIPTIONS_EVERY
            assert owed["invoices"] == INVOICES // 10 == year["outstanding_invoices"]
    return sorted(took)[ASKED // 2]
