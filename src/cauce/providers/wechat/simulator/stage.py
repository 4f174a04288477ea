"""The control surface's own verbs for WeChat Pay: what payers, merchants, banks and the vendor's staff do out of band.

`payer` and `merchant` are the verbs that every face has; the others are `settings` (the knobs), `balance`, `expire`,
`migrate` (which day of the change from certificate to public key it is), `orders` and `check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat.simulator import combined, expiry, money, orders
from cauce.providers.wechat.simulator.desk import CURRENCY, Obj
from cauce.providers.wechat.simulator.knobs import turn
from cauce.providers.wechat.simulator.receivers import ANYONE

MIGRATION_PERCENT = (0, 1, 1, 5, 10, 20, 50, 100)
"""Callbacks with the public key on day 1 to 7 of a migration (day 1 is 0.1 %, read 2026-11); day 0 is before it."""


def control(tenant: Tenant, verb: str, body: Mapping[str, Any], _base_url: str) -> dict[str, Any]:
    """Serve one verb; KeyError for one that is not known."""
    match verb:
        case "payer":
            return payer(tenant, body)
        case "merchant":
            return merchant(tenant, body)
        case "person":
            tenant.shelf("person")[body["openid"]] = {"name": body.get("name", "")}
            return {"ref": body["openid"]}
        case "settings":
            return turn(tenant, dict(body))
        case "balance":
            return set_balance(tenant, str(body["mchid"]), int(body["available"]))
        case "expire":
            return expire(tenant, str(body["key"]))
        case "migrate":
            return turn(tenant, {"public_key_percent": MIGRATION_PERCENT[int(body["day"])]})
        case "orders":
            return {"orders": list(tenant.shelf("order").values())}
        case "check":
            return {"wrong": check(tenant)}
    raise KeyError(verb)


def payer(tenant: Tenant, body: Mapping[str, Any]) -> dict[str, Any]:
    """Let the payer of an order (`key` = our number, or `ref` = its QR text or prepay id; `keys` for many) act."""
    keys = body.get("keys") or [body.get("key") or body.get("ref")]
    if len(keys) == 1 and keys[0] in tenant.shelf("combined"):
        return combined.pay(tenant, tenant.shelf("combined")[keys[0]], str(body.get("openid", "")))
    found = [_named(tenant, str(key)) for key in keys]
    if body.get("act", "approve") == "approve":  # a payer who declines or walks away leaves the order unpaid
        combined_ones = dict.fromkeys(order["combined"] for order in found if order["combined"])
        for number in combined_ones:  # paid for all of its orders or for none
            combined.pay(tenant, tenant.shelf("combined")[number], str(body.get("openid", "")))
        for order in found:
            if not order["combined"]:
                orders.pay(tenant, order, str(body.get("openid", "")))
    return {"state": found[0]["state"], "transaction_id": found[0]["transaction_id"], "count": len(found)}


def merchant(tenant: Tenant, body: Mapping[str, Any]) -> dict[str, Any]:
    """A merchant of the platform or service provider who may receive shares; `fee_bp` and `max_ratio` are his own."""
    mchid = str(body.get("ref") or f"16{tenant.digits(10)}")
    open_merchant(tenant, mchid, str(body.get("name", mchid)), parent=tenant.facts["mchid"])
    found = tenant.shelf("merchant")[mchid]
    found |= {name: body[name] for name in _OWN_SETTINGS if name in body}
    if body.get("related", True):
        tenant.shelf("relation")[f"{ANYONE}|MERCHANT_ID|{mchid}"] = {"relation_type": "SUPPLIER"}
    return {"ref": mchid}


_OWN_SETTINGS = ("split_enabled", "return_consent", "max_ratio", "fee_bp", "notify_url", "name")


def open_merchant(tenant: Tenant, mchid: str, name: str, *, parent: str) -> Obj:
    """The merchant, made when missing."""
    return tenant.shelf("merchant").setdefault(
        mchid,
        {
            "mchid": mchid,
            "name": name,
            "parent": parent,
            "split_enabled": True,
            "return_consent": True,
            "max_ratio": None,
            "fee_bp": None,
            "notify_url": "",
            "basic": 0,
        },
    )


def set_balance(tenant: Tenant, mchid: str, wanted: int) -> dict[str, Any]:
    """Top up or drain a merchant's available money to `wanted` fen."""
    change = wanted - money.holds(tenant, money.available(mchid))
    if change:
        memo, kind = ("top up", "充值") if change > 0 else ("drained", "提现")
        money.move(tenant, memo, [(f"outside/bank/{mchid}", -change), (money.available(mchid), change)], "")
        money.flow(tenant, mchid, "充值提现", kind, change, f"control{tenant.digits(20)}", "")
    return {"mchid": mchid, "available": wanted}


def expire(tenant: Tenant, key: str) -> dict[str, Any]:
    """End the freeze of one order now, as the night after its last day would."""
    order = _named(tenant, key)
    expiry.release(tenant, order, initiator="system", number="")
    return {"finished": True}


def check(tenant: Tenant) -> list[str]:
    """Where the vendor's rows and its books disagree: empty unless there is a defect."""
    wrong = tenant.books.check()
    for order in tenant.shelf("order").values():
        if not order["profit_sharing"] or not order["paid_at"]:
            continue
        pool = tenant.books.balance(money.frozen(order), CURRENCY)
        if pool < order["reserved"] or (order["finished"] and pool != order["reserved"]):
            wrong.append(f"{order['out_trade_no']}: {pool} frozen, {order['reserved']} reserved")
    for one in tenant.shelf("merchant").values():
        held = sum(row["balance_minor"] for row in tenant.books.balances(f"merchant/{one['mchid']}/"))
        if held != one["basic"]:
            wrong.append(f"{one['mchid']}: holds {held}, its fund flow says {one['basic']}")
    return wrong


def _named(tenant: Tenant, key: str) -> Obj:
    entry = tenant.shelf("named").get(key)
    if entry is None:
        raise KeyError(f"order {key}")
    order = tenant.shelf("order")[entry["order"]]
    return orders.find(tenant, order["mchid"], order["out_trade_no"]) or order
