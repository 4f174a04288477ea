"""Signed answers that are good without us: what a customer may use, for at most an hour (I4).

The organization's key is made when the first token is. After a rotation the public half of the key before stays
listed for `OVERLAP_HOURS`, so that tokens on their way are read to their end; a key that leaked is ended at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cauce.billing.customers.rules import Customer
from cauce.billing.entitlements import offline
from cauce.billing.entitlements.offline import TOKEN_SECONDS_MAX, PublicKey
from cauce.flows.billing.check_access import Check, Used, decide, used_of
from cauce.flows.context import Context, Runtime
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import InvalidRequest, StaleVersion
from cauce.reports.resources import entitlements
from cauce.storage import audit, sealing
from cauce.storage.database import Row, Tx
from cauce.storage.directory.orgs import read_org

OVERLAP_HOURS = 24
"""How long a replaced key is still listed; longer than any token that it signed lives."""

_KEYS, _KEY, _RETIRED = "entitlement_keys", "signing_key", "retired:"


@dataclass(frozen=True, slots=True)
class OfflineToken:
    """A signed token, the name of its key, and when it ends (wall time, as whoever reads it has no other)."""

    token: str
    key_id: str
    expires_at: datetime


async def make_token(context: Context, customer: Customer, seconds: int = TOKEN_SECONDS_MAX) -> OfflineToken:
    """What the customer may use now, signed; it ends after `seconds` (1 to 3600), or with the first grant by hand."""
    if not 1 <= seconds <= TOKEN_SECONDS_MAX:
        raise InvalidRequest(f"a token lives 1 to {TOKEN_SECONDS_MAX} seconds", param="seconds")
    async with context.transaction() as tx:
        now, org = await context.now(tx), await read_org(tx, tx.org)
        rows = await entitlements(tx, [customer.id])
        used = await used_of(tx, rows, _features(rows))
        private = await _signing_key(tx, context.runtime)
    begins = wall_now()
    ends = begins + timedelta(seconds=min([seconds, *_seconds_left(rows, now)]))
    claims = {
        "iss": context.runtime.public_url,
        "aud": org.public_id,
        "sub": customer.external_id,
        "iat": int(begins.timestamp()),
        "exp": int(ends.timestamp()),
        "customer": customer.id,
        **claims_of(rows, customer.id, now, used),
    }
    return OfflineToken(offline.sign(private, claims), offline.public_half(private).id, ends.replace(microsecond=0))


def claims_of(rows: Sequence[Row], customer: str, now: datetime, used: Used) -> dict[str, Any]:
    """Level and allowed features of all products together, and of each; a feature that is not listed is not allowed."""
    products = sorted({row["product_id"] for row in rows if row["product_id"]})
    return {
        **_allowed(rows, Check(customer), now, used),
        "products": {product: _allowed(rows, Check(customer, "", product), now, used) for product in products},
    }


async def public_keys(tx: Tx, runtime: Runtime) -> list[PublicKey]:
    """The keys whose tokens are good, the present one first; none before the first token."""
    kept = await sealing.get(tx, runtime.sealer, _KEYS)
    now = [offline.public_half(kept[_KEY])] if _KEY in kept else []
    return now + [PublicKey(x) for name, x in sorted(kept.items()) if name.startswith(_RETIRED)]


async def rotate_key(tx: Tx, context: Context, *, at_once: bool = False) -> PublicKey:
    """A new key signs from now on. `at_once`: tokens of every earlier key are worth nothing, since one leaked.

    `StaleVersion` when somebody rotated it at the same moment.
    """
    sealer, private = context.runtime.sealer, offline.make_key()
    kept = await sealing.get(tx, sealer, _KEYS)
    if kept and not await sealing.drop(tx, _KEYS):
        raise StaleVersion("the key was rotated at the same moment")
    if not await sealing.put_once(tx, sealer, _KEYS, _KEY, private):
        raise StaleVersion("the key was rotated at the same moment")
    ends = wall_now() + timedelta(hours=OVERLAP_HOURS)
    before = [offline.public_half(kept[_KEY])] if _KEY in kept else []
    before += [PublicKey(x) for name, x in kept.items() if name.startswith(_RETIRED)]
    for one in [] if at_once else before:
        await sealing.put(tx, sealer, _KEYS, f"{_RETIRED}{one.id}", one.x, expires_at=ends)
    made = offline.public_half(private)
    await audit.record(tx, context.actor, "entitlement_key.rotate", made.id, after={"at_once": at_once})
    return made


async def _signing_key(tx: Tx, runtime: Runtime) -> str:
    kept = await sealing.get(tx, runtime.sealer, _KEYS, [_KEY])
    if not kept:
        await sealing.put_once(tx, runtime.sealer, _KEYS, _KEY, offline.make_key())
        kept = await sealing.get(tx, runtime.sealer, _KEYS, [_KEY])
    return kept[_KEY]


def _features(rows: Sequence[Row]) -> set[str]:
    return {name for row in rows for name in row["features"] or ()} | {row["feature"] for row in rows} - {None}


def _allowed(rows: Sequence[Row], asked: Check, now: datetime, used: Used) -> dict[str, Any]:
    answers = {name: decide(rows, replace(asked, feature=name), now, used) for name in sorted(_features(rows))}
    whole = decide(rows, asked, now)
    return {
        "level": whole.level.value if whole else "none",
        "features": {name: one.value for name, one in answers.items() if one is not None and one.allowed},
    }


def _seconds_left(rows: Sequence[Row], now: datetime) -> list[int]:
    ends = [row["ends_at"] for row in rows if row["ends_at"] is not None and row["ends_at"] > now]
    return [max(1, int((at - now).total_seconds())) for at in ends]
