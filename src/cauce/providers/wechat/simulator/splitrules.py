"""What the simulated WeChat Pay checks before it accepts a split, in the order in which it checks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat import limits
from cauce.providers.wechat.simulator import expiry, receivers
from cauce.providers.wechat.simulator.desk import Desk, Obj
from cauce.providers.wechat.simulator.errors import ApiError, bad_param, invalid, short_of_money
from cauce.providers.wechat.simulator.knobs import knob


def legs_of(desk: Desk) -> list[Obj]:
    """The receivers of a request as legs; 400 for a list that is none."""
    given = desk.body.get("receivers")
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise bad_param("receivers", "1 to 50 receivers", message="分账接收方列表格式错误")
    return [_leg(desk, one) for one in given]


def _leg(desk: Desk, given: dict[str, Any]) -> Obj:
    account = (
        given.get("receiver_account") or given.get("receiver_mchid") if desk.is_ecommerce else given.get("account")
    )
    if type(given.get("amount")) is not int:
        raise bad_param("receivers/amount", "an integer of fen", given.get("amount"), "分账接收方列表格式错误")
    sealed = given.get("receiver_name" if desk.is_ecommerce else "name")
    return {
        "type": desk.text("type", 32, given) if "type" in given else "MERCHANT_ID",
        "account": desk.text("account", 64, {"account": account}),
        "amount": given["amount"],
        "description": desk.text("description", 80, given),
        "name": desk.opened(sealed) if sealed else "",
        "result": "PENDING",
        "fail_reason": "",
    }


def splittable(
    desk: Desk, refusal: str = "非分账订单不支持分账", ended: str = "分账金额不足", *, waits: bool = True
) -> Obj:
    """The order, if its money may be split now."""
    merchant = desk.sharer()
    if not merchant["split_enabled"]:
        raise ApiError(403, "NO_AUTH", "商户未开通分账权限")
    key = desk.tenant.shelf("transaction").get(str(desk.body["transaction_id"]))
    order = desk.tenant.shelf("order").get(key["order"]) if key else None
    if order is None:
        raise invalid("订单不存在，请确认微信订单号")
    if order["mchid"] != merchant["mchid"]:
        raise invalid("请求分账的交易模式和下单的交易模式不匹配")
    if not order["profit_sharing"]:
        raise invalid(refusal)
    ready = datetime.fromisoformat(order["paid_at"]) + timedelta(seconds=limits.SPLIT_DELAY_SECONDS_MIN.value)
    if waits and desk.now < ready:
        raise invalid("订单处理中，请稍后重试")
    if waits and order["subsidised"] < order["subsidy"]:
        raise invalid("分账补贴还未到账，不能受理分账")
    if order["finished"] or desk.now >= expiry.expires_at(desk.tenant, order):
        if knob(desk.tenant, "expired_status") == 403:
            raise short_of_money(ended)
        raise ApiError(int(knob(desk.tenant, "expired_status")), "INVALID_REQUEST", "订单已过分账期")
    return order


def check_frequency(desk: Desk, order: Obj) -> None:
    """429 within a second of the last request for the same order."""
    last = order["last_split_at"]
    pause = timedelta(seconds=limits.SAME_ORDER_INTERVAL_SECONDS_MIN.value)
    if last and desk.now - datetime.fromisoformat(last) < pause:
        raise ApiError(429, "FREQUENCY_LIMITED", "对同笔订单分账频率过高")


def check_legs(desk: Desk, order: Obj, legs: list[Obj], *, releases: bool) -> None:
    """Counts, amounts, duplicates, relations and names of a request's legs."""
    if order["requests"] >= limits.REQUESTS_PER_ORDER_MAX.value:
        raise invalid("分账次数已达上限")
    if len(legs) > limits.RECEIVERS_PER_REQUEST_MAX.value:
        raise bad_param("receivers", f"at most {limits.RECEIVERS_PER_REQUEST_MAX.value}", len(legs))
    if any(leg["amount"] <= 0 for leg in legs):
        raise bad_param("receivers/amount", "more than nothing")
    named = [(leg["type"], leg["account"]) for leg in legs]
    if knob(desk.tenant, "duplicate_receivers") == "reject" and len(set(named)) < len(named):
        raise invalid("分账接收方重复")
    is_own = any(leg["account"] == order["mchid"] for leg in legs)
    if releases and is_own and knob(desk.tenant, "self_with_release") == "reject":
        raise invalid("分账给自己时不能解冻剩余资金")
    for leg in legs:
        if not is_receiver(desk.tenant, order, leg):
            raise invalid("分账接收方关系不存在，请检查是否已添加")
        known = receivers.name_of(desk.tenant, leg["type"], leg["account"])
        if leg["name"] and known and leg["name"] != known:
            raise invalid("分账接收商户全称不匹配")
    merchants = [leg["account"] for leg in legs if leg["type"] == "MERCHANT_ID"]
    if desk.is_ecommerce and releases and any(account != desk.caller for account in merchants):
        raise invalid("完结分账时，分账接收方只能是平台商户")


def is_receiver(tenant: Tenant, order: Obj, leg: Obj) -> bool:
    """Whether the order's merchant may share with a leg's receiver."""
    if leg["type"] == "MERCHANT_ID" and not receivers.exists(tenant, leg["type"], leg["account"]):
        return False
    return receivers.is_related(tenant, order["mchid"], leg["type"], leg["account"])


def check_cap(desk: Desk, order: Obj, legs: list[Obj]) -> None:
    """The share cap: floor of what is not refunded times the ratio, over all requests, only money to others."""
    merchant = desk.tenant.shelf("merchant")[order["mchid"]]
    base = order["total"] - order["refunded"] - order["subsidy_returned"]
    cap = base * receivers.max_ratio(desk.tenant, merchant) // limits.RATIO_DENOMINATOR
    wanted = sum(leg["amount"] for leg in legs if leg["account"] != order["mchid"])
    if order["shared"] + wanted <= cap:
        return
    message = "分账金额超出最大分账比例，最大可分账金额需等比例扣除退款与补差回退等逆向交易金额"
    if knob(desk.tenant, "ratio_error_style") == 403:
        raise ApiError(403, "RULE_LIMIT", message)
    raise invalid(message)
