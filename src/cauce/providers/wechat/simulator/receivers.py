"""Receivers and their relation to the order's merchant at the simulated WeChat Pay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat import limits
from cauce.providers.wechat.simulator.desk import Desk, Obj
from cauce.providers.wechat.simulator.errors import ApiError, bad_param, invalid
from cauce.providers.wechat.simulator.knobs import knob

ANYONE = "*"
TYPES = frozenset({"MERCHANT_ID", "PERSONAL_OPENID", "PERSONAL_SUB_OPENID"})
_ECOMMERCE_RELATIONS = frozenset({"SUPPLIER", "DISTRIBUTOR", "SERVICE_PROVIDER", "PLATFORM", "OTHERS"})
_RELATIONS = frozenset(
    {
        "SERVICE_PROVIDER", "STORE", "STAFF", "STORE_OWNER", "PARTNER", "HEADQUARTER", "BRAND", "DISTRIBUTOR",
        "USER", "SUPPLIER", "CUSTOM",
    }
)  # fmt: skip


def add(desk: Desk) -> Obj:
    """`POST …/receivers/add`: again is no harm."""
    sharer = ANYONE if desk.is_ecommerce else desk.sharer()["mchid"]
    kind, account = _type(desk), desk.text("account")
    relation = desk.text("relation_type", 32)
    if relation not in (_ECOMMERCE_RELATIONS if desk.is_ecommerce else _RELATIONS):
        raise bad_param("relation_type", "one of the relations", relation)
    if relation == "CUSTOM" and not 0 < len(str(desk.body.get("custom_relation", ""))) <= 10:
        raise bad_param("custom_relation", "1 to 10 characters with CUSTOM")
    _check_name(desk, kind, account)
    count = f"relations/{sharer}"
    key = f"{sharer}|{kind}|{account}"
    shelf = desk.tenant.shelf("relation")
    if key not in shelf:
        if desk.tenant.facts.get(count, 0) >= limits.REGISTERED_RECEIVERS_MAX.value:
            raise invalid("商户已添加的分账接收方个数过多")
        desk.tenant.facts[count] = desk.tenant.facts.get(count, 0) + 1
    shelf[key] = {"relation_type": relation, "at": desk.now.isoformat()}
    if desk.is_ecommerce:
        return {"type": kind, "account": account}
    echoed = ("type", "account", "name", "relation_type", "custom_relation", "sub_mchid")
    return {name: desk.body[name] for name in echoed if name in desk.body}


def delete(desk: Desk) -> Obj:
    """`POST …/receivers/delete`."""
    sharer = ANYONE if desk.is_ecommerce else desk.sharer()["mchid"]
    kind, account = _type(desk), desk.text("account")
    if desk.tenant.shelf("relation").pop(f"{sharer}|{kind}|{account}", None) is not None:
        count = f"relations/{sharer}"
        desk.tenant.facts[count] = desk.tenant.facts.get(count, 1) - 1
    return {name: desk.body[name] for name in ("type", "account", "sub_mchid") if name in desk.body}


def is_related(tenant: Tenant, sharer: str, kind: str, account: str) -> bool:
    """Whether an order's merchant may share with this receiver; the platform and the merchant itself always."""
    if kind == "MERCHANT_ID" and account in (sharer, _platform(tenant)):
        return True
    shelf = tenant.shelf("relation")
    return f"{sharer}|{kind}|{account}" in shelf or f"{ANYONE}|{kind}|{account}" in shelf


def exists(tenant: Tenant, kind: str, account: str) -> bool:
    """Whether there is such a merchant; persons are taken on their word, as an open id says nothing."""
    return account in tenant.shelf("merchant") if kind == "MERCHANT_ID" else bool(account)


def name_of(tenant: Tenant, kind: str, account: str) -> str:
    """The real name that WeChat Pay knows; "" where it knows none."""
    shelf: Mapping[str, Any] = tenant.shelf("merchant" if kind == "MERCHANT_ID" else "person")
    return str(shelf.get(account, {}).get("name", ""))


def ratio(desk: Desk) -> Obj:
    """`GET …/merchant-configs/{sub_mchid}`: the share cap, partner dialect only."""
    merchant = desk.tenant.shelf("merchant").get(desk.ids[0])
    if merchant is None or merchant["parent"] != desk.caller:
        raise ApiError(403, "NO_AUTH", "非服务商下的签约子商户")
    if not merchant["split_enabled"]:
        raise ApiError(403, "NO_AUTH", "子商户未开通分账功能")
    return {"sub_mchid": desk.ids[0], "max_ratio": max_ratio(desk.tenant, merchant)}


def max_ratio(tenant: Tenant, merchant: Obj) -> int:
    """The share cap of a merchant in ten-thousandths."""
    own = merchant.get("max_ratio")
    return int(knob(tenant, "max_ratio") if own is None else own)


def _platform(tenant: Tenant) -> str:
    return str(tenant.facts["mchid"]) if tenant.facts["dialect"] == "ecommerce" else ""


def _type(desk: Desk) -> str:
    kind = desk.text("type", 32)
    if kind not in TYPES:
        raise bad_param("type", "MERCHANT_ID, PERSONAL_OPENID or PERSONAL_SUB_OPENID", kind)
    return kind


def _check_name(desk: Desk, kind: str, account: str) -> None:
    if not exists(desk.tenant, kind, account):
        raise invalid("请确认分账接收方是否存在")
    sealed = desk.body.get("encrypted_name" if desk.is_ecommerce else "name")
    if desk.is_ecommerce and kind == "MERCHANT_ID":
        given = desk.text("name", 1024)
    elif kind == "MERCHANT_ID" or sealed:
        given = desk.opened(desk.text("encrypted_name" if desk.is_ecommerce else "name", 10240))
    else:
        return
    known = name_of(desk.tenant, kind, account)
    if known and given != known:
        is_merchant = kind == "MERCHANT_ID"
        raise invalid("分账接收商户全称不匹配" if is_merchant else "微信用户姓名与实名不一致")
