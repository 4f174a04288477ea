"""A plan made by hand: its next version is shown before it is sold, and made once, by what files and calls use (A6).

A plan that is sold never changes: an edit is a new version with new prices, and whoever has an older one keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.policies import policy_to_plain
from cauce.billing.catalog.rules import Plan, PlanPolicy, Price
from cauce.flows.billing.catalogue import plan_from
from cauce.flows.context import Context
from cauce.kernel.errors import Conflict
from cauce.reports import resources as report
from cauce.storage.database import Tx

_DEFAULT_POLICY = policy_to_plain(PlanPolicy())


class PlanChangedMeanwhile(Conflict):
    """Somebody made another version of this plan meanwhile; look at it first."""

    code = "plan_changed_meanwhile"


@dataclass(frozen=True, slots=True)
class Made:
    """A version of a plan with its prices, and the version before it."""

    plan: Plan
    prices: tuple[Price, ...]
    before: Plan | None = None
    prices_before: tuple[Price, ...] = ()


class _Shown(Exception):
    def __init__(self, made: Made) -> None:
        super().__init__()
        self.made = made


async def make_version(context: Context, product_id: str, content: Mapping[str, Any], *, after: int) -> Made:
    """The next version of a plan (a new one for `after` 0); `PlanChangedMeanwhile` unless `after` is the newest."""
    async with context.transaction() as tx:
        return await _make(tx, context, product_id, content, after)


async def preview_version(context: Context, product_id: str, content: Mapping[str, Any], *, after: int) -> Made:
    """What `make_version` would make; nothing is kept."""
    try:
        async with context.transaction() as tx:
            raise _Shown(await _make(tx, context, product_id, content, after))
    except _Shown as shown:
        return shown.made


async def _make(tx: Tx, context: Context, product_id: str, content: Mapping[str, Any], after: int) -> Made:
    plan = plan_from(dict(content), product_id)
    before = next((one for one in await catalog.latest_plans(tx) if one.key == plan.key), None)
    if (before.version if before is not None else 0) != after:
        raise PlanChangedMeanwhile(param="key")
    old = tuple(await catalog.prices_of_plan(tx, before.id)) if before is not None else ()
    plan_id = await catalog.create_plan(tx, plan, now=await context.now(tx), actor=context.actor.name)
    made = (await catalog.read_plans(tx, [plan_id]))[plan_id]
    return Made(made, tuple(await catalog.prices_of_plan(tx, plan_id)), before, old)


async def content_of(tx: Tx, plan: Plan) -> dict[str, Any]:
    """A plan as the catalogue's file writes it: as it was written, or put together from what a call made."""
    if plan.content.get("prices"):
        return plan.content
    policy = {name: value for name, value in policy_to_plain(plan.policy).items() if value != _DEFAULT_POLICY[name]}
    rows = [row for row in await report.prices_of_plans(tx, [plan.id]) if row["archived_at"] is None]
    content = {
        "key": plan.key, "name": plan.name, "trial_days": plan.trial_days, "policy": policy, "features": plan.features,
        "options": list(plan.options), "prices": [_price(dict(row)) for row in rows],
    }  # fmt: skip
    return {name: value for name, value in content.items() if value or name in ("key", "name", "prices")}


def _price(row: dict[str, Any]) -> dict[str, Any]:
    found = {name: row[name] for name in ("key", "currency", "model")}
    if row["kind"] != "one_time":
        found |= {"interval": row["interval_unit"], "interval_count": row["interval_count"]}
    for name, default in _PLAIN.items():
        if row[name] != default:
            found[name] = row[name]
    return {**found, **({"phases": msgspec.to_builtins(row["phases"])} if row["phases"] else {})}


_PLAIN: dict[str, Any] = {
    "kind": "recurring", "role": "base", "billing": "in_advance", "meter_key": None, "tax_category": "standard",
    "tax_inclusive": False, "nickname": "",
}  # fmt: skip
