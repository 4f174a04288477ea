"""Taking steps: a subscription is begun or moved only as the machine allows, with its history written beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from cauce.billing.subscriptions import store
from cauce.billing.subscriptions.machine import MACHINE
from cauce.billing.subscriptions.rules import Item, Step, Subscription, TrialUsed
from cauce.billing.subscriptions.store import (
    advance,
    begin_phases,
    changed_at,
    changes,
    drop_timer_kinds,
    drop_timers,
    history,
    ids_of_customer,
    insert_items,
    items_of,
    live_of_customer,
    lock,
    lock_one,
    mark_told,
    paused_at,
    phases_had,
    preferred_methods,
    put_timers,
    read,
    remove_items,
    renewals_of,
    renewing_until,
    save,
    schedule_change,
    set_quantities,
    settle_changes,
    subscription_of,
    timers_of,
    use_discounts,
    waiting_changes,
)
from cauce.kernel.machine import BEGIN
from cauce.storage.database import Tx

__all__ = [
    "add_discount",
    "advance",
    "begin_phases",
    "changed_at",
    "changes",
    "drop_timer_kinds",
    "drop_timers",
    "history",
    "ids_of_customer",
    "insert_items",
    "items_of",
    "live_of_customer",
    "lock",
    "lock_one",
    "mark_told",
    "move",
    "paused_at",
    "phases_had",
    "place",
    "preferred_methods",
    "put_timers",
    "read",
    "record",
    "remove_items",
    "renewals_of",
    "renewing_until",
    "save",
    "schedule_change",
    "set_quantities",
    "settle_changes",
    "subscription_of",
    "timers_of",
    "use_discounts",
    "use_trial",
    "waiting_changes",
]


async def place(tx: Tx, subscription: Subscription, items: Sequence[Item], now: datetime) -> None:
    """Write the rows of a new subscription; `record` tells how it began once that is decided."""
    await store.insert(tx, [subscription])
    await store.insert_items(tx, items, now)


async def record(tx: Tx, step: Step, actor: str) -> None:
    """The first line of a subscription's history."""
    assert step.before is None
    MACHINE.step(BEGIN, step.trigger, step.after.status)
    await store.write_history(tx, [step], actor)


async def move(tx: Tx, steps: Sequence[Step], actor: str) -> None:
    """Take steps of locked subscriptions, one each: `IllegalTransition` for one the machine does not list."""
    for step in steps:
        assert step.before is not None
        MACHINE.step(step.before.status, step.trigger, step.after.status)
    await store.save(tx, [step.after for step in steps])
    await store.write_history(tx, steps, actor)


async def use_trial(
    tx: Tx,
    product_id: str,
    subscription_id: str,
    identities: Sequence[str],
    now: datetime,
    *,
    allow_again: bool = False,
) -> None:
    """Use up the one trial of a product for these identities (D2); `TrialUsed` when one of them has had it.

    The rows are written before they are looked at, so of two requests at once the second waits and is refused.
    """
    used = await claim_trial(tx, product_id, subscription_id, identities, now)
    if used and not allow_again:
        raise TrialUsed(param="trial_days")


async def claim_trial(tx: Tx, product_id: str, subscription_id: str, identities: Sequence[str], now: datetime) -> bool:
    """Use up the trial of a product for these identities; True when one of them has had it with another subscription."""
    await tx.run(store.QUERIES.use_trial, tx.org, product_id, sorted(set(identities)), subscription_id, now)
    return await had_trial(tx, product_id, subscription_id, identities)


async def had_trial(tx: Tx, product_id: str, subscription_id: str, identities: Sequence[str]) -> bool:
    """Whether one of these identities has had a trial of the product with another subscription."""
    found = await tx.value(store.QUERIES.trial_used, tx.org, product_id, list(identities), subscription_id)
    return found is not None


class Reduction(Protocol):
    """What a discount takes off: a percentage or an amount, of some products or all."""

    @property
    def percent(self) -> Fraction | None: ...

    @property
    def amount_minor(self) -> int | None: ...

    @property
    def product_ids(self) -> tuple[str, ...]: ...


async def add_discount(
    tx: Tx,
    discount_id: str,
    subscription_id: str,
    coupon_id: str,
    reduction: Reduction,
    periods: int | None,
    now: datetime,
) -> bool:
    """Let a coupon work on a subscription for so many invoices (None: for ever); False when it did so before."""
    percent = reduction.percent
    return (
        await tx.run(
            store.QUERIES.insert_discount,
            tx.org,
            discount_id,
            subscription_id,
            coupon_id,
            None if percent is None else Decimal(percent.numerator) / Decimal(percent.denominator),
            reduction.amount_minor,
            list(reduction.product_ids),
            periods,
            now,
        )
        == 1
    )
