"""A worker of the billing run in a process of its own, that can be told to die at its n-th commit.

Run as `python -m tests.support.billing_worker DSN ORG ROWS DIE_AT AFTER`; it ends by itself when it finds nothing due.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

from cauce.billing.subscriptions.sweeps import RENEW
from cauce.flows.billing import renew
from cauce.flows.context import Runtime
from cauce.storage.database import Row, Tx
from cauce.storage.sweeps import TRANSIENT, run_chunk
from tests.support.worker_process import DyingDatabase

_ROOT = Path(__file__).parents[2]


def start(dsn: str, org_id: int, rows_max: int, die_at: int, *, after: bool) -> subprocess.Popen[bytes]:
    """A worker that bills chunks of `rows_max`; it dies at commit `die_at` (0: never), before or after it."""
    words = [sys.executable, "-m", "tests.support.billing_worker", dsn, str(org_id), str(rows_max), str(die_at)]
    return subprocess.Popen([*words, str(int(after))], cwd=_ROOT)


async def _work(dsn: str, org_id: int, rows_max: int, die_at: int, after: int) -> None:
    async def process(tx: Tx, rows: list[Row]) -> None:
        await renew.run(cast(Runtime, None), tx, rows)

    database = await DyingDatabase.connect(dsn)
    DyingDatabase.die_at, DyingDatabase.die_before = die_at, not after
    taken = 1
    while taken:
        try:
            taken = await run_chunk(database, replace(RENEW, rows_max=rows_max), [org_id], process)
        except TRANSIENT:
            continue
    await database.close()


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1], *map(int, sys.argv[2:])))
