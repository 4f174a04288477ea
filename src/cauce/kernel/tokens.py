"""Signed tokens: JSON Web Tokens of one algorithm (HS256), with an audience and an end. Pure.

A token names its audience, so that one made for a purpose is worth nothing for another, and always ends. Whoever reads
one gives the keys that may have signed it (two while a key is rotated), the audience and the time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cauce.kernel.errors import Unauthenticated

TOKEN_CHARACTERS_MAX = 8_192
_HEAD = {"alg": "HS256", "typ": "JWT"}


class BadToken(Unauthenticated):
    """The token is not genuine, not for here, or too old."""

    code = "bad_token"


def sign(key: str, claims: Mapping[str, Any]) -> str:
    """A token with these claims; `exp` and `aud` are among them, instants are whole seconds since 1970."""
    assert claims.get("aud"), "a token is for somebody"
    assert isinstance(claims.get("exp"), int), "a token ends"
    content = f"{token_part(_HEAD)}.{token_part(claims)}"
    return f"{content}.{_digest(key, content)}"


def read(
    keys: Sequence[str], token: str, *, audience: str, now: datetime, seconds_max: int | None = None
) -> dict[str, Any]:
    """The claims of a genuine token for `audience` that has not ended at `now`; `BadToken` otherwise.

    `seconds_max`: how long it may still live; one that would live longer is refused too.
    """
    content, _, digest = token.rpartition(".")
    if len(token) > TOKEN_CHARACTERS_MAX or content.count(".") != 1:
        raise BadToken("this is no token")
    genuine = [key for key in keys if hmac.compare_digest(_digest(key, content).encode(), digest.encode())]
    if not genuine:
        raise BadToken("the token is not signed by a key of this organization")
    head, claims = (_claims(part) for part in content.split("."))
    if head.get("alg") != _HEAD["alg"]:
        raise BadToken("the token is signed in another way than HS256")
    ends, given = claims.get("exp"), claims.get("aud")
    if given != audience and not (isinstance(given, list) and audience in given):
        raise BadToken(f"the token is not for {audience}")
    if type(ends) is not int:
        raise BadToken("the token has no end (exp, whole seconds)")
    left = ends - int(now.timestamp())
    if left <= 0:
        raise BadToken("the token has ended")
    if seconds_max is not None and left > seconds_max:
        raise BadToken(f"the token lives longer than {seconds_max} seconds")
    return claims


def text_claim(claims: Mapping[str, Any], name: str, *, length_max: int, required: bool = False) -> str:
    """A claim that is a text; "" for one that is not there. `BadToken` when it is something else or must be there."""
    value = claims.get(name, "")
    if not isinstance(value, str) or len(value) > length_max or (required and not value):
        raise BadToken(f"the token's {name} is a text of at most {length_max} characters")
    return value


def token_part(content: Mapping[str, Any]) -> str:
    """A token's head or claims as they are signed: JSON in base64url without padding."""
    plain = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def _claims(part: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError) as exc:
        raise BadToken("this is no token") from exc
    if not isinstance(found, dict):
        raise BadToken("this is no token")
    return found


def _digest(key: str, content: str) -> str:
    digest = hmac.new(key.encode(), content.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
