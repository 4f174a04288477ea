"""Finding an object again by our key: ids first, then strongly consistent lists, never search.

Every object of ours carries its key in its metadata. Lists are read newest first and, in live mode, no further back
than the key itself is old.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cauce.providers.stripe import assumptions, mapping
from cauce.providers.stripe.wire import Json, Wire

PAGES_MAX = 200
EXPAND_CHARGE = ("latest_charge.balance_transaction",)
EXPAND_REFUND = ("balance_transaction",)


async def by_key(
    wire: Wire, operation: str, path: str, key: str, params: Mapping[str, Any] | None = None, *, account: str = ""
) -> Json | None:
    """The newest object of a list that carries `key`; `AskingFailed` when the list could not be read to its end."""
    scope = {**(params or {}), **_since(wire, key)}
    async for item in wire.pages(operation, path, scope, account=account, pages_max=PAGES_MAX):
        if mapping.key_of(item) == key:
            return item
    return None


async def all_by_key(wire: Wire, operation: str, path: str, key: str, params: Mapping[str, Any]) -> list[Json]:
    """Every object of a list that carries `key`, oldest first."""
    found = [
        item async for item in wire.pages(operation, path, params, pages_max=PAGES_MAX) if mapping.key_of(item) == key
    ]
    return found[::-1]


def _since(wire: Wire, key: str) -> Json:
    """Live keys say when they were made; a sandbox has a time of its own."""
    made_at = assumptions.key_made_at(key) if wire.channel.livemode else None
    return {"created": {"gte": int((made_at - timedelta(hours=1)).timestamp())}} if made_at else {}


async def payment_intent(wire: Wire, *, ref: str = "", key: str = "") -> Json | None:
    """The payment intent behind a ref (intent, charge or checkout session) or a key, its charge and fee expanded."""
    if ref.startswith("cs_"):
        session = await wire.read("checkout.sessions.retrieve", f"/v1/checkout/sessions/{ref}", {})
        ref = str((session or {}).get("payment_intent") or "")
        if not ref:
            return None
    if ref.startswith(("ch_", "py_")):
        charge = await wire.read("charges.retrieve", f"/v1/charges/{ref}", {})
        ref = str((charge or {}).get("payment_intent") or "")
    if not ref and key:
        found = await by_key(wire, "payment_intents.list", "/v1/payment_intents", key)
        ref = found["id"] if found else ""
    if not ref:
        return None
    return await wire.read("payment_intents.retrieve", f"/v1/payment_intents/{ref}", {"expand": EXPAND_CHARGE})


async def session(wire: Wire, *, ref: str = "", key: str = "") -> Json | None:
    """The checkout session with this id or key, its intent and method expanded."""
    if not ref:
        found = await by_key(wire, "checkout.sessions.list", "/v1/checkout/sessions", key)
        ref = found["id"] if found else ""
    if not ref:
        return None
    expand = ("setup_intent.payment_method", "payment_intent")
    return await wire.read("checkout.sessions.retrieve", f"/v1/checkout/sessions/{ref}", {"expand": expand})


async def charge_id(wire: Wire, collection_ref: str) -> str:
    """The charge that a collection produced, "" if there is none."""
    if collection_ref.startswith(("ch_", "py_")):
        return collection_ref
    intent = await payment_intent(wire, ref=collection_ref)
    charge = (intent or {}).get("latest_charge")
    return str(charge["id"] if isinstance(charge, dict) else charge or "")
