"""The one table of error classes: every class has its handling, every refusal its class, waits that replays repeat."""

from __future__ import annotations

import pytest

from cauce.gateway.classes import (
    BACKOFF_SECONDS_MAX,
    HANDLING,
    MESSAGE_LENGTH_MAX,
    TRIES_MAX,
    ErrorClass,
    Handling,
    backoff,
    class_of,
    class_of_refusal,
    problem_of,
    shown_text,
)
from cauce.gateway.outcome import Access, Declined, Done, Outcome, Pending, Refusal, Unknown


def test_every_class_has_a_handling_and_every_refusal_a_class() -> None:
    assert set(HANDLING) == set(ErrorClass)
    payers = {Refusal.METHOD_INVALID, Refusal.ACTION_REQUIRED, Refusal.HARD}
    for refusal in Refusal:
        expected = ErrorClass.DECLINED if refusal in payers else ErrorClass(refusal.value)
        assert class_of_refusal(refusal) is expected


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Done(1), ErrorClass.OK),
        (Pending(1, 5), ErrorClass.PENDING),
        (Unknown("lost", 5), ErrorClass.UNKNOWN_OUTCOME),
        (Unknown("429", 5, is_undone=True), ErrorClass.RETRYABLE),
        (Unknown("401", 5, Access.KEY), ErrorClass.AUTH),
        (Unknown("401", 5, Access.SIGNATURE), ErrorClass.SIGNATURE),
        (Unknown("bad answer", 5, Access.ANSWER), ErrorClass.SIGNATURE),
        (Unknown("403", 5, Access.CONFIG), ErrorClass.CONFIG),
        (Declined("x", Refusal.WINDOW_CLOSED, ""), ErrorClass.WINDOW_CLOSED),
    ],
)
def test_the_class_of_an_outcome(outcome: Outcome[int], expected: ErrorClass) -> None:
    assert class_of(outcome) is expected


def test_waits_double_up_to_an_hour_with_a_jitter_of_the_key_alone() -> None:
    for tries in range(1, TRIES_MAX + 1):
        plain = min(60 * 2 ** (tries - 1), BACKOFF_SECONDS_MAX)
        waits = {backoff(f"spl_{n}", tries, 60).total_seconds() for n in range(200)}
        assert plain <= min(waits) and max(waits) < plain * 1.5 + 1
        assert len(waits) > 150, "a thousand keys do not come at one moment"
    assert backoff("spl_1", 3, 2) == backoff("spl_1", 3, 2)
    assert backoff("spl_1", 3, 2) != backoff("spl_1", 4, 2)


def test_a_problem_names_class_provider_and_command_and_no_secret() -> None:
    plain = {
        "kind": "declined",
        "code": "NO\nAUTH",
        "refusal": "config",
        "message": "key sk_live_abc123 " + "word " * 100,
    }
    found = problem_of(plain, "spl_1")
    assert found["class"] == "config" and found["instruction_id"] == "spl_1" and "retry_after" not in found
    assert found["provider"]["code"] == "NO AUTH"
    assert "sk_live" not in found["provider"]["message"]
    assert len(found["provider"]["message"]) == MESSAGE_LENGTH_MAX
    waiting = problem_of({"kind": "unknown", "reason": "429", "is_undone": True, "code": "BUSY"}, "po_1", 17)
    assert (waiting["class"], waiting["retry_after"], waiting["provider"]["code"]) == ("retryable", 17, "BUSY")
    assert problem_of({"kind": "succeeded"}, "po_1") == {}
    assert shown_text("card 4242424242424242 refused") == "card [redacted] refused"


def test_classes_that_stop_or_wait_are_those_of_the_table() -> None:
    assert HANDLING[ErrorClass.RETRYABLE] is Handling.TRY_AGAIN
    assert HANDLING[ErrorClass.CONFIG] is Handling.STOP
    assert {one for one, what in HANDLING.items() if what is Handling.NEXT_WINDOW} == {
        ErrorClass.LIMIT_EXCEEDED,
        ErrorClass.WINDOW_CLOSED,
    }
    assert {one for one, what in HANDLING.items() if what is Handling.OPEN_CASE} == {
        ErrorClass.AMOUNT_MISMATCH,
        ErrorClass.PARTY_MISMATCH,
    }
