"""Balances, withdrawals and subsidies of second-level merchants at the simulated WeChat Pay."""

from __future__ import annotations

import re

from cauce.providers.kit.simulator.books import Overdrawn
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat.simulator import money, orders
from cauce.providers.wechat.simulator.desk import Desk, Obj, at_text, serial
from cauce.providers.wechat.simulator.errors import bad_param, invalid, not_found, short_of_money
from cauce.providers.wechat.simulator.knobs import knob

TIMER = "withdraw"
RESULT = "withdraw.result"


def balance(desk: Desk) -> Obj:
    """`GET /v3/ecommerce/fund/balance/{sub_mchid}`: what is usable, and what is frozen."""
    return {"sub_mchid": desk.ids[0], **_balance(desk, desk.ids[0])}


def own_balance(desk: Desk) -> Obj:
    """`GET /v3/merchant/fund/balance/{account_type}`."""
    if desk.ids[0] not in ("BASIC", "OPERATION", "FEES"):
        raise bad_param("account_type", "BASIC, OPERATION or FEES", desk.ids[0])
    if desk.ids[0] != "BASIC":
        return {"available_amount": 0, "pending_amount": 0}
    return _balance(desk, desk.caller)


def _balance(desk: Desk, mchid: str) -> Obj:
    merchant = desk.merchant(mchid)
    usable = money.holds(desk.tenant, money.available(mchid))
    return {"available_amount": usable, "pending_amount": merchant["basic"] - usable}


def withdraw(desk: Desk) -> Obj:
    """`POST /v3/ecommerce/fund/withdraw`."""
    tenant, mchid = desk.tenant, desk.sharer()["mchid"]
    number = desk.text("out_request_no", 32)
    if not re.fullmatch(r"[0-9A-Za-z]+", number):
        raise bad_param("out_request_no", "letters and digits", number)
    amount = desk.fen("amount")
    known = tenant.shelf("withdrawal").get(number)
    if known is not None:
        if (known["sub_mchid"], known["amount"]) != (mchid, amount):
            raise bad_param("out_request_no", "known with other content", number)
        return _answer(known)
    withdraw_id = serial(tenant, "6000", 29)
    legs = [(money.available(mchid), -amount), (f"transit/withdraw/{number}", amount)]
    try:
        money.move(tenant, "withdrawal", legs, withdraw_id)
    except Overdrawn as exc:
        raise short_of_money("账户余额不足") from exc
    made = {
        "sub_mchid": mchid,
        "withdraw_id": withdraw_id,
        "out_request_no": number,
        "amount": amount,
        "status": "CREATE_SUCCESS",
        "created_at": desk.now.isoformat(),
        "updated_at": desk.now.isoformat(),
        "reason": "",
    }
    tenant.shelf("withdrawal")[number] = made
    money.flow(tenant, mchid, "提现", "提现", -amount, withdraw_id, number)
    if tenant.faults.take(RESULT, number, {"stuck_processing"}) is None:
        tenant.later(knob(tenant, "withdraw_latency_s"), TIMER, number)
    return _answer(made)


def conclude(tenant: Tenant, number: str) -> None:
    """The bank takes the money, or gives it back where a fault says so."""
    made = tenant.shelf("withdrawal")[number]
    transit = f"transit/withdraw/{number}"
    fault = tenant.faults.take(RESULT, number, {"withdraw_failed"})
    made["updated_at"] = tenant.now().isoformat()
    if fault is None:
        made["status"] = "SUCCESS"
        bank = f"outside/bank/{made['sub_mchid']}"
        money.move(tenant, "withdrawn", [(transit, -made["amount"]), (bank, made["amount"])], made["withdraw_id"])
        return
    made |= {"status": str(fault.data.get("status", "FAIL")), "reason": str(fault.data.get("reason", "银行卡异常"))}
    back = money.available(made["sub_mchid"])
    money.move(tenant, "withdrawal failed", [(transit, -made["amount"]), (back, made["amount"])], made["withdraw_id"])
    money.flow(tenant, made["sub_mchid"], "提现", "提现退回", made["amount"], made["withdraw_id"], number)


def withdrawal_by_number(desk: Desk) -> Obj:
    """`GET …/withdraw/out-request-no/{out_request_no}`."""
    made = desk.tenant.shelf("withdrawal").get(desk.ids[0])
    if made is None or made["sub_mchid"] != desk.query.get("sub_mchid"):
        raise not_found()
    return _withdrawal(made)


def withdrawal_by_id(desk: Desk) -> Obj:
    """`GET …/withdraw/{withdraw_id}`."""
    for made in desk.tenant.shelf("withdrawal").values():
        if made["withdraw_id"] == desk.ids[0]:
            return _withdrawal(made)
    raise not_found()


def _answer(made: Obj) -> Obj:
    return {name: made[name] for name in ("sub_mchid", "withdraw_id", "out_request_no")}


def _withdrawal(made: Obj) -> Obj:
    shown = {**_answer(made), "status": made["status"], "amount": made["amount"]}
    shown |= {"create_time": at_text(made["created_at"]), "update_time": at_text(made["updated_at"])}
    return {**shown, "reason": made["reason"]} if made["reason"] else shown


def subsidise(desk: Desk) -> Obj:
    """`POST /v3/ecommerce/subsidies/create`: the platform adds to an order that announced it."""
    order, amount = _subsidised_order(desk), desk.fen("amount")
    number = desk.number("out_subsidy_no") if desk.body.get("out_subsidy_no") else ""
    known = _known(desk, number, amount)
    if known is not None:
        return known
    if order["subsidised"] + amount > order["subsidy"]:
        raise invalid("补差金额超过下单时的最大补差金额")
    made = serial(desk.tenant, "7000", 29)
    legs = [(money.available(desk.caller), -amount), (money.frozen(order), amount)]
    try:
        money.move(desk.tenant, "subsidy", legs, made)
    except Overdrawn as exc:
        raise short_of_money("账户余额不足") from exc
    order["subsidised"] += amount
    money.flow(desk.tenant, desk.caller, "补差", "补差", -amount, made, number or order["out_trade_no"])
    money.flow(desk.tenant, order["mchid"], "补差", "补差", amount, made, number or order["out_trade_no"])
    shown = {name: desk.body[name] for name in ("sub_mchid", "transaction_id", "amount", "description")}
    return _kept(desk, number, {**shown, "subsidy_id": made, "result": "SUCCESS", "success_time": at_text(desk.now)})


def subsidy_return(desk: Desk) -> Obj:
    """`POST /v3/ecommerce/subsidies/return`: the platform takes a subsidy back."""
    order = _subsidised_order(desk)
    amount, number = desk.fen("amount"), desk.number("out_order_no")
    known = _known(desk, number, amount)
    if known is not None:
        return known
    if order["subsidy_returned"] + amount > order["subsidised"]:
        raise invalid("补差回退金额超过补差金额")
    made = serial(desk.tenant, "7100", 29)
    source = money.available(order["mchid"]) if order["finished"] else money.frozen(order)
    try:
        money.move(desk.tenant, "subsidy return", [(source, -amount), (money.available(desk.caller), amount)], made)
    except Overdrawn as exc:
        raise short_of_money("账户余额不足") from exc
    order["subsidy_returned"] += amount
    money.flow(desk.tenant, order["mchid"], "补差", "补差", -amount, made, number)
    money.flow(desk.tenant, desk.caller, "补差", "补差", amount, made, number)
    shown = {name: desk.body[name] for name in ("sub_mchid", "transaction_id", "amount", "description", "out_order_no")}
    answer = {**shown, "subsidy_refund_id": made, "result": "SUCCESS", "success_time": at_text(desk.now)}
    return _kept(desk, number, answer)


def subsidy_cancel(desk: Desk) -> Obj:
    """`POST /v3/ecommerce/subsidies/cancel`: no subsidy will come, so the order may be split."""
    order = _subsidised_order(desk)
    order["subsidy"] = order["subsidised"]
    shown = {name: desk.body[name] for name in ("sub_mchid", "transaction_id", "description") if name in desk.body}
    return {**shown, "result": "SUCCESS"}


def _subsidised_order(desk: Desk) -> Obj:
    order = orders.paid_order(desk, desk.text("transaction_id", 32))
    if order["mchid"] != desk.sharer()["mchid"]:
        raise not_found("订单不存在")
    return order


def _known(desk: Desk, number: str, amount: int) -> Obj | None:
    """The answer of the same number before; another amount under it is refused."""
    known = desk.tenant.shelf("subsidy").get(number) if number else None
    if known is not None and known["amount"] != amount:
        raise bad_param("amount", "known with other content", amount)
    return None if known is None else dict(known["answer"])


def _kept(desk: Desk, number: str, answer: Obj) -> Obj:
    if number:
        desk.tenant.shelf("subsidy")[number] = {"amount": answer["amount"], "answer": answer}
    return answer
