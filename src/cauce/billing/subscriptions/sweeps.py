"""What of a subscription falls due: renewals, ends of trials, lapses, ends of pauses, dated changes, notices."""

from __future__ import annotations

from cauce.storage.sql import load_queries
from cauce.storage.sweeps import Sweep

QUERIES = load_queries(__package__, "sweeps.sql")

RENEW = Sweep(
    name="subscriptions.renew",
    rank=25,
    find=QUERIES.renew_find,
    claim=QUERIES.renew_claim,
    set_due=QUERIES.renew_set_due,
    next_due=QUERIES.renew_next,
    due_of=QUERIES.renew_due,
    rows_max=2_000,
)
TRIAL_END = Sweep(
    name="subscriptions.trial_end",
    rank=40,
    find=QUERIES.trial_end_find,
    claim=QUERIES.trial_end_claim,
    set_due=QUERIES.trial_end_set_due,
    next_due=QUERIES.trial_end_next,
    due_of=QUERIES.trial_end_due,
    rows_max=2_000,
)
LAPSE = Sweep(
    name="subscriptions.lapse",
    rank=50,
    find=QUERIES.lapse_find,
    claim=QUERIES.lapse_claim,
    set_due=QUERIES.lapse_set_due,
    next_due=QUERIES.lapse_next,
    due_of=QUERIES.lapse_due,
)
RESUME = Sweep(
    name="subscriptions.resume",
    rank=25,
    find=QUERIES.resume_find,
    claim=QUERIES.resume_claim,
    set_due=QUERIES.resume_set_due,
    next_due=QUERIES.resume_next,
    due_of=QUERIES.resume_due,
)
CHANGE = Sweep(
    name="subscriptions.change",
    rank=24,
    find=QUERIES.change_find,
    claim=QUERIES.change_claim,
    set_due=QUERIES.change_set_due,
    next_due=QUERIES.change_next,
)
TIMER = Sweep(
    name="subscriptions.timer",
    rank=24,
    find=QUERIES.timer_find,
    claim=QUERIES.timer_claim,
    set_due=QUERIES.timer_set_due,
    next_due=QUERIES.timer_next,
    due_of=QUERIES.timer_due,
)
