"""Secrets at rest: AES-256-GCM in two layers, the key's id beside each row.

Every value has a key of its own, which is wrapped by the installation's master key; rotating the master key rewraps
the small keys and touches no value. A box is bound to its organization, owner and name: moved to another row it does
not open. A process that meets a box under a key it does not know reads the keys again, so that a rotation needs no
restart.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cauce.kernel.errors import SetupError
from cauce.storage.database import Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "sealing.sql")

KEY_BYTES = 32
_NONCE_BYTES = 12
_WRAPPED_BYTES = _NONCE_BYTES + KEY_BYTES + 16
_REWRAP_ROWS = 500


class CannotUnseal(SetupError):
    """A sealed value does not open: its master key is missing or the row was changed."""

    code = "cannot_unseal"


class Sealer:
    """The master keys by id, and the one that new values use."""

    __slots__ = ("_reload", "current", "keys")

    def __init__(self, masters: Sequence[bytes], reload: Callable[[], Sequence[bytes]] | None) -> None:
        self._reload = reload
        self.keys: dict[str, bytes] = {}
        self.current = ""
        self._take(masters)

    @classmethod
    def of(cls, *masters: bytes, reload: Callable[[], Sequence[bytes]] | None = None) -> Sealer:
        """A sealer over 32-byte master keys, the current one first; `reload` reads them again when one is missing."""
        return cls(masters, reload)

    def __repr__(self) -> str:
        return f"Sealer({', '.join(self.keys)})"

    def _take(self, masters: Sequence[bytes]) -> None:
        if not masters:
            raise SetupError("there is no master key")
        for master in masters:
            if len(master) != KEY_BYTES:
                raise SetupError(f"a master key has {KEY_BYTES} bytes")
        self.keys = {key_id(master): master for master in masters}
        self.current = key_id(masters[0])

    def seal(self, plain: bytes, bound_to: str) -> bytes:
        """A box that opens only with the same `bound_to`."""
        own_key = AESGCM.generate_key(bit_length=256)
        nonce, wrap_nonce = secrets.token_bytes(_NONCE_BYTES), secrets.token_bytes(_NONCE_BYTES)
        wrapped = wrap_nonce + AESGCM(self.keys[self.current]).encrypt(wrap_nonce, own_key, bound_to.encode())
        return wrapped + nonce + AESGCM(own_key).encrypt(nonce, plain, bound_to.encode())

    def open(self, box: bytes, under: str, bound_to: str) -> bytes:
        """The plain value of a box sealed under the master key `under`; `CannotUnseal` otherwise."""
        own_key = self._unwrap(box, under, bound_to)
        nonce, sealed = box[_WRAPPED_BYTES : _WRAPPED_BYTES + _NONCE_BYTES], box[_WRAPPED_BYTES + _NONCE_BYTES :]
        try:
            return AESGCM(own_key).decrypt(nonce, sealed, bound_to.encode())
        except InvalidTag as exc:
            raise CannotUnseal(f"{bound_to} was changed since it was sealed, or sealed for another place") from exc

    def rewrap(self, box: bytes, under: str, bound_to: str) -> bytes:
        """The same box under the current master key."""
        own_key = self._unwrap(box, under, bound_to)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        wrapped = nonce + AESGCM(self.keys[self.current]).encrypt(nonce, own_key, bound_to.encode())
        return wrapped + box[_WRAPPED_BYTES:]

    def _unwrap(self, box: bytes, under: str, bound_to: str) -> bytes:
        if under not in self.keys and self._reload is not None:
            self._take(self._reload())
        if under not in self.keys:
            raise CannotUnseal(f"{bound_to} is sealed under the master key {under}, which is not configured")
        try:
            return AESGCM(self.keys[under]).decrypt(
                box[:_NONCE_BYTES], box[_NONCE_BYTES:_WRAPPED_BYTES], bound_to.encode()
            )
        except InvalidTag as exc:
            raise CannotUnseal(f"{bound_to} was changed since it was sealed, or sealed for another place") from exc


def key_id(master: bytes) -> str:
    """A short public name of a master key."""
    return hashlib.sha256(b"cauce key id" + master).hexdigest()[:12]


async def put(
    tx: Tx, sealer: Sealer, owner_id: str, name: str, value: str, *, expires_at: datetime | None = None
) -> None:
    """Seal `value` as `name` of `owner_id` (a channel, an endpoint); replaces an earlier one."""
    box = sealer.seal(value.encode(), _bound(tx.org, owner_id, name))
    await tx.run(QUERIES.put, tx.org, owner_id, name, sealer.current, box, expires_at)


async def put_once(
    tx: Tx, sealer: Sealer, owner_id: str, name: str, value: str, *, expires_at: datetime | None = None
) -> bool:
    """The same where nothing stands yet; False, and nothing changed, where something does. Of two at once one wins."""
    box = sealer.seal(value.encode(), _bound(tx.org, owner_id, name))
    return await tx.run(QUERIES.put_once, tx.org, owner_id, name, sealer.current, box, expires_at) == 1


async def get(tx: Tx, sealer: Sealer, owner_id: str, names: list[str] | None = None) -> dict[str, str]:
    """The opened values of `owner_id` (all, or those named) that have not expired."""
    wanted = names if names is not None else [row["name"] for row in await tx.rows(QUERIES.names_of, tx.org, owner_id)]
    rows = await tx.rows(QUERIES.get, tx.org, owner_id, wanted)
    return {
        row["name"]: sealer.open(row["box"], row["key_id"], _bound(tx.org, owner_id, row["name"])).decode()
        for row in rows
    }


async def drop(tx: Tx, owner_id: str) -> int:
    """Remove every value of `owner_id`; how many there were."""
    return await tx.run(QUERIES.drop, tx.org, owner_id)


async def find_expired(scheduler_tx: Tx) -> list[int]:
    """Organizations with values that have expired."""
    return [row["org_id"] for row in await scheduler_tx.rows(QUERIES.find_expired)]


async def drop_expired(tx: Tx) -> int:
    """Remove this organization's values that have expired; how many."""
    return await tx.run(QUERIES.drop_expired, tx.org)


async def keys_in_use(tx: Tx) -> dict[str, int]:
    """How many of this organization's values each master key opens."""
    return {row["key_id"]: row["boxes"] for row in await tx.rows(QUERIES.keys_in_use, tx.org)}


async def rewrap_some(tx: Tx, sealer: Sealer) -> int:
    """Bring up to `_REWRAP_ROWS` values of this organization under the current master key; how many were changed."""
    rows = await tx.rows(QUERIES.under_other_keys, tx.org, sealer.current, _REWRAP_ROWS)
    if not rows:
        return 0
    boxes = [sealer.rewrap(row["box"], row["key_id"], _bound(tx.org, row["owner_id"], row["name"])) for row in rows]
    await tx.run(
        QUERIES.rewrap, tx.org, sealer.current, [row["owner_id"] for row in rows], [row["name"] for row in rows], boxes
    )
    return len(rows)


def _bound(org_id: int, owner_id: str, name: str) -> str:
    assert "/" not in owner_id, "two places must not have the same name"
    return f"{org_id}/{owner_id}/{name}"
