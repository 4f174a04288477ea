"""Taking parts back at the simulated WeChat Pay."""

from __future__ import annotations

from datetime import datetime, timedelta

from cauce.providers.kit.simulator.books import Overdrawn
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat import limits
from cauce.providers.wechat.simulator import money, sharebill
from cauce.providers.wechat.simulator.desk import Desk, Obj, at_text, serial
from cauce.providers.wechat.simulator.errors import ApiError, bad_param, invalid, not_found
from cauce.providers.wechat.simulator.knobs import knob
from cauce.providers.wechat.simulator.splits import tell_receiver

TIMER_TIMEOUT = "return_timeout"
TIMER_DECIDE = "return_decide"


def reverse(desk: Desk) -> Obj:
    """`POST …/return-orders` or `…/returnorders`: at once, or PROCESSING while the receiver is short of money."""
    number = desk.number("out_return_no")
    amount = desk.fen("amount")
    mchid = desk.text("return_mchid", 32)
    desk.text("description", 80)
    known = desk.tenant.shelf("return").get(number)
    if known is not None:
        if (known["return_mchid"], known["amount"]) != (mchid, amount):
            raise bad_param("out_return_no", "known with other content", number, "回退参数与原请求不一致")
        return _attempt(desk, known) if known["result"] == "PROCESSING" else view(desk, known)
    request, leg, order = _leg_of(desk, mchid)
    _check(desk, request, leg, order, amount)
    made: Obj = {
        "out_return_no": number,
        "return_id": serial(desk.tenant, "3100", 29),
        "order_id": request["order_id"],
        "out_order_no": request["out_order_no"],
        "mchid": request["mchid"],
        "mode": request["mode"],
        "return_mchid": mchid,
        "amount": amount,
        "description": desk.body["description"],
        "result": "PROCESSING",
        "fail_reason": "",
        "created_at": desk.now.isoformat(),
        "finished_at": "",
    }
    desk.tenant.shelf("return")[number] = made
    order["returns"] += 1
    leg["returns"] = leg.get("returns", 0) + 1
    leg["returned"] = leg.get("returned", 0) + amount
    desk.tenant.later(limits.RETURN_TIMEOUT_DAYS.value * 86_400, TIMER_TIMEOUT, number)
    return _attempt(desk, made)


def query(desk: Desk) -> Obj:
    """`GET …/return-orders/{out_return_no}` or `…/returnorders`."""
    number = desk.ids[0] if desk.ids else desk.query.get("out_return_no", "")
    found = desk.tenant.shelf("return").get(number)
    named = (desk.query.get("out_order_no"), desk.query.get("order_id"))
    if found is None or not (found["out_order_no"] == named[0] or found["order_id"] == named[1]):
        raise not_found()
    return view(desk, found)


def _attempt(desk: Desk, made: Obj) -> Obj:
    tenant = desk.tenant
    fate = knob(tenant, "return_processing")
    if fate:
        if fate != "stuck":
            tenant.later(knob(tenant, "latency_s"), TIMER_DECIDE, f"{made['out_return_no']}|{fate}")
        return view(desk, made)
    try:
        _move(tenant, made)
    except Overdrawn as exc:
        status = int(knob(tenant, "return_short_status"))
        raise ApiError(status, "NOT_ENOUGH", "可用余额不足，请充值后重新发起") from exc
    return view(desk, made)


def _move(tenant: Tenant, made: Obj) -> None:
    amount, ref, number = made["amount"], made["return_id"], made["out_return_no"]
    receiver, sharer = money.available(made["return_mchid"]), money.available(made["mchid"])
    money.move(tenant, "return", [(receiver, -amount), (sharer, amount)], ref)
    made |= {"result": "SUCCESS", "finished_at": tenant.now().isoformat()}
    tenant.timers.cancel(TIMER_TIMEOUT, number)
    request = tenant.shelf("split")[made["out_order_no"]]
    order = tenant.shelf("order")[request["order"]]
    if knob(tenant, "ratio_restored_by_return"):
        order["shared"] -= amount
    leg: Obj = {
        "type": "MERCHANT_ID",
        "account": made["return_mchid"],
        "amount": amount,
        "description": made["description"],
        "detail_id": ref,
    }
    sharebill.record(tenant, order, leg, kind="分账回退", number=number, order_id=made["order_id"])
    money.flow(tenant, made["return_mchid"], "分账", "分账回退", -amount, ref, number)
    money.flow(tenant, made["mchid"], "分账", "分账回退", amount, ref, number)
    tell_receiver(tenant, "PROFITSHARING.RETURN", request, leg, amount)


def timed_out(tenant: Tenant, number: str) -> None:
    """A return that stayed PROCESSING for five days fails."""
    _fail(tenant, number, "TIME_OUT_CLOSED")


def decide(tenant: Tenant, target: str) -> None:
    """What a knob said that a return becomes."""
    number, _, fate = target.partition("|")
    made = tenant.shelf("return")[number]
    if made["result"] != "PROCESSING":
        return
    if fate == "SUCCESS":
        try:
            _move(tenant, made)
        except Overdrawn:
            _fail(tenant, number, "BALANCE_NOT_ENOUGH")
    else:
        _fail(tenant, number, "ACCOUNT_ABNORMAL")


def _fail(tenant: Tenant, number: str, reason: str) -> None:
    made = tenant.shelf("return")[number]
    if made["result"] != "PROCESSING":
        return
    made |= {"result": "FAILED", "fail_reason": reason, "finished_at": tenant.now().isoformat()}
    for leg in tenant.shelf("split")[made["out_order_no"]]["legs"]:
        if leg["account"] == made["return_mchid"]:
            leg["returned"] = leg.get("returned", 0) - made["amount"]


def _leg_of(desk: Desk, mchid: str) -> tuple[Obj, Obj, Obj]:
    desk.sharer()
    splits = desk.tenant.shelf("split")
    number, order_id = desk.body.get("out_order_no"), desk.body.get("order_id")
    request = (
        splits.get(str(number)) if number else next((s for s in splits.values() if s["order_id"] == order_id), None)
    )
    if request is None:
        raise not_found("分账单不存在")
    legs = [leg for leg in request["legs"] if leg["account"] == mchid and leg["type"] == "MERCHANT_ID"]
    if request["state"] != "FINISHED" or not legs or legs[0]["result"] != "SUCCESS":
        raise invalid("回退方不存在")
    return request, legs[0], desk.tenant.shelf("order")[request["order"]]


def _check(desk: Desk, request: Obj, leg: Obj, order: Obj, amount: int) -> None:
    receiver = desk.merchant(leg["account"])
    if leg["account"] == request["mchid"]:
        raise invalid("分账回退出资商户不允许和接收商户相同")
    if not receiver["return_consent"]:
        raise ApiError(403, "NO_AUTH", "回退方未开通分账回退功能")
    if order["returns"] >= limits.RETURNS_PER_SPLIT_MAX.value:
        raise invalid("分账回退次数已达上限")
    if leg.get("returns", 0) >= limits.RETURNS_PER_RECEIVER_MAX.value:
        raise invalid("分账回退次数已达上限")
    if leg.get("returned", 0) + amount > leg["amount"]:
        raise invalid("回退金额超过分账金额")
    if desk.now > datetime.fromisoformat(request["finished_at"]) + timedelta(days=limits.RETURN_WINDOW_DAYS.value):
        raise invalid("分账单超过可回退期限")


def view(desk: Desk, made: Obj) -> Obj:
    """A return as WeChat Pay shows it."""
    copied = ("order_id", "out_order_no", "out_return_no", "return_mchid", "amount", "description", "result")
    shown: Obj = {name: made[name] for name in copied}
    shown["return_no" if desk.is_ecommerce else "return_id"] = made["return_id"]
    shown["create_time"] = at_text(made["created_at"])
    if made["mode"] != "direct":
        shown["sub_mchid"] = made["mchid"]
    if made["finished_at"]:
        shown["finish_time"] = at_text(made["finished_at"])
    return {**shown, "fail_reason": made["fail_reason"]} if made["fail_reason"] else shown
