"""Removes what has had its day: old idempotency records, expired sealed values, ended sessions and sign-in links; folds
figures into their days.

Every worker does it now and then; two at the same time only find less to remove.
"""

from __future__ import annotations

from datetime import datetime

from cauce.flows.context import Runtime
from cauce.reports import analytics
from cauce.storage import idempotency, sealing
from cauce.storage.directory import people

_ROWS_MAX = 5_000


async def tidy_up(runtime: Runtime, now: datetime) -> int:
    """Remove what ended before wall time `now`, in small transactions; how many rows of organizations."""
    async with runtime.scheduler.transaction() as tx:
        with_records = await idempotency.find_orgs(tx, now)
        with_sealed = await sealing.find_expired(tx)
        with_changes = await analytics.find_unfolded(tx)
    count = 0
    for org_id in with_records:
        gone = _ROWS_MAX
        while gone == _ROWS_MAX:
            async with runtime.db.transaction(org_id) as tx:
                gone = await idempotency.forget_old(tx, now, _ROWS_MAX)
            count += gone
    for org_id in with_sealed:
        async with runtime.db.transaction(org_id) as tx:
            count += await sealing.drop_expired(tx)
    for org_id in with_changes:
        folded = _ROWS_MAX
        while folded == _ROWS_MAX:
            async with runtime.db.transaction(org_id) as tx:
                folded = await analytics.fold(tx, _ROWS_MAX)
    async with runtime.db.transaction() as tx:
        await people.forget_visits(tx, now)
    return count
