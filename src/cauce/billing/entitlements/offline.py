"""Offline tokens: what a customer may use, signed with an Ed25519 key of the organization (JWT, `EdDSA`, RFC 8037).

Whoever holds the public key reads one without asking us; `cauce.client.offline` is that reader. Pure, except that
`make_key` draws a key.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cauce.kernel.tokens import token_part

TOKEN_SECONDS_MAX = 3_600
"""The longest life of a token: so long an answer may be out of date."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The half that may be known. `x`: its 32 bytes in base64url without padding."""

    x: str

    @property
    def id(self) -> str:
        """A short name, the same wherever this key is listed (`kid`)."""
        return hashlib.sha256(self.x.encode()).hexdigest()[:16]

    @property
    def jwk(self) -> dict[str, str]:
        """The key as an entry of a JSON Web Key Set."""
        return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.id, "x": self.x}


def make_key() -> str:
    """A new private key, in base64url."""
    return _text(Ed25519PrivateKey.generate().private_bytes_raw())


def public_half(private: str) -> PublicKey:
    """The public key of a private one."""
    return PublicKey(_text(_opened(private).public_key().public_bytes_raw()))


def sign(private: str, claims: Mapping[str, Any]) -> str:
    """A token with these claims; `aud` and `exp` (whole seconds since 1970) are among them."""
    assert claims.get("aud"), "a token is for somebody"
    assert isinstance(claims.get("exp"), int), "a token ends"
    head = {"alg": "EdDSA", "typ": "JWT", "kid": public_half(private).id}
    content = f"{token_part(head)}.{token_part(claims)}"
    return f"{content}.{_text(_opened(private).sign(content.encode()))}"


def _opened(private: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(private + "="))


def _text(plain: bytes) -> str:
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()
