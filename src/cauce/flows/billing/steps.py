"""What of billing runs when: sweeps, jobs, event follow-ups and the concluders of its instructions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cauce.billing.customers.sweeps import CREDIT
from cauce.billing.entitlements.sweeps import GRANT
from cauce.billing.invoicing.sweeps import COLLECT, NOTICE
from cauce.billing.payments.sweeps import GRACE, METHOD, RETRY
from cauce.billing.provisioning.sweeps import DELETE
from cauce.billing.subscriptions.sweeps import CHANGE, LAPSE, RENEW, RESUME, TIMER, TRIAL_END, UPCOMING
from cauce.flows.automation_steps import always, renewal
from cauce.flows.billing import (
    collect,
    compensate,
    disputes,
    due_changes,
    due_notices,
    dunning,
    exchange,
    lapses,
    members,
    methods,
    payouts,
    provision,
    provision_run,
    refunds,
    renew,
    resuming,
    show,
    trials,
    upcoming,
)
from cauce.flows.context import JobKind, SweepKind
from cauce.flows.instruct import Concluder
from cauce.gateway.reporting import NoticeKind

JOBS: dict[str, JobKind] = {
    show.SHOW_JOB: JobKind(show.show_customer, in_company=True),
    members.INVITATION_JOB: JobKind(members.send_invitation, attempts_max=5),
    exchange.SETTLEMENT_JOB: JobKind(exchange.learn_settlement),
    provision.RUN_JOB: provision_run.RUN,
    provision.COMPENSATE_JOB: JobKind(compensate.compensate),
}

SWEEPS: tuple[SweepKind, ...] = (
    SweepKind(RENEW, renew.run, renewal),
    SweepKind(TRIAL_END, trials.run, always("trial.end")),
    SweepKind(COLLECT, collect.run, always("invoice.collect")),
    SweepKind(RETRY, dunning.run_retries, always("payment.retry")),
    SweepKind(GRACE, dunning.run_grace, always("access.restrict")),
    SweepKind(METHOD, dunning.run_notices),
    SweepKind(LAPSE, lapses.run, always("subscription.lapse")),
    SweepKind(RESUME, resuming.run),
    SweepKind(CHANGE, due_changes.run),
    SweepKind(UPCOMING, upcoming.run),
    SweepKind(NOTICE, due_notices.run),
    SweepKind(TIMER, lapses.run_timers, always("trial.notice")),
    SweepKind(GRANT, lapses.run_grants),
    SweepKind(CREDIT, lapses.run_credit),
    SweepKind(DELETE, provision_run.run_deletes),
)

EVENT_FLOWS: dict[str, tuple[str, ...]] = dict.fromkeys(show.SHOWN, (show.SHOW_JOB,))

CONCLUDERS: dict[str, Concluder] = {
    collect.CHARGE_PURPOSE: collect.conclude_charges,
    methods.CUSTOMER_PURPOSE: methods.conclude_customers,
    methods.SETUP_PURPOSE: methods.conclude_setups,
    refunds.REFUND_PURPOSE: refunds.conclude_refunds,
}

UNRESOLVED: dict[str, Concluder] = {collect.CHARGE_PURPOSE: collect.tell_unresolved}

NOTICES: dict[NoticeKind, Callable[..., Awaitable[None]]] = {
    NoticeKind.DISPUTE: disputes.dispute_told,
    NoticeKind.METHOD: disputes.method_told,
    NoticeKind.CUSTOMER: disputes.customer_told,
    NoticeKind.REFUND: refunds.refund_told,
    NoticeKind.OWN_PAYOUT: payouts.payout_told,
}
