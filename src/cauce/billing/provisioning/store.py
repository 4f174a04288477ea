"""The slice's tables: instances, operations, history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from cauce.billing.provisioning.rules import Instance, Operation, Verb, Wanted
from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)
_INSTANCE = [one.name for one in fields(Instance)]


async def lock_of_subscriptions(tx: Tx, subscription_ids: Sequence[str]) -> dict[str, Instance]:
    """The instances of these subscriptions, locked."""
    rows = await tx.rows(QUERIES.lock_of_subscriptions, tx.org, sorted(set(subscription_ids)))
    return {row["subscription_id"]: instance_of(row) for row in rows}


async def lock_instance(tx: Tx, instance_id: str) -> Instance:
    """One instance, locked; `NotFound` otherwise."""
    return _found(await tx.row(QUERIES.lock_instance, tx.org, instance_id), instance_id)


async def read(tx: Tx, instance_id: str) -> Instance:
    """One instance; `NotFound` otherwise."""
    return _found(await tx.row(QUERIES.instance, tx.org, instance_id), instance_id)


async def of_subscription(tx: Tx, subscription_id: str) -> Instance | None:
    """The instance of a subscription, if it has one."""
    row = await tx.row(QUERIES.of_subscription, tx.org, subscription_id)
    return instance_of(row) if row else None


async def insert(tx: Tx, instances: Sequence[Instance], at: datetime) -> None:
    """New instances."""
    if instances:
        await tx.run(
            QUERIES.insert_instances,
            tx.org,
            [one.id for one in instances],
            [one.subscription_id for one in instances],
            [one.customer_id for one in instances],
            [one.plan_id for one in instances],
            [one.runner for one in instances],
            [one.state for one in instances],
            [one.wanted.value for one in instances],
            [one.ref for one in instances],
            at,
            [one.redirect_url for one in instances],
            [one.fields for one in instances],
        )


async def save(tx: Tx, instances: Sequence[Instance]) -> None:
    """Write locked instances."""
    if instances:
        await tx.run(
            QUERIES.save_instances,
            tx.org,
            [one.id for one in instances],
            [one.plan_id for one in instances],
            [one.runner for one in instances],
            [one.channel_id for one in instances],
            [one.state for one in instances],
            [one.wanted.value for one in instances],
            [one.ref for one in instances],
            [one.redirect_url for one in instances],
            [one.fields for one in instances],
            [one.failure for one in instances],
            [one.due_at for one in instances],
            [one.ready_at for one in instances],
            [one.suspended_at for one in instances],
            [one.deleted_at for one in instances],
        )


async def insert_operations(tx: Tx, operations: Sequence[Operation]) -> None:
    """New operations, waiting."""
    if operations:
        await tx.run(
            QUERIES.insert_operations,
            tx.org,
            [one.id for one in operations],
            [one.instance_id for one in operations],
            [one.verb.value for one in operations],
            [one.asked for one in operations],
            [one.at for one in operations],
        )


async def lock_operation(tx: Tx, operation_id: str) -> Operation:
    """One operation, locked; lock its instance first."""
    row = await tx.row(QUERIES.lock_operation, tx.org, operation_id)
    if row is None:
        raise NotFound(f"there is no operation {operation_id}", param="operation")
    return operation_of(row)


async def operations_of(tx: Tx, instance_id: str, rows_max: int = 50) -> list[Operation]:
    """What the runner was asked for one instance, newest first."""
    return [operation_of(row) for row in await tx.rows(QUERIES.operations_of, tx.org, instance_id, rows_max)]


async def write_history(tx: Tx, steps: Sequence[tuple[str, str | None, datetime, str, str, str]]) -> None:
    """Steps taken: (instance, operation, at, trigger, source, target)."""
    if steps:
        await tx.run(QUERIES.insert_history, tx.org, *(list(column) for column in zip(*steps, strict=True)))


def instance_of(row: Row) -> Instance:
    """An instance from its row."""
    return Instance(**{**{name: row[name] for name in _INSTANCE}, "wanted": Wanted(row["wanted"])})


def operation_of(row: Row) -> Operation:
    """An operation from its row."""
    return Operation(**{**dict(row), "verb": Verb(row["verb"])})


def _found(row: Row | None, instance_id: str) -> Instance:
    if row is None:
        raise NotFound(f"there is no instance {instance_id}", param="instance")
    return instance_of(row)
