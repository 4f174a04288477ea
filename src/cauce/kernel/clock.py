"""The one place that reads the clock. Everywhere else `now` is an argument.

Two kinds of time run side by side. *Wall time* is for leases, HTTP timeouts and signature timestamps. *Org
time* is what an organization believes: a live organization has the wall clock, a sandbox organization has its
own, kept in its row, which may be frozen and advanced. Org time is read with `storage.orgclock`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


def wall_now() -> datetime:
    """The machine's time, aware UTC, microseconds."""
    return datetime.now(UTC)


def wall_millis() -> int:
    """The machine's time in milliseconds since 1970, for ids."""
    return time.time_ns() // 1_000_000


def monotonic_seconds() -> float:
    """Seconds of a clock that never goes backwards; only differences mean anything."""
    return time.monotonic()
