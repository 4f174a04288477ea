"""Public ids: a prefix that names the noun, then 26 characters that sort by time of making (`sub_01jd…`).

The 26 characters are 48 bits of milliseconds and 80 random bits in Crockford's base 32, lower case, so ids made
later sort later and database indexes stay local. Within one process and millisecond the random part counts up.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from cauce.kernel.clock import wall_millis
from cauce.kernel.errors import InvalidRequest

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80
_BODY_LENGTH = 26
_HEAD_LENGTH = 10
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)

IdSource = Callable[[str], str]
"""Makes an id for a prefix. `new_id` in the product; a seeded one in simulators."""


class TimeOrderedIds:
    """An `IdSource` over a source of milliseconds and one of random bits."""

    def __init__(self, millis: Callable[[], int], random_bits: Callable[[int], int]) -> None:
        self._millis = millis
        self._random_bits = random_bits
        self._last_millis = -1
        self._last_random = 0
        self._head = ""

    def __call__(self, prefix: str) -> str:
        """A fresh id `<prefix>_<26 characters>`; `prefix` is lower-case letters."""
        millis = max(self._millis(), self._last_millis)
        if millis == self._last_millis:
            self._last_random += 1
        else:
            self._last_random = self._random_bits(_RANDOM_BITS - 1)  # one bit of headroom for counting up
            self._last_millis = millis
            self._head = _encode(millis, _HEAD_LENGTH)
        return f"{prefix}_{self._head}{_encode(self._last_random, _BODY_LENGTH - _HEAD_LENGTH)}"


def _encode(number: int, length: int) -> str:
    """`number` in base 32 with `length` digits, an even number of them: two at a time, for bulk work makes many."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * length - 10, -1, -10)])


new_id: IdSource = TimeOrderedIds(wall_millis, secrets.randbits)
"""A fresh public id for a prefix, e.g. `new_id("sub")`."""


def first_id(prefix: str, at: datetime) -> str:
    """What no id with this prefix made at or after wall time `at` sorts before."""
    return (
        f"{prefix}_{_encode(int(at.timestamp() * 1_000), _HEAD_LENGTH)}{_ALPHABET[0] * (_BODY_LENGTH - _HEAD_LENGTH)}"
    )


def check_id(value: str, prefix: str) -> str:
    """`value`, if it is an id with this prefix; else `InvalidRequest`."""
    head, _, body = value.partition("_")
    if head != prefix or len(body) != _BODY_LENGTH or not all(c in _ALPHABET for c in body):
        raise InvalidRequest(f"{value!r} is not an id that starts with {prefix}_", param="id")
    return value
