"""Removes what has had its day: old idempotency records, expired sealed values, ended sessions and sign-in links; folds
figures into their days; makes the months of usage events that are to come.

Every worker does it now and then; two at the same time only find less to remove.
"""

from __future__ import annotations

from datetime import datetime

import asyncpg
import structlog

from cauce.billing.usage import service as usage
from cauce.flows.context import Runtime
from cauce.reports import analytics
from cauce.storage import idempotency, sealing
from cauce.storage.database import Database
from cauce.storage.directory import people

log = structlog.get_logger(__name__)

_ROWS_MAX = 5_000
_LOCK_MILLIS = 2_000


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
    await make_months(runtime.db, now)
    return count


async def make_months(db: Database, now: datetime) -> int:
    """Make the months of usage events around wall time `now`; how many were missing.

    Nobody needs them to go on: events of a month that is not there lie with the rest. So a table that is busy, or a
    user who may not make tables, only puts it off.
    """
    try:
        async with db.as_owner(lock_millis=_LOCK_MILLIS) as tx:
            return await usage.make_months(tx, now.date())
    except (asyncpg.LockNotAvailableError, asyncpg.InsufficientPrivilegeError) as exc:
        log.warning("housekeeping.months_put_off", reason=str(exc))
        return 0
