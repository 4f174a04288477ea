"""What of a subscription falls due: renewals, ends of trials, lapses, ends of pauses, dated changes, notices."""

from __future__ import annotations

from cauce.storage.due_rows import sweep_over
from cauce.storage.sweeps import Sweep

_LAPSES = "x.due_kind IN ('quote_end', 'incomplete_end', 'unpaid_end', 'retention_end')"
_TIMER = ("subscription_id", "kind")


def _of_kind(name: str, rank: int, condition: str, rows_max: int = 1_000) -> Sweep:
    """A subscription waits for one thing at a time: its `due_kind` says for which."""
    table = "subscriptions.subscription"
    return sweep_over(f"subscriptions.{name}", rank, table, only=condition, may_wait=condition, rows_max=rows_max)


RENEW = _of_kind("renew", 25, "x.due_kind = 'renew'", rows_max=2_000)
TRIAL_END = _of_kind("trial_end", 40, "x.due_kind = 'trial_end'", rows_max=2_000)
LAPSE = _of_kind("lapse", 50, _LAPSES)
RESUME = _of_kind("resume", 25, "x.due_kind = 'resume'")
CHANGE = sweep_over("subscriptions.change", 24, "subscriptions.change")
TIMER = sweep_over("subscriptions.timer", 24, "subscriptions.timer", key=_TIMER, ties=_TIMER, may_wait="true")
UPCOMING = sweep_over(  # an index by time alone would cost every renewal one more entry
    "subscriptions.upcoming", 24, "subscriptions.subscription", due="upcoming_at", columns=("id",), only="x.due_kind = 'renew'",
    one_by_one=True,
)  # fmt: skip
