"""What an operator decides about a customer: suspension, access by hand, credit by hand. Each with its reason and event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cauce.billing.catalog import service as catalog
from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import Customer, CustomerData
from cauce.billing.entitlements import service as entitlements
from cauce.billing.entitlements.rules import Level
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.machine import LIVE
from cauce.billing.subscriptions.rules import Step
from cauce.flows.billing.access import follow_access
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.provision import follow_customers
from cauce.flows.context import Context
from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.kernel.ids import new_id
from cauce.ledger.recipes import billing as recipes
from cauce.reports import billing as reports
from cauce.storage import audit
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


@dataclass(frozen=True, slots=True)
class HandGrant:
    """Give a level of access, or one feature, by hand until `ends_at` (None: until revoked)."""

    customer_id: str
    reason: str
    level: Level | None = None
    feature: str = ""
    value: Any = None
    product_id: str = ""
    ends_at: datetime | None = None


async def put_customer(context: Context, data: CustomerData) -> tuple[Customer, bool]:
    """Make or update the customer with this external id; True when he was made."""
    async with context.transaction() as tx:
        return await customers.put(tx, data, now=await context.now(tx), actor=context.actor.name)


async def set_suspended(context: Context, customer_id: str, suspended: bool) -> bool:
    """Suspend a customer or end it: access of every subscription is computed anew (T43). False: it was so already."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        held = await subscriptions.lock(tx, await subscriptions.ids_of_customer(tx, customer_id))
        if not await customers.set_suspended(tx, customer_id, suspended, now=now, actor=context.actor.name):
            return False
        live = [one for one in held.values() if one.status in LIVE]
        trigger = "suspend" if suspended else "unsuspend"
        await subscriptions.move(tx, [Step(one, one, trigger, now) for one in live], context.actor.name)
        having = [*live, *(one for one in held.values() if one.access_kept)]
        plans = await catalog.read_plans(tx, {one.plan_id for one in having})
        events = await follow_access(tx, having, plans, now)
        events += await follow_customers(tx, [customer_id], now)  # what runs by a grant alone
        await write(tx, Batch(events=events), context.actor.name, context.cause)
        return True


async def grant_by_hand(context: Context, command: HandGrant) -> str:
    """Give access by hand; the grant's id (I7). `NotFound` for a product (id or key) that there is not."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        product_id = await _product_id(tx, command.product_id)
        await customers.lock(tx, [command.customer_id])
        grant_id, event = await entitlements.grant_by_hand(
            tx,
            command.customer_id,
            reason=command.reason,
            actor=context.actor.name,
            now=now,
            level=command.level,
            feature=command.feature,
            value=command.value,
            product_id=product_id,
            ends_at=command.ends_at,
        )
        events = [event, *await follow_customers(tx, [command.customer_id], now)]
        given = {
            "grant": grant_id, "level": command.level, "feature": command.feature, "reason": command.reason,
            "ends_at": command.ends_at and command.ends_at.isoformat(),
        }  # fmt: skip
        await audit.record(tx, context.actor, "access.grant", command.customer_id, after=given)
        await write(tx, Batch(events=events), context.actor.name, context.cause)
        return grant_id


async def _product_id(tx: Tx, product: str) -> str:
    if not product:
        return ""
    found = {name: row["id"] for row in await catalog.list_products(tx) for name in (row["key"], row["id"])}
    if product not in found:
        raise NotFound(f"there is no product {product}", param="product")
    return str(found[product])


async def extend_grant(
    context: Context, customer_id: str, grant_id: str, *, ends_at: datetime | None, reason: str
) -> None:
    """Let a grant by hand end later or sooner (None: when it is revoked), with the reason for that."""
    async with context.transaction() as tx:
        await customers.lock(tx, [customer_id])
        now = await context.now(tx)
        event = await entitlements.move_grant(tx, customer_id, grant_id, ends_at=ends_at, reason=reason, now=now)
        await write(tx, Batch(events=[event]), context.actor.name, context.cause)


async def revoke_grant(context: Context, customer_id: str, grant_id: str) -> None:
    """End a grant by hand before its time."""
    async with context.transaction() as tx:
        await customers.lock(tx, [customer_id])
        now = await context.now(tx)
        events = await entitlements.end_grants(tx, [grant_id], now)
        events += await follow_customers(tx, [customer_id], now)
        await audit.record(tx, context.actor, "access.revoke_grant", customer_id, after={"grant": grant_id})
        await write(tx, Batch(events=events), context.actor.name, context.cause)


async def grant_credit(context: Context, customer_id: str, currency: str, amount_minor: int, reason: str) -> str:
    """Give a customer credit, at the cost of revenue; the next invoices use it. Its id."""
    if amount_minor <= 0 or not reason.strip():
        raise InvalidRequest("credit is above zero and has a reason", param="amount")
    async with context.transaction() as tx:
        now, grant_id = await context.now(tx), new_id("grt")
        await customers.lock(tx, [customer_id])
        content = {"currency": currency, "change": amount_minor, "reason": reason}
        batch = Batch(events=[NewEvent("customer.credit_changed", customer_id, now, content, customer_id)])
        batch.add(recipes.credit_granted(grant_id, customer_id, currency, now, amount_minor=amount_minor))
        await write(tx, batch, context.actor.name, context.cause)
        return grant_id


async def credit_of(tx: Tx, customer_id: str) -> dict[str, int]:
    """A customer's credit that can be used, per currency."""
    rows = await reports.credit_balances(tx, customer_id)
    return {row["currency"]: row["balance_minor"] - row["held_minor"] for row in rows}
