"""The slice's tables of campaigns and their steps: what is due to whom, once per customer, campaign, step and period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cauce.billing.outreach.campaigns import Campaign, Planned, check, from_plain, to_plain
from cauce.billing.outreach.defaults import SHIPPED
from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx
from cauce.storage.due_rows import sweep_over
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "schedule.sql")

_KEY = ("customer_id", "campaign", "step", "period")
STEP = sweep_over("outreach.step", 60, "outreach.step", key=_KEY, ties=_KEY)
"""Behind everything that changes the state of the bill at the same instant."""


@dataclass(frozen=True, slots=True)
class DueStep:
    """A step of one customer: its key, and what the event that set it said."""

    customer_id: str
    campaign: str
    step: str
    period: str
    subscription_id: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    planned: Planned | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What it is unique by (K4)."""
        return self.customer_id, self.campaign, self.step, self.period


async def campaigns(tx: Tx) -> dict[str, Campaign]:
    """Every campaign as it works here: the organization's own, else the product's."""
    own = {row["key"]: replace(from_plain(row["content"]), enabled=row["enabled"]) for row in await campaign_rows(tx)}
    return {**SHIPPED, **own}


async def campaign_rows(tx: Tx) -> list[Row]:
    """The campaigns that the organization changed or made."""
    return await tx.rows(QUERIES.campaigns, tx.org)


async def read_campaign(tx: Tx, key: str) -> Campaign:
    """One campaign; `NotFound` otherwise."""
    found = (await campaigns(tx)).get(key)
    if found is None:
        raise NotFound(f"there is no campaign {key}", param="campaign")
    return found


async def put_campaign(
    tx: Tx, campaign: Campaign, now: datetime, *, known: frozenset[str], templates: Sequence[str]
) -> None:
    """Keep a campaign as the organization wants it; one that is switched off lets go of what waits."""
    check(campaign, known, templates)
    await tx.run(QUERIES.put_campaign, tx.org, campaign.key, campaign.enabled, to_plain(campaign), now)
    if not campaign.enabled:
        await tx.run(QUERIES.stop_campaign, tx.org, campaign.key)


async def drop_campaign(tx: Tx, key: str) -> None:
    """Return to the campaign as it ships, or remove one of the organization's own."""
    await read_campaign(tx, key)
    await tx.run(QUERIES.drop_campaign, tx.org, key)
    if key not in SHIPPED:
        await tx.run(QUERIES.stop_campaign, tx.org, key)


async def put_steps(tx: Tx, steps: Sequence[DueStep], now: datetime) -> None:
    """Write planned steps; those known already stay, but a waiting one whose `data` says `moves` gets the new time."""
    latest = {one.key: one for one in steps if one.planned is not None}
    wanted = list(latest.values())
    if not wanted:
        return
    planned = [one.planned for one in wanted if one.planned is not None]
    await tx.run(
        QUERIES.put_steps,
        tx.org,
        *_keys(wanted),
        [one.subscription_id for one in wanted],
        [one.position for one in planned],
        [one.planned_at for one in planned],
        [one.due_at for one in planned],
        [dict(one.data) for one in wanted],
        now,
    )
    tx.wake_workers()


async def hasten(tx: Tx, steps: Sequence[tuple[str, str, str, datetime, Mapping[str, Any]]]) -> None:
    """Bring waiting steps (customer, campaign, step) forward to an instant, with more to say."""
    if steps:
        await tx.run(
            QUERIES.hasten_steps,
            tx.org,
            [one[0] for one in steps],
            [one[1] for one in steps],
            [one[2] for one in steps],
            [one[3] for one in steps],
            [dict(one[4]) for one in steps],
        )
        tx.wake_workers()


async def near(tx: Tx, rows: Sequence[Row], until: datetime) -> dict[int, list[str]]:
    """For each row by its place: the later steps of its campaign that are due before `until`."""
    found = await tx.rows(
        QUERIES.near_steps,
        tx.org,
        [row["customer_id"] for row in rows],
        [row["campaign"] for row in rows],
        [row["subscription_id"] for row in rows],
        [row["position"] for row in rows],
        [row["planned_at"] for row in rows],
        [until for _ in rows],
    )
    near_by: dict[int, list[str]] = {}
    for row in found:
        near_by.setdefault(row["n"] - 1, []).append(row["step"])
    return near_by


async def settle(tx: Tx, settled: Sequence[tuple[DueStep, str, str, str | None]]) -> None:
    """Write what became of steps: (step, state, reason, message)."""
    if settled:
        await tx.run(
            QUERIES.settle_steps,
            tx.org,
            *_keys([one[0] for one in settled]),
            [one[1] for one in settled],
            [one[2] for one in settled],
            [one[3] for one in settled],
        )


async def postpone(tx: Tx, waiting: Sequence[tuple[DueStep, datetime, str]]) -> None:
    """Let steps wait on: (step, until, why)."""
    if waiting:
        await tx.run(
            QUERIES.postpone_steps,
            tx.org,
            *_keys([one[0] for one in waiting]),
            [one[1] for one in waiting],
            [one[2] for one in waiting],
        )


async def lock_step(tx: Tx, step: DueStep) -> Row | None:
    """The step's row, locked."""
    return await tx.row(QUERIES.step_of, tx.org, *step.key)


async def steps_of(tx: Tx, customer_id: str) -> list[Row]:
    """Every step of a customer: what is coming, what went out, what did not and why."""
    return await tx.rows(QUERIES.steps_of_customer, tx.org, customer_id)


def due_step(row: Row) -> DueStep:
    """A step from its row."""
    return DueStep(row["customer_id"], row["campaign"], row["step"], row["period"], row["subscription_id"], row["data"])


def _keys(steps: Sequence[DueStep]) -> tuple[list[str], list[str], list[str], list[str]]:
    return (
        [one.customer_id for one in steps],
        [one.campaign for one in steps],
        [one.step for one in steps],
        [one.period for one in steps],
    )
