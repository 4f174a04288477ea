"""The classes of what a provider may answer, and what follows of each: one table (`requirements-marketplace.md` §12).

Flows read it instead of naming refusals of their own; a test walks it class by class.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from cauce.gateway.outcome import Access, Declined, Done, Outcome, Pending, Refusal, Unknown

TRIES_MAX = 8
"""So often something that the provider put off is sent under its key before a person must look."""

BACKOFF_SECONDS_MIN = 10
BACKOFF_SECONDS_MAX = 3_600
WINDOW = timedelta(days=1)
"""Limits and windows of providers are of a day: the next one is a day later."""

FUNDS_WAIT = timedelta(days=30)
"""So long what waits for somebody's money is tried by itself; then a person must look."""

FUNDS_SECONDS = 3_600
FUNDS_SECONDS_MAX = 86_400

MESSAGE_LENGTH_MAX = 300


class ErrorClass(StrEnum):
    """What an answer is."""

    OK = "ok"
    PENDING = "pending"
    UNKNOWN_OUTCOME = "unknown_outcome"
    RETRYABLE = "retryable"
    AUTH = "auth"
    SIGNATURE = "signature"
    CONFIG = "config"
    INVALID_REQUEST = "invalid_request"
    NOT_FOUND = "not_found"
    DUPLICATE = "duplicate"
    INSUFFICIENT_FUNDS = "insufficient_funds"
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
    LIFECYCLE = "lifecycle"
    DECLINED = "declined"
    RECON_BREAK = "recon_break"


class Handling(StrEnum):
    """What follows by itself."""

    NOTHING = "nothing"
    POLL = "poll"  # ask until it is final
    ASK = "ask"  # ask by the same key; never send under another
    TRY_AGAIN = "try_again"  # the same key, exponential backoff with jitter, `TRIES_MAX` tries, then a person
    LOG_IN_AGAIN = "log_in_again"  # once, the same key; then it waits for credentials
    STOP_AFTER_THREE = "stop_after_three"  # three in five minutes stop the channel's calls
    STOP = "stop"  # the calls stop at once; an operator lets them go on
    FAIL = "fail"
    FAIL_AS_DEFECT = "fail_as_defect"  # our request was malformed
    ADOPT = "adopt"  # ask by the key, and take what is found
    FAIL_OR_WAIT = "fail_or_wait"  # by the policy of what was asked
    OPEN_CASE = "open_case"  # fail, and a person looks into it
    ACTION_REQUIRED = "action_required"  # something is asked of the merchant
    ASK_AGAIN = "ask_again"  # a new challenge
    NEXT_WINDOW = "next_window"  # once more when the provider's limit or window begins anew
    BREAK = "break"


HANDLING: Mapping[ErrorClass, Handling] = {
    ErrorClass.OK: Handling.NOTHING,
    ErrorClass.PENDING: Handling.POLL,
    ErrorClass.UNKNOWN_OUTCOME: Handling.ASK,
    ErrorClass.RETRYABLE: Handling.TRY_AGAIN,
    ErrorClass.AUTH: Handling.LOG_IN_AGAIN,
    ErrorClass.SIGNATURE: Handling.STOP_AFTER_THREE,
    ErrorClass.CONFIG: Handling.STOP,
    ErrorClass.INVALID_REQUEST: Handling.FAIL_AS_DEFECT,
    ErrorClass.NOT_FOUND: Handling.ADOPT,
    ErrorClass.DUPLICATE: Handling.ADOPT,
    ErrorClass.INSUFFICIENT_FUNDS: Handling.FAIL_OR_WAIT,
    ErrorClass.AMOUNT_MISMATCH: Handling.OPEN_CASE,
    ErrorClass.PARTY_MISMATCH: Handling.OPEN_CASE,
    ErrorClass.IDENTITY_MISMATCH: Handling.ACTION_REQUIRED,
    ErrorClass.INSTRUMENT_INVALID: Handling.ACTION_REQUIRED,
    ErrorClass.INSTRUMENT_BOUND: Handling.ACTION_REQUIRED,
    ErrorClass.CHALLENGE_FAILED: Handling.ASK_AGAIN,
    ErrorClass.CHALLENGE_EXPIRED: Handling.ASK_AGAIN,
    ErrorClass.ATTEMPT_LIMIT: Handling.ASK_AGAIN,
    ErrorClass.LIMIT_EXCEEDED: Handling.NEXT_WINDOW,
    ErrorClass.WINDOW_CLOSED: Handling.NEXT_WINDOW,
    ErrorClass.FORBIDDEN: Handling.FAIL,
    ErrorClass.LIFECYCLE: Handling.FAIL,
    ErrorClass.DECLINED: Handling.FAIL,
    ErrorClass.RECON_BREAK: Handling.BREAK,
}

_OF_ACCESS = {
    Access.KEY: ErrorClass.AUTH,
    Access.SIGNATURE: ErrorClass.SIGNATURE,
    Access.ANSWER: ErrorClass.SIGNATURE,
    Access.CONFIG: ErrorClass.CONFIG,
    Access.FUNDS: ErrorClass.INSUFFICIENT_FUNDS,
}
_VALUES = frozenset(one.value for one in ErrorClass)
_SECRET = re.compile(r"(?:sk|rk|pk|whsec)_[A-Za-z0-9_*]+|[A-Za-z0-9+/]{40,}={0,2}|(?<![\w.])\d{13,19}(?!\w)")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f]+")


def class_of(outcome: Outcome[Any]) -> ErrorClass:
    """The class of an outcome; refusals of payers' methods (`hard`, `method_invalid`, …) are DECLINED."""
    match outcome:
        case Done():
            return ErrorClass.OK
        case Pending():
            return ErrorClass.PENDING
        case Unknown():
            known = _OF_ACCESS.get(outcome.access)
            return known or (ErrorClass.RETRYABLE if outcome.is_undone else ErrorClass.UNKNOWN_OUTCOME)
        case Declined():
            return class_of_refusal(outcome.refusal)


def class_of_refusal(refusal: Refusal) -> ErrorClass:
    """The class of a refusal."""
    return ErrorClass(refusal.value) if refusal.value in _VALUES else ErrorClass.DECLINED


def handling_of(outcome: Outcome[Any]) -> Handling:
    """What follows of an outcome by itself."""
    return HANDLING[class_of(outcome)]


def waits_for_window(outcome: Outcome[Any]) -> bool:
    """Whether the same may be asked again when the provider's next window opens."""
    return handling_of(outcome) is Handling.NEXT_WINDOW


def backoff(key: str, tries: int, first_seconds: int) -> timedelta:
    """How long the next try of `key` waits after `tries` of them: doubled each time, up to an hour, and up to half as
    long again by a jitter that the key alone decides, so that a replay waits as long and a thousand keys do not come at once.
    """
    seconds = min(max(first_seconds, BACKOFF_SECONDS_MIN) * 2 ** min(tries - 1, 16), BACKOFF_SECONDS_MAX)
    drawn = int.from_bytes(hashlib.sha256(f"{key}/{tries}".encode()).digest()[:4])
    return timedelta(milliseconds=seconds * 1_000 + seconds * 500 * drawn // 2**32)


def shown_text(text: str) -> str:
    """A provider's own words for people: one line, at most `MESSAGE_LENGTH_MAX` characters, without what looks like a secret."""
    return _SECRET.sub("[redacted]", _UNSEEN.sub(" ", text)).strip()[:MESSAGE_LENGTH_MAX]


def problem_of(plain: Mapping[str, Any], instruction_id: str, retry_after_seconds: int | None = None) -> dict[str, Any]:
    """What is wrong, in the shape that problems carry, from an outcome's stored form; {} where nothing is."""
    if plain["kind"] not in ("declined", "unknown"):
        return {}
    if plain["kind"] == "declined":
        found, message = class_of_refusal(Refusal(plain["refusal"])), plain["message"]
    else:
        outcome = Unknown("", 0, Access(plain.get("access", "")), bool(plain.get("is_undone")))
        found, message = class_of(outcome), plain["reason"]
    problem: dict[str, Any] = {
        "class": found.value,
        "provider": {"code": shown_text(str(plain.get("code", ""))), "message": shown_text(message)},
        "instruction_id": instruction_id,
    }
    return problem if retry_after_seconds is None else {**problem, "retry_after": retry_after_seconds}


def problem_fields(outcome: Outcome[Any], instruction_id: str) -> dict[str, Any]:
    """The same for an error that an outcome leads to at once."""
    if isinstance(outcome, Declined):
        plain: dict[str, Any] = {
            "kind": "declined", "code": outcome.code, "refusal": outcome.refusal, "message": outcome.message,
        }  # fmt: skip
        return problem_of(plain, instruction_id)
    if isinstance(outcome, Unknown):
        plain = {
            "kind": "unknown", "code": outcome.code, "reason": outcome.reason, "access": outcome.access,
            "is_undone": outcome.is_undone,
        }  # fmt: skip
        return problem_of(plain, instruction_id, outcome.ask_after_seconds)
    return {}
