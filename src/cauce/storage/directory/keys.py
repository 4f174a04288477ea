"""API keys: `sk_live_…` and `sk_test_…`, shown once, kept as SHA-256.

The last six characters are a checksum of the rest, so a mistyped key is refused without asking the database and a
scanner can tell a real key from noise. A rotated key works on for an overlap, so that callers can change over.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime

from cauce.kernel.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated
from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.directory.orgs import QUERIES, Mode

SCOPES = frozenset(
    {
        "read",
        "billing:write",
        "marketplace:write",
        "refunds:override",
        "ledger:write",
        "usage:write",
        "entitlements:read",
        "mail:write",
        "admin",
    }
)
"""What a key may be allowed to do; `admin` allows everything."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY_LENGTH = 32
_CHECKSUM_LENGTH = 6
_SECRET_LENGTH = len("sk_live_") + _BODY_LENGTH + _CHECKSUM_LENGTH


class BadKey(Unauthenticated):
    """The API key is not valid."""

    code = "bad_api_key"


class MissingScope(Forbidden):
    """The API key lacks a scope that this call needs."""

    code = "missing_scope"


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who calls: the key, its organization, what it may do, until when."""

    key_id: int
    public_id: str
    org_id: int
    livemode: bool
    scopes: frozenset[str]
    expires_at: datetime | None

    def require(self, *scopes: str) -> None:
        """Raise `MissingScope` unless the key has one of `scopes`, of which the first is the narrowest, or `admin`."""
        if not {*scopes, "admin"} & set(self.scopes):
            raise MissingScope(f"this API key lacks the scope {scopes[0]}", needs=scopes[0])


def make_secret(livemode: bool) -> str:
    """A fresh key text with its checksum."""
    prefix = "sk_live_" if livemode else "sk_test_"
    body = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_BODY_LENGTH))
    return body + _checksum(body)


def check_secret(secret: str) -> bytes:
    """The key's hash at rest; `BadKey` when its form or checksum is wrong."""
    body, checksum = secret[:-_CHECKSUM_LENGTH], secret[-_CHECKSUM_LENGTH:]
    if len(secret) != _SECRET_LENGTH or not secret.isascii():
        raise BadKey()
    if not body.startswith(("sk_live_", "sk_test_")) or not secrets.compare_digest(_checksum(body), checksum):
        raise BadKey()
    return hashlib.sha256(secret.encode()).digest()


async def create_key(tx: Tx, org_id: int, mode: Mode, name: str, scopes: frozenset[str]) -> tuple[str, str]:
    """(public id, the secret). The secret can never be read again."""
    unknown = scopes - SCOPES
    if unknown or not scopes:
        raise InvalidRequest(f"scopes are {', '.join(sorted(SCOPES))}", param="scopes")
    _, public_id, secret = await _insert(tx, org_id, mode, name, scopes)
    return public_id, secret


async def list_keys(tx: Tx, org_id: int) -> list[Row]:
    """The organization's keys, oldest first, without their secrets."""
    return await tx.rows(QUERIES.keys_of_org, org_id)


async def rotate_key(tx: Tx, org_id: int, mode: Mode, public_id: str, overlap_until: datetime) -> tuple[str, str]:
    """Replace a key by a new one with the same name and scopes; the old one works until `overlap_until` (wall time).

    `NotFound` for a key that was revoked, replaced already or is past its end.
    """
    old = await tx.row(QUERIES.key_by_public_id, org_id, public_id)
    if old is None:
        raise NotFound(f"there is no active API key {public_id}")
    key_id, new_public_id, secret = await _insert(tx, org_id, mode, old["name"], frozenset(old["scopes"]))
    await tx.run(QUERIES.replace_key, org_id, old["id"], key_id, overlap_until)
    return new_public_id, secret


async def revoke_key(tx: Tx, org_id: int, public_id: str) -> None:
    """End a key at once."""
    if not await tx.run(QUERIES.revoke_key, org_id, public_id):
        raise NotFound(f"there is no active API key {public_id}")


async def authenticate(tx: Tx, secret: str, now: datetime) -> KeyHolder:
    """Whose key this is, at wall time `now`; `BadKey` when unknown, revoked or past its overlap."""
    row = await tx.row(QUERIES.key_by_hash, check_secret(secret))
    if row is None or row["revoked_at"] is not None or (row["expires_at"] is not None and row["expires_at"] <= now):
        raise BadKey()
    return KeyHolder(
        key_id=row["id"],
        public_id=row["public_id"],
        org_id=row["org_id"],
        livemode=row["mode"] == Mode.LIVE,
        scopes=frozenset(row["scopes"]),
        expires_at=row["expires_at"],
    )


async def touch_keys(tx: Tx, used: dict[int, datetime]) -> None:
    """Write when keys were last used, many at once."""
    await tx.run(QUERIES.touch_keys, list(used), list(used.values()))


async def _insert(tx: Tx, org_id: int, mode: Mode, name: str, scopes: frozenset[str]) -> tuple[int, str, str]:
    secret = make_secret(mode is Mode.LIVE)
    public_id = new_id("key")
    hint = f"{secret[:8]}…{secret[-4:]}"
    key_id = await tx.value(QUERIES.insert_key, public_id, org_id, name, check_secret(secret), hint, sorted(scopes))
    return key_id, public_id, secret


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(_CHECKSUM_LENGTH):
        number, rest = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[rest])
    return "".join(digits)
