"""Instances follow access: whatever step a subscription takes, its instance is made, changed, suspended, restored or removed.

The rows are written in the step's own transaction; the runner is asked by a job afterwards (`provision_run`), so a
runner that is down never holds up a bill.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan
from cauce.billing.customers import service as customers
from cauce.billing.entitlements import service as entitlements
from cauce.billing.entitlements.rules import Level, overridden
from cauce.billing.provisioning import service as provisioning
from cauce.billing.provisioning.rules import Asked, Operation, Standing
from cauce.reports import instances as report
from cauce.storage import jobs
from cauce.storage.database import Tx
from cauce.storage.jobs import NewJob
from cauce.storage.outbox import NewEvent

RUN_JOB = "provisioning.run"
COMPENSATE_JOB = "provisioning.compensate"


class Holding(Protocol):
    """What of a subscription its instance depends on."""

    @property
    def id(self) -> str: ...

    @property
    def customer_id(self) -> str: ...

    @property
    def product_id(self) -> str: ...

    @property
    def plan_id(self) -> str: ...

    @property
    def status(self) -> str: ...

    @property
    def access_kept(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Held:
    id: str
    customer_id: str
    product_id: str
    plan_id: str
    status: str
    access_kept: bool
    level: str


async def follow_instances(
    tx: Tx,
    held: Sequence[Holding],
    plans: Mapping[str, Plan],
    levels: Mapping[str, Level],
    at: datetime,
    *,
    forgotten: Collection[str] = (),
    changed: Collection[str] = (),
    asked: Mapping[str, Asked] | None = None,
    adopt: bool = False,
) -> list[NewEvent]:
    """Bring the instances of locked subscriptions to their `levels`, which include a suspension of the customer.

    `forgotten`: whose data were kept long enough; `changed`: who subscribes to something else now; `asked`: pre hooks
    that passed; `adopt`: the instances run already, elsewhere or by hand, and are only written down.
    """
    if not any(plan.policy.instance.runner for plan in plans.values()):
        return []
    standings = []
    for one in held:
        policy = plans[one.plan_id].policy.instance
        standings.append(
            Standing(
                one.id,
                one.customer_id,
                one.plan_id,
                policy.runner,
                levels[one.id].value,
                is_over=one.status in ("canceled", "expired") and not one.access_kept,
                is_forgotten=one.id in forgotten,
                changed=one.id in changed,
                retention_days=policy.retention_days,
                suspends_read_only=policy.suspend_read_only,
            )
        )
    opened = await provisioning.follow(tx, standings, at, asked, adopt=adopt)
    await send(tx, opened.operations, at)
    return opened.events


async def follow_customers(tx: Tx, customer_ids: Collection[str], at: datetime) -> list[NewEvent]:
    """The same for customers whose access by hand changed (I7); locks them."""
    suspended = await customers.lock(tx, customer_ids)
    held = [_Held(**dict(row)) for row in await report.held_by(tx, sorted(customer_ids))]
    plans = await catalog.read_plans(tx, {one.plan_id for one in held})
    levels = {one.id: Level(one.level) for one in held}
    return await follow_instances(tx, held, plans, await with_grants(tx, held, levels, suspended, at), at)


async def with_grants(
    tx: Tx,
    held: Sequence[Holding],
    levels: Mapping[str, Level],
    suspended: Collection[str],
    at: datetime,
) -> dict[str, Level]:
    """The levels that hold with what was granted by hand; a suspended customer has none (§5.4)."""
    granted = await entitlements.granted_levels(tx, {one.customer_id for one in held}, at)
    return {
        one.id: overridden(
            levels[one.id],
            [
                level
                for customer_id, product_id, level in granted
                if customer_id == one.customer_id and product_id in ("", one.product_id)
            ],
            suspended=one.customer_id in suspended,
        )
        for one in held
    }


async def send(tx: Tx, operations: Sequence[Operation], at: datetime) -> None:
    """Have the runner asked, one operation of an instance after the other."""
    await jobs.enqueue(
        tx,
        [
            NewJob(
                RUN_JOB,
                at,
                {"instance": one.instance_id, "operation": one.id, "verb": one.verb.value},
                key=f"object:{one.instance_id}",
            )
            for one in operations
        ],
    )
