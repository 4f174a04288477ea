"""Every resource of the REST door in one list: routers of FastAPI, and the hot routes beside them."""

from __future__ import annotations

from cauce.entrypoints.api import (
    catalog,
    clock,
    coupons,
    customers,
    events,
    hot_entitlements,
    hot_usage,
    invoices,
    organization,
    subscription_steps,
    subscriptions,
)

ROUTERS = (
    clock.router,
    events.router,
    organization.router,
    catalog.router,
    coupons.router,
    customers.router,
    subscriptions.router,
    subscription_steps.router,
    invoices.router,
)
HOT = (*hot_entitlements.described, *hot_usage.described)
