"""What shall become of an instance when access changes, which verb that asks of its runner, and what an answer means.

An instance follows access: it runs while its customer may use it, is suspended when he may not, and is deleted so many
days after his contract ended. Who comes back before that finds his data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from cauce.kernel.errors import Conflict


class Wanted(StrEnum):
    """What an instance shall be."""

    RUNNING = "running"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class Verb(StrEnum):
    """What a runner is asked to do."""

    PROVISION = "provision"
    CHANGE = "change"
    SUSPEND = "suspend"
    RESTORE = "restore"
    DEPROVISION = "deprovision"
    REACTIVATE = "reactivate"


class End(StrEnum):
    """How an operation ended. `FAILED`: nobody knows whether it was done, and it was asked often enough."""

    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    VETOED = "vetoed"


class NothingToRetry(Conflict):
    """The latest operation of this instance did not fail."""

    code = "nothing_to_retry"


MAKING = (Verb.PROVISION, Verb.REACTIVATE)
OPEN = ("waiting", "sent")


@dataclass(frozen=True, slots=True)
class Standing:
    """How the customer of a subscription stands, as far as his instance is concerned.

    `runner` "": his plan runs none. `level`: what he may do, grants by hand included. `is_over`: the contract ended;
    `is_forgotten`: and its data were kept long enough. `changed`: what he subscribes to is not what it was.
    """

    subscription_id: str
    customer_id: str
    plan_id: str
    runner: str
    level: str
    is_over: bool = False
    is_forgotten: bool = False
    changed: bool = False
    retention_days: int = 30
    suspends_read_only: bool = True


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as it is stored."""

    id: str
    subscription_id: str
    customer_id: str
    plan_id: str
    runner: str
    channel_id: str | None
    state: str
    wanted: Wanted
    ref: str
    redirect_url: str
    fields: dict[str, str]
    failure: str
    due_at: datetime | None
    ready_at: datetime | None
    suspended_at: datetime | None
    deleted_at: datetime | None
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a runner is asked; `asked`: the pre hook has answered. `at`: org time of its cause."""

    id: str
    instance_id: str
    verb: Verb
    state: str
    asked: bool
    attempts: int
    failure: str
    at: datetime
    sent_at: datetime | None = None
    concluded_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether its outcome is not known yet."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Answer:
    """What a runner said: where the instance is, its name for it, and facts for the customer."""

    redirect_url: str = ""
    ref: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """A pre hook that let a command pass: its operation goes on under the same id, with what was answered."""

    operation_id: str
    verb: Verb
    instance_id: str
    answer: Answer = field(default_factory=Answer)


def wanted(standing: Standing, known: Instance | None) -> Wanted | None:
    """What the instance shall be; None when there is none and none is due."""
    usable = standing.level in ("full", "grace") or (standing.level == "read_only" and not standing.suspends_read_only)
    if usable and standing.runner:
        return Wanted.RUNNING
    if known is None:
        return None
    if known.wanted is Wanted.DELETED:
        return Wanted.DELETED
    ended = standing.is_over or not standing.runner
    if ended and (standing.is_forgotten or standing.retention_days == 0):
        return Wanted.DELETED
    return Wanted.SUSPENDED


def verb_for(standing: Standing, known: Instance | None, after: Wanted | None) -> Verb | None:
    """What the runner must be asked so that the instance becomes `after`; None when nothing."""
    if after is None:
        return None
    if known is None:
        return Verb.PROVISION
    if after is known.wanted:
        is_other = standing.changed or standing.plan_id != known.plan_id
        return Verb.CHANGE if after is Wanted.RUNNING and is_other else None
    if after is Wanted.RUNNING:
        came_back = known.wanted is Wanted.DELETED or known.due_at is not None
        return Verb.REACTIVATE if came_back else Verb.RESTORE
    return Verb.SUSPEND if after is Wanted.SUSPENDED else Verb.DEPROVISION


def delete_at(standing: Standing, known: Instance, after: Wanted, at: datetime) -> datetime | None:
    """When the data of a suspended instance go: counted from the day on which its contract ended."""
    if after is not Wanted.SUSPENDED:
        return None
    if known.due_at is None and (standing.is_over or not standing.runner):
        return at + timedelta(days=standing.retention_days)
    return known.due_at


def must_be_asked(verb: Verb, state: str) -> bool:
    """Whether the runner has to know; not when there is nothing yet that could be changed, suspended or removed."""
    if verb in MAKING:
        return True
    if verb is Verb.RESTORE:
        return state != "deleted"
    return state in (("ready",) if verb is Verb.CHANGE else ("ready", "failed", "suspended", "provisioning"))


def sent_verb(verb: Verb, state: str) -> Verb:
    """The verb that goes out: what was never made cannot be restored, so it is made."""
    return Verb.PROVISION if verb is Verb.RESTORE and state in ("requested", "failed", "provisioning") else verb


def begins(verb: Verb, state: str) -> bool:
    """Whether sending this makes an instance, which takes time that the customer sees."""
    return sent_verb(verb, state) in MAKING and state in ("requested", "failed", "deleted")


def step_of(verb: Verb, state: str) -> tuple[str, str] | None:
    """(trigger, event) that a done operation leads to; None when the state stays."""
    if verb is Verb.DEPROVISION:
        return None if state == "deleted" else ("delete", "instance.deleted")
    if verb is Verb.SUSPEND:
        return ("suspend", "instance.suspended") if state == "ready" else None
    if verb is Verb.CHANGE:
        return None
    if state == "provisioning":
        return ("succeed", "instance.ready")
    return ("restore", "instance.restored") if state == "suspended" else None
