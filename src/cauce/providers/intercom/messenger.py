"""The Messenger on a page: its settings, the token that says who is there, and what the page's policy must allow. Pure.

A person is named by a token that we sign (HS256) and never by a bare address; a visitor has none.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from cauce.gateway.reaching import ChatPerson
from cauce.kernel.errors import InvalidRequest
from cauce.providers.intercom.limits import TOKEN_SECONDS_MAX

_CDN = "https://js.intercomcdn.com"
_RESERVED = frozenset({"user_id", "email", "exp", "iat"})


Person = ChatPerson


def token(secret: str, person: Person, now: datetime, seconds: int = TOKEN_SECONDS_MAX.value) -> str:
    """A JSON Web Token for `person`, valid for `seconds` (at most an hour) from `now`, wall time."""
    if not person.external_id or not 0 < seconds <= TOKEN_SECONDS_MAX.value:
        raise InvalidRequest("a Messenger token needs an id and lives for an hour at most", param="seconds")
    issued = int(now.timestamp())
    claims: dict[str, Any] = {name: v for name, v in person.attributes.items() if name not in _RESERVED}
    claims.update(user_id=person.external_id, iat=issued, exp=issued + seconds)
    if person.email:
        claims["email"] = person.email
    head = _part(msgspec.json.encode({"alg": "HS256", "typ": "JWT"}))
    return sign(secret, f"{head}.{_part(msgspec.json.encode(claims))}")


def sign(secret: str, content: str) -> str:
    """`content` (header and claims) with its signature."""
    digest = hmac.new(secret.encode(), content.encode(), hashlib.sha256).digest()
    return f"{content}.{_part(digest)}"


def settings(app_id: str, api_base: str, person_token: str = "") -> dict[str, Any]:
    """`window.intercomSettings`; without a token a visitor is booted."""
    found: dict[str, Any] = {"api_base": api_base, "app_id": app_id}
    if person_token:
        found.update(intercom_user_jwt=person_token, session_duration=TOKEN_SECONDS_MAX.value * 1000)
    return found


def boot(script: str, given: dict[str, Any], *, left: bool) -> str:
    """The script of a page that loads the vendor's and boots with these settings; a page goes on when it cannot load.

    `left`: whoever was here has signed out, so what his browser kept is forgotten first.
    """
    shut = "window.Intercom('shutdown');" if left else ""
    return (
        f"window.intercomSettings={_in_script(given)};"
        f"(function(){{var s=document.createElement('script');s.src={_in_script(script)};s.async=true;"
        f"s.onload=function(){{{shut}window.Intercom('boot',window.intercomSettings)}};"
        "s.onerror=function(){var other=document.querySelector('[data-chat-instead]');if(other){other.hidden=false}};"
        "document.head.appendChild(s)})();"
    )


def _in_script(value: object) -> str:
    """JSON that cannot end the script it stands in."""
    plain = msgspec.json.encode(value).decode()
    return (
        plain.replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


def script_url(app_id: str) -> str:
    """The vendor's script."""
    return f"https://widget.intercom.io/widget/{app_id}"


def policy(region: str, base_url: str = "") -> dict[str, tuple[str, ...]]:
    """What a page's Content-Security-Policy must allow besides its own while the Messenger is on, per directive.

    With `base_url` (a stand-in's address) it is that address's origin alone.

    Source: intercom.com/help/en/articles/3894, read 2026-11. The script itself is allowed by the page's nonce.
    """
    if base_url:
        parts = urlsplit(base_url)
        origin = (f"{parts.scheme}://{parts.netloc}",)
        return {"script-src": origin, "connect-src": origin, "frame-src": origin}
    part = "" if region in ("", "us") else f".{region}"
    infix = "" if not part else part.removeprefix(".") + "-"
    sockets = [f"nexus{('-' + infix.rstrip('-')) if infix else ''}-websocket-{letter}.intercom.io" for letter in "ab"]
    return {
        "script-src": ("https://app.intercom.io", "https://widget.intercom.io", _CDN),
        "connect-src": (
            f"https://api-iam{part}.intercom.io",
            "https://api-ping.intercom.io",
            *(f"{scheme}://{host}" for host in sockets for scheme in ("https", "wss")),
        ),
        "frame-src": ("https://intercom-sheets.com",),
        "img-src": (_CDN, "https://static.intercomassets.com", "https://downloads.intercomcdn.com", "data:", "blob:"),
        "font-src": (_CDN, "https://fonts.intercomcdn.com"),
        "media-src": (_CDN, "https://downloads.intercomcdn.com"),
    }


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
