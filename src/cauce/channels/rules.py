"""Instructions as values: their states, and the plain form in which requests and outcomes are stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from cauce.gateway import accounts, charging, collecting, funding, splitting
from cauce.gateway.classes import FUNDS_WAIT, TRIES_MAX, ErrorClass, class_of
from cauce.gateway.collecting import Operation
from cauce.gateway.outcome import Access, Declined, Done, Outcome, Pending, Refusal, Unknown
from cauce.kernel.machine import BEGIN, Machine, steps

OPEN = ("created", "sent", "pending", "unknown")
FINAL = ("succeeded", "declined")

INSTRUCTION = Machine(
    "instruction",
    (*OPEN, *FINAL),
    (
        *steps("open", (BEGIN,), "created"),
        *steps("send", ("created", "sent"), "sent"),
        *steps("answer_pending", OPEN, "pending"),
        *steps("answer_unknown", OPEN, "unknown"),
        *steps("answer_done", OPEN, "succeeded"),
        *steps("answer_declined", OPEN, "declined"),
    ),
)
"""Forward only: a final state is never left, and nothing is sent again once a provider may have it under its key."""

REQUESTS: dict[Operation, type] = {
    Operation.COLLECT: collecting.CollectRequest,
    Operation.CANCEL_COLLECTION: collecting.CancelRequest,
    Operation.COLLECT_COMBINED: collecting.CombinedRequest,
    Operation.CANCEL_COMBINED: collecting.CancelCombinedRequest,
    Operation.REFUND: collecting.RefundRequest,
    Operation.SPLIT: splitting.SplitRequest,
    Operation.REVERSE_SPLIT: splitting.ReverseSplitRequest,
    Operation.FINISH_ORDER: splitting.FinishRequest,
    Operation.PAYOUT: accounts.PayoutRequest,
    Operation.OPEN_ACCOUNT: accounts.AccountRequest,
    Operation.ATTACH_INSTRUMENT: accounts.InstrumentRequest,
    Operation.CHARGE: charging.ChargeRequest,
    Operation.LINK: charging.LinkRequest,
    Operation.SETUP: charging.SetupRequest,
    Operation.ENSURE_CUSTOMER: charging.CustomerRequest,
    Operation.TOP_UP: funding.FundsRequest,
    Operation.UNDO_TOP_UP: funding.FundsRequest,
    Operation.SUBSIDISE: funding.FundsRequest,
    Operation.SUBSIDISE_ORDER: funding.SubsidyRequest,
    Operation.RETURN_SUBSIDY: funding.SubsidyRequest,
    Operation.DROP_SUBSIDY: funding.SubsidyRequest,
    Operation.ADVANCE: funding.FundsRequest,
    Operation.RECOVER_ADVANCE: funding.FundsRequest,
    Operation.FEE_SWEEP: funding.FundsRequest,
    Operation.ASSIGN_SUSPENSE: funding.FundsRequest,
    Operation.UNDO_ASSIGN: funding.FundsRequest,
    Operation.PAY_FROM_BALANCE: funding.BalancePayment,
}
"""The request of each operation."""

VALUES: dict[Operation, type] = {
    Operation.COLLECT: collecting.Collection,
    Operation.CANCEL_COLLECTION: collecting.Collection,
    Operation.COLLECT_COMBINED: collecting.CombinedCollection,
    Operation.CANCEL_COMBINED: collecting.CombinedCollection,
    Operation.REFUND: collecting.Refund,
    Operation.SPLIT: splitting.SplitResult,
    Operation.REVERSE_SPLIT: splitting.SplitReversal,
    Operation.FINISH_ORDER: splitting.Finished,
    Operation.PAYOUT: accounts.Payout,
    Operation.OPEN_ACCOUNT: accounts.Account,
    Operation.ATTACH_INSTRUMENT: accounts.Instrument,
    Operation.CHARGE: charging.Charge,
    Operation.LINK: charging.Charge,
    Operation.SETUP: charging.Setup,
    Operation.ENSURE_CUSTOMER: charging.CustomerRecord,
    Operation.TOP_UP: funding.Funded,
    Operation.UNDO_TOP_UP: funding.Funded,
    Operation.SUBSIDISE: funding.Funded,
    Operation.SUBSIDISE_ORDER: funding.Funded,
    Operation.RETURN_SUBSIDY: funding.Funded,
    Operation.DROP_SUBSIDY: funding.Funded,
    Operation.ADVANCE: funding.Funded,
    Operation.RECOVER_ADVANCE: funding.Funded,
    Operation.FEE_SWEEP: funding.Funded,
    Operation.ASSIGN_SUSPENSE: funding.Funded,
    Operation.UNDO_ASSIGN: funding.Funded,
    Operation.PAY_FROM_BALANCE: collecting.Collection,
}
"""The value in the outcome of each operation."""


@dataclass(frozen=True, slots=True)
class NewInstruction:
    """What shall be asked of a channel. `key` is the provider's, allocated by the caller; jobs of one `object_id` run in order."""

    channel_id: str
    purpose: str
    operation: Operation
    key: str
    object_id: str
    request: object
    parent_key: str = ""
    merchant_ref: str = ""


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction as it is stored."""

    key: str
    channel_id: str
    purpose: str
    operation: Operation
    object_id: str
    request: Any
    parent_key: str
    merchant_ref: str
    state: str
    ref: str
    outcome: dict[str, Any] | None
    sends: int
    asks: int
    created_at: datetime
    access: str = ""
    is_stopped: bool = False  # nothing is asked of its channel until somebody has looked
    tries: int = 0  # so often the provider put it off
    needs_person_since: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Whether its outcome is known for good."""
        return self.state in FINAL

    @property
    def needs_person(self) -> bool:
        """Whether it is sent no more until a person says so."""
        return self.needs_person_since is not None

    @property
    def lacks_funds(self) -> bool:
        """Whether whoever must pay did not have it when it was asked for last."""
        return self.access == Access.FUNDS


def state_of(outcome: Outcome[Any]) -> str:
    """The state that an outcome leads to."""
    match outcome:
        case Done():
            return "succeeded"
        case Declined():
            return "declined"
        case Pending():
            return "pending"
        case Unknown():
            return "unknown"


_REFUSED = {Refusal.AUTH: Access.KEY, Refusal.SIGNATURE: Access.SIGNATURE}
"""Refusals that wait for the operator to renew what we sign with."""

_REFUSED_SECONDS = 300

SIGNATURES_MAX = 3
SIGNATURES_WITHIN = timedelta(minutes=5)
"""So many wrong signatures of either side within so long stop a channel's calls until somebody has looked (12)."""


def awaiting_access(outcome: Outcome[Any]) -> Outcome[Any]:
    """The same, but for a refusal of our key or signature: nobody looked at what was asked, so its end is open."""
    if isinstance(outcome, Declined) and outcome.refusal in _REFUSED:
        reason = f"{outcome.code} {outcome.message}".strip()
        return Unknown(reason, _REFUSED_SECONDS, _REFUSED[outcome.refusal], code=outcome.code)
    return outcome


def access_of(outcome: Outcome[Any]) -> Access:
    """What an outcome says of our access."""
    return outcome.access if isinstance(outcome, Unknown) else Access.NONE


def lacks_access(access: str) -> bool:
    """Whether what was asked waits for credentials that the provider takes."""
    return access in (Access.KEY, Access.SIGNATURE)


def is_unsigned(access: str) -> bool:
    """Whether a signature was wrong, ours or theirs."""
    return access in (Access.SIGNATURE, Access.ANSWER)


def tries_after(instruction: Instruction, outcome: Outcome[Any]) -> int:
    """How often the provider has put off what was sent, this answer included."""
    return instruction.tries + (class_of(outcome) is ErrorClass.RETRYABLE)


def person_since(instruction: Instruction, outcome: Outcome[Any], now: datetime) -> datetime | None:
    """Since when an open instruction waits for a person: from its last try on, until its end is known."""
    if not isinstance(outcome, Unknown):
        return None
    is_last = class_of(outcome) is ErrorClass.RETRYABLE and tries_after(instruction, outcome) >= TRIES_MAX
    is_last = is_last or (outcome.access is Access.FUNDS and now >= instruction.created_at + FUNDS_WAIT)
    return instruction.needs_person_since or (now if is_last else None)


def ref_of(outcome: Outcome[Any]) -> str:
    """The provider's id in an outcome, or ""."""
    return str(getattr(outcome.value, "ref", "")) if isinstance(outcome, Done | Pending) else ""


def to_plain(value: object) -> Any:
    """A request or value as JSON-able builtins."""
    return msgspec.to_builtins(value)


def request_from(operation: Operation, plain: Any) -> Any:
    """The request dataclass of an operation from its stored form."""
    return msgspec.convert(plain, REQUESTS[operation])


def outcome_to_plain(outcome: Outcome[Any]) -> dict[str, Any]:
    """The stored form of an outcome."""
    return {"kind": state_of(outcome), **msgspec.to_builtins(outcome)}


def outcome_from(operation: Operation, plain: dict[str, Any]) -> Outcome[Any]:
    """An outcome from its stored form."""
    match plain["kind"]:
        case "succeeded":
            return Done(msgspec.convert(plain["value"], VALUES[operation]))
        case "pending":
            return Pending(msgspec.convert(plain["value"], VALUES[operation]), plain["ask_after_seconds"])
        case "declined":
            return Declined(plain["code"], Refusal(plain["refusal"]), plain["message"])
        case _:
            access = Access(plain.get("access", ""))
            return Unknown(
                plain["reason"],
                plain["ask_after_seconds"],
                access,
                plain.get("is_undone", False),
                plain.get("code", ""),
            )
