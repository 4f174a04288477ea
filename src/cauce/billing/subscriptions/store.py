"""The slice's tables, many rows at a time: subscriptions whole, their items, history, timers, discounts, changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Any

from cauce.billing.subscriptions.machine import LIVE
from cauce.billing.subscriptions.rules import Entered, Item, Step, Subscription
from cauce.kernel.errors import NotFound, StaleVersion
from cauce.kernel.machine import BEGIN
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)
COLUMNS = tuple(field.name for field in fields(Subscription))
_values = attrgetter(*COLUMNS)
_columns_of = itemgetter(*COLUMNS)


def subscription_of(row: Row) -> Subscription:
    """A subscription from a row that holds all its columns, and perhaps more."""
    return Subscription(*_columns_of(row))


async def insert(tx: Tx, subscriptions: Sequence[Subscription]) -> None:
    """New subscriptions."""
    await tx.run(QUERIES.insert, tx.org, *_columns(subscriptions))


async def save(tx: Tx, subscriptions: Sequence[Subscription]) -> None:
    """Write whole subscriptions; `StaleVersion` when one was written by somebody else since it was read."""
    if subscriptions and await tx.run(QUERIES.save, tx.org, *_columns(subscriptions)) != len(subscriptions):
        raise StaleVersion("a subscription changed meanwhile")


async def advance(tx: Tx, entered: Sequence[Entered]) -> None:
    """Write only the period and the next due time of many locked subscriptions."""
    if entered:
        await tx.run(
            QUERIES.advance,
            tx.org,
            [one.id for one in entered],
            [one.period_index for one in entered],
            [one.period_start for one in entered],
            [one.period_end for one in entered],
            [one.due_at for one in entered],
            [one.upcoming_at for one in entered],
        )


async def mark_told(tx: Tx, ids: Iterable[str]) -> None:
    """The next invoice of these locked subscriptions has been told."""
    await tx.run(QUERIES.mark_told, tx.org, sorted(ids))


async def lock(tx: Tx, ids: Iterable[str]) -> dict[str, Subscription]:
    """Lock subscriptions in order of id and read them."""
    wanted = sorted(set(ids))
    rows = await tx.rows(QUERIES.lock, tx.org, wanted) if wanted else []
    return {row["id"]: subscription_of(row) for row in rows}


async def lock_one(tx: Tx, subscription_id: str) -> Subscription:
    """Lock one subscription and read it; `NotFound` otherwise."""
    found = (await lock(tx, [subscription_id])).get(subscription_id)
    if found is None:
        raise NotFound(f"there is no subscription {subscription_id}", param="subscription")
    return found


async def read(tx: Tx, subscription_id: str) -> Subscription:
    """The subscription with this id; `NotFound` otherwise."""
    row = await tx.row(QUERIES.read, tx.org, subscription_id)
    if row is None:
        raise NotFound(f"there is no subscription {subscription_id}", param="subscription")
    return subscription_of(row)


async def paused_at(tx: Tx, subscription_id: str) -> datetime | None:
    """When the subscription was last paused on request; None if never."""
    found: datetime | None = await tx.value(QUERIES.paused_at, tx.org, subscription_id)
    return found


async def ids_of_customer(tx: Tx, customer_id: str) -> list[str]:
    """Every subscription of a customer, oldest first."""
    return [row["id"] for row in await tx.rows(QUERIES.ids_of_customer, tx.org, customer_id)]


async def live_of_customer(tx: Tx, customer_id: str) -> list[Subscription]:
    """The customer's subscriptions that have not ended, oldest first."""
    return [subscription_of(row) for row in await tx.rows(QUERIES.live_of_customer, tx.org, customer_id, list(LIVE))]


async def insert_items(tx: Tx, items: Sequence[Item], now: datetime) -> None:
    """New items."""
    await tx.run(
        QUERIES.insert_items,
        tx.org,
        [item.id for item in items],
        [item.subscription_id for item in items],
        [item.price_id for item in items],
        [item.quantity for item in items],
        [item.options for item in items],
        [item.adjust_minor for item in items],
        [item.adjust_percent for item in items],
        [item.phases_from for item in items],
        now,
    )


async def begin_phases(tx: Tx, begun: Sequence[tuple[str, date]]) -> None:
    """(item, day) for items billed for the first time whose price has phases; one that has begun stays as it is."""
    if begun:
        await tx.run(QUERIES.begin_phases, tx.org, [item for item, _ in begun], [day for _, day in begun])


async def phases_had(tx: Tx, subscription_id: str) -> dict[str, date]:
    """Price -> the day on which its phases began, of every price that the subscription has or had."""
    rows = await tx.rows(QUERIES.phases_had, tx.org, subscription_id)
    return {row["price_id"]: row["phases_from"] for row in rows}


async def remove_items(tx: Tx, item_ids: Sequence[str], now: datetime) -> None:
    """These items are billed no longer."""
    if item_ids:
        await tx.run(QUERIES.remove_items, tx.org, list(item_ids), now)


async def set_quantities(tx: Tx, quantities: Sequence[tuple[str, Decimal]]) -> None:
    """(item, quantity) from now on."""
    if quantities:
        await tx.run(QUERIES.set_quantities, tx.org, [item for item, _ in quantities], [many for _, many in quantities])


async def items_of(tx: Tx, subscription_ids: Sequence[str]) -> dict[str, list[Item]]:
    """The items of several subscriptions, each list in order of making."""
    found: dict[str, list[Item]] = {subscription_id: [] for subscription_id in subscription_ids}
    for row in await tx.rows(QUERIES.items, tx.org, list(subscription_ids)):
        found[row["subscription_id"]].append(Item(**dict(row)))
    return found


async def write_history(tx: Tx, steps: Sequence[Step], actor: str) -> None:
    """Add steps to the history; the database refuses one that the machine does not list."""
    if not steps:
        return
    await tx.run(
        QUERIES.write_history,
        tx.org,
        [step.after.id for step in steps],
        [step.after.customer_id for step in steps],
        [step.at for step in steps],
        [step.trigger for step in steps],
        [step.before.status if step.before else BEGIN for step in steps],
        [step.after.status for step in steps],
        [step.after.currency for step in steps],
        [step.before.mrr_minor if step.before else 0 for step in steps],
        [step.after.mrr_minor for step in steps],
        [actor] * len(steps),
        [step.reason for step in steps],
    )


async def changed_at(tx: Tx, subscription_id: str) -> datetime | None:
    """When its plan or items changed last, or a pause of it ended."""
    found: datetime | None = await tx.value(QUERIES.changed_at, tx.org, subscription_id)
    return found


async def history(tx: Tx, subscription_id: str) -> list[Row]:
    """Every step of a subscription, oldest first."""
    return await tx.rows(QUERIES.history, tx.org, subscription_id)


async def changes(tx: Tx, subscription_id: str) -> list[Row]:
    """Every change that was ever scheduled for a subscription, oldest first."""
    return await tx.rows(QUERIES.changes, tx.org, subscription_id)


async def put_timers(tx: Tx, timers: Sequence[tuple[str, str, datetime]]) -> None:
    """Set (subscription, kind, instant) timers; one of the same kind is moved."""
    if timers:
        await tx.run(QUERIES.put_timers, tx.org, *[list(column) for column in zip(*timers, strict=True)])


async def drop_timers(tx: Tx, subscription_ids: Sequence[str]) -> None:
    """Nothing more is told of these subscriptions."""
    if subscription_ids:
        await tx.run(QUERIES.drop_timers, tx.org, list(subscription_ids))


async def timers_of(tx: Tx, subscription_id: str) -> frozenset[str]:
    """The kinds of the timers that wait."""
    return frozenset([row["kind"] for row in await tx.rows(QUERIES.timers_of, tx.org, subscription_id)])


async def drop_timer_kinds(tx: Tx, timers: Sequence[tuple[str, str]]) -> None:
    """These (subscription, kind) timers have been told."""
    await tx.run(QUERIES.drop_timer_kinds, tx.org, [one for one, _ in timers], [kind for _, kind in timers])


async def waiting_changes(tx: Tx, subscription_ids: Sequence[str]) -> list[Row]:
    """The scheduled changes of these subscriptions, locked."""
    return await tx.rows(QUERIES.waiting_changes, tx.org, list(subscription_ids)) if subscription_ids else []


async def schedule_change(
    tx: Tx,
    change_id: str,
    subscription_id: str,
    content: dict[str, Any],
    now: datetime,
    *,
    due_at: datetime | None = None,
) -> None:
    """A change that waits for `due_at`, or (None) for the end of the period; one per subscription."""
    await tx.run(QUERIES.insert_change, tx.org, change_id, subscription_id, content, due_at is None, due_at, now)


async def settle_changes(tx: Tx, change_ids: Sequence[str], state: str, at: datetime, reason: str = "") -> None:
    """These changes are applied, withdrawn or failed."""
    if change_ids:
        await tx.run(QUERIES.settle_changes, tx.org, list(change_ids), state, at, reason)


async def preferred_methods(tx: Tx, subscription_ids: Sequence[str]) -> dict[str, str]:
    """Subscription -> the payment method it is charged to instead of the customer's default."""
    if not subscription_ids:
        return {}
    rows = await tx.rows(QUERIES.preferred_methods, tx.org, list(subscription_ids))
    return {row["id"]: row["method_id"] for row in rows}


async def use_discounts(tx: Tx, discount_ids: Sequence[str]) -> list[Row]:
    """One more invoice used these discounts; those that work no longer: id, subscription, coupon."""
    return await tx.rows(QUERIES.use_discounts, tx.org, list(discount_ids)) if discount_ids else []


def _columns(subscriptions: Sequence[Subscription]) -> list[list[Any]]:
    return [list(column) for column in zip(*map(_values, subscriptions), strict=True)]


async def renewals_of(tx: Tx, subscription_ids: Iterable[str]) -> dict[str, datetime]:
    """When those of these subscriptions that renew do so next; nothing is locked."""
    rows = await tx.rows(QUERIES.renewals_of, tx.org, sorted(set(subscription_ids)))
    return {row["id"]: row["due_at"] for row in rows}


async def renewing_until(tx: Tx, until: datetime, after: tuple[datetime, str], rows_max: int) -> list[Subscription]:
    """Subscriptions that renew at the latest at `until`, in the order of the run, after that (due time, id)."""
    return [subscription_of(row) for row in await tx.rows(QUERIES.renewing_until, tx.org, until, *after, rows_max)]
