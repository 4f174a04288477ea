"""The HTTP answer of an instance runner in our words. Pure.

2xx carries an answer (`kit.instances`). A final refusal is any other 4xx. Timeouts, «too many», errors of the server
and answers that cannot be read leave the outcome unknown: the same message, with the same id, is sent again.
"""

from __future__ import annotations

from cauce.gateway.outcome import Declined, Done, Outcome, Refusal, Unknown
from cauce.gateway.provider import HttpAnswer
from cauce.gateway.reaching import InstanceAnswer
from cauce.providers.hook.limits import ASK_AFTER_SECONDS
from cauce.providers.kit.instances import BadAnswer, read_answer

_MAY_PASS = frozenset({408, 409, 425, 429})
_REFUSALS = {
    401: Refusal.SIGNATURE,
    403: Refusal.FORBIDDEN,
    404: Refusal.CONFIG,
    405: Refusal.CONFIG,
    410: Refusal.CONFIG,
    422: Refusal.INVALID_REQUEST,
}
_WAIT_SECONDS_MAX = 3600
_MESSAGE_LENGTH_MAX = 300


def outcome_of(answer: HttpAnswer, stage: str) -> Outcome[InstanceAnswer]:
    """What `answer` means for an operation at `stage`."""
    if 200 <= answer.status < 300:
        try:
            return Done(read_answer(answer.body, stage))
        except BadAnswer as exc:
            return Unknown(str(exc), ASK_AFTER_SECONDS.value)
    if answer.status in _MAY_PASS or answer.status >= 500:
        return Unknown(f"the runner answered {answer.status}", wait_seconds(answer))
    if 300 <= answer.status < 400:
        return Declined(str(answer.status), Refusal.CONFIG, "the runner redirects, which webhooks do not follow")
    text = answer.body[: _MESSAGE_LENGTH_MAX * 4].decode("utf-8", "replace").strip()[:_MESSAGE_LENGTH_MAX]
    return Declined(str(answer.status), _REFUSALS.get(answer.status, Refusal.DECLINED), text or "refused")


def wait_seconds(answer: HttpAnswer) -> int:
    """After how long to send again: `Retry-After` in seconds where given, within an hour."""
    given = answer.headers.get("retry-after", "")
    if given.isascii() and given.isdigit():
        return min(max(int(given[:9]), 1), _WAIT_SECONDS_MAX)
    return ASK_AFTER_SECONDS.value
