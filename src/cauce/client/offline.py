"""Reads offline entitlement tokens: what a customer may use, without asking Cauce. Needs `cryptography` alone.

Fetch the organization's public keys once (`GET /v1/entitlements/keys/{org}`), keep them, and fetch them again when
`UnknownKey` is raised. A token lives for an hour at most; get the next one before it ends.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_CHARACTERS_MAX = 65_536


class NotGenuine(Exception):
    """The token is not genuine, not for this organization, or has ended: nothing is allowed."""


class UnknownKey(NotGenuine):
    """The token is signed by a key that is not among these: fetch the keys again, once."""


@dataclass(frozen=True, slots=True)
class Entitlements:
    """What a customer may use until `ends_at` (seconds since 1970). `customer`: your own id of him."""

    customer: str
    level: str
    ends_at: int
    features: dict[str, Any]
    products: dict[str, dict[str, Any]]

    def allows(self, feature: str, product: str = "") -> bool:
        """May he use this feature (of this product)."""
        return feature in (self.products.get(product, {}).get("features", {}) if product else self.features)

    def value(self, feature: str, product: str = "") -> Any:
        """The feature's flag, quota or tier; None when it is not allowed."""
        return (self.products.get(product, {}).get("features", {}) if product else self.features).get(feature)


def read_token(token: str, keys: Mapping[str, Any], *, organization: str, now: datetime) -> Entitlements:
    """What a genuine token says at the aware instant `now`; `NotGenuine` otherwise.

    `keys`: the answer of the keys' address, a JSON Web Key Set; `organization`: `org_…`, whom the token must be for.
    """
    content, _, signature = token.rpartition(".")
    if len(token) > _CHARACTERS_MAX or content.count(".") != 1:
        raise NotGenuine("this is no token")
    head, claims = (_json(part) for part in content.split("."))
    if head.get("alg") != "EdDSA":
        raise NotGenuine("the token is signed in another way than EdDSA")
    key = {one.get("kid"): one for one in keys.get("keys", []) if one.get("crv") == "Ed25519"}.get(head.get("kid"))
    if key is None:
        raise UnknownKey("the token's key is not among these")
    try:
        Ed25519PublicKey.from_public_bytes(_bytes(key["x"])).verify(_bytes(signature), content.encode())
    except InvalidSignature as exc:
        raise NotGenuine("the token was changed, or signed by somebody else") from exc
    if claims.get("aud") != organization:
        raise NotGenuine("the token is for another organization")
    ends_at = claims.get("exp")
    if type(ends_at) is not int or ends_at <= int(now.timestamp()):
        raise NotGenuine("the token has ended")
    return Entitlements(claims["sub"], claims["level"], ends_at, claims["features"], claims["products"])


def _json(part: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(part))
    except ValueError as exc:
        raise NotGenuine("this is no token") from exc
    if not isinstance(found, dict):
        raise NotGenuine("this is no token")
    return found


def _bytes(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as exc:
        raise NotGenuine("this is no token") from exc
