"""Signed tokens: genuine, for their audience, in their time; everything else is refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cauce.kernel import tokens
from cauce.kernel.tokens import BadToken

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
CLAIMS = {"sub": "user-7", "aud": "org_a", "exp": AT + 600, "jti": "1"}


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _read(token: str, **more: Any) -> dict[str, Any]:
    return tokens.read(["key"], token, **{"audience": "org_a", "now": NOW, "seconds_max": 3_600, **more})


def test_a_token_gives_back_what_was_signed() -> None:
    assert _read(tokens.sign("key", CLAIMS)) == CLAIMS
    assert tokens.read(["new", "key"], tokens.sign("key", CLAIMS), audience="org_a", now=NOW) == CLAIMS


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"exp": AT}, "has ended"),
        ({"exp": AT - 1}, "has ended"),
        ({"exp": AT + 3_601}, "lives longer"),
        ({"aud": "org_b"}, "not for org_a"),
        ({"aud": ["org_b", "org_c"]}, "not for org_a"),
    ],
)
def test_a_token_out_of_time_or_place_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(BadToken, match=why):
        _read(tokens.sign("key", CLAIMS | change))


def test_a_token_without_an_end_is_refused() -> None:
    for exp in (None, "1", 1.5, True):
        content = f"{_part({'alg': 'HS256'})}.{_part({**CLAIMS, 'exp': exp})}"
        with pytest.raises(BadToken, match="no end"):
            _read(f"{content}.{tokens._digest('key', content)}")


def test_another_key_another_algorithm_or_none_is_refused() -> None:
    with pytest.raises(BadToken, match="not signed"):
        _read(tokens.sign("other", CLAIMS))
    for alg in ("none", "RS256", ""):
        content = f"{_part({'alg': alg})}.{_part(CLAIMS)}"
        with pytest.raises(BadToken):
            _read(f"{content}.")
        with pytest.raises(BadToken, match="another way"):
            _read(f"{content}.{tokens._digest('key', content)}")


@given(st.text(max_size=200))
def test_any_text_is_refused_and_breaks_nothing(text: str) -> None:
    with pytest.raises(BadToken):
        _read(text)


@given(st.integers(min_value=0), st.characters(codec="ascii"))
def test_no_letter_of_a_token_can_be_changed(place: int, letter: str) -> None:
    token = tokens.sign("key", CLAIMS)
    at = place % (len(token) - 1)  # the last letter of a digest carries spare bits
    changed = token[:at] + letter + token[at + 1 :]
    if changed != token:
        with pytest.raises(BadToken):
            _read(changed)
