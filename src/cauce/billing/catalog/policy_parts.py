"""Parts of a plan's policy: how debts are collected, what runs the customer's instance, quotas, disputes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class DunningPolicy:
    """How a debt is collected (H1-H3): days between tries, days of grace, and what follows the last try."""

    retry_days: tuple[int, ...] = (1, 2, 2, 2)
    tries_max: int = 8
    grace_days: int = 7
    terminal: str = "unpaid"  # or "cancel"
    unpaid_days: int = 60
    quiet_from_hour: int = 21  # of the customer's local time: no retry from then ...
    quiet_until_hour: int = 8  # ... until then


@dataclass(frozen=True, slots=True)
class InstancePolicy:
    """Whether a customer gets an instance of his own, and what becomes of it (J)."""

    runner: str = ""  # the channel that runs it, by id, name or provider; "": none
    suspend_read_only: bool = True  # suspend when access is only to read
    retention_days: int = 30  # its data are kept so long after the contract ended
    on_failure: Literal["hold", "refund"] = "hold"  # what follows when it cannot be made after payment
    when_silent: Literal["proceed", "refuse"] = "proceed"  # what a pre hook that does not answer means


@dataclass(frozen=True, slots=True)
class UsageLimit:
    """A feature that is a number is a quota per billing period, counted by a meter (I5)."""

    feature: str
    meter: str
    overage: Literal["block", "allow"] = "block"  # what a check says when it is used up
    warn_percent: tuple[int, ...] = (80,)  # told by event; 100 always is


@dataclass(frozen=True, slots=True)
class GrantedCredit:
    """Credit for metered use that comes with every period that is billed: currency -> minor units of a full period."""

    amounts: dict[str, int] = field(default_factory=dict)
    expires: Literal["period_end", "days", "never"] = "period_end"  # when what is left of it lapses
    expires_days: int = 0  # with "days": so many after the period began


Consequence = Literal["none", "restrict", "cancel"]


@dataclass(frozen=True, slots=True)
class DisputePolicy:
    """What a contested payment does to its subscription (T44): nothing, access to read only, or its end."""

    opened: Consequence = "none"  # while the dispute is open
    lost: Consequence = "none"  # from when it is lost
