"""Every number of the demo application, with its source and the day of reading."""

from __future__ import annotations

from datetime import date

from cauce.gateway.capabilities import Sourced

INSTANCES_MAX = Sourced(100, "instances", "ours: each is a process of about 12 MB", date(2026, 11, 20))
START_SECONDS_MAX = Sourced(20, "seconds", "ours: a loaded machine starts Python in five", date(2026, 11, 20))
PING_SECONDS = Sourced(3, "seconds", "ours: a page of the own machine answers at once", date(2026, 11, 20))
LOCK_SECONDS_MAX = Sourced(30, "seconds", "ours: longer than one start can take", date(2026, 11, 20))
KEYS_KEPT = Sourced(200, "operations", "ours: repeats come within days, not years", date(2026, 11, 20))
ASK_AFTER_SECONDS = Sourced(5, "seconds", "ours: everything is on this machine", date(2026, 11, 20))
