"""What of payments falls due: retries, the end of grace, notices of expiring cards."""

from __future__ import annotations

from cauce.storage.due_rows import sweep_over

RETRY = sweep_over("payments.retry", 30, "payments.dunning_case", may_wait="x.state = 'open'")
GRACE = sweep_over(
    "payments.grace",
    40,
    "payments.dunning_case",
    due="grace_at",
    columns=("id", "subscription_id", "customer_id", "policy"),
    may_wait="x.state = 'open'",
)
METHOD = sweep_over("payments.method", 25, "payments.method")
