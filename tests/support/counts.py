"""How many generated programs a property runs: 200 in `make test`, the full counts in `make soak`.

`CAUCE_PROGRAMS` sets the number. Deadlines are off: timings never decide a test.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

PROGRAMS = int(os.environ.get("CAUCE_PROGRAMS", "200"))

programs = settings(
    max_examples=PROGRAMS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
"""Decorates a hypothesis property with the number of programs."""
