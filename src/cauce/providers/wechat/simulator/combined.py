"""Combined payments at the simulated WeChat Pay: one payer, one payment, several merchants' orders."""

from __future__ import annotations

import hashlib

import msgspec

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat.simulator import orders
from cauce.providers.wechat.simulator.desk import Desk, Obj, at_text
from cauce.providers.wechat.simulator.errors import ApiError, bad_param
from cauce.providers.wechat.simulator.notify import notify

ORDERS_MAX = 50  # sub_orders of one combined payment (wechatpay-go v0.2.21, read 2026-11)


def prepay(desk: Desk) -> Obj:
    """`POST /v3/combine-transactions/{product}`."""
    number = desk.number("combine_out_trade_no", 32)
    if desk.text("combine_mchid", 32) != desk.caller:
        raise ApiError(400, "PARAM_ERROR", "合单商户号与签名不一致")
    listed = desk.body.get("sub_orders")
    if not isinstance(listed, list) or not 1 <= len(listed) <= ORDERS_MAX:
        raise bad_param("sub_orders", f"1 to {ORDERS_MAX} orders")
    fingerprint = hashlib.sha256(msgspec.json.encode(dict(desk.body), order="sorted")).hexdigest()
    known = desk.tenant.shelf("combined").get(number)
    if known is not None:
        if known["fingerprint"] != fingerprint:
            raise ApiError(403, "OUT_TRADE_NO_USED", "商户订单号重复")
        return dict(known["answer"])
    made = [_order(desk, one, number) for one in listed]
    answer = orders.invitation(desk, made[0], desk.ids[0])
    desk.tenant.shelf("combined")[number] = {
        "number": number,
        "orders": [f"{order['mchid']}|{order['out_trade_no']}" for order in made],
        "answer": answer,
        "fingerprint": fingerprint,
        "notify_url": desk.body["notify_url"],
        "openid": "",
    }
    orders.name(desk.tenant, made[0], *answer.values())
    return answer


def _order(desk: Desk, given: Obj, number: str) -> Obj:
    own = desk.text("out_trade_no", 32, given)
    merchant = desk.sharer(given)["mchid"]
    desk.text("description", 128, given)
    attach = desk.text("attach", 128, given)
    if orders.find(desk.tenant, merchant, own) is not None:
        raise ApiError(403, "OUT_TRADE_NO_USED", "商户订单号重复")
    settle = given.get("settle_info") or {}
    order = orders.new_order(
        desk,
        mchid=merchant,
        number=own,
        total=desk.fen("total_amount", given.get("amount") or {}),
        is_split=bool(settle.get("profit_sharing")),
        subsidy=int(settle.get("subsidy_amount") or 0),
        product=desk.ids[0],
    )
    order |= {"combined": number, "attach": attach}
    orders.name(desk.tenant, order, own)
    return order


def query(desk: Desk) -> Obj:
    """`GET …/out-trade-no/{combine_out_trade_no}`."""
    made = _wanted(desk)
    for key in made["orders"]:
        orders.find(desk.tenant, *key.split("|", 1))  # one that nobody paid in time is closed
    return view(desk.tenant, made)


def close(desk: Desk) -> None:
    """`POST …/{combine_out_trade_no}/close` → 204."""
    found = [desk.tenant.shelf("order")[key] for key in _wanted(desk)["orders"]]
    if any(order["state"] in ("SUCCESS", "REFUND") for order in found):
        raise ApiError(400, "ORDERPAID", "订单已支付，不能关闭")
    for order in found:
        order["state"] = "CLOSED"


def pay(tenant: Tenant, made: Obj, openid: str) -> Obj:
    """The payer pays all orders at once; one notice tells of all."""
    found = [tenant.shelf("order")[key] for key in made["orders"]]
    made["openid"] = openid or "o" + tenant.token(27)
    for order in found:
        orders.pay(tenant, order, made["openid"], quiet=True)
    notify(tenant, "TRANSACTION.SUCCESS", "transaction", made["notify_url"], view(tenant, made))
    return {"state": found[0]["state"], "transaction_id": found[0]["transaction_id"], "count": len(found)}


def view(tenant: Tenant, made: Obj) -> Obj:
    """A combined payment as WeChat Pay shows it."""
    shown: Obj = {
        "combine_appid": tenant.facts["appid"],
        "combine_mchid": tenant.facts["mchid"],
        "combine_out_trade_no": made["number"],
        "sub_orders": [_part(tenant.shelf("order")[key]) for key in made["orders"]],
    }
    return {**shown, "combine_payer_info": {"openid": made["openid"]}} if made["openid"] else shown


def _part(order: Obj) -> Obj:
    shown: Obj = {
        "mchid": order["sp_mchid"],
        "out_trade_no": order["out_trade_no"],
        "trade_state": order["state"],
        "attach": order["attach"],
        "amount": {"total_amount": order["total"], "currency": "CNY"},
    }
    if order["mode"] != "direct":
        shown["sub_mchid"] = order["mchid"]
    if order["paid_at"]:
        shown |= {
            "transaction_id": order["transaction_id"],
            "trade_type": order["product"].upper(),
            "bank_type": "OTHERS",
            "success_time": at_text(order["paid_at"]),
            "amount": {**shown["amount"], "payer_amount": order["total"], "payer_currency": "CNY"},
        }
    return shown


def _wanted(desk: Desk) -> Obj:
    found = desk.tenant.shelf("combined").get(desk.ids[0])
    if found is None:
        raise ApiError(404, "ORDER_NOT_EXIST", "订单不存在")
    return found
