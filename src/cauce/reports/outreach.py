"""What is known of a customer when a message is planned or sent: one question across the slices, for many at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cauce.kernel.calendar.zones import local_days_between, zone_of
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import Event
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "outreach.sql")

Facts = Mapping[str, Any]

_REASON = re.compile(r"([a-z][a-z_]*): (.+)", re.DOTALL)

FIELDS = frozenset(
    [
        "external_id",
        "name",
        "email",
        "locale",
        "timezone",
        "country",
        "suspended",
        "erased",
        "subscription",
        "term",
        "status",
        "currency",
        "mrr_minor",
        "collection",
        "trial_end",
        "trial_end_since",
        "period_end",
        "interval_unit",
        "cancel_at_period_end",
        "cancel_reason",
        "cancel_words",
        "pause_reason",
        "ended_at",
        "plan",
        "product",
        "has_method",
        "method_is_new",
        "refusal",
        "access",
        "any_live",
        "other_live",
        "owes",
        "owed_minor",
        "events",
        "used",
        "goal",
        "goals_done",
        "dispute_open",
        "first_after_trial",
        "days_left",
    ]
)
"""The names that conditions may use; `event.x` and `data.x` beside them."""


async def facts(tx: Tx, wanted: Sequence[tuple[str, str]], now: datetime) -> dict[tuple[str, str], Facts]:
    """What is known of (customer, subscription or "") pairs; erased or unknown customers included or absent."""
    pairs = sorted(set(wanted))
    rows = await tx.rows(QUERIES.facts, tx.org, [pair[0] for pair in pairs], [pair[1] for pair in pairs])
    return {pairs[row["n"] - 1]: _facts(dict(row), now) for row in rows}


def _facts(row: dict[str, Any], now: datetime) -> Facts:
    done = set(row["events"])
    goals = row.pop("goals")
    undone = [goal for goal in goals if goal["event_name"] not in done]
    first = undone[0] if undone else {}
    trial_end = row["trial_end"]
    reason, words = _reason(row["cancel_reason"] or "")
    return {
        **row,
        "cancel_reason": reason,
        "cancel_words": words,
        "goal": first.get("event_name", ""),
        "goal_title": first.get("title") or first.get("event_name", ""),
        "goal_link": first.get("article_url", ""),
        "goals_done": bool(goals) and not undone,
        "first_after_trial": trial_end is not None and (row["period_index"] or 0) <= 0,
        "days_left": local_days_between(now, trial_end, zone_of(row["timezone"])) if trial_end is not None else None,
    }


def _reason(told: str) -> tuple[str, str]:
    """(reason, the customer's own words): what the portal keeps as `missing_feature: no calendar`; else the words are all."""
    found = _REASON.fullmatch(told)
    return (found[1], found[2]) if found else (told, "")


async def customers_by_external_id(tx: Tx, external_ids: Iterable[str]) -> dict[str, str]:
    """The ids of those customers who exist, by external id."""
    rows = await tx.rows(QUERIES.customers_by_external_id, tx.org, sorted(set(external_ids)))
    return {row["external_id"]: row["id"] for row in rows}


async def customer_names(tx: Tx, customer_ids: Iterable[str]) -> dict[str, str]:
    """What customers are called, by id."""
    rows = await tx.rows(QUERIES.customer_names, tx.org, sorted(set(customer_ids)))
    return {row["id"]: row["name"] for row in rows}


async def events_since(tx: Tx, types: Sequence[str], since: datetime, rows_max: int) -> list[Event]:
    """Events of these types since an instant that concern customers, oldest first; of too many the latest."""
    return [Event(**dict(row)) for row in await tx.rows(QUERIES.events_since, tx.org, list(types), since, rows_max)]


async def campaign_statistics(tx: Tx, campaign: str) -> list[Row]:
    """Per step, state and reason: how many steps, and what became of their messages."""
    return await tx.rows(QUERIES.campaign_statistics, tx.org, campaign)


async def automation_statistics(tx: Tx, since: datetime) -> dict[str, Row]:
    """Per automation: runs that were completed, failed, skipped, that wait, and the last one, since an instant."""
    return {row["automation_id"]: row for row in await tx.rows(QUERIES.automation_statistics, tx.org, since)}


async def campaign_totals(tx: Tx) -> list[Row]:
    """Per campaign: how many steps wait, went out, did not."""
    return await tx.rows(QUERIES.campaign_totals, tx.org)
