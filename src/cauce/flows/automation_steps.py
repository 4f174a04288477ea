"""The steps of the business, by the occasion that causes them (O9): what the inventory lists and a mode can be set for.

Each names the events by which its runs are counted, and how long a person takes for one as long as nobody measured it.
Sweeps and jobs say in the registry which step they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cauce.storage.database import Row
from cauce.storage.jobs import Job


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `events` count its runs, `failures` those that went wrong, `minutes` is the guess for one by hand."""

    name: str
    occasion: str
    events: tuple[str, ...]
    failures: tuple[str, ...] = ()
    minutes: int = 10


OCCASIONS = (
    "trial_requested",
    "funding_source_added",
    "cancellation_requested",
    "trial_expired",
    "reactivated",
    "renewed",
    "failed",
    "refunded",
    "paid_out",
)

STEPS: tuple[Step, ...] = (
    Step("instance.provision", "trial_requested", ("instance.ready",), ("instance.failed",), 30),
    Step("message.send", "trial_requested", ("message.sent",), ("message.bounced",), 5),
    Step("invoice.collect", "funding_source_added", ("payment.attempted",), ("payment.failed",)),
    Step("subscription.end", "cancellation_requested", ("subscription.canceled",)),
    Step("instance.deprovision", "cancellation_requested", ("instance.deleted",), (), 20),
    Step("trial.notice", "trial_expired", ("subscription.trial_will_end",), (), 5),
    Step("trial.end", "trial_expired", ("subscription.trial_converted", "subscription.trial_expired")),
    Step("instance.suspend", "trial_expired", ("instance.suspended",)),
    Step("instance.restore", "reactivated", ("instance.restored",)),
    Step("subscription.renew", "renewed", ("subscription.renewed",)),
    Step("payment.retry", "failed", ("dunning.step_executed",)),
    Step("access.restrict", "failed", ("access.restricted",)),
    Step("subscription.lapse", "failed", ("subscription.unpaid", "subscription.expired"), (), 5),
    Step("refund.send", "refunded", ("refund.succeeded",), ("refund.failed",), 15),
    Step("payout.send", "paid_out", ("payout.paid",), ("payout.failed", "payout.returned"), 15),
)

BY_NAME = {step.name: step for step in STEPS}

_VERBS = {
    "provision": "instance.provision",
    "suspend": "instance.suspend",
    "restore": "instance.restore",
    "reactivate": "instance.restore",
    "deprovision": "instance.deprovision",
}


def always(name: str) -> Callable[[Any], str]:
    """For a sweep or job that is one step whatever the row or payload says."""
    assert name in BY_NAME, f"{name} is no step"
    return lambda _work: name


def renewal(row: Row) -> str:
    """The end of a period renews, unless the subscription was cancelled."""
    return "subscription.end" if row["cancel_at_period_end"] else "subscription.renew"


def operation(job: Job) -> str:
    """What a runner of instances is asked; a change of an instance is part of the change that the customer made."""
    return _VERBS.get(job.payload.get("verb", ""), "")


_PURPOSES = {"payments.refund": "refund.send", "payouts.payout": "payout.send"}


def instruction(job: Job) -> str:
    """What a provider is asked: refunds and payouts are steps of their own, the others follow from one."""
    return _PURPOSES.get(job.payload.get("purpose", ""), "")
