"""Seals the ledgers of all organizations, range by range. Every worker may do it now and then; two take turns."""

from __future__ import annotations

from cauce.flows.context import Runtime
from cauce.ledger import sealing
from cauce.storage.directory.orgs import list_orgs

_ORGS_PER_LOOK = 500


async def seal_ledgers(runtime: Runtime) -> int:
    """Seal whatever can be sealed; how many journals."""
    async with runtime.db.transaction() as tx:
        orgs = [org.id for org in await list_orgs(tx)]
    count = 0
    for start in range(0, len(orgs), _ORGS_PER_LOOK):
        async with runtime.db.transaction(orgs[start : start + _ORGS_PER_LOOK]) as tx:
            with_news = await sealing.find_unsealed(tx)
        for org_id in with_news:
            count += await sealing.seal_all(runtime.db, org_id)
    return count
