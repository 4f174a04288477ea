"""Payments at the simulated WeChat Pay: prepay, query, close, and the payer's side."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat import assumptions
from cauce.providers.wechat.simulator import expiry, money
from cauce.providers.wechat.simulator.desk import Desk, Obj, at_text, day_of, serial
from cauce.providers.wechat.simulator.errors import ApiError, bad_param, invalid, not_found
from cauce.providers.wechat.simulator.knobs import knob
from cauce.providers.wechat.simulator.notify import notify

UNPAID_DAYS = 7  # an order without time_expire can be paid for 7 days (vendor's pages, read 2026-11)
SUBSIDY_MAX_MINOR = 500_000
_STATES = {"SUCCESS": "支付成功", "REFUND": "转入退款", "NOTPAY": "订单未支付", "CLOSED": "订单已关闭"}


def prepay(desk: Desk) -> Obj:
    """`POST /v3/pay[/partner]/transactions/{product}`."""
    mchid = _parties(desk)
    number = desk.number("out_trade_no", 32)
    if len(number) < 6:
        raise bad_param("out_trade_no", "6 to 32 characters", number)
    amount = desk.body.get("amount")
    if not isinstance(amount, dict):
        raise bad_param("amount", "is required")
    settle = desk.body.get("settle_info") or {}
    fingerprint = hashlib.sha256(msgspec.json.encode(dict(desk.body), order="sorted")).hexdigest()
    known = find(desk.tenant, mchid, number)
    if known is not None:
        return _again(known, fingerprint)
    desk.text("description", 127)
    if amount.get("currency", "CNY") != "CNY":
        raise bad_param("amount/currency", "CNY", amount["currency"])
    order = new_order(
        desk,
        mchid=mchid,
        number=number,
        total=desk.fen("total", amount),
        is_split=bool(settle.get("profit_sharing")),
        subsidy=int(settle.get("subsidy_amount") or 0),
        product=desk.ids[0],
    )
    order |= {"fingerprint": fingerprint, "attach": str(desk.body.get("attach", ""))}
    order["answer"] = invitation(desk, order, desk.ids[0])
    name(desk.tenant, order, number, *order["answer"].values())
    return dict(order["answer"])


def name(tenant: Tenant, order: Obj, *texts: str) -> None:
    """Let an order be found by these texts: our number, its QR code, WeChat Pay's number."""
    for text in texts:
        tenant.shelf("named")[text] = {"order": f"{order['mchid']}|{order['out_trade_no']}"}


def new_order(desk: Desk, *, mchid: str, number: str, total: int, is_split: bool, subsidy: int, product: str) -> Obj:
    """An unpaid order on the shelf."""
    notify_url = checked_url(desk.text("notify_url", 256))
    if subsidy > SUBSIDY_MAX_MINOR:
        raise bad_param("settle_info/subsidy_amount", f"at most {SUBSIDY_MAX_MINOR}", subsidy)
    order: Obj = {
        "out_trade_no": number,
        "sp_mchid": desk.caller,
        "mchid": mchid,
        "mode": "direct" if mchid == desk.caller else "partner",
        "product": product,
        "total": total,
        "profit_sharing": is_split,
        "subsidy": subsidy,
        "subsidised": 0,
        "subsidy_returned": 0,
        "state": "NOTPAY",
        "notify_url": notify_url,
        "attach": "",
        "openid": _openid(desk.body.get("payer") or desk.body.get("combine_payer_info") or {}),
        "created_at": desk.now.isoformat(),
        "unpaid_until": _unpaid_until(desk).isoformat(),
        "transaction_id": "",
        "paid_at": "",
        "fee": 0,
        "fee_refunded": 0,
        "refunded": 0,
        "reserved": 0,
        "shared": 0,
        "requests": 0,
        "returns": 0,
        "refunds": 0,
        "last_split_at": "",
        "finished": False,
        "combined": "",
    }
    desk.tenant.shelf("order")[f"{mchid}|{number}"] = order
    return order


def invitation(desk: Desk, order: Obj, product: str) -> Obj:
    """What the payer is invited with."""
    token = desk.tenant.token(24)
    match product:
        case "native":
            return {"code_url": f"weixin://wxpay/bizpayurl?pr={token}"}
        case "h5":
            return {"h5_url": f"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx{token}&package=1"}
        case "jsapi" | "app":
            if product == "jsapi" and not order["openid"]:
                raise bad_param("payer/openid", "is required")
            return {"prepay_id": f"wx{token}"}
        case _:
            raise ApiError(404, "RESOURCE_NOT_EXISTS", "接口不存在")


def query_by_number(desk: Desk) -> Obj:
    """`GET …/out-trade-no/{out_trade_no}`."""
    return view(desk, wanted(desk, desk.ids[0], desk.query))


def query_by_id(desk: Desk) -> Obj:
    """`GET …/id/{transaction_id}`."""
    return view(desk, paid_order(desk, desk.ids[0]))


def close(desk: Desk) -> None:
    """`POST …/out-trade-no/{out_trade_no}/close` → 204."""
    order = wanted(desk, desk.ids[0], desk.body)
    if order["state"] in ("SUCCESS", "REFUND"):
        raise ApiError(400, "ORDERPAID", "订单已支付，不能关闭")
    order["state"] = "CLOSED"


def amounts(desk: Desk) -> Obj:
    """`GET …/{transaction_id}/amounts`: what can still be split, net of the fee."""
    order = paid_order(desk, desk.ids[0])
    if not order["profit_sharing"]:
        raise invalid("非分账订单不支持此查询")
    return {"transaction_id": order["transaction_id"], "unsplit_amount": money.unsplit(desk.tenant, order)}


def wanted(desk: Desk, number: str, parties: Any) -> Obj:
    """The order that a query or close means."""
    mchid = str(parties.get("sub_mchid") or parties.get("mchid") or desk.caller)
    order = find(desk.tenant, mchid, number)
    if order is None:
        raise ApiError(404, "ORDER_NOT_EXIST", "订单不存在")
    return order


def find(tenant: Tenant, mchid: str, number: str) -> Obj | None:
    """An order by its merchant and number; one that nobody paid in time is closed."""
    order = tenant.shelf("order").get(f"{mchid}|{number}")
    if order and order["state"] == "NOTPAY" and tenant.now() >= datetime.fromisoformat(order["unpaid_until"]):
        order["state"] = "CLOSED"
    return order


def paid_order(desk: Desk, transaction: str) -> Obj:
    """A paid order by WeChat Pay's number."""
    key = desk.tenant.shelf("transaction").get(transaction)
    if key is None:
        raise not_found("订单不存在")
    return desk.tenant.shelf("order")[key["order"]]


def pay(tenant: Tenant, order: Obj, openid: str = "", *, quiet: bool = False) -> Obj:
    """The payer pays: WeChat Pay takes its fee, and what is left is frozen for splitting or the merchant's own."""
    if order["state"] != "NOTPAY":
        raise ValueError(f"the order {order['out_trade_no']} is {order['state']}")
    lives = int(knob(tenant, "prepay_ttl_s"))
    if lives and tenant.now() >= datetime.fromisoformat(order["created_at"]) + timedelta(seconds=lives):
        raise ValueError(f"the code of the order {order['out_trade_no']} is too old")
    merchant = tenant.shelf("merchant")[order["mchid"]]
    rate = merchant.get("fee_bp")
    fee = assumptions.fee_minor(order["total"], knob(tenant, "fee_bp") if rate is None else rate)
    transaction = serial(tenant, "4200", 28)
    order |= {
        "state": "SUCCESS",
        "transaction_id": transaction,
        "paid_at": tenant.now().isoformat(),
        "fee": fee,
        "openid": openid or order["openid"] or "o" + tenant.token(27),
    }
    tenant.shelf("transaction")[transaction] = {"order": f"{order['mchid']}|{order['out_trade_no']}"}
    name(tenant, order, transaction)
    into = money.frozen(order) if order["profit_sharing"] else money.available(order["mchid"])
    legs = [(money.PAYERS, -order["total"]), (into, order["total"] - fee), (money.FEES, fee)]
    money.move(tenant, "pay", legs, transaction)
    number = order["out_trade_no"]
    money.flow(tenant, order["mchid"], "交易", "交易", order["total"], transaction, number)
    money.flow(tenant, order["mchid"], "交易", "扣除交易手续费", -fee, transaction, number)
    tenant.shelf(f"trade/{day_of(tenant.now())}")[transaction] = {"kind": "order", "key": f"{order['mchid']}|{number}"}
    if order["profit_sharing"]:
        expiry.watch(tenant, order)
    if not quiet:
        plain = {**view(Desk(tenant), order), "payer": {"openid": order["openid"]}}
        notify(tenant, "TRANSACTION.SUCCESS", "transaction", order["notify_url"], plain)
    return order


def view(desk: Desk, order: Obj) -> Obj:
    """The transaction object."""
    is_paid = order["state"] in ("SUCCESS", "REFUND")
    parties: Obj
    if order["mode"] == "direct":
        parties = {"appid": desk.tenant.facts["appid"], "mchid": order["mchid"]}
    else:
        parties = {
            "sp_appid": desk.tenant.facts["appid"],
            "sp_mchid": order["sp_mchid"],
            "sub_mchid": order["mchid"],
        }
    shown = {
        **parties,
        "out_trade_no": order["out_trade_no"],
        "trade_state": order["state"],
        "trade_state_desc": _STATES.get(order["state"], order["state"]),
        "attach": order["attach"],
        "amount": {"total": order["total"], "currency": "CNY"},
    }
    if is_paid:
        openid = "openid" if order["mode"] == "direct" else "sp_openid"
        shown |= {
            "transaction_id": order["transaction_id"],
            "trade_type": {"h5": "MWEB"}.get(order["product"], order["product"].upper()),
            "bank_type": "OTHERS",
            "success_time": at_text(order["paid_at"]),
            "payer": {openid: order["openid"]},
            "amount": {**shown["amount"], "payer_total": order["total"], "payer_currency": "CNY"},
        }
    return shown


def checked_url(url: str) -> str:
    """A notify URL: https (or loopback, in a sandbox), without query."""
    parts = urlsplit(url)
    is_local = parts.hostname in ("127.0.0.1", "localhost")
    if parts.query or not (parts.scheme == "https" or (parts.scheme == "http" and is_local)):
        raise bad_param("notify_url", "https, no query", url)
    return url


def _again(order: Obj, fingerprint: str) -> Obj:
    if order["state"] in ("SUCCESS", "REFUND"):
        raise ApiError(400, "ORDERPAID", "该订单已支付")
    if order["state"] == "CLOSED":
        raise ApiError(400, "ORDER_CLOSED", "该订单已关闭，请重新下单")
    if order.get("fingerprint") != fingerprint:
        raise ApiError(403, "OUT_TRADE_NO_USED", "商户订单号重复")
    return dict(order["answer"])


def _parties(desk: Desk) -> str:
    is_partner = desk.path.startswith("/v3/pay/partner/")
    caller, appid = ("sp_mchid", "sp_appid") if is_partner else ("mchid", "appid")
    if desk.text(caller, 32) != desk.caller:
        raise ApiError(400, "PARAM_ERROR", "商户号与签名不一致")
    if desk.text(appid, 32) != desk.tenant.facts["appid"]:
        raise ApiError(400, "APPID_MCHID_NOT_MATCH", "appid和mchid不匹配")
    return str(desk.sharer()["mchid"]) if is_partner and desk.text("sub_mchid", 32) else desk.caller


def _openid(payer: Obj) -> str:
    return str(payer.get("openid") or payer.get("sp_openid") or payer.get("sub_openid") or "")


def _unpaid_until(desk: Desk) -> datetime:
    soonest = desk.now + timedelta(minutes=1)
    text = desk.body.get("time_expire")
    if not text:
        return desk.now + timedelta(days=UNPAID_DAYS)
    try:
        return max(datetime.fromisoformat(str(text)), soonest)
    except (ValueError, TypeError) as exc:
        raise bad_param("time_expire", "RFC 3339", text) from exc
