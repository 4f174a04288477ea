"""How the server is tuned: settings computed from the memory of the machine."""

from __future__ import annotations

import os
from pathlib import Path

_MIB = 1024 * 1024
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def machine_memory_bytes() -> int:
    """The memory this process may use: the machine's, or the container's limit if that is less."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit in _CGROUP_LIMITS:
        try:
            text = Path(limit).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return total


def tuning(memory_bytes: int) -> dict[str, str]:
    """PostgreSQL settings for a machine of so much memory that it shares with Cauce's own processes."""
    memory_mib = memory_bytes // _MIB
    # A quarter is PostgreSQL's own advice ("Resource Consumption", read 2026-11); more than 8 GiB brings little.
    shared_mib = min(max(memory_mib // 4, 64), 8192)
    return {
        "shared_buffers": f"{shared_mib}MB",
        "effective_cache_size": f"{max(memory_mib // 2, 128)}MB",
        "maintenance_work_mem": f"{min(max(memory_mib // 16, 64), 1024)}MB",
        "work_mem": f"{min(max(memory_mib // 256, 4), 64)}MB",
        "max_wal_size": "4GB" if memory_mib >= 4096 else "1GB",
        "max_connections": "200" if memory_mib >= 2048 else "100",
        # A young database grows from nothing to thousands of rows within a minute; plans need to know it soon.
        "autovacuum_naptime": "5s",
    }
