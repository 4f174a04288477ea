"""Invoices that collection looks at: the first charge, and the day on which a sent invoice is overdue."""

from __future__ import annotations

from cauce.storage.due_rows import sweep_over

COLLECT = sweep_over("invoicing.collect", 28, "invoicing.invoice", may_wait="x.status = 'open'")
