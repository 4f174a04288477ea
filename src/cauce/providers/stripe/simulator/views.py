"""How objects go over the wire: inner keys left out, asked references expanded, lists in pages, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.stripe.simulator.errors import StripeError, missing

LIMIT_MAX = 100
LIMIT_DEFAULT = 10
EXPAND_DEPTH_MAX = 4

_REFERENCES: dict[str, dict[str, str]] = {
    "payment_method": {"customer": "customer"},
    "setup_intent": {
        "customer": "customer", "payment_method": "payment_method", "mandate": "mandate", "on_behalf_of": "account",
        "latest_attempt": "setup_attempt",
    },
    "payment_intent": {
        "customer": "customer", "payment_method": "payment_method", "latest_charge": "charge",
        "on_behalf_of": "account",
    },
    "charge": {
        "customer": "customer", "payment_intent": "payment_intent", "balance_transaction": "balance_transaction",
        "failure_balance_transaction": "balance_transaction", "transfer": "transfer", "source_transfer": "transfer",
        "application_fee": "application_fee", "on_behalf_of": "account",
    },
    "refund": {
        "charge": "charge", "payment_intent": "payment_intent", "balance_transaction": "balance_transaction",
        "failure_balance_transaction": "balance_transaction", "transfer_reversal": "transfer_reversal",
    },
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "checkout.session": {
        "customer": "customer", "setup_intent": "setup_intent", "payment_intent": "payment_intent",
    },
    "balance_transaction": {"source": "*"},
    "transfer": {
        "balance_transaction": "balance_transaction", "destination": "account", "destination_payment": "charge",
        "source_transaction": "charge",
    },
    "transfer_reversal": {
        "balance_transaction": "balance_transaction", "transfer": "transfer", "source_refund": "refund",
        "destination_payment_refund": "refund",
    },
    "application_fee": {
        "account": "account", "balance_transaction": "balance_transaction", "charge": "charge",
        "originating_transaction": "charge",
    },
    "fee_refund": {"balance_transaction": "balance_transaction", "fee": "application_fee"},
    "payout": {
        "balance_transaction": "balance_transaction", "destination": "bank_account",
        "failure_balance_transaction": "balance_transaction",
    },
    "mandate": {"payment_method": "payment_method"},
    "bank_account": {"account": "account"},
    "price": {"product": "product"},
    "subscription": {"customer": "customer", "default_payment_method": "payment_method"},
    "invoice": {"customer": "customer"},
    "": {"default_payment_method": "payment_method"},  # inside `invoice_settings`
}  # fmt: skip
_ANY_SOURCE = (
    "charge",
    "refund",
    "transfer",
    "transfer_reversal",
    "payout",
    "application_fee",
    "fee_refund",
    "dispute",
)


def public(obj: dict[str, Any]) -> dict[str, Any]:
    """A copy without inner keys, also inside nested objects and lists."""
    return {name: _copy(value) for name, value in obj.items() if not name.startswith("_")}


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return public(value)
    return [_copy(item) for item in value] if isinstance(value, list) else value


def render(tenant: Tenant, obj: dict[str, Any], expand: Iterable[str] = ()) -> dict[str, Any]:
    """`obj` for the wire with the references at the paths `expand` replaced by their objects."""
    shown = public(obj)
    for path in expand:
        steps = path.split(".")
        if len(steps) > EXPAND_DEPTH_MAX:
            raise StripeError(400, f"You cannot expand more than {EXPAND_DEPTH_MAX} levels: {path}")
        _expand(tenant, shown, steps, path)
    return shown


def _expand(tenant: Tenant, shown: dict[str, Any], steps: list[str], path: str) -> None:
    name, rest = steps[0], steps[1:]
    kind = _REFERENCES.get(shown.get("object", ""), {}).get(name)
    value = shown.get(name)
    if kind is None and not isinstance(value, dict):
        raise StripeError(400, f"This property cannot be expanded ({path}).", param="expand")
    if isinstance(value, str):
        found = _lookup(tenant, kind or "", value)
        value = shown[name] = public(found) if found else value
    if rest and isinstance(value, dict):
        if rest[0] == "data" and value.get("object") == "list":
            for item in value["data"]:
                if len(rest) > 1:
                    _expand(tenant, item, rest[1:], path)
        else:
            _expand(tenant, value, rest, path)


def _lookup(tenant: Tenant, kind: str, id: str) -> dict[str, Any] | None:
    kinds = _ANY_SOURCE if kind == "*" else (kind,)
    return next((found for k in kinds if (found := tenant.shelf(k).get(id)) is not None), None)


def source_of(tenant: Tenant, id: str) -> dict[str, Any] | None:
    """The object that a balance transaction comes from."""
    return _lookup(tenant, "*", id)


def listed(tenant: Tenant, items: Iterable[dict[str, Any]], params: dict[str, Any], url: str) -> dict[str, Any]:
    """One page of `items` (newest first) as a list envelope; cursors, `limit` and `created` come from `params`."""
    limit = params.get("limit", LIMIT_DEFAULT)
    if not isinstance(limit, int) or not 1 <= limit <= LIMIT_MAX:
        raise StripeError(400, "Invalid limit", code="parameter_invalid_integer", param="limit")
    fitting = [item for item in items if in_range(item["created"], params.get("created"))]
    if (after := params.get("starting_after")) is not None:
        fitting = fitting[_position(fitting, after, "starting_after") + 1 :]
    more = len(fitting) > limit
    if (before := params.get("ending_before")) is not None:
        fitting = fitting[: _position(fitting, before, "ending_before")]
        more = len(fitting) > limit
        fitting = fitting[-limit:]
    expand = [path.removeprefix("data.") for path in params.get("expand", [])]
    return {
        "object": "list",
        "url": url,
        "has_more": more,
        "data": [render(tenant, item, expand) for item in fitting[:limit]],
    }


def _position(items: list[dict[str, Any]], id: str, param: str) -> int:
    for index, item in enumerate(items):
        if item["id"] == id:
            return index
    raise missing("object", id, param)


def in_range(value: int, wanted: Any) -> bool:
    """Whether `value` fits `created=…` or `created[gte]=…` and its like."""
    if wanted in (None, ""):
        return True
    if not isinstance(wanted, dict):
        return value == int(wanted)
    tests = {"gt": value.__gt__, "gte": value.__ge__, "lt": value.__lt__, "lte": value.__le__}
    return all(tests[name](int(limit)) for name, limit in wanted.items())
