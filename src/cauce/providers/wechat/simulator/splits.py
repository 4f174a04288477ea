"""Profit sharing at the simulated WeChat Pay: requests, queries, unfreeze or finish, and what becomes of the legs."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat.simulator import expiry, money, sharebill, splitrules
from cauce.providers.wechat.simulator.desk import Desk, Obj, at_text, serial
from cauce.providers.wechat.simulator.errors import ApiError, not_found, short_of_money
from cauce.providers.wechat.simulator.knobs import knob
from cauce.providers.wechat.simulator.notify import notify

TIMER = "split"
LEG = "split.leg"
_MAGIC = {
    "NOREL": "NO_RELATION",
    "RISK": "RECEIVER_HIGH_RISK",
    "LIMIT": "RECEIVER_RECEIPT_LIMIT",
    "UNVERIFIED": "RECEIVER_REAL_NAME_NOT_VERIFIED",
    "ABNORMAL": "ACCOUNT_ABNORMAL",
}


def split(desk: Desk) -> Obj:
    """`POST …/orders`: the ordered checks of the protocol, then accepted: PROCESSING."""
    number = desk.number("out_order_no")
    desk.text("transaction_id", 32)
    desk.text("appid", 32)
    legs = splitrules.legs_of(desk)
    releases = desk.flag("finish" if desk.is_ecommerce else "unfreeze_unsplit")
    fingerprint = _fingerprint(desk, [[leg[n] for n in ("type", "account", "amount", "description")] for leg in legs])
    known = desk.tenant.shelf("split").get(number)
    if known is not None:
        return _replayed(desk, known, fingerprint)
    order = splitrules.splittable(desk)
    splitrules.check_frequency(desk, order)
    splitrules.check_legs(desk, order, legs, releases=releases)
    splitrules.check_cap(desk, order, legs)
    total = sum(leg["amount"] for leg in legs)
    if total > money.unsplit(desk.tenant, order):
        raise short_of_money("分账金额不足")
    order["reserved"] += total
    order["shared"] += sum(leg["amount"] for leg in legs if leg["account"] != order["mchid"])
    request = _accept(desk, order, number, "split", fingerprint)
    request |= {"legs": legs, "releases": releases}
    return view(desk, request)


def unfreeze(desk: Desk) -> Obj:
    """`POST …/orders/unfreeze` or `…/finish-order`: what is left goes to the order's own merchant."""
    number = desk.number("out_order_no")
    desk.text("transaction_id", 32)
    desk.text("description", 80)
    fingerprint = _fingerprint(desk, "unfreeze")
    known = desk.tenant.shelf("split").get(number)
    if known is not None and known["kind"] == "split":
        if knob(desk.tenant, "reuse_split_no_for_unfreeze") == "silent":
            return view(desk, known)
        return _replayed(desk, known, fingerprint)
    if known is not None:
        return _replayed(desk, known, fingerprint)
    order = splitrules.splittable(desk, "非分账订单不支持解冻剩余资金", ended="分账金额为0", waits=False)
    splitrules.check_frequency(desk, order)
    request = _accept(desk, order, number, "unfreeze", fingerprint)
    request |= {"legs": [], "releases": True, "description": desk.body["description"]}
    if desk.is_ecommerce:
        return {name: view(desk, request)[name] for name in ("sub_mchid", "transaction_id", "out_order_no", "order_id")}
    return view(desk, request)


def query(desk: Desk) -> Obj:
    """`GET …/orders[/{out_order_no}]`."""
    number = desk.ids[0] if desk.ids else desk.query.get("out_order_no", "")
    request = desk.tenant.shelf("split").get(number)
    if request is None or request["transaction_id"] != desk.query.get("transaction_id"):
        raise not_found()
    return view(desk, request)


def _accept(desk: Desk, order: Obj, number: str, kind: str, fingerprint: str) -> Obj:
    order["requests"] += 1
    order["last_split_at"] = desk.now.isoformat()
    request: Obj = {
        "out_order_no": number,
        "order_id": serial(desk.tenant, "3000", 29),
        "transaction_id": order["transaction_id"],
        "order": f"{order['mchid']}|{order['out_trade_no']}",
        "mchid": order["mchid"],
        "mode": order["mode"],
        "kind": kind,
        "state": "PROCESSING",
        "fingerprint": fingerprint,
        "at": desk.now.isoformat(),
        "finished_at": "",
        "released": 0,
        "description": "",
    }
    desk.tenant.shelf("split")[number] = request
    if desk.tenant.faults.take(LEG, number, {"stuck_processing"}) is None:
        desk.tenant.later(knob(desk.tenant, "latency_s"), TIMER, number)
    return request


def conclude(tenant: Tenant, number: str) -> None:
    """Decide the legs of a request and, if it says so, release what is left."""
    request = tenant.shelf("split")[number]
    order = tenant.shelf("order")[request["order"]]
    for leg in request["legs"]:
        _decide(tenant, order, request, leg)
    request["state"] = "FINISHED"
    request["finished_at"] = tenant.now().isoformat()
    if request["releases"]:
        leg = expiry.release(tenant, order, initiator="", number=number)
        if leg is not None:
            request["released"] = leg["amount"]
            request["legs"].append({**leg, "fail_reason": ""})
    elif not money.holds(tenant, money.frozen(order)):
        order["finished"] = True


def _decide(tenant: Tenant, order: Obj, request: Obj, leg: Obj) -> None:
    order["reserved"] -= leg["amount"]
    leg["finished_at"] = tenant.now().isoformat()
    leg["detail_id"] = serial(tenant, "3600", 29)
    reason = _refusal(tenant, order, leg)
    is_own = leg["account"] == order["mchid"]
    into = money.available(order["mchid"]) if reason or is_own else money.receiving(leg)
    memo = "split part closed" if reason else "split part"
    money.move(tenant, memo, [(money.frozen(order), -leg["amount"]), (into, leg["amount"])], leg["detail_id"])
    if reason:
        leg |= {"result": "CLOSED", "fail_reason": reason}
        if not knob(tenant, "ratio_counts_closed") and not is_own:
            order["shared"] -= leg["amount"]
        return
    leg["result"] = "SUCCESS"
    number = request["out_order_no"]
    sharebill.record(tenant, order, leg, kind="分账", number=number, order_id=request["order_id"])
    if is_own:
        return
    money.flow(tenant, order["mchid"], "分账", "分账", -leg["amount"], leg["detail_id"], number)
    if leg["type"] == "MERCHANT_ID":
        money.flow(tenant, leg["account"], "分账", "分账", leg["amount"], leg["detail_id"], number)
        tell_receiver(tenant, "PROFITSHARING.SUCCESS", request, leg, leg["amount"])


def _refusal(tenant: Tenant, order: Obj, leg: Obj) -> str:
    scripted = tenant.faults.take(LEG, leg["account"], {"leg_closed"})
    if scripted is not None:
        return str(scripted.data.get("reason", "ACCOUNT_ABNORMAL"))
    for suffix, reason in _MAGIC.items():
        if leg["account"].endswith(suffix):
            return reason
    related = splitrules.is_receiver(tenant, order, leg)
    return "" if related else "NO_RELATION"


def tell_receiver(tenant: Tenant, event: str, request: Obj, leg: Obj, amount: int) -> None:
    """The notice that a receiving merchant gets at the address of his own console."""
    facts, merchant = tenant.facts, tenant.shelf("merchant")[leg["account"]]
    own = knob(tenant, "split_notify_url") if leg["account"] == facts["mchid"] else merchant.get("notify_url", "")
    parties = {"mchid": request["mchid"]}
    if request["mode"] != "direct":
        parties = {"sp_mchid": facts["mchid"], "sub_mchid": request["mchid"]}
    shown = {name: leg[name] for name in ("type", "account", "description")}
    plain = {
        **parties,
        "transaction_id": request["transaction_id"],
        "order_id": request["order_id"],
        "out_order_no": request["out_order_no"],
        "receiver": {**shown, "amount": amount},
        "success_time": at_text(tenant.now()),
    }
    notify(tenant, event, "profitsharing", own, plain)


def view(desk: Desk, request: Obj) -> Obj:
    """A split or unfreeze as WeChat Pay shows it."""
    shown: Obj = {
        "transaction_id": request["transaction_id"],
        "out_order_no": request["out_order_no"],
        "order_id": request["order_id"],
    }
    if request["mode"] != "direct":
        shown["sub_mchid"] = request["mchid"]
    if not desk.is_ecommerce:
        return {
            **shown,
            "state": request["state"],
            "receivers": [_leg_view(leg, request, "") for leg in request["legs"]],
        }
    shown["status"] = request["state"]
    if request["kind"] == "unfreeze":
        return {**shown, "finish_amount": request["released"], "finish_description": request["description"]}
    return {**shown, "receivers": [_leg_view(leg, request, "receiver_") for leg in request["legs"]]}


def _leg_view(leg: Obj, request: Obj, prefix: str) -> Obj:
    shown = {
        "type": leg["type"],
        f"{prefix}account": leg["account"],
        "amount": leg["amount"],
        "description": leg["description"],
        "result": leg["result"],
        "detail_id": leg.get("detail_id", ""),
    }
    if prefix and leg["type"] == "MERCHANT_ID":
        shown["receiver_mchid"] = leg["account"]
    if not prefix:
        shown["create_time"] = at_text(request["at"])
    if leg.get("finished_at"):
        shown["finish_time"] = at_text(datetime.fromisoformat(leg["finished_at"]))
    if leg.get("fail_reason"):
        shown["fail_reason"] = leg["fail_reason"]
    return shown


def _fingerprint(desk: Desk, content: object) -> str:
    kept = {name: v for name, v in desk.body.items() if name != "receivers"}
    return hashlib.sha256(msgspec.json.encode([kept, content], order="sorted")).hexdigest()


def _replayed(desk: Desk, known: Obj, fingerprint: str) -> Obj:
    if known["fingerprint"] != fingerprint:
        raise ApiError(400, "PARAM_ERROR", "分账接收方与原请求不一致，请检查是否重复使用商户分账单号")
    if known["kind"] == "unfreeze" and desk.is_ecommerce:
        return {name: view(desk, known)[name] for name in ("sub_mchid", "transaction_id", "out_order_no", "order_id")}
    return view(desk, known)
