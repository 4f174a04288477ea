"""The slice's tables of product events and of goals per plan."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cauce.kernel.errors import InvalidRequest
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "tracks.sql")
GOALS_MAX = 20
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class BadGoals(InvalidRequest):
    """The goals of a plan cannot be accepted."""

    code = "bad_goals"


@dataclass(frozen=True, slots=True)
class ProductEvent:
    """Something that a customer did, under the sender's own id."""

    customer_id: str
    name: str
    event_id: str
    occurred_at: datetime
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Goal:
    """A step that a customer of a plan shall have done: the product event that proves it, and an article that helps."""

    event_name: str
    title: str = ""
    article_url: str = ""


async def insert(tx: Tx, events: Sequence[ProductEvent]) -> int:
    """Keep product events once each; how many were new."""
    rows = await tx.rows(
        QUERIES.insert_product_events,
        tx.org,
        [one.customer_id for one in events],
        [one.name for one in events],
        [one.event_id for one in events],
        [one.occurred_at for one in events],
        [one.properties for one in events],
    )
    return len(rows)


async def of_customer(tx: Tx, customer_id: str, rows_max: int = 100) -> list[Row]:
    """What a customer did, newest first."""
    return await tx.rows(QUERIES.product_events, tx.org, customer_id, rows_max)


async def put_goals(tx: Tx, plan_key: str, goals: Sequence[Goal]) -> None:
    """Replace the goals of a plan, in order; `BadGoals` for names, links or numbers that cannot work."""
    if len(goals) > GOALS_MAX:
        raise BadGoals(f"a plan has at most {GOALS_MAX} goals", param="goals")
    for goal in goals:
        if not _NAME.fullmatch(goal.event_name):
            raise BadGoals("an event name is lower-case letters, digits and underscores", param="event_name")
        if not re.fullmatch(r"https?://[^\s\"'<>]{1,1000}", goal.article_url):
            raise BadGoals("an article has an http(s) address", param="article_url")
    plain = [{"event_name": one.event_name, "title": one.title, "article_url": one.article_url} for one in goals]
    await tx.run(QUERIES.put_goals, tx.org, plan_key, plain)


async def goals(tx: Tx, plan_key: str) -> list[Goal]:
    """The goals of a plan, in order."""
    found = await tx.value(QUERIES.goals, tx.org, plan_key)
    return [Goal(**one) for one in found or ()]
