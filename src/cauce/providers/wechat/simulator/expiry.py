"""The freeze clock: what was not split in time goes to the order's own merchant, at ten past midnight."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat import limits
from cauce.providers.wechat.simulator import money, sharebill
from cauce.providers.wechat.simulator.desk import SHANGHAI, Obj
from cauce.providers.wechat.simulator.knobs import knob

TIMER = "expiry"
RELEASED = "解冻给分账方"


def freeze_days(tenant: Tenant) -> int:
    """How long money stays frozen after payment."""
    is_ecommerce = tenant.facts["dialect"] == "ecommerce"
    ordinary = limits.FREEZE_DAYS_ECOMMERCE if is_ecommerce else limits.FREEZE_DAYS_ORDINARY
    return int(knob(tenant, "freeze_days") or ordinary.value)


def expires_at(tenant: Tenant, order: Obj) -> datetime:
    """When an order can no longer be split."""
    return datetime.fromisoformat(order["paid_at"]) + timedelta(days=freeze_days(tenant))


def watch(tenant: Tenant, order: Obj) -> None:
    """Put an order on the list of the night after its freeze; one timer a night serves all its orders."""
    ends = expires_at(tenant, order).astimezone(SHANGHAI)
    night = datetime.combine(ends.date(), time(0, 10), SHANGHAI)
    if night < ends:
        night += timedelta(days=1)
    day = night.date().isoformat()
    listed = tenant.shelf(f"expiry/{day}")
    if not listed:
        tenant.timers.set(night, TIMER, day)
    listed[order["transaction_id"]] = {"order": f"{order['mchid']}|{order['out_trade_no']}"}


def night(tenant: Tenant, day: str) -> None:
    """Release what is left of every order on the night's list."""
    for entry in tenant.objects.pop(f"expiry/{day}", {}).values():
        order = tenant.shelf("order")[entry["order"]]
        if not order["finished"]:
            release(tenant, order, initiator="system", number="")


def release(tenant: Tenant, order: Obj, *, initiator: str, number: str) -> Obj | None:
    """End an order: what is left goes to its own merchant. The leg that says so, None when nothing was left."""
    order["finished"] = True
    left = money.unsplit(tenant, order)
    if not left:
        return None
    ref = order["transaction_id"]
    money.move(tenant, "release", [(money.frozen(order), -left), (money.available(order["mchid"]), left)], ref)
    leg = {
        "type": "MERCHANT_ID",
        "account": order["mchid"],
        "amount": left,
        "description": RELEASED,
        "result": "SUCCESS",
        "finished_at": tenant.now().isoformat(),
    }
    return sharebill.record(tenant, order, leg, kind="解冻", number=number, initiator=initiator)
