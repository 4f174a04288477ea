"""Cauce: a self-hosted billing and settlement engine on one double-entry ledger.

Imports run downwards only: entrypoints -> app -> flows, providers -> reports, slices -> pricing, storage,
gateway -> kernel. `docs/architecture.md` walks the three ways the data takes.
"""

__version__ = "0.1.0"
