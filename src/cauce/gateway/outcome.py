"""The four endings of a provider call.

A caller matches all four; there is no fifth and no exception for a refusal. An adapter raises only for what the
caller did wrong before anything was sent (`CapabilityMissing`, a malformed argument).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Refusal(StrEnum):
    """Why a provider said no, in the classes of `requirements-marketplace.md` §12, and what follows."""

    DECLINED = "declined"  # a final refusal without a better class
    INSUFFICIENT_FUNDS = "insufficient_funds"  # may succeed later
    METHOD_INVALID = "method_invalid"  # ask the customer for another method
    ACTION_REQUIRED = "action_required"  # the customer must authenticate: send a link
    HARD = "hard"  # lost, stolen, fraud: never try this method again
    INVALID_REQUEST = "invalid_request"  # our request was malformed: a defect
    NOT_FOUND = "not_found"
    DUPLICATE = "duplicate"  # the key is known with other content
    AMOUNT_MISMATCH = "amount_mismatch"
    PARTY_MISMATCH = "party_mismatch"
    IDENTITY_MISMATCH = "identity_mismatch"
    INSTRUMENT_INVALID = "instrument_invalid"
    INSTRUMENT_BOUND = "instrument_bound"
    CHALLENGE_FAILED = "challenge_failed"
    CHALLENGE_EXPIRED = "challenge_expired"
    ATTEMPT_LIMIT = "attempt_limit"
    LIMIT_EXCEEDED = "limit_exceeded"
    WINDOW_CLOSED = "window_closed"
    FORBIDDEN = "forbidden"
    LIFECYCLE = "lifecycle"  # the provider's object is in a state that does not allow it
    CONFIG = "config"  # contract or set-up wrong: stop and tell the operator
    AUTH = "auth"  # token or session refused, also after one re-login
    SIGNATURE = "signature"  # our signature was refused


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The provider's final, positive answer."""

    value: T


@dataclass(frozen=True, slots=True)
class Declined:
    """The provider's final, negative answer: nothing moved and nothing will.

    `code` and `message` are the provider's own, for people; code switches on `refusal`.
    """

    code: str
    refusal: Refusal
    message: str


@dataclass(frozen=True, slots=True)
class Pending(Generic[T]):
    """Accepted but not finished. `value` is what is known so far; ask again after `ask_after_seconds`."""

    value: T
    ask_after_seconds: int


class Access(StrEnum):
    """What is wrong with how we and a provider know each other, or what else is waited for before it acts."""

    NONE = ""
    KEY = "key"  # it refuses our key or token
    SIGNATURE = "signature"  # it refuses our signature
    ANSWER = "answer"  # the signature of its answer is not good
    CONFIG = "config"  # contract or set-up is wrong: it looks at nothing that is asked
    FUNDS = "funds"  # nothing is wrong: whoever must pay does not have it, and the provider keeps what was asked open


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody here knows whether it happened: a timeout, a broken reply, a 5xx, a bad signature on the answer.

    `access` says so where keys, signatures or the set-up are the reason. `is_undone`: the provider says that nothing
    happened and that the same may be sent again later, `code` being its own word (RETRYABLE); whoever sends again asks
    first all the same.
    """

    reason: str
    ask_after_seconds: int
    access: Access = Access.NONE
    is_undone: bool = False
    code: str = ""


Outcome = Done[T] | Declined | Pending[T] | Unknown
"""The answer to any provider call."""
