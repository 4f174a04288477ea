"""What `cauce doctor` looks at: each check tries the real thing and says in plain words what is wrong and what to do.

A check is a function that returns findings; `EVERY` runs them in the order in which a newcomer meets the troubles.
"""

from __future__ import annotations

from collections.abc import Callable

from cauce.entrypoints.cli.checks.data import check_database, check_home, check_master_key
from cauce.entrypoints.cli.checks.finding import Finding
from cauce.entrypoints.cli.checks.machine import check_init, check_packages, check_programs, check_python
from cauce.entrypoints.cli.checks.network import check_ports, check_public_url
from cauce.settings import Settings

Check = Callable[[Settings], list[Finding]]

EVERY: tuple[Check, ...] = (
    check_python,
    check_packages,
    check_programs,
    check_init,
    check_home,
    check_master_key,
    check_ports,
    check_public_url,
    check_database,
)
