"""Refunds at the simulated WeChat Pay: from the frozen money while an order is open, else from the merchant's own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat import limits
from cauce.providers.wechat.simulator import money, orders
from cauce.providers.wechat.simulator.desk import Desk, Obj, at_text, day_of, serial
from cauce.providers.wechat.simulator.errors import ApiError, bad_param, invalid, not_found
from cauce.providers.wechat.simulator.knobs import knob
from cauce.providers.wechat.simulator.notify import notify

TIMER = "refund"
RESULT = "refund.result"


def apply(desk: Desk) -> Obj:
    """`POST /v3/refund/domestic/refunds` or `/v3/ecommerce/refunds/apply`."""
    number = desk.number("out_refund_no")
    amount = desk.body.get("amount")
    if not isinstance(amount, dict):
        raise bad_param("amount", "is required")
    wanted, total = desk.fen("refund", amount), desk.fen("total", amount)
    known = desk.tenant.shelf("refund").get(number)
    if known is not None:
        if known["amount"] != wanted:
            raise bad_param("out_refund_no", "known with other content", number, "退款参数与原请求不一致")
        return _shown(desk, known)
    order = _order(desk)
    _check(desk, order, wanted, total)
    fee_back = _fee_back(order, wanted)
    sources = _sources(desk, order, amount, wanted, fee_back)
    made = _accept(desk, order, number, wanted, fee_back, sources)
    return _shown(desk, made)


def query(desk: Desk) -> Obj:
    """`GET …/{out_refund_no}` or `…/out-refund-no/{out_refund_no}`."""
    made = desk.tenant.shelf("refund").get(desk.ids[0])
    if made is None:
        raise not_found("退款单不存在")
    return view(desk, made)


def query_by_id(desk: Desk) -> Obj:
    """`GET /v3/ecommerce/refunds/id/{refund_id}`."""
    for made in desk.tenant.shelf("refund").values():
        if made["refund_id"] == desk.ids[0]:
            return view(desk, made)
    raise not_found("退款单不存在")


def _order(desk: Desk) -> Obj:
    sharer = desk.sharer()["mchid"]
    if desk.body.get("transaction_id"):
        order = orders.paid_order(desk, desk.text("transaction_id", 32))
    else:
        found = orders.find(desk.tenant, sharer, desk.text("out_trade_no", 32))
        if found is None:
            raise not_found("订单不存在")
        order = found
    if order["mchid"] != sharer:
        raise not_found("订单不存在")
    return order


def _check(desk: Desk, order: Obj, wanted: int, total: int) -> None:
    if order["state"] not in ("SUCCESS", "REFUND"):
        raise invalid("订单未支付，不能退款")
    if total != order["total"]:
        raise bad_param("amount/total", "the order's total", total, "订单金额不一致")
    if desk.now > datetime.fromisoformat(order["paid_at"]) + timedelta(days=limits.REFUND_WINDOW_DAYS.value):
        raise invalid("订单超过退款期限")
    if order["refunds"] >= limits.REFUNDS_PER_ORDER_MAX.value:
        raise invalid("部分退款次数已达上限")
    if order["refunded"] + wanted > order["total"]:
        raise invalid("申请退款金额超过可退金额")


def _fee_back(order: Obj, wanted: int) -> int:
    """The part of the fee that comes back: pro rata on all that was refunded, the whole with the last fen."""
    so_far: int = order["fee"] * (order["refunded"] + wanted) // order["total"]
    return so_far - int(order["fee_refunded"])


def _sources(desk: Desk, order: Obj, amount: dict[str, Any], wanted: int, fee_back: int) -> list[tuple[str, int]]:
    """From which accounts the refund is taken, net of the fee that comes back; the matrix of orders and refunds."""
    tenant, needed = desk.tenant, wanted - fee_back
    own, pool = money.available(order["mchid"]), money.frozen(order)
    is_open = order["profit_sharing"] and not order["finished"]
    if amount.get("from"):
        return _named_sources(desk, order, amount["from"], wanted, fee_back)
    if is_open and desk.body.get("funds_account") != "AVAILABLE":
        if needed <= money.unsplit(tenant, order):
            return [(pool, needed)]
        raise ApiError(403, "RULE_LIMIT", "申请退款金额大于剩余未分账金额，请等待分账完成后再试")
    if money.holds(tenant, own) < needed:
        status = int(knob(tenant, "refund_short_status"))
        raise ApiError(status, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起：可用余额不足")
    return [(own, needed)]


def _named_sources(
    desk: Desk, order: Obj, named: list[dict[str, Any]], wanted: int, fee_back: int
) -> list[tuple[str, int]]:
    accounts = {"AVAILABLE": money.available(order["mchid"]), "UNAVAILABLE": money.frozen(order)}
    asked = {str(one.get("account")): int(one.get("amount", 0)) for one in named}
    if len(asked) != len(named) or not set(asked) <= set(accounts) or sum(asked.values()) != wanted:
        raise bad_param("amount/from", "distinct accounts that sum to the refund")
    if order["finished"] or not order["profit_sharing"]:
        raise invalid("订单已完结分账，不支持指定出资账户")
    left, sources = fee_back, []
    for name, minor in sorted(asked.items(), reverse=True):
        back = min(left, minor)
        left -= back
        has = money.unsplit(desk.tenant, order) if name == "UNAVAILABLE" else money.holds(desk.tenant, accounts[name])
        if has < minor - back:
            raise ApiError(403, "NOT_ENOUGH", "可用余额不足，请充值后重新发起")
        sources.append((accounts[name], minor - back))
    return sources


def _accept(desk: Desk, order: Obj, number: str, wanted: int, fee_back: int, sources: list[tuple[str, int]]) -> Obj:
    tenant = desk.tenant
    transit, refund_id = f"transit/refund/{number}", serial(tenant, "5030", 29)
    legs = [*((account, -minor) for account, minor in sources), (money.FEES, -fee_back), (transit, wanted)]
    money.move(tenant, "refund accepted", legs, refund_id)
    order["refunded"] += wanted
    order["fee_refunded"] += fee_back
    order["refunds"] += 1
    is_frozen = sources[0][0] == money.frozen(order)
    made: Obj = {
        "out_refund_no": number,
        "refund_id": refund_id,
        "order": f"{order['mchid']}|{order['out_trade_no']}",
        "out_trade_no": order["out_trade_no"],
        "transaction_id": order["transaction_id"],
        "mchid": order["mchid"],
        "mode": order["mode"],
        "amount": wanted,
        "total": order["total"],
        "fee_back": fee_back,
        "sources": [list(source) for source in sources],
        "funds_account": "UNAVAILABLE" if is_frozen else "AVAILABLE",
        "status": "PROCESSING",
        "created_at": desk.now.isoformat(),
        "success_at": "",
        "notify_url": orders.checked_url(desk.body["notify_url"]) if desk.body.get("notify_url") else "",
        "reason": str(desk.body.get("reason", "")),
    }
    tenant.shelf("refund")[number] = made
    money.flow(tenant, order["mchid"], "退款", "退款", -wanted, refund_id, number)
    money.flow(tenant, order["mchid"], "退款", "退还交易手续费", fee_back, refund_id, number)
    tenant.shelf(f"trade/{day_of(tenant.now())}")[refund_id] = {"kind": "refund", "key": number}
    if tenant.faults.take(RESULT, number, {"stuck_processing"}) is None:
        tenant.later(knob(tenant, "refund_latency_s"), TIMER, number)
    return made


def conclude(tenant: Tenant, number: str) -> None:
    """The refund reaches the payer, or does not where a fault says so."""
    made = tenant.shelf("refund")[number]
    if made["status"] != "PROCESSING":
        return
    order = tenant.shelf("order")[made["order"]]
    fault = tenant.faults.take(RESULT, number, {"refund_closed", "refund_abnormal"})
    if fault is not None and fault.kind == "refund_abnormal":
        made["status"] = "ABNORMAL"
        _tell(tenant, made, order)
        return
    transit = f"transit/refund/{number}"
    if fault is not None:
        made["status"] = "CLOSED"
        legs = [(account, minor) for account, minor in made["sources"]]
        money.move(tenant, "refund closed", [(transit, -made["amount"]), (money.FEES, made["fee_back"]), *legs], number)
        order["refunded"] -= made["amount"]
        order["fee_refunded"] -= made["fee_back"]
        money.flow(tenant, made["mchid"], "退款", "退款", made["amount"], made["refund_id"], number)
        money.flow(tenant, made["mchid"], "退款", "退还交易手续费", -made["fee_back"], made["refund_id"], number)
    else:
        made |= {"status": "SUCCESS", "success_at": tenant.now().isoformat()}
        order["state"] = "REFUND"
        money.move(tenant, "refund", [(transit, -made["amount"]), (money.PAYERS, made["amount"])], made["refund_id"])
        if order["profit_sharing"] and not money.holds(tenant, money.frozen(order)):
            order["finished"] = True
    _tell(tenant, made, order)


def send_elsewhere(desk: Desk) -> Obj:
    """`POST …/{refund_id}/apply-abnormal-refund`: the payer's account takes no money, so another does."""
    made = desk.tenant.shelf("refund").get(desk.number("out_refund_no"))
    if made is None or made["refund_id"] != desk.ids[0]:
        raise not_found("退款单不存在")
    kind = desk.text("type", 32)
    if kind not in ("USER_BANK_CARD", "MERCHANT_BANK_CARD"):
        raise bad_param("type", "USER_BANK_CARD or MERCHANT_BANK_CARD", kind)
    if kind == "USER_BANK_CARD":
        for name in ("bank_account", "real_name"):
            desk.opened(desk.text(name, 1024))
    if made["status"] != "ABNORMAL":
        raise invalid("退款单状态不是异常，不能发起异常退款")
    made["status"] = "PROCESSING"
    desk.tenant.later(knob(desk.tenant, "refund_latency_s"), TIMER, made["out_refund_no"])
    return view(desk, made)


def _tell(tenant: Tenant, made: Obj, order: Obj) -> None:
    parties = {"mchid": made["mchid"]}
    if made["mode"] != "direct":
        parties = {"sp_mchid": tenant.facts["mchid"], "sub_mchid": made["mchid"]}
    plain = {
        **parties,
        **{name: made[name] for name in ("out_trade_no", "transaction_id", "out_refund_no", "refund_id")},
        "refund_status": made["status"],
        "user_received_account": "支付用户零钱",
        "amount": _amount(made, order, with_fee=False),
    }
    if made["success_at"]:
        plain["success_time"] = at_text(made["success_at"])
    url = made["notify_url"] or tenant.facts.get("notify_url", "")
    notify(tenant, f"REFUND.{made['status']}", "refund", url, plain)


def _amount(made: Obj, order: Obj, *, with_fee: bool) -> Obj:
    amount = {
        "total": made["total"],
        "refund": made["amount"],
        "payer_total": order["total"],
        "payer_refund": made["amount"],
        "currency": "CNY",
    }
    return {**amount, "refund_fee": made["fee_back"]} if with_fee else amount


def _shown(desk: Desk, made: Obj) -> Obj:
    """The answer of the request: the platform dialect names neither status nor fee in it."""
    if not desk.is_ecommerce:
        return view(desk, made)
    short = {name: made[name] for name in ("refund_id", "out_refund_no")}
    amount = {"refund": made["amount"], "payer_refund": made["amount"], "discount_refund": 0, "currency": "CNY"}
    return {**short, "create_time": at_text(made["created_at"]), "amount": amount}


def view(desk: Desk, made: Obj) -> Obj:
    """A refund as WeChat Pay shows it."""
    order = desk.tenant.shelf("order")[made["order"]]
    copied = ("refund_id", "out_refund_no", "transaction_id", "out_trade_no", "status", "funds_account")
    shown: Obj = {name: made[name] for name in copied}
    shown |= {
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": at_text(made["created_at"]),
        "amount": _amount(made, order, with_fee=True),
    }
    return {**shown, "success_time": at_text(made["success_at"])} if made["success_at"] else shown
