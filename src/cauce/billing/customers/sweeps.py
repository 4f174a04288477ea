"""Granted credit that lapses: after the renewal of the same instant, whose use it still pays."""

from __future__ import annotations

from cauce.storage.due_rows import sweep_over

CREDIT = sweep_over("customers.credit", 42, "customers.credit_grant")
