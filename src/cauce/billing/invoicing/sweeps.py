"""Invoices that collection looks at: the first charge, the day on which a sent invoice is overdue, and the notice before."""

from __future__ import annotations

from cauce.storage.due_rows import sweep_over

COLLECT = sweep_over("invoicing.collect", 28, "invoicing.invoice", may_wait="x.status = 'open'")
_TOLD = (
    "id", "number", "customer_id", "subscription_id", "currency", "status", "total_minor", "credit_minor", "paid_minor",
    "credited_minor", "lost_minor", "payable_on",
)  # fmt: skip
NOTICE = sweep_over("invoicing.notice", 26, "invoicing.invoice", due="notice_at", columns=_TOLD)
