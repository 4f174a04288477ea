"""Stripe Billing at the simulated Stripe, as far as another engine takes over from it: products, prices, subscriptions, invoices.

A subscription renews by itself when its period ends: an invoice, paid without a charge, and the next period; one that is
told to end with its period is cancelled instead. No trial ends without one, no invoice fails here: `stage` says so by
hand (`subscriptions/<id>/set`, `invoices`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cauce.kernel.calendar.months import add_months
from cauce.providers.stripe.simulator import customers
from cauce.providers.stripe.simulator.desk import Desk, Obj, merge_metadata
from cauce.providers.stripe.simulator.errors import StripeError, wrong_state
from cauce.providers.stripe.simulator.params import LISTED, flag, params
from cauce.providers.stripe.simulator.views import listed

PRODUCT = params("name! description metadata:map active:bool")
PRICE = params(
    "product! currency! unit_amount:int unit_amount_decimal recurring:map lookup_key nickname tax_behavior metadata:map "
    "billing_scheme transform_quantity:map"
)
SUBSCRIBE = params(
    "customer! items!:list trial_period_days:int trial_end:any trial_settings:map default_payment_method metadata:map "
    "payment_behavior payment_settings:map proration_behavior cancel_at_period_end:bool"
)
CHANGE = params("cancel_at_period_end:bool metadata:map default_payment_method trial_end:any proration_behavior")
LIST = params(LISTED)
LIST_PRICES = params(f"{LISTED} product active:bool")
LIST_SUBSCRIPTIONS = params(f"{LISTED} status customer price")
LIST_INVOICES = params(f"{LISTED} status customer subscription")


def create_product(desk: Desk) -> Obj:
    """POST /v1/products."""
    given = desk.params
    made = desk.make("product", {"active": True, "description": given.get("description"), "name": given["name"]})
    merge_metadata(made, given.get("metadata"))
    return made


def create_price(desk: Desk) -> Obj:
    """POST /v1/prices."""
    given = desk.params
    desk.get("product", given["product"], "product")
    recurring = given.get("recurring")
    if recurring is not None:
        recurring = {
            "interval": recurring["interval"],
            "interval_count": int(recurring.get("interval_count", 1)),
            "usage_type": recurring.get("usage_type", "licensed"),
        }
    amount = given.get("unit_amount")
    made = {
        "active": True,
        "billing_scheme": given.get("billing_scheme", "per_unit"),
        "currency": given["currency"],
        "lookup_key": given.get("lookup_key"),
        "nickname": given.get("nickname"),
        "product": given["product"],
        "recurring": recurring,
        "tax_behavior": given.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": given.get("transform_quantity"),
        "type": "recurring" if recurring else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": given.get("unit_amount_decimal") or (None if amount is None else str(amount)),
    }
    return desk.make("price", made)


def create_subscription(desk: Desk) -> Obj:
    """POST /v1/subscriptions: in trial, or its first invoice paid."""
    given = desk.params
    customer = customers.alive(desk, given["customer"])
    prices = [desk.get("price", item["price"], "items[0][price]") for item in given["items"]]
    days = given.get("trial_period_days")
    ends = desk.now + days * 86400 if days else int(given.get("trial_end") or 0)
    made = desk.make(
        "subscription",
        {
            "billing_cycle_anchor": ends or desk.now,
            "cancel_at": None,
            "cancel_at_period_end": given.get("cancel_at_period_end", False),
            "canceled_at": None,
            "collection_method": "charge_automatically",
            "currency": prices[0]["currency"],
            "customer": customer["id"],
            "default_payment_method": given.get("default_payment_method"),
            "discounts": [],
            "items": {"object": "list", "url": "", "has_more": False, "data": []},
            "pause_collection": None,
            "schedule": None,
            "status": "trialing" if ends else "active",
            "trial_end": ends or None,
        },
    )
    merge_metadata(made, given.get("metadata"))
    for price, item in zip(prices, given["items"], strict=True):
        line = desk.make(
            "subscription_item", {"price": price, "quantity": int(item.get("quantity", 1)), "subscription": made["id"]}
        )
        line |= {"current_period_start": desk.now, "current_period_end": ends or _next(made, desk.now, price)}
        made["items"]["data"].append(line)
    desk.emit("customer.subscription.created", made)
    if not ends:
        _invoice(desk, made, "subscription_create")
    _arrange(desk, made)
    return made


def change_subscription(desk: Desk) -> Obj:
    """POST /v1/subscriptions/{id}: end with the period or not after all, metadata, method."""
    one = desk.get("subscription", desk.id)
    given = desk.params
    if one["status"] == "canceled":
        raise wrong_state("subscription", one["id"], one["status"], "updated")
    if "cancel_at_period_end" in given:
        one["cancel_at_period_end"] = given["cancel_at_period_end"]
        one["cancel_at"] = _period_end(one) if given["cancel_at_period_end"] else None
    if "default_payment_method" in given:
        one["default_payment_method"] = given["default_payment_method"] or None
    merge_metadata(one, given.get("metadata"))
    desk.emit("customer.subscription.updated", one, {})
    return one


def retrieve_subscription(desk: Desk) -> Obj:
    """GET /v1/subscriptions/{id}."""
    return desk.get("subscription", desk.id)


def list_subscriptions(desk: Desk) -> Obj:
    """GET /v1/subscriptions: without `status` those that are not cancelled."""
    wanted, customer = desk.params.get("status"), desk.params.get("customer")
    fitting = (
        one
        for one in desk.all("subscription")
        if customer in (None, one["customer"])
        and (wanted == "all" or one["status"] == wanted or (wanted is None and one["status"] != "canceled"))
    )
    return listed(desk.tenant, fitting, desk.params, "/v1/subscriptions")


def list_products(desk: Desk) -> Obj:
    """GET /v1/products."""
    return listed(desk.tenant, desk.all("product"), desk.params, "/v1/products")


def list_prices(desk: Desk) -> Obj:
    """GET /v1/prices."""
    product = desk.params.get("product")
    items = (one for one in desk.all("price") if product in (None, one["product"]))
    return listed(desk.tenant, items, desk.params, "/v1/prices")


def list_invoices(desk: Desk) -> Obj:
    """GET /v1/invoices."""
    return listed(desk.tenant, _invoices(desk), desk.params, "/v1/invoices")


def _invoices(desk: Desk) -> Iterable[Obj]:
    given = desk.params
    for one in desk.all("invoice"):
        about = one["parent"]["subscription_details"]["subscription"]
        if given.get("status") in (None, one["status"]) and given.get("subscription") in (None, about):
            yield one


def period_ends(desk: Desk, one: Obj) -> None:
    """The timer `billing_period`: the end that was asked for, or a renewal."""
    if one["status"] == "canceled" or _period_end(one) > desk.now:
        return
    if one["cancel_at_period_end"]:
        one |= {"status": "canceled", "canceled_at": desk.now}
        desk.emit("customer.subscription.deleted", one)
        return
    one["status"] = "active"
    for line in one["items"]["data"]:
        start = line["current_period_end"]
        line |= {"current_period_start": start, "current_period_end": _next(one, start, line["price"])}
    _invoice(desk, one, "subscription_cycle")
    _arrange(desk, one)


def by_control(desk: Desk, one: Obj, body: dict[str, Any]) -> Obj:
    """What support or a failed payment does: any fields; `open_invoice` adds one that waits for its money."""
    changes = dict(body)
    if flag(changes.pop("open_invoice", False)):
        _invoice(desk, one, "subscription_cycle", status="open")
    unknown = set(changes) - set(one)
    if unknown:
        raise StripeError(400, f"a subscription has no {sorted(unknown)[0]}")
    one |= changes
    return one


def balance_by_control(customer: Obj, body: Mapping[str, Any]) -> Obj:
    """What a customer has to his credit (below zero) or owes beside his invoices."""
    return customer.update(balance=int(body["balance"]), currency=body["currency"]) or customer


def _invoice(desk: Desk, one: Obj, reason: str, *, status: str = "paid") -> Obj:
    total = sum((line["price"]["unit_amount"] or 0) * line["quantity"] for line in one["items"]["data"])
    made = desk.make(
        "invoice",
        {
            "billing_reason": reason,
            "currency": one["currency"],
            "customer": one["customer"],
            "number": None,
            "parent": {"type": "subscription_details", "subscription_details": {"subscription": one["id"]}},
            "status": status,
            "total": total,
        },
    )
    desk.emit("invoice.paid" if status == "paid" else "invoice.finalized", made)
    return made


def _arrange(desk: Desk, one: Obj) -> None:
    at = datetime.fromtimestamp(_period_end(one), UTC)
    desk.tenant.timers.set(at, "billing_period", f"{one['_account']}|{one['id']}|{_period_end(one)}")


def _period_end(one: Obj) -> int:
    return int(min(line["current_period_end"] for line in one["items"]["data"]))


def _next(one: Obj, start: int, price: Obj) -> int:
    """The end of the period that begins at `start`; months are counted from the anchor, so that the 31st comes back."""
    recurring = price["recurring"] or {"interval": "month", "interval_count": 1}
    count = recurring["interval_count"]
    if recurring["interval"] in ("day", "week"):
        span = timedelta(days=count * (7 if recurring["interval"] == "week" else 1))
        return start + span // timedelta(seconds=1)
    anchor: datetime = datetime.fromtimestamp(one["billing_cycle_anchor"], UTC)
    begun = datetime.fromtimestamp(start, UTC).date()
    months = count * (12 if recurring["interval"] == "year" else 1)
    passed = (begun.year - anchor.year) * 12 + begun.month - anchor.month
    ends: date = add_months(anchor.date(), passed + months)
    return int(datetime.combine(ends, anchor.timetz()).timestamp())
