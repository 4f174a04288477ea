"""Rows of the split bill: every part, return and release that succeeded, by Shanghai day."""

from __future__ import annotations

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat.simulator.desk import Obj, day_of, serial


def record(
    tenant: Tenant, order: Obj, leg: Obj, *, kind: str, number: str, initiator: str = "", order_id: str = ""
) -> Obj:
    """Give a leg that succeeded its serial and its row; the leg."""
    leg.setdefault("detail_id", serial(tenant, "3600", 29))
    tenant.shelf(f"share/{day_of(tenant.now())}")[leg["detail_id"] + kind] = {
        "at": tenant.now().isoformat(),
        "initiator": initiator or order["sp_mchid"],
        "owner": order["mchid"],
        "transaction_id": order["transaction_id"],
        "order_id": order_id,
        "number": number,
        "detail_id": leg["detail_id"],
        "receiver": leg["account"],
        "amount": leg["amount"],
        "kind": kind,
        "description": leg.get("description", ""),
    }
    return leg
