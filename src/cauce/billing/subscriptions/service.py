"""Taking steps: a subscription is begun or moved only as the machine allows, with its history written beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cauce.billing.subscriptions import store
from cauce.billing.subscriptions.machine import MACHINE
from cauce.billing.subscriptions.rules import Item, Step, TrialUsed
from cauce.billing.subscriptions.store import (
    advance,
    drop_timers,
    ids_of_customer,
    insert_items,
    items_of,
    lock,
    lock_one,
    put_timers,
    read,
    subscription_of,
)
from cauce.kernel.machine import BEGIN
from cauce.storage.database import Tx

__all__ = [
    "advance",
    "begin",
    "drop_timers",
    "ids_of_customer",
    "insert_items",
    "items_of",
    "lock",
    "lock_one",
    "move",
    "put_timers",
    "read",
    "subscription_of",
    "use_trial",
]


async def begin(tx: Tx, step: Step, items: Sequence[Item], actor: str) -> None:
    """A new subscription with its items."""
    assert step.before is None
    MACHINE.step(BEGIN, step.trigger, step.after.status)
    await store.insert(tx, [step.after])
    await store.insert_items(tx, items, step.at)
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
    await tx.run(store.QUERIES.use_trial, tx.org, product_id, sorted(set(identities)), subscription_id, now)
    used = await tx.value(store.QUERIES.trial_used, tx.org, product_id, list(identities), subscription_id)
    if used is not None and not allow_again:
        raise TrialUsed(param="trial_days")
