"""Every resource of the REST door in one list: routers of FastAPI, the hot routes beside them, what is said of the ledger's."""

from __future__ import annotations

from cauce.entrypoints.api import (
    analytics,
    campaigns,
    catalog,
    clock,
    conversations,
    coupons,
    customers,
    events,
    hot_entitlements,
    hot_orders,
    hot_usage,
    instances,
    invoices,
    ledger_described,
    merchants,
    orders,
    organization,
    outreach,
    portal,
    reconciliation,
    relations,
    settlement,
    split_rules,
    statements,
    subscription_steps,
    subscriptions,
)

ROUTERS = (
    clock.router,
    events.router,
    organization.router,
    portal.router,
    catalog.router,
    coupons.router,
    customers.router,
    relations.router,
    conversations.router,
    subscriptions.router,
    subscription_steps.router,
    invoices.router,
    outreach.router,
    campaigns.router,
    instances.router,
    analytics.router,
    merchants.router,
    split_rules.router,
    orders.router,
    settlement.router,
    reconciliation.router,
    statements.router,
)
HOT = (*hot_entitlements.described, *hot_usage.described, *hot_orders.described)
SAID_OF_LEDGER = ledger_described.described
