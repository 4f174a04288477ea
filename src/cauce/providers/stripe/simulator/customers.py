"""Customers at the simulated Stripe."""

from __future__ import annotations

from typing import Any

from cauce.providers.stripe.simulator.desk import Desk, Obj, merge_metadata, update_fields
from cauce.providers.stripe.simulator.errors import missing
from cauce.providers.stripe.simulator.params import LISTED, params
from cauce.providers.stripe.simulator.views import listed, render

FIELDS = ("address", "description", "email", "name", "phone", "preferred_locales", "tax_exempt", "shipping")
_LINE = (
    "address:any description email name phone preferred_locales:list tax_exempt shipping:any metadata:map "
    "invoice_settings:map payment_method"
)
CREATE = params(_LINE)
UPDATE = params(_LINE)
LIST = params(f"{LISTED} email")
NONE = params("")


def create(desk: Desk) -> Obj:
    """POST /v1/customers: never unique, two calls make two customers."""
    given = desk.params
    customer = desk.make(
        "customer",
        {
            **{name: given.get(name) or None for name in FIELDS},
            "balance": 0,
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "invoice_credit_balance": {},
            "invoice_settings": {"default_payment_method": None, "custom_fields": None, "footer": None},
        },
    )
    customer["tax_exempt"] = given.get("tax_exempt", "none")
    customer["preferred_locales"] = given.get("preferred_locales", [])
    merge_metadata(customer, given.get("metadata"))
    _set_default(desk, customer, given)
    desk.emit("customer.created", customer)
    return customer


def update(desk: Desk) -> Obj:
    """POST /v1/customers/{id}."""
    customer = desk.get("customer", desk.id)
    before = update_fields(customer, desk.params, FIELDS)
    _set_default(desk, customer, desk.params)
    desk.emit("customer.updated", customer, before)
    return customer


def retrieve(desk: Desk) -> Obj:
    """GET /v1/customers/{id}: a deleted one answers 200 with `deleted`."""
    return desk.get("customer", desk.id)


def list_all(desk: Desk) -> Obj:
    """GET /v1/customers."""
    wanted = desk.params.get("email")
    items = (c for c in desk.all("customer") if not c.get("deleted") and wanted in (None, c["email"]))
    return listed(desk.tenant, items, desk.params, "/v1/customers")


def delete(desk: Desk) -> Obj:
    """DELETE /v1/customers/{id}: for good; its methods are detached."""
    customer = desk.get("customer", desk.id)
    snapshot = render(desk.tenant, customer)
    for method in desk.all("payment_method"):
        if method["customer"] == customer["id"]:
            method["customer"] = None
            method["_detached"] = True
    kept = {"id": customer["id"], "object": "customer", "deleted": True, "_account": customer["_account"]}
    customer.clear()
    customer |= {**kept, "created": snapshot["created"]}
    desk.emit("customer.deleted", {**snapshot, "_account": desk.account})
    return customer


def alive(desk: Desk, id: str, param: str = "customer") -> Obj:
    """The customer, unless deleted."""
    customer = desk.get("customer", id, param)
    if customer.get("deleted"):
        raise missing("customer", id, param)
    return customer


def _set_default(desk: Desk, customer: Obj, given: dict[str, Any]) -> None:
    default = (given.get("invoice_settings") or {}).get("default_payment_method")
    if default is None:
        return
    if default:
        method = desk.get("payment_method", default, "invoice_settings[default_payment_method]")
        if method["customer"] != customer["id"]:
            raise missing("payment_method", default, "invoice_settings[default_payment_method]")
    customer["invoice_settings"]["default_payment_method"] = default or None
