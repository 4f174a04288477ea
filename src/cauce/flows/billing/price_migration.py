"""A new price for those who subscribe already: never by itself, only by a move that says who, when and how much (A7).

A plan's next version is for new customers. The move brings the others to it, each at the first renewal on or after the
day that was told, with what they have: quantities, add-ons, options. Whoever cannot be moved is named with the reason.
A chunk of subscriptions is one transaction; the same move again schedules only those that are not scheduled yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan, Price
from cauce.billing.subscriptions import migrating
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.migrating import Move
from cauce.billing.subscriptions.rules import Item, Step, Subscription, period_of
from cauce.flows.billing.bills import row_of
from cauce.flows.billing.boundary import WaitingWish
from cauce.flows.billing.changing import wanted_items
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.revenue import period_amount
from cauce.flows.context import Context
from cauce.kernel.errors import CauceError, InvalidRequest
from cauce.kernel.ids import new_id
from cauce.reports import subscriptions as reports
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent

CHUNK = 500
NOTICE_DAYS = 30
AHEAD_DAYS_MAX = 732


@dataclass(frozen=True, slots=True)
class PriceMigration:
    """Move subscriptions of `plan` (a key) to its newest version, at renewals on or after `effective_on`.

    `notice_days`: how long before that day it must be told, at least.
    """

    plan: str
    effective_on: date
    notice_days: int = NOTICE_DAYS


@dataclass(frozen=True, slots=True)
class Migrated:
    """What becomes of one subscription: `scheduled`, `known` (it was already) or `refused` with its reason.

    Amounts are the fees of a whole period before discount and exclusive tax, in minor units.
    """

    subscription_id: str
    customer_id: str
    currency: str
    state: str
    effective_on: date | None = None
    old_amount_minor: int | None = None
    new_amount_minor: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Target:
    plan: Plan
    sold: Sequence[Price]
    prices: Mapping[str, Price]
    effective_on: date


async def migrate_prices(context: Context, command: PriceMigration, *, dry_run: bool = False) -> list[Migrated]:
    """Schedule the move of every subscription that it concerns; each is told by event, or (dry run) only listed."""
    found: list[Migrated] = []
    after = ""
    while True:
        async with context.transaction() as tx:
            part, after = await _chunk(tx, context, command, after, dry_run=dry_run)
        found += part
        if not after:
            return found


async def _chunk(
    tx: Tx, context: Context, command: PriceMigration, after: str, *, dry_run: bool
) -> tuple[list[Migrated], str]:
    now = await context.now(tx)
    if command.notice_days < 0 or command.effective_on < now.date() + timedelta(days=command.notice_days):
        raise InvalidRequest(
            f"a price changes {command.notice_days} days from now at the earliest, so that it can be told",
            param="effective_on",
        )
    if command.effective_on > now.date() + timedelta(days=AHEAD_DAYS_MAX):
        raise InvalidRequest(f"a price change is planned {AHEAD_DAYS_MAX} days ahead at most", param="effective_on")
    plan_id, sold = await catalog.require_sold(tx, command.plan)
    ids = await reports.of_older_versions(tx, command.plan, plan_id, after, CHUNK)
    if not ids:
        return [], ""
    locked = await subscriptions.lock(tx, ids)
    items = await subscriptions.items_of(tx, ids)
    prices = await catalog.read_prices(
        tx, {item.price_id for held in items.values() for item in held} | {price.id for price in sold}
    )
    plan = (await catalog.read_plans(tx, [plan_id]))[plan_id]
    target = _Target(plan, sold, prices, command.effective_on)
    known = await migrating.of(tx, ids)
    results: list[Migrated] = []
    moves: list[Move] = []
    for one in locked.values():
        before = known.get(one.id)
        if before is not None and before.plan_id == plan_id:
            results.append(_told(one, before, "known"))
            continue
        try:
            moves.append(_move(one, items[one.id], target))
            results.append(_told(one, moves[-1], "scheduled"))
        except CauceError as refused:
            results.append(Migrated(one.id, one.customer_id, one.currency, "refused", reason=refused.message))
    if not dry_run:
        await _schedule(tx, context, moves, locked, known, now)
    return results, ids[-1] if len(ids) == CHUNK else ""


def _move(one: Subscription, held: Sequence[Item], target: _Target) -> Move:
    wish = WaitingWish(plan_id=target.plan.id)
    new = wanted_items(one, target.plan, target.sold, held, target.prices, wish, same_plan=False)
    place = max(one.period_index, 0) + 1
    while period_of(one, place).period.start < target.effective_on:
        place += 1
    return Move(
        new_id("sch"),
        one.id,
        target.plan.key,
        target.plan.id,
        target.effective_on,
        period_of(one, place).period.start,
        one.currency,
        period_amount(map(row_of, held), target.prices),
        period_amount(map(row_of, new), target.prices),
    )


async def _schedule(
    tx: Tx,
    context: Context,
    moves: Sequence[Move],
    locked: Mapping[str, Subscription],
    known: Mapping[str, Move],
    now: datetime,
) -> None:
    replaced = [known[one.subscription_id].id for one in moves if one.subscription_id in known]
    await subscriptions.settle_changes(tx, replaced, "canceled", now, "a newer version")
    await migrating.insert(tx, moves, now)
    moved = [locked[one.subscription_id] for one in moves]
    actor = context.actor.name
    await subscriptions.move(tx, [Step(one, one, "schedule_change", now, "price change") for one in moved], actor)
    events = [
        NewEvent(
            "subscription.change_scheduled",
            one.subscription_id,
            now,
            {
                "notice": "price_change",
                "change": one.id,
                "plan": one.plan_key,
                "effective_on": one.effective_on,
                "currency": one.currency,
                "old_amount_minor": one.old_amount_minor,
                "new_amount_minor": one.new_amount_minor,
            },
            locked[one.subscription_id].customer_id,
        )
        for one in moves
    ]
    await write(tx, Batch(events=events), actor, context.cause)


def _told(one: Subscription, move: Move, state: str) -> Migrated:
    return Migrated(
        one.id, one.customer_id, one.currency, state, move.effective_on, move.old_amount_minor, move.new_amount_minor
    )
