"""What of billing runs when: sweeps, jobs, event follow-ups and the concluders of its instructions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cauce.billing.entitlements.sweeps import GRANT
from cauce.billing.invoicing.sweeps import COLLECT
from cauce.billing.payments.sweeps import GRACE, METHOD, RETRY
from cauce.billing.provisioning.sweeps import DELETE
from cauce.billing.subscriptions.sweeps import LAPSE, RENEW, RESUME, TIMER, TRIAL_END
from cauce.flows.billing import (
    collect,
    compensate,
    disputes,
    dunning,
    lapses,
    methods,
    pausing,
    provision,
    provision_run,
    refunds,
    renew,
    show,
    trials,
)
from cauce.flows.context import JobKind, SweepKind
from cauce.flows.instruct import Concluder
from cauce.gateway.reporting import NoticeKind

JOBS: dict[str, JobKind] = {
    show.SHOW_JOB: JobKind(show.show_customer),
    provision.RUN_JOB: provision_run.RUN,
    provision.COMPENSATE_JOB: JobKind(compensate.compensate),
}

SWEEPS: tuple[SweepKind, ...] = (
    SweepKind(RENEW, renew.run),
    SweepKind(TRIAL_END, trials.run),
    SweepKind(COLLECT, collect.run),
    SweepKind(RETRY, dunning.run_retries),
    SweepKind(GRACE, dunning.run_grace),
    SweepKind(METHOD, dunning.run_notices),
    SweepKind(LAPSE, lapses.run),
    SweepKind(RESUME, pausing.run),
    SweepKind(TIMER, lapses.run_timers),
    SweepKind(GRANT, lapses.run_grants),
    SweepKind(DELETE, provision_run.run_deletes),
)

EVENT_FLOWS: dict[str, tuple[str, ...]] = dict.fromkeys(show.SHOWN, (show.SHOW_JOB,))

CONCLUDERS: dict[str, Concluder] = {
    collect.CHARGE_PURPOSE: collect.conclude_charges,
    methods.CUSTOMER_PURPOSE: methods.conclude_customers,
    methods.SETUP_PURPOSE: methods.conclude_setups,
    refunds.REFUND_PURPOSE: refunds.conclude_refunds,
}

NOTICES: dict[NoticeKind, Callable[..., Awaitable[None]]] = {
    NoticeKind.DISPUTE: disputes.dispute_told,
    NoticeKind.METHOD: disputes.method_told,
}
